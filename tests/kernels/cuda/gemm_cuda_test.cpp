// The rungs of the matrix product on the GPU, against the CPU twin and the oracle.
#include <algorithm>

#include "tests/kernels/cuda/gemm_product.h"

namespace burin::test {
namespace {

using cuda::GemmPlan;
using cuda::GemmPrecision;
using cuda::GemmRung;
using cuda::GemmTile;

class GemmCuda : public TwinTest {};

constexpr float kSlope = 0.2f;

struct NamedPlan {
  const char* name;
  GemmPlan plan;
};
const NamedPlan kNaive = {"naive", {GemmRung::naive}};
const NamedPlan kVector = {"vector", {GemmRung::vector}};
const std::vector<NamedPlan> kTiled = {
    {"tiled small", {GemmRung::tiled, GemmPrecision::fp32, GemmTile::small}},
    {"tiled large", {GemmRung::tiled, GemmPrecision::fp32, GemmTile::large}}};
const std::vector<NamedPlan> kTensor = {
    {"tf32 small", {GemmRung::tensor, GemmPrecision::tf32, GemmTile::small}},
    {"tf32 large", {GemmRung::tensor, GemmPrecision::tf32, GemmTile::large}},
    {"bf16 small", {GemmRung::tensor, GemmPrecision::bf16, GemmTile::small}},
    {"bf16 large", {GemmRung::tensor, GemmPrecision::bf16, GemmTile::large}}};

std::vector<NamedPlan> every_plan(int splits = 1) {
  std::vector<NamedPlan> plans = kTiled;
  plans.insert(plans.end(), kTensor.begin(), kTensor.end());
  for (NamedPlan& plan : plans) plan.plan.splits = splits;
  if (splits == 1) plans.push_back(kNaive);
  return plans;
}

// Around the tiles (64, 128; panels of 16 and 32 in k) and away from every vector width.
const std::vector<GemmShape> kShapes = {
    {1, 1, 1},      {3, 1, 31},     {1, 3, 127},    {1, 33, 33},   {31, 1, 257},  {3, 3, 3},
    {33, 31, 15},   {31, 33, 16},   {64, 64, 32},   {65, 63, 33},  {127, 33, 47}, {33, 127, 31},
    {128, 128, 64}, {129, 127, 49}, {257, 31, 127}, {31, 257, 100}};

const std::vector<GemmEpilogue>& epilogues() {
  static const float marker = 0.0f;  // GemmCase puts its own in place of it
  static const std::vector<GemmEpilogue> all = [] {
    std::vector<GemmEpilogue> list;
    for (const Activation activation :
         {Activation::none, Activation::leaky_relu, Activation::sigmoid, Activation::tanh}) {
      for (int mode = 0; mode < 3; ++mode) {
        for (const bool accumulate : {false, true}) {
          GemmEpilogue e;
          e.activation = activation;
          e.slope = kSlope;
          e.accumulate = accumulate;
          if (mode == 1) e.bias = &marker;
          if (mode == 2) e.derivative_output = &marker;
          list.push_back(e);
        }
      }
    }
    return list;
  }();
  return all;
}

// fp32: the bits of three loops on the CPU, whatever the tile, the transposes and the alignment.
TEST_F(GemmCuda, NaiveAndTiledHaveTheBitsOfTheNaiveTwin) {
  for (size_t s = 0; s < kShapes.size(); ++s) {
    for_each_transpose([&](bool ta, bool tb) {
      for (size_t place = 0; place < kGemmPlacements.size(); ++place) {
        if (s >= 6 && (place + s) % 4 != size_t(ta) + 2 * size_t(tb) && place != 1) continue;
        const GemmCase x(kShapes[s], ta, tb, kGemmPlacements[place]);
        const std::vector<float> expected = x.run_on_cpu(cpu::gemm_naive);
        if (place == 0) x.expect_same(x.run(&kNaive.plan), expected, kNaive.name);
        for (const NamedPlan& p : kTiled) x.expect_same(x.run(&p.plan), expected, p.name);
      }
    });
  }
}

// The product that users get is the CPU's, bit for bit; matrix times vector too.
TEST_F(GemmCuda, GemmHasTheBitsOfTheCpu) {
  std::vector<GemmShape> shapes = kShapes;
  shapes.insert(shapes.end(), {{1, 1, 257}, {1, 1, 32}, {1, 100, 48}, {100, 1, 785}, {9, 1, 31}});
  for (const GemmShape& shape : shapes) {
    for_each_transpose([&](bool ta, bool tb) {
      const GemmCase x(shape, ta, tb, kGemmPlacements[size_t(shape.m + shape.k) % 4]);
      x.expect_same(x.run(nullptr), x.run_on_cpu(cpu::gemm), "gemm");
      if (x.is_matrix_vector()) {
        x.expect_same(x.run(&kVector.plan), x.run_on_cpu(cpu::gemm), "vector");
      }
    });
  }
}

TEST_F(GemmCuda, EpiloguesHaveTheBitsOfTheCpu) {
  for (const GemmShape& shape : std::vector<GemmShape>{{37, 70, 19}, {1, 35, 40}, {35, 1, 40}}) {
    for (size_t e = 0; e < epilogues().size(); ++e) {
      for (const size_t place : {size_t{0}, size_t{1}}) {
        GemmCase x(shape, e % 2 == 1, e % 4 < 2, kGemmPlacements[place]);
        for (size_t i = 0; i < x.saved.size(); i += 5) x.saved[i] = 0.0f;  // the kink
        if (epilogues()[e].accumulate) x.c = GemmCase::fill(x.m, x.n, x.ldc, 9);
        const std::vector<float> expected = x.run_on_cpu(cpu::gemm, epilogues()[e]);
        x.expect_same(x.run(nullptr, epilogues()[e]), expected, "gemm");
        if (!x.is_matrix_vector()) {
          for (const NamedPlan& p : {kNaive, kTiled[0], kTiled[1]}) {
            x.expect_same(x.run(&p.plan, epilogues()[e]), expected, p.name);
          }
        }
      }
    }
  }
}

// Where nothing is rounded before the epilogue, every rung has the CPU's bits: each element is in
// its place, each epilogue whole, no term lost or counted twice.
TEST_F(GemmCuda, ExactProductsAreTheSameOnEveryRung) {
  for (size_t s = 0; s < kShapes.size(); ++s) {
    for_each_transpose([&](bool ta, bool tb) {
      const size_t turn = s + size_t(ta) + 2 * size_t(tb);
      GemmCase x(kShapes[s], ta, tb, kGemmPlacements[turn % 4], true);
      const GemmEpilogue& epilogue = epilogues()[turn * 7 % epilogues().size()];
      if (epilogue.accumulate) x.c = GemmCase::fill(x.m, x.n, x.ldc, 9);
      const std::vector<float> expected = x.run_on_cpu(cpu::gemm_naive, epilogue);
      for (const NamedPlan& p : every_plan()) {
        x.expect_same(x.run(&p.plan, epilogue), expected, p.name);
      }
    });
  }
}

TEST_F(GemmCuda, EveryEpilogueOnTheTensorCores) {
  for (size_t e = 0; e < epilogues().size(); ++e) {
    GemmCase x({37, 70, 35}, e % 2 == 1, e % 4 < 2, kGemmPlacements[e % 2], true);
    if (epilogues()[e].accumulate) x.c = GemmCase::fill(x.m, x.n, x.ldc, 9);
    const std::vector<float> expected = x.run_on_cpu(cpu::gemm_naive, epilogues()[e]);
    for (const NamedPlan& p : kTensor) {
      x.expect_same(x.run(&p.plan, epilogues()[e]), expected, p.name);
    }
  }
}

// x rounded to `bits` of mantissa: what a tensor core multiplies. Independent of the conversions
// that the kernels use.
float rounded(float x, int bits, bool ties_to_even) {
  if (!std::isfinite(x) || x == 0.0f) return x;
  int exponent = 0;
  const double scaled = std::ldexp(std::frexp(double{x}, &exponent), bits);
  double whole = std::floor(std::abs(scaled));
  const double rest = std::abs(scaled) - whole;
  const bool odd = std::fmod(whole, 2.0) != 0.0;
  if (rest > 0.5 || (rest == 0.5 && (!ties_to_even || odd))) whole += 1.0;
  return float(std::copysign(std::ldexp(whole, exponent - bits), scaled));
}

// A product of one term is exact in single precision: it shows what the factors were rounded to.
TEST_F(GemmCuda, TensorCoresRoundFactorsAsTheContractSays) {
  for_each_transpose([&](bool ta, bool tb) {
    GemmCase x({33, 40, 1}, ta, tb, kGemmPlacements[1]);
    for (int64_t i = 0; i < x.m; i += 2) {  // ties: half a unit above an even and an odd number
      x.a_at(i, 0) = i % 4 == 0 ? 1.0f + std::ldexp(1.0f, -11) : 1.0f + std::ldexp(3.0f, -11);
      if (i % 8 > 3)
        x.a_at(i, 0) = i % 4 == 0 ? -1.0f - std::ldexp(1.0f, -8) : 1.0f + std::ldexp(3.0f, -8);
    }
    for (const NamedPlan& p : kTensor) {
      const bool bf16 = p.plan.precision == GemmPrecision::bf16;
      const std::vector<float> c = x.run(&p.plan);
      for (int64_t i = 0; i < x.m; ++i) {
        for (int64_t j = 0; j < x.n; ++j) {
          const float a = rounded(x.a_at(i, 0), bf16 ? 8 : 11, bf16);
          const float b = rounded(x.b_at(0, j), bf16 ? 8 : 11, bf16);
          ASSERT_EQ(c[size_t(i * x.ldc + j)], a * b) << p.name << " " << x.name();
        }
      }
    }
  });
}

// Relative error of a factor: half a unit of its last place.
double factor_error(GemmPrecision precision) {
  return precision == GemmPrecision::bf16   ? std::ldexp(1.0, -8)
         : precision == GemmPrecision::tf32 ? std::ldexp(1.0, -11)
                                            : 0.0;
}

// Both factors err, and each of k additions by up to a unit (tensor cores may truncate).
void expect_oracle(GemmCase& x, const NamedPlan& p) {
  const std::vector<float> c = x.run(&p.plan);
  const double u = factor_error(p.plan.precision);
  const double bound = 2.0 * u + u * u + (double(x.k) + double(p.plan.splits) + 2.0) * kEpsilon;
  for (int64_t i = 0; i < x.m; ++i) {
    for (int64_t j = 0; j < x.n; ++j) {
      const oracle::GemmSum sum = x.sum(i, j);
      ASSERT_LE(std::abs(double{c[size_t(i * x.ldc + j)]} - sum.value), bound * sum.magnitude)
          << p.name << " " << x.name() << " at " << i << ", " << j;
    }
  }
}

TEST_F(GemmCuda, EveryRungIsTheOracle) {
  for (size_t s = 0; s < kShapes.size(); s += 2) {
    for_each_transpose([&](bool ta, bool tb) {
      GemmCase x(kShapes[s], ta, tb, kGemmPlacements[(s / 2 + size_t(ta) + 2 * size_t(tb)) % 4]);
      for (const NamedPlan& p : every_plan()) expect_oracle(x, p);
    });
  }
}

// A GAN's and a VAE's layers at an eighth of their size: forward, input gradient, weight gradient.
TEST_F(GemmCuda, LayersOfTheModels) {
  const int64_t batch = 16;
  const std::vector<std::pair<int64_t, int64_t>> layers = {{98, 64}, {64, 32}, {12, 64}, {50, 98}};
  for (const auto& [in, out] : layers) {
    for (const NamedPlan& p : every_plan()) {
      GemmCase forward({batch, out, in}, false, true, kGemmPlacements[0]);
      GemmCase backward({batch, in, out}, false, false, kGemmPlacements[0]);
      GemmCase weights({out, in, batch}, true, false, kGemmPlacements[0]);
      expect_oracle(forward, p);
      expect_oracle(backward, p);
      expect_oracle(weights, p);
    }
  }
}

// C = chains of the ranges, added in rising order: the bits of doing that on the CPU.
TEST_F(GemmCuda, SplitsAreAddedInOrder) {
  for (const GemmShape& shape : std::vector<GemmShape>{{5, 7, 257}, {66, 3, 127}, {9, 70, 1000}}) {
    for_each_transpose([&](bool ta, bool tb) {
      GemmCase x(shape, ta, tb, kGemmPlacements[size_t(ta) + 2 * size_t(tb)]);
      for (const int splits : {2, 3, 7}) {
        const int64_t depth = ((x.k + splits - 1) / splits + 31) / 32 * 32;
        std::vector<float> expected = x.c;
        for (int64_t begin = 0; begin < x.k; begin += depth) {
          GemmEpilogue add;
          add.accumulate = begin > 0;
          cpu::gemm_naive(ta, tb, x.m, x.n, std::min(depth, x.k - begin),
                          x.a.data() + (ta ? begin * x.lda : begin), x.lda,
                          x.b.data() + (tb ? begin : begin * x.ldb), x.ldb, expected.data(), x.ldc,
                          add, {});
        }
        for (NamedPlan p : kTiled) {
          p.plan.splits = splits;
          x.expect_same(x.run(&p.plan), expected, p.name);
        }
      }
    });
  }
}

TEST_F(GemmCuda, SplitsOnEveryRungAndEpilogue) {
  for (size_t e = 0; e < epilogues().size(); ++e) {
    GemmCase x({33, 70, 127}, e % 2 == 1, e % 4 < 2, kGemmPlacements[e / 2 % 4], true);
    if (epilogues()[e].accumulate) x.c = GemmCase::fill(x.m, x.n, x.ldc, 9);
    const std::vector<float> expected = x.run_on_cpu(cpu::gemm_naive, epilogues()[e]);
    for (const NamedPlan& p : every_plan(2 + int(e % 3))) {
      x.expect_same(x.run(&p.plan, epilogues()[e]), expected, p.name);
    }
  }
  GemmCase x({16, 40, 3000}, true, false, kGemmPlacements[0]);
  const int splits = cuda::gemm_splits(x.m, x.n, x.k);
  EXPECT_GT(splits, 4);
  for (const NamedPlan& p : every_plan(splits)) {
    expect_oracle(x, p);
    x.expect_same(x.run(&p.plan), x.run(&p.plan), p.name);  // the same bits every time
  }
}

TEST_F(GemmCuda, EmptyProducts) {
  std::vector<NamedPlan> plans = every_plan();
  plans.push_back(every_plan(4)[0]);
  for (const NamedPlan& p : plans) {
    for_each_transpose([&](bool ta, bool tb) {
      for (const GemmEpilogue& epilogue : {epilogues()[2], epilogues()[3], epilogues()[14]}) {
        GemmCase x({3, 5, 0}, ta, tb, kGemmPlacements[1]);
        x.c = GemmCase::fill(x.m, x.n, x.ldc, 9);
        x.expect_same(x.run(&p.plan, epilogue), x.run_on_cpu(cpu::gemm_naive, epilogue), p.name);
      }
      cuda::gemm_with(p.plan, ta, tb, 3, 0, 5, nullptr, 5, nullptr, 5, nullptr, 5, {}, {});
      cuda::gemm_with(p.plan, ta, tb, 0, 3, 5, nullptr, 5, nullptr, 5, nullptr, 5, {}, {});
    });
  }
  GemmCase column({40, 1, 0}, false, false, kGemmPlacements[0]);
  column.expect_same(column.run(&kVector.plan), column.run_on_cpu(cpu::gemm), "vector");
}

// One infinity or NaN reaches its own row and column, whole, and nothing else.
TEST_F(GemmCuda, ExtremeValuesReachTheirRowAndColumnOnly) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const GemmShape& shape : std::vector<GemmShape>{{15, 37, 33}, {29, 1, 40}, {1, 45, 31}}) {
    for_each_transpose([&](bool ta, bool tb) {
      for (const float extreme : {infinity, -infinity, NAN}) {
        GemmCase x(shape, ta, tb, kGemmPlacements[size_t(shape.m + ta) % 2]);
        const int64_t row = x.m / 2, column = x.n / 3, p = x.k - 1;
        x.a_at(row, p) = extreme;
        x.b_at(0, column) = extreme;
        if (x.n > 1) x.b_at(p, x.n - 1) = 0.0f;  // infinity * 0
        x.expect_same(x.run(nullptr), x.run_on_cpu(cpu::gemm), "gemm");
        for (const NamedPlan& plan : every_plan()) {
          const std::vector<float> c = x.run(&plan.plan);
          for (int64_t i = 0; i < x.m; ++i) {
            for (int64_t j = 0; j < x.n; ++j) {
              const float v = c[size_t(i * x.ldc + j)];
              const double expected = x.sum(i, j).value;
              if (std::isnan(expected)) {
                EXPECT_TRUE(std::isnan(v)) << plan.name << " " << x.name() << " " << v;
              } else if (std::isinf(expected)) {
                EXPECT_EQ(v, expected) << plan.name << " " << x.name();
              } else {
                EXPECT_TRUE(std::isfinite(v)) << plan.name << " " << x.name() << " " << v;
              }
            }
          }
        }
      }
    });
  }
}

