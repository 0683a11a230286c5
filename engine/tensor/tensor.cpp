#include "engine/tensor/tensor.h"

#include <string>

#include "engine/backend/memory.h"

namespace burin {

Tensor Tensor::in(Arena& arena, const Shape& shape) {
  const size_t bytes = static_cast<size_t>(shape.elements()) * sizeof(float);
  return Tensor(static_cast<float*>(arena.allocate(bytes)), shape, arena.device());
}

Tensor Tensor::row_range(int64_t first, int64_t count) const {
  if (first < 0 || count < 0 || first + count > rows()) {
    throw std::invalid_argument("row_range: rows " + std::to_string(first) + " to " +
                                std::to_string(first + count) + " of a tensor of shape " +
                                shape_.to_string());
  }
  return Tensor(data_ + first * cols(), {count, cols()}, device_);
}

Tensor Tensor::reshaped(const Shape& shape) const {
  if (shape.elements() != elements()) {
    throw std::invalid_argument("reshaped: " + shape_.to_string() + " does not fit " +
                                shape.to_string());
  }
  return Tensor(data_, shape, device_);
}

std::vector<float> Tensor::to_host() const {
  std::vector<float> values(static_cast<size_t>(elements()));
  copy_to_host(device_, values.data(), data_, values.size() * sizeof(float));
  return values;
}

float Tensor::item() const {
  if (elements() != 1) {
    throw std::invalid_argument("item: one element was expected, the shape is " +
                                shape_.to_string());
  }
  float value = 0.0f;
  copy_to_host(device_, &value, data_, sizeof(float));
  return value;
}

void Tensor::set(const std::vector<float>& values) const {
  if (static_cast<int64_t>(values.size()) != elements()) {
    throw std::invalid_argument("set: " + std::to_string(values.size()) +
                                " values for a tensor of shape " + shape_.to_string());
  }
  copy_to_device(device_, data_, values.data(), values.size() * sizeof(float));
}

}  // namespace burin
