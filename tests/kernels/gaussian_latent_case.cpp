#include "kernels/gaussian_latent/gaussian_latent.h"

#include "tests/kernels/random_case.h"

namespace burin::test::gaussian_latent_case {
namespace {

// dims: {rows, latent}
int64_t both_heads(const Dims& d) {
  return 2 * d[0] * d[1];
}
float mean_at(const Host& x, int64_t i) {
  return x[0][i / x.dims[1] * 2 * x.dims[1] + i % x.dims[1]];
}
float logvar_at(const Host& x, int64_t i) {
  return x[0][i / x.dims[1] * 2 * x.dims[1] + x.dims[1] + i % x.dims[1]];
}
bool is_logvar(const Host& x, int64_t head) {
  return head % (2 * x.dims[1]) >= x.dims[1];
}
// The element of [rows, latent] to which an element of heads belongs.
int64_t element_of(const Host& x, int64_t head) {
  return head / (2 * x.dims[1]) * x.dims[1] + head % x.dims[1];
}

// Where exponentials and squares are numbers.
bool is_usual(float mean, float logvar) {
  return std::abs(mean) < 100 && std::abs(logvar) < 20;
}

Want noise(const Host&, int64_t i) {
  const oracle::Normal drawn = oracle::normal(kDraw, i);
  return {drawn.value, 4, drawn.radius};
}

// exp is good to 2 ulp, the noise to what it says; one rounding of the sum.
Want z(const Host& x, int64_t i) {
  const float mean = mean_at(x, i), logvar = logvar_at(x, i);
  if (!is_usual(mean, logvar)) return {.value = 0, .any = true};
  const Want drawn = noise(x, i);
  const double expected = oracle::reparameterize(mean, logvar, drawn.value);
  const double deviation = std::exp(0.5 * logvar);
  return {expected, 3, std::abs(expected - mean), deviation * 4 * kEpsilon * drawn.magnitude};
}

// As that of gaussian_kl: a few terms may be off by 8 units, many are not.
Want kl(const Host& x, float scale) {
  const int64_t n = area(x.dims);
  double total = 0.0;
  for (int64_t i = 0; i < n; ++i) {
    if (!is_usual(mean_at(x, i), logvar_at(x, i))) return {.value = 0, .any = true};
    total += oracle::gaussian_kl(mean_at(x, i), logvar_at(x, i));
  }
  Want want = wanted_sum(scale * total, n, std::abs(scale * total));
  want.ulps = n < 31 ? 10.0 : 4.0;
  return want;
}

// What backward is the gradient of, at `v` in place of an element of heads: a loss that is linear
// in z, the divergence and the penalty.
double loss(const Host& x, int64_t head, double v, float scale, float l1_scale) {
  const int64_t i = element_of(x, head);
  const double mean = is_logvar(x, head) ? mean_at(x, i) : v;
  const double logvar = is_logvar(x, head) ? v : logvar_at(x, i);
  return x[2][i] * oracle::reparameterize(mean, logvar, x[1][i]) +
         scale * oracle::gaussian_kl(mean, logvar) + l1_scale * std::sqrt(mean * mean);
}

// One rounding of each product and sum; e^v - 1 is good to 3 ulp and exp to 2.
Want d_heads(const Host& x, int64_t head, float scale, float l1_scale) {
  const int64_t i = element_of(x, head);
  const double d_z = x[2][i];
  if (is_logvar(x, head)) {
    const double logvar = logvar_at(x, i);
    if (logvar > 88.5) return {.value = 0, .any = true};
    const double divergence = 0.5 * double{scale} * std::expm1(logvar);
    const double sample = 0.5 * d_z * x[1][i] * std::exp(0.5 * logvar);
    return {divergence + sample, 5, std::abs(divergence) + std::abs(sample)};
  }
  const double mean = mean_at(x, i);
  const double penalty = double{l1_scale} * ((mean > 0) - (mean < 0));
  const double smooth = scale * mean;
  return {penalty + smooth + d_z, 2, std::abs(penalty) + std::abs(smooth) + std::abs(d_z)};
}

// No rows, no columns, one column, columns off the block of four, the models' own.
const std::vector<Dims> kShapes = {{0, 20},   {5, 0},  {1, 1}, {3, 1},   {1, 3},     {31, 33},
                                   {127, 20}, {33, 2}, {3, 4}, {3, 257}, {301, 127}, {128, 784}};

constexpr const char* kHeadsOffTheSectors =
    "20 floats are 2.5 sectors: each row's last means and first log-variances share one, and are "
    "moved by two instructions";

bool declare_forward(const char* name, float scale, std::vector<Dims> dims,
                     std::vector<Dims> measured, double bound = 1.02, const char* reason = "") {
  return declare({
      .name = name,
      .arguments = {input("heads").count(both_heads), step_argument(),
                    output("noise").count(area).oracle(noise), output("z").count(area).oracle(z),
                    output("kl")
                        .count(one)
                        .oracle([=](const Host& x, int64_t) { return kl(x, scale); })
                        .twins_within(1)},
      .run = call(BURIN_TWINS(gaussian_latent_forward),
                  [=](auto* forward, const Call& c) {
                    forward(c[0], c.dims[0], c.dims[1], scale, key_at(c[1]), c[2], c[3], c[4], {});
                  }),
      .dims = std::move(dims),
      .measured = std::move(measured),
      .repeated = {{1001, 701}},
      .sector_bound = bound,
      .bound_reason = reason,
  });
}

bool declare_backward(const char* name, float scale, float l1_scale, std::vector<Dims> dims,
                      std::vector<Dims> measured, double bound = 1.02, const char* reason = "") {
  return declare({
      .name = name,
      .arguments = {input("heads").count(both_heads), input("noise", normal(1.0, true)).count(area),
                    input("d_z", normal(1.0, true)).count(area),
                    output("d_heads")
                        .count(both_heads)
                        .oracle([=](const Host& x, int64_t head) {
                          return d_heads(x, head, scale, l1_scale);
                        })
                        .derivative_of([=](const Host& x, int64_t head,
                                           double v) { return loss(x, head, v, scale, l1_scale); },
                                       0, 1e-3)},
      .run = call(BURIN_TWINS(gaussian_latent_backward),
                  [=](auto* backward, const Call& c) {
                    backward(c[0], c[1], c[2], c.dims[0], c.dims[1], scale, l1_scale, c[3], {});
                  }),
      .dims = std::move(dims),
      .measured = std::move(measured),
      .repeated = {{131, 701}},
      .sector_bound = bound,
      .bound_reason = reason,
  });
}

constexpr float kPerImage = 1.0f / 128.0f;
const std::vector<Dims> kMeasured = {{128, 32}, {128, 784}};
const std::vector<Dims> kTwenty = {{128, 20}};

const bool declared =
    declare_forward("gaussian_latent/forward", kPerImage, kShapes, kMeasured) &&
    declare_forward("gaussian_latent/forward/20", -2.0f, kTwenty, kTwenty, 1.16,
                    kHeadsOffTheSectors) &&
    declare_backward("gaussian_latent/backward", kPerImage, 0.01f, kShapes, kMeasured) &&
    declare_backward("gaussian_latent/backward/no_penalty", -0.5f, 0.0f, kShapes, kMeasured) &&
    declare_backward("gaussian_latent/backward/20", kPerImage, 0.01f, kTwenty, kTwenty, 1.16,
                     kHeadsOffTheSectors);

}  // namespace
}  // namespace burin::test::gaussian_latent_case
