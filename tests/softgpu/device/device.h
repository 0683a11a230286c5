// Everything that a translated kernel includes.
#pragma once

#ifndef SG_STATE
#define SG_STATE 0
#endif
#ifndef SG_RACE
#define SG_RACE 0
#endif
#ifndef SG_COUNT
#define SG_COUNT 0
#endif

#if SG_COUNT
#define SG_BLOCK(index) ++t->block->block_counts[index];
#else
#define SG_BLOCK(index)
#endif

#include "narrow.h"
