#include "kernels/gaussian_kl/gaussian_kl.h"

#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

class GaussianKl : public TwinTest {};

TEST_F(GaussianKl, StandardNormalCostsNothing) {
  const Buffer mean({0.0f, -0.0f, 0.0f}), logvar({0.0f, 0.0f, -0.0f});
  Buffer loss(1), d_mean(3), d_logvar(3);
  twin::gaussian_kl(mean.data(), logvar.data(), 3, 1.0f, loss.data(), d_mean.data(),
                    d_logvar.data(), {});
  EXPECT_EQ(loss[0], 0.0f);
  for (int64_t i = 0; i < 3; ++i) {
    EXPECT_EQ(d_mean[i], 0.0f);
    EXPECT_EQ(d_logvar[i], 0.0f);
  }
  twin::gaussian_kl(nullptr, nullptr, 0, 1.0f, loss.data(), nullptr, nullptr, {});
  EXPECT_EQ(loss[0], 0.0f);
}

TEST_F(GaussianKl, ExtremeValues) {
  const float infinity = std::numeric_limits<float>::infinity();
  const Buffer zero(std::vector<float>{0.0f}), far(std::vector<float>{-1e4f}),
      collapsed(std::vector<float>{-200.0f}), wide(std::vector<float>{88.0f}),
      over(std::vector<float>{89.0f});
  Buffer loss(1), d_mean(1), d_logvar(1);
  const auto run = [&](const Buffer& mean, const Buffer& logvar) {
    twin::gaussian_kl(mean.data(), logvar.data(), 1, 1.0f, loss.data(), d_mean.data(),
                      d_logvar.data(), {});
  };
  run(far, collapsed);
  expect_close(loss[0], oracle::gaussian_kl(-1e4, -200.0), 2);
  EXPECT_EQ(d_mean[0], -1e4f);
  EXPECT_EQ(d_logvar[0], -0.5f);
  run(zero, wide);
  expect_close(loss[0], oracle::gaussian_kl(0.0, 88.0), 3);
  run(zero, over);
  EXPECT_EQ(loss[0], infinity);
  EXPECT_EQ(d_logvar[0], infinity);
  const Buffer nan(std::vector<float>{NAN});
  run(nan, zero);
  EXPECT_TRUE(std::isnan(loss[0]) && std::isnan(d_mean[0]));
  run(zero, nan);
  EXPECT_TRUE(std::isnan(loss[0]) && std::isnan(d_logvar[0]));
}

}  // namespace
}  // namespace burin::test
