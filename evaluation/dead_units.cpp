#include "evaluation/dead_units.h"

#include <string>
#include <vector>

namespace burin {
namespace {

struct Matrix {
  std::string layer;  // "0", or "mean"
  int64_t out, in;
  std::vector<float> weights;  // [out, in]
};

std::vector<Matrix> matrices_of(const Parameters& parameters) {
  std::vector<Matrix> all;
  for (int i = 0; i < parameters.count(); ++i) {
    const ParameterInfo& info = parameters.info(i);
    if (!info.is_weight) continue;
    all.push_back({info.name.substr(0, info.name.rfind('.')), info.shape[0], info.shape[1],
                   parameters.value(i).to_host()});
  }
  return all;
}

// A VAE's last encoder layer has two parts, which read the same units.
bool beside(const Matrix& matrix) {
  return matrix.layer == "logvar";
}

bool row_is_zero(const Matrix& matrix, int64_t row) {
  for (int64_t i = 0; i < matrix.in; ++i) {
    if (matrix.weights[static_cast<size_t>(row * matrix.in + i)] != 0.0f) return false;
  }
  return true;
}

bool column_is_zero(const Matrix& matrix, int64_t column) {
  for (int64_t i = 0; i < matrix.out; ++i) {
    if (matrix.weights[static_cast<size_t>(i * matrix.in + column)] != 0.0f) return false;
  }
  return true;
}

// Whether no matrix of the layer that begins at `first` hears of `unit`.
bool unheard(const std::vector<Matrix>& all, size_t first, int64_t unit) {
  bool zero = column_is_zero(all[first], unit);
  if (first + 1 < all.size() && beside(all[first + 1])) {
    zero = zero && column_is_zero(all[first + 1], unit);
  }
  return zero;
}

}  // namespace

DeadUnits dead_hidden_units(const Parameters& parameters) {
  const std::vector<Matrix> all = matrices_of(parameters);
  DeadUnits count;
  for (size_t layer = 0; layer + 1 < all.size(); ++layer) {
    if (beside(all[layer + 1])) continue;  // the part before it is of the last layer too
    for (int64_t unit = 0; unit < all[layer].out; ++unit) {
      ++count.units;
      if (row_is_zero(all[layer], unit) || unheard(all, layer + 1, unit)) ++count.dead;
    }
  }
  return count;
}

DeadUnits dead_inputs(const Parameters& parameters) {
  const std::vector<Matrix> all = matrices_of(parameters);
  DeadUnits count;
  for (int64_t unit = 0; !all.empty() && unit < all[0].in; ++unit) {
    ++count.units;
    if (unheard(all, 0, unit)) ++count.dead;
  }
  return count;
}

}  // namespace burin
