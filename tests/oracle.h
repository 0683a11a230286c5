// Each formula once more: in double, written from its definition and not from kernels/, of which
// nothing is included here. CPU and CUDA share their formulas, so that CPU == CUDA would prove
// nothing of the mathematics; this does.
#pragma once

#include "tests/oracle/activations.h"
#include "tests/oracle/evaluation.h"
#include "tests/oracle/gemm.h"
#include "tests/oracle/importance.h"
#include "tests/oracle/l1_update.h"
#include "tests/oracle/losses.h"
#include "tests/oracle/random.h"
#include "tests/oracle/reduce.h"
