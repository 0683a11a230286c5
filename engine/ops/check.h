// Shape errors of operations.
#pragma once

#include <stdexcept>
#include <string>

#include "engine/tensor/shape.h"

namespace burin::ops {

// Throws if `a` and `b` differ; the message names the operation and both shapes.
inline void check_same_shape(const char* operation, const char* a_name, const Shape& a,
                             const char* b_name, const Shape& b) {
  if (a == b) return;
  throw std::invalid_argument(std::string(operation) + ": " + a_name + " has shape " +
                              a.to_string() + ", " + b_name + " has shape " + b.to_string() +
                              "; they must agree");
}

}  // namespace burin::ops
