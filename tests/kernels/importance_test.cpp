#include "kernels/importance/importance.h"

#include "kernels/random_fill/random_fill.h"
#include "kernels/reparameterize/reparameterize.h"
#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class Importance : public TwinTest {};

constexpr int64_t kImages = 5, kSamples = 30;

// The numbers of random_normal and the sample of reparameterize, to the bit.
TEST_F(Importance, SampleIsThatOfTheSeparateRooms) {
  for (const int64_t latent : {3, 20, 50, 130}) {
    SCOPED_TRACE(latent);
    const int64_t padded = 4 * importance_blocks(latent), first = 11;
    const Buffer heads(random_values(kImages * 2 * latent, 0.5), 1);
    Buffer z(kImages * kSamples * latent, 3), log_ratio(kImages * kSamples);
    Key key;
    twin::importance_sample(heads.data(), kImages, kSamples, latent, first, key, z.data(),
                            log_ratio.data(), {});
    for (int64_t image = 0; image < kImages; ++image) {
      Buffer normals((first + kSamples) * padded);
      const Key at_image(kSeed, kStream, kStep + uint64_t(image));
      twin::random_normal(normals.data(), normals.size(), 1.0f, at_image, {});
      for (int64_t s = 0; s < kSamples; ++s) {
        for (int64_t d = 0; d < latent; ++d) {
          const int64_t row = image * kSamples + s;
          const int64_t head = image * 2 * latent + d;
          const float normal = normals[(first + s) * padded + d];
          ASSERT_EQ(z[row * latent + d], reparameterize(heads[head], heads[head + latent], normal));
        }
      }
    }
  }
}

// Neither chunks of samples nor batches of images change a bit.
TEST_F(Importance, ChunksDoNotMatter) {
  const int64_t latent = 19;
  const Buffer heads(random_values(kImages * 2 * latent, 0.5));
  Buffer row_loss(random_values(kImages * kSamples, 30.0, 5));
  for (const float spread : {1.0f, 40.0f}) {  // the second: each weight far from its neighbours
    for (int64_t i = 0; i < row_loss.size(); ++i) row_loss[i] *= spread;
    Buffer z(kImages * kSamples * latent), log_ratio(kImages * kSamples);
    BufferOf<double> exponent(kImages), sum(kImages);
    twin::importance_sample(heads.data(), kImages, kSamples, latent, 0, Key(), z.data(),
                            log_ratio.data(), {});
    twin::importance_sum(row_loss.data(), log_ratio.data(), kImages, kSamples, true,
                         exponent.data(), sum.data(), {});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const int64_t chunk : {1, 7, 10, 29}) {
      SCOPED_TRACE(chunk);
      for (int64_t image = 0; image < kImages; ++image) {
        const Key key(kSeed, kStream, kStep + uint64_t(image));
        BufferOf<double> here(std::vector{nan, nan});
        for (int64_t first = 0; first < kSamples; first += chunk) {
          const int64_t samples = std::min(chunk, kSamples - first), row = image * kSamples + first;
          Buffer part_z(samples * latent, 1), part_ratio(samples, 1);
          twin::importance_sample(heads.data() + image * 2 * latent, 1, samples, latent, first, key,
                                  part_z.data(), part_ratio.data(), {});
          for (int64_t i = 0; i < samples * latent; ++i) {
            ASSERT_EQ(part_z[i], z[row * latent + i]);
          }
          for (int64_t i = 0; i < samples; ++i) ASSERT_EQ(part_ratio[i], log_ratio[row + i]);
          double* state = here.data();
          twin::importance_sum(row_loss.data() + row, part_ratio.data(), 1, samples, first == 0,
                               state, state + 1, {});
        }
        EXPECT_EQ(here[0], exponent[image]);
        EXPECT_EQ(here[1], sum[image]);
      }
    }
  }
}

TEST_F(Importance, WeightsThatAreZeroInfiniteOrNaN) {
  const float infinity = std::numeric_limits<float>::infinity();
  const struct {
    std::vector<float> log_ratio;
    double log_sum;
  } cases[] = {
      {{-infinity, -infinity}, -INFINITY},
      {{-infinity, -3.0f}, -3.0},
      {{-3.0f, -infinity}, -3.0},
      {{-3e38f, -1e5f}, -1e5},
      {{-2000.0f, -90.0f}, -90.0},
      {{-90.0f, -2000.0f}, -90.0},
      {{1e5f, 0.0f}, 1e5},
      {{infinity, 0.0f}, INFINITY},
      {{0.0f, NAN}, NAN},
      {{NAN, 0.0f}, NAN},
      {{5.0f, 5.0f}, 5.0 + std::log(2.0)},
  };
  for (const auto& [log_ratio, expected] : cases) {
    SCOPED_TRACE(testing::PrintToString(log_ratio));
    const Buffer ratio(log_ratio), row_loss(std::vector<float>{0.0f, 0.0f});
    BufferOf<double> exponent(1), sum(1);
    twin::importance_sum(row_loss.data(), ratio.data(), 1, 2, true, exponent.data(), sum.data(),
                         {});
    const double log_sum = std::log(sum[0]) + exponent[0] * std::log(2.0);
    if (std::isfinite(expected)) {
      EXPECT_NEAR(log_sum, expected, 1e-15 * std::abs(expected) + 1e-15);
    } else {
      expect_close(log_sum, expected, 0);
    }
  }
}

// The formula's own exponential against the library's.
TEST(ImportanceWeight, IsTheExponential) {
  double worst = 0;
  for (double w = -700; w < 700; w += 0.0137) {
    const ImportanceWeight weight = importance_weight(w);
    EXPECT_GT(weight.fraction, 0.7);
    EXPECT_LT(weight.fraction, 1.42);
    const long double exact = std::exp((long double)w - weight.exponent * std::log(2.0L));
    worst = std::max(worst, std::abs(double((weight.fraction - exact) / exact)));
  }
  EXPECT_LT(worst, 2 * 0x1p-53);
  EXPECT_EQ(importance_power(0), 1.0);
  EXPECT_EQ(importance_power(-1), 0.5);
  EXPECT_EQ(importance_power(-1022), 0x1p-1022);
  EXPECT_EQ(importance_power(-1023), 0.0);
  EXPECT_EQ(importance_power(2 * kNoExponent), 0.0);
}

}  // namespace
}  // namespace burin::test
