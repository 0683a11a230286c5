#include "engine/tensor/shape.h"

#include <stdexcept>

namespace burin {

Shape::Shape(std::initializer_list<int64_t> sizes) {
  if (sizes.size() > kMaxRank) {
    throw std::invalid_argument("shape: " + std::to_string(sizes.size()) +
                                " sizes given, at most " + std::to_string(kMaxRank) + " allowed");
  }
  for (const int64_t size : sizes) {
    if (size < 0) throw std::invalid_argument("shape: negative size " + std::to_string(size));
    sizes_[static_cast<size_t>(rank_++)] = size;
  }
}

int64_t Shape::elements() const {
  int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= (*this)[axis];
  return product;
}

std::string Shape::to_string() const {
  std::string text = "[";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string((*this)[axis]);
  }
  return text + "]";
}

}  // namespace burin
