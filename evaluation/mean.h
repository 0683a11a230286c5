// A mean and how sure it is.
#pragma once

#include <cmath>
#include <vector>

namespace burin {

struct Mean {
  double value = 0;
  double error = 0;  // of the mean: deviation of the values / sqrt(their number); 0 for one
};

// Of at least one value.
inline Mean mean_of(const std::vector<double>& values) {
  const double count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const double mean = sum / count;
  for (const double value : values) squares += (value - mean) * (value - mean);
  return {mean, values.size() < 2 ? 0.0 : std::sqrt(squares / (count - 1.0) / count)};
}

}  // namespace burin
