// Points in a space of features, or of pixels.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace burin {

// values[count, dim], row-major.
struct Points {
  Points() = default;
  Points(int64_t dim_, std::vector<float> values_)
      : count(static_cast<int64_t>(values_.size()) / dim_), dim(dim_), values(std::move(values_)) {}

  const float* row(int64_t i) const { return values.data() + i * dim; }

  int64_t count = 0;
  int64_t dim = 0;
  std::vector<float> values;
};

}  // namespace burin
