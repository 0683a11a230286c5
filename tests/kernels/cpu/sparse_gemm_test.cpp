// The sparse product has the bits of the dense one, on every instruction set.
#include "kernels/gemm/gemm.h"
#include "kernels/sparse_gemm/sparse_gemm_walk.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

std::vector<const cpu::detail::SparseWalk*> walks() {
  std::vector<const cpu::detail::SparseWalk*> found;
  for (const auto* walk : {cpu::detail::sparse_walk_portable(), cpu::detail::sparse_walk_avx2(),
                           cpu::detail::sparse_walk_avx512()}) {
    if (walk != nullptr) found.push_back(walk);
  }
  return found;
}

struct Shape {
  int64_t m, rows, cols;
  double density;
};

TEST(SparseGemmCpu, HasTheBitsOfTheDenseProduct) {
  for (const Shape& s : {Shape{2, 2, 1, 1.0},
                         {3, 17, 31, 0.3},
                         {33, 5, 8, 0.0},
                         {65, 50, 785, 0.1},
                         {128, 33, 129, 0.5},
                         {7, 16, 40, 1.0}}) {
    std::vector<float> dense = random_values(s.rows * s.cols, 1.0, 2), values;
    std::vector<uint16_t> columns;
    std::vector<int32_t> starts = {0};
    std::mt19937 engine(3);
    std::bernoulli_distribution stays(s.density);
    for (int64_t r = 0; r < s.rows; ++r) {
      for (int64_t c = 0; c < s.cols; ++c) {
        float& w = dense[size_t(r * s.cols + c)];
        if (!stays(engine) || r % 5 == 4) w = 0.0f;
        if (w == 0.0f) continue;
        values.push_back(w);
        columns.push_back(uint16_t(c));
      }
      starts.push_back(int32_t(values.size()));
    }
    const std::vector<float> x = random_values(s.m * s.cols, 1.0, 4);
    const std::vector<float> bias = random_values(s.rows, 1.0, 5);
    for (const Activation activation :
         {Activation::none, Activation::leaky_relu, Activation::sigmoid, Activation::tanh}) {
      std::vector<float> expected(size_t(s.m * s.rows), NAN);
      GemmEpilogue epilogue;
      epilogue.bias = bias.data();
      epilogue.activation = activation;
      cpu::gemm(false, true, s.m, s.rows, s.cols, x.data(), s.cols, dense.data(), s.cols,
                expected.data(), s.rows, epilogue, {});
      for (const cpu::detail::SparseWalk* walk : walks()) {
        BufferOf<float> y(s.m * s.rows);
        cpu::detail::sparse_gemm_on(
            *walk, {s.rows, s.cols, values.data(), columns.data(), starts.data()}, x.data(), s.cols,
            s.m, y.data(), s.rows, bias.data(), activation, epilogue.slope);
        expect_same_bits(y.values(), expected, walk->name);
      }
    }
  }
}

}  // namespace
}  // namespace burin::test
