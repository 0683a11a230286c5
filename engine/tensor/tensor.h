// A dense float tensor.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <vector>

#include "engine/backend/arena.h"
#include "engine/backend/device.h"
#include "engine/tensor/shape.h"

namespace burin {

// Row-major floats on a device. A tensor is a view: the memory belongs to an Arena, a Parameters or
// a Memory, which must outlive it. Copying a tensor copies the view.
class Tensor {
 public:
  Tensor() = default;
  Tensor(float* data, const Shape& shape, Device device)
      : data_(data), shape_(shape), device_(device) {}

  // Uninitialised memory of the arena.
  static Tensor in(Arena& arena, const Shape& shape);

  float* data() const { return data_; }
  const Shape& shape() const { return shape_; }
  Device device() const { return device_; }
  int64_t elements() const { return shape_.elements(); }
  bool empty() const { return data_ == nullptr; }

  // Of a matrix. Throw std::invalid_argument for other ranks.
  int64_t rows() const { return matrix_size(0); }
  int64_t cols() const { return matrix_size(1); }

  // Rows [first, first + count) of a matrix, sharing its memory.
  Tensor row_range(int64_t first, int64_t count) const;
  // The same elements under another shape of the same number of elements.
  Tensor reshaped(const Shape& shape) const;

  // Copies to and from the host; `values` holds elements() floats.
  std::vector<float> to_host() const;
  float item() const;  // of a tensor with one element
  void set(const std::vector<float>& values) const;

 private:
  int64_t matrix_size(int axis) const {
    if (shape_.rank() != 2) {
      throw std::invalid_argument("tensor: a matrix was expected, the shape is " +
                                  shape_.to_string());
    }
    return shape_[axis];
  }

  float* data_ = nullptr;
  Shape shape_;
  Device device_ = Device::cpu;
};

}  // namespace burin