// A product that rounds to -0 stays -0; denormal sums are kept; sums beyond the range are infinite.
TEST_F(GemmCuda, ZerosDenormalsAndOverflow) {
  for_each_transpose([&](bool ta, bool tb) {
    GemmCase x({17, 77, 1}, ta, tb, kGemmPlacements[0]);
    for (int64_t i = 0; i < x.m; ++i) x.a_at(i, 0) = -1e-30f;
    for (int64_t j = 0; j < x.n; ++j) x.b_at(0, j) = 1e-30f;
    for (const NamedPlan& p : {kNaive, kTiled[0], kTiled[1]}) {
      x.expect_same(x.run(&p.plan), std::vector<float>(x.c.size(), -0.0f), p.name);
    }
    GemmCase y({17, 35, 8}, ta, tb, kGemmPlacements[1]);
    for (int64_t i = 0; i < y.m; ++i) {
      for (int64_t p = 0; p < y.k; ++p) y.a_at(i, p) = i == 0 ? 3e38f : 1e-30f;
    }
    for (int64_t j = 0; j < y.n; ++j) {
      for (int64_t p = 0; p < y.k; ++p) y.b_at(p, j) = j == 0 ? 4.0f : 1e-12f;
    }
    const std::vector<float> expected = y.run_on_cpu(cpu::gemm_naive);
    EXPECT_TRUE(std::isinf(expected[0]));
    EXPECT_GT(expected[size_t(y.ldc + 1)], 0.0f);
    for (const NamedPlan& p : {kNaive, kTiled[0], kTiled[1]}) {
      y.expect_same(y.run(&p.plan), expected, p.name);
    }
  });
}

