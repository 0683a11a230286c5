#include "kernels/resample/resample.h"

#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class Resample : public TwinTest {};

// How often each row is drawn, from what was written in the rows.
TEST_F(Resample, RowsAreDrawnAsOftenAsTheirSharesSay) {
  constexpr int64_t kGroups = 20000, kRows = 6, kDraws = 4;
  const std::vector<double> share = {0.4, 0.0, 0.05, 0.3, 0.15, 0.1};
  Buffer x(kGroups * kRows), weights(kGroups * kRows);
  Buffer drawn(kGroups * kDraws), drawn_weights(kGroups * kDraws);
  for (int64_t i = 0; i < x.size(); ++i) {
    x[i] = float(i % kRows);
    weights[i] = float(7 * share[size_t(i % kRows)]);
  }
  twin::resample(x.data(), weights.data(), kGroups, kRows, 1, kDraws, Key(), drawn.data(),
                 drawn_weights.data(), {});
  std::vector<double> total(kRows, 0.0);
  for (int64_t group = 0; group < kGroups; ++group) {
    std::vector<int> count(kRows, 0);
    for (int64_t j = 0; j < kDraws; ++j) {
      const auto row = size_t(drawn[group * kDraws + j]);
      ++count[row];
      ASSERT_EQ(drawn_weights[group * kDraws + j], weights[group * kRows + int64_t(row)]);
    }
    for (size_t s = 0; s < count.size(); ++s) {
      ASSERT_LT(std::abs(count[s] - kDraws * share[s]), 1 + 1e-6) << "row " << s;
      total[s] += count[s];
    }
  }
  for (size_t s = 0; s < total.size(); ++s) {
    // Each count is one of two neighbours, so its deviation is at most 1/2.
    EXPECT_NEAR(total[s] / kGroups, kDraws * share[s], 5 * 0.5 / std::sqrt(double(kGroups)));
  }
}

}  // namespace
}  // namespace burin::test
