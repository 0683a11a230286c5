#include "kernels/importance/importance.h"

#include "tests/kernels/random_case.h"

namespace burin::test::importance_case {
namespace {

// importance_sample. dims: {images, samples, latent}
constexpr int64_t kFirstSample = 7;
constexpr uint64_t kStride = 3;

int64_t both_heads(const Dims& d) {
  return 2 * d[0] * d[2];
}
int64_t rows(const Dims& d) {
  return d[0] * d[1];
}
int64_t all_latents(const Dims& d) {
  return d[0] * d[1] * d[2];
}

struct Drawn {
  double mean, logvar;
  oracle::Normal noise;
  bool usual() const { return std::abs(mean) < 100 && std::abs(logvar) < 20; }
  double z() const { return oracle::reparameterize(mean, logvar, noise.value); }
  // exp is good to 2 ulp, the noise to what random_fill says; one rounding of the sum.
  Want want_z() const {
    const double deviation = std::exp(0.5 * logvar);
    return {z(), 3, std::abs(z() - mean), deviation * 4 * kEpsilon * noise.radius};
  }
};

Drawn drawn(const Host& x, int64_t row, int64_t d) {
  const int64_t samples = x.dims[1], latent = x.dims[2], image = row / samples;
  oracle::Draw draw = kDraw;
  draw.step = kStride * draw.step + uint64_t(image);
  const int64_t sample = kFirstSample + row % samples;
  const float* head = x[0] + image * 2 * latent;
  return {head[d], head[latent + d],
          oracle::normal(draw, oracle::importance_element(sample, d, latent))};
}

Want z(const Host& x, int64_t i) {
  const Drawn at = drawn(x, i / x.dims[2], i % x.dims[2]);
  return at.usual() ? at.want_z() : Want{.value = 0, .any = true};
}

// The formula is a function of noise and z, and as good as they are.
Want log_ratio(const Host& x, int64_t row) {
  double total = 0, slack = 0;
  for (int64_t d = 0; d < x.dims[2]; ++d) {
    const Drawn at = drawn(x, row, d);
    if (!at.usual()) return {.value = 0, .any = true};
    total += oracle::log_prior_ratio(at.z(), at.mean, at.logvar);
    const Want want = at.want_z();
    const double off_z = 3 * kEpsilon * std::max(std::abs(at.z()), want.magnitude) + want.slack;
    const double off_noise = 4 * kEpsilon * at.noise.radius;
    slack += std::abs(at.z()) * off_z + std::abs(at.noise.value) * off_noise;
  }
  return {total, 1.0, 0.0, slack + 1e-12};
}

// No images, samples or latents; one; latents off the block of four and off a warp's 128, and the
// models' own; more Philox blocks than a tile has.
const std::vector<Dims> kShapes = {{0, 5, 20}, {5, 0, 20},  {2, 3, 0},  {1, 1, 1},   {3, 2, 3},
                                   {2, 5, 50}, {7, 50, 20}, {2, 3, 33}, {3, 2, 257}, {2, 3, 784}};

bool declare_sample(const char* name, std::vector<Dims> dims, std::vector<Dims> measured,
                    double bound, const char* reason) {
  return declare({
      .name = name,
      .arguments = {input("heads", normal(0.7)).count(both_heads), step_argument(),
                    output("z").count(all_latents).oracle(z),
                    output("log_ratio").count(rows).oracle(log_ratio)},
      .run = call(BURIN_TWINS(importance_sample),
                  [](auto* sample, const Call& c) {
                    sample(c[0], c.dims[0], c.dims[1], c.dims[2], kFirstSample, key_at(c[1]),
                           kStride, c[2], c[3], {});
                  }),
      .dims = std::move(dims),
      .measured = std::move(measured),
      .repeated = {{33, 50, 50}},
      .sector_bound = bound,
      .bound_reason = reason,
  });
}

// importance_sum. dims: {images, samples}
Values log_ratios(int64_t n, const Host&, const Dims&, bool extreme) {
  std::vector<float> values = random_values(n, 6.0, 3);
  const float infinity = std::numeric_limits<float>::infinity();
  const float special[] = {-infinity, NAN, 88.0f, -1e4f, 0.0f, 3e38f, -3e38f, infinity};
  for (size_t i = 2; extreme && i < values.size(); i += 97) {
    values[i] = special[i / 97 % std::size(special)];
  }
  return values;
}
Values row_losses(int64_t n, const Host&, const Dims&, bool) {
  std::vector<float> values = random_values(n, 30.0, 4);
  for (float& v : values) v = 90.0f + std::abs(v);
  return values;
}

struct Sum {
  double exponent = kNoExponent;
  long double total = 0;  // of the weights over 2^exponent
  bool usual = true;
};

// The largest log2 of a weight, rounded, and the weights over its power of two.
Sum sum_of(const Host& x, int64_t image, bool first) {
  const int64_t samples = x.dims[1];
  Sum sum;
  if (!first) {
    sum.exponent = x.as<double>(2)[image];
    sum.total = x.as<double>(3)[image];
  }
  std::vector<long double> logs;
  for (int64_t s = 0; s < samples; ++s) {
    const double w = double{x[1][image * samples + s]} - double{x[0][image * samples + s]};
    if (!(std::abs(w) < 1e11)) {
      sum.usual = false;
      return sum;
    }
    logs.push_back(w / std::log(2.0L));
  }
  double exponent = sum.exponent;
  for (const long double w : logs) exponent = std::max(exponent, double(std::nearbyint(w)));
  sum.total *= std::exp2((long double)(sum.exponent - exponent));
  sum.exponent = exponent;
  for (const long double w : logs) sum.total += std::exp2(w - (long double)exponent);
  return sum;
}

// In units of double's epsilon, of which float's is 2^29: two a weight, and half an addition.
constexpr double kUlpsOfDouble = 0x1p-29;

Want exponent(const Host& x, int64_t i, bool first) {
  const Sum sum = sum_of(x, i, first);
  if (!sum.usual) return {.value = 0, .any = true};
  return {sum.exponent, kUlpsOfDouble};
}
Want total(const Host& x, int64_t i, bool first) {
  const Sum sum = sum_of(x, i, first);
  if (!sum.usual) return {.value = 0, .any = true};
  return {double(sum.total), (3 + 0.5 * double(x.dims[1])) * kUlpsOfDouble};
}

int64_t images(const Dims& d) {
  return d[0];
}
Argument::Fill earlier(std::vector<double> values) {
  return [=](int64_t n, const Host&, const Dims&, bool) {
    std::vector<double> all;
    for (int64_t i = 0; i < n; ++i) all.push_back(values[size_t(i) % values.size()]);
    return Values(all);
  };
}

bool declare_sum(const char* name, bool first) {
  // Below, among and above those that come; far from both.
  Argument exponents = first
                           ? output_of<double>("exponent")
                           : updated_of<double>("exponent", earlier({-190, -120, -3000, 40, 9e4}));
  Argument sums =
      first ? output_of<double>("sum") : updated_of<double>("sum", earlier({1.5, 40, 0.8, 3, 1}));
  exponents.count(images).oracle([=](const Host& x, int64_t i) { return exponent(x, i, first); });
  sums.count(images).oracle([=](const Host& x, int64_t i) { return total(x, i, first); });
  return declare({
      .name = name,
      .arguments = {input("row_loss", row_losses).count(area),
                    input("log_ratio", log_ratios).count(area), exponents, sums},
      .run = call(BURIN_TWINS(importance_sum),
                  [=](auto* sum, const Call& c) {
                    sum(c[0], c[1], c.dims[0], c.dims[1], first, c[2], c[3], {});
                  }),
      .dims = {{0, 5}, {4, 0}, {1, 1}, {7, 33}, {31, 3}, {5, 257}, {129, 50}, {2, 5000}},
      .measured = {{8, 1024}},
      .repeated = {{301, 50}},
  });
}

// importance_weights. dims: {images, samples}
constexpr float kScale = 0.01f;

// Logarithms of an image's weights; none if one is not a usual number.
std::vector<double> log_weights(const Host& x, int64_t image) {
  std::vector<double> logs;
  const int64_t samples = x.dims[1];
  for (int64_t s = 0; s < samples; ++s) {
    logs.push_back(double{x[1][image * samples + s]} - double{x[0][image * samples + s]});
    if (!(std::abs(logs.back()) < 1e11)) return {};
  }
  return logs;
}
Want image_loss(const Host& x, int64_t image) {
  const std::vector<double> logs = log_weights(x, image);
  if (logs.empty()) return {.value = 0, .any = true};
  return {-oracle::log_mean_exp(logs), 1.0};
}
Want weight(const Host& x, int64_t i) {
  const int64_t samples = x.dims[1];
  const std::vector<double> logs = log_weights(x, i / samples);
  if (logs.empty()) return {.value = 0, .any = true};
  const double log_weight = logs[size_t(i % samples)];
  const double highest = *std::max_element(logs.begin(), logs.end());
  if (log_weight - highest < -32 * std::log(2.0)) return {0.0, 0.0};
  const double share = std::exp(log_weight - oracle::log_mean_exp(logs));
  // The exponential of a difference of numbers of this size, in double.
  return {kScale * share / double(samples), 1.0, 0.0, 1e-11 * share};
}

bool declare_weights() {
  return declare({
      .name = "importance/weights",
      .arguments = {input("row_loss", row_losses).count(area),
                    input("log_ratio", log_ratios).count(area),
                    // Logarithms in double differ in their last place.
                    output("image_loss").count(images).oracle(image_loss).twins_within(1),
                    output("weights").count(area).oracle(weight)},
      .run = call(BURIN_TWINS(importance_weights),
                  [](auto* weights, const Call& c) {
                    weights(c[0], c[1], c.dims[0], c.dims[1], kScale, c[2], c[3], {});
                  }),
      .dims = {{0, 5}, {1, 1}, {7, 33}, {31, 3}, {2, 257}, {17, 50}},
      .measured = {{8, 1024}},
      .repeated = {{301, 50}},
      .sector_bound = 2.5,
      .bound_reason = "three walks through the weights: for the highest, the sum, and each",
  });
}

// importance_backward. dims: {images, samples, latent}
constexpr float kPenalty = 0.3f;
constexpr ImportanceEstimator kOnce = ImportanceEstimator::reparameterized;
constexpr ImportanceEstimator kTwice = ImportanceEstimator::doubly_reparameterized;

// What the gradient is of, as a function of a mean or log-variance with the noise as it is:
// sum of d_z z - weight (log p(z) - log q(z)), and the penalty. Doubly reparameterized: each sample
// times its share, and q's own mean and log-variance stay as they are.
template <ImportanceEstimator estimator>
double objective(const Host& x, int64_t i, double mean, double logvar) {
  const int64_t samples = x.dims[1], latent = x.dims[2];
  const int64_t image = i / (2 * latent), d = i % latent;
  const float* head = x[0] + image * 2 * latent;
  const double deviation = std::exp(0.5 * double{head[latent + d]});
  double total = kPenalty * std::abs(mean);
  for (int64_t s = 0; s < samples; ++s) {
    const int64_t row = image * samples + s;
    const double noise = (double{x[1][row * latent + d]} - double{head[d]}) / deviation;
    const double z = oracle::reparameterize(mean, logvar, noise);
    const double ratio = estimator == kOnce ? oracle::log_prior_ratio(z, mean, logvar)
                                            : oracle::log_prior_ratio(z, head[d], head[latent + d]);
    const double term = x[2][row * latent + d] * z - x[3][row] * ratio;
    total += estimator == kOnce ? term : x[4][row] / double{kScale} * term;
  }
  return total;
}
bool is_mean(const Host& x, int64_t i) {
  return i % (2 * x.dims[2]) < x.dims[2];
}
template <ImportanceEstimator estimator>
double objective_at(const Host& x, int64_t i, double v) {
  const int64_t latent = x.dims[2];
  return is_mean(x, i) ? objective<estimator>(x, i, v, x[0][i + latent])
                       : objective<estimator>(x, i, x[0][i - latent], v);
}
template <ImportanceEstimator estimator>
Want gradient_of_heads(const Host& x, int64_t i) {
  const int64_t samples = x.dims[1], latent = x.dims[2];
  const int64_t image = i / (2 * latent), d = i % latent;
  const double mean = x[0][image * 2 * latent + d];
  const double variance = std::exp(double{x[0][image * 2 * latent + latent + d]});
  double total = is_mean(x, i) ? kPenalty * ((mean > 0) - (mean < 0)) : 0, slack = 0;
  for (int64_t s = 0; s < samples; ++s) {
    const int64_t row = image * samples + s;
    const double z = x[1][row * latent + d], w = x[3][row], d_z = x[2][row * latent + d];
    // dz/dmean = 1, dz/dlogvar = (z - mean) / 2
    const double inner = is_mean(x, i) ? 1 : (z - mean) / 2;
    if (estimator == kOnce) {
      // Of log q's own: 0 and -1/2.
      const double term = (d_z + w * z) * inner - (is_mean(x, i) ? 0 : w / 2);
      total += term;
      slack += 1e-12 * std::abs(term);
    } else {
      const double share = x[4][row] / double{kScale}, of_q = w * (z - mean) / variance;
      total += share * (d_z + w * z - of_q) * inner;
      // The variance's exponential is good to 2 ulp.
      slack += std::abs(share * inner) *
               (1e-12 * (std::abs(d_z) + std::abs(w * z)) + 2 * kEpsilon * std::abs(of_q));
    }
  }
  return {total, 1.0, 0.0, slack};
}

template <ImportanceEstimator estimator>
bool declare_backward(const char* name) {
  const auto rows_of = [](const Dims& d) { return d[0] * d[1]; };
  return declare({
      .name = name,
      .arguments = {input("heads", normal(0.7)).count(both_heads), input("z").count(all_latents),
                    input("d_z").count(all_latents), input("weights").count(rows_of),
                    input("shares").count(rows_of),
                    output("d_heads")
                        .count(both_heads)
                        .oracle(gradient_of_heads<estimator>)
                        .derivative_of(objective_at<estimator>, 0, 1e-3)},
      .run = call(BURIN_TWINS(importance_backward),
                  [](auto* backward, const Call& c) {
                    backward(estimator, c[0], c[1], c[2], c[3], c[4], c.dims[0], c.dims[1],
                             c.dims[2], kScale, kPenalty, c[5], {});
                  }),
      .dims = {{0, 5, 20}, {2, 3, 0}, {1, 1, 1}, {3, 2, 3}, {2, 5, 50}, {7, 50, 20}, {3, 2, 257}},
      .measured = {{20, 50, 50}},
      .repeated = {{33, 50, 50}},
      .extreme = false,
      .sector_bound = 1.7,
      .bound_reason = "rows of 50 are off the 32-byte borders; each warp reads its rows' weights",
  });
}

const bool declared =
    declare_weights() && declare_backward<kOnce>("importance/backward") &&
    declare_backward<kTwice>("importance/backward/doubly") &&
    declare_sample("importance/sample", kShapes, {{32, 50, 32}}, 1.55,
                   "each warp reads its images' means and log-variances anew, from the cache") &&
    declare_sample("importance/sample/50", {{20, 50, 50}}, {{20, 50, 50}}, 8.3,
                   "as above; and rows of 50 are off the 16-byte borders, so that four "
                   "instructions share each sector") &&
    declare_sum("importance/sum", true) && declare_sum("importance/sum/more", false);

}  // namespace
}  // namespace burin::test::importance_case
