// Tokens to a module.
#pragma once

#include <string_view>

#include "ptx/ast.h"
#include "ptx/lexer.h"

namespace burin::softgpu {

// Throws PtxError naming the line and what was not understood.
Module parse_ptx(std::string_view text);

}  // namespace burin::softgpu