// The saved output may be the very buffer that is written.
TEST_F(GemmCuda, DerivativeInPlace) {
  GemmEpilogue epilogue;
  epilogue.activation = Activation::tanh;
  for (NamedPlan p : {kNaive, kTiled[0], kTiled[1], kTensor[0], every_plan(3)[0]}) {
    GemmCase x({31, 52, 70}, false, false, kGemmPlacements[0], true);
    const std::vector<float> saved = GemmCase::fill(x.m, x.n, x.ldc, 3);
    std::vector<float> expected = saved;
    GemmEpilogue e = epilogue;
    e.derivative_output = expected.data();
    e.ld_derivative = x.ldc;
    cpu::gemm(false, false, x.m, x.n, x.k, x.a.data(), x.lda, x.b.data(), x.ldb, expected.data(),
              x.ldc, e, {});
    const Buffer a(x.a, 0), b(x.b, 0);
    Buffer c(saved, 0), workspace(9 * 52 * 31, 0);
    e.derivative_output = c.data();
    p.plan.workspace = workspace.data();
    cuda::gemm_with(p.plan, false, false, x.m, x.n, x.k, a.data(), x.lda, b.data(), x.ldb, c.data(),
                    x.ldc, e, {});
    cuda::check(cudaDeviceSynchronize(), "gemm");
    x.expect_same(c.values(), expected, p.name);
  }
}

}  // namespace
}  // namespace burin::test
