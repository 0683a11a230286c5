#include "engine/tensor/sparse_weights.h"

#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace burin {
namespace {

template <class T>
Memory on_device(Device device, const std::vector<T>& values) {
  // One more than there are: an empty matrix has addresses too.
  Memory memory(device, (values.size() + 1) * sizeof(T));
  copy_to_device(device, memory.data(), values.data(), values.size() * sizeof(T));
  return memory;
}

}  // namespace

SparseWeights::SparseWeights(const Tensor& weight) {
  const int64_t rows = weight.rows(), cols = weight.cols();
  if (cols > SparseMatrix::kMaxCols) {
    throw std::invalid_argument("sparse weights: " + std::to_string(cols) +
                                " columns, expected at most " +
                                std::to_string(SparseMatrix::kMaxCols));
  }
  const std::vector<float> dense = weight.to_host();
  std::vector<float> values;
  std::vector<uint16_t> columns;
  std::vector<int32_t> starts = {0};
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      const float value = dense[static_cast<size_t>(r * cols + c)];
      if (value == 0.0f) continue;
      values.push_back(value);
      columns.push_back(static_cast<uint16_t>(c));
    }
    if (values.size() > size_t{std::numeric_limits<int32_t>::max()}) {
      throw std::invalid_argument("sparse weights: 2^31 or more are not zero");
    }
    starts.push_back(static_cast<int32_t>(values.size()));
  }
  nonzeros_ = static_cast<int64_t>(values.size());
  values_ = on_device(weight.device(), values);
  columns_ = on_device(weight.device(), columns);
  starts_ = on_device(weight.device(), starts);
  matrix_ = {rows, cols, values_.as<float>(), columns_.as<uint16_t>(), starts_.as<int32_t>()};
}

}  // namespace burin
