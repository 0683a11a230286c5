// The doors of the matrix product on the GPU: which rung, and the plan made good.
#include <stdexcept>

#include "kernels/gemm/gemm_cuda.cuh"

namespace burin::cuda {
namespace {

constexpr int64_t kSplitStep = 32;  // ranges of k begin on multiples: of 16 bytes, and of a stage

// Values of k in each of at most `splits` ranges.
int64_t split_depth(int splits, int64_t k) {
  if (splits <= 1) return k;
  const int64_t depth = (k + splits - 1) / splits;
  return (depth + kSplitStep - 1) / kSplitStep * kSplitStep;
}

// Ranges that are left when they are that long.
int split_count(int splits, int64_t k) {
  if (splits <= 1 || k == 0) return 1;
  const int64_t depth = split_depth(splits, k);
  return static_cast<int>((k + depth - 1) / depth);
}

bool is_matrix_vector(bool transpose_a, bool transpose_b, int64_t m, int64_t n) {
  return (n == 1 && !transpose_a) || (m == 1 && transpose_b);
}

// Throws for a plan that does not exist.
void check_plan(const GemmPlan& plan, bool matrix_vector, int splits) {
  const bool tensor = plan.rung == GemmRung::tensor;
  const bool any_precision = plan.rung == GemmRung::cublas;
  if (!any_precision && tensor == (plan.precision == GemmPrecision::fp32)) {
    throw std::invalid_argument(
        "gemm: tf32 and bf16 are for the rungs tensor and cublas, fp32 for the others");
  }
  if (plan.rung == GemmRung::vector && !matrix_vector) {
    throw std::invalid_argument(
        "gemm: the rung vector takes n = 1 without transpose_a or m = 1 with transpose_b");
  }
  if (plan.splits < 1) throw std::invalid_argument("gemm: splits must be at least 1");
  if (splits > 1 && !tensor && plan.rung != GemmRung::tiled) {
    throw std::invalid_argument("gemm: only the rungs tiled and tensor split k");
  }
  if (splits > 1 && plan.workspace == nullptr) {
    throw std::invalid_argument("gemm: splits need a workspace");
  }
}

}  // namespace

namespace detail {

Product product_of(const GemmProduct& arguments, int splits) {
  const GemmEpilogue& epilogue = arguments.epilogue;
  Finish finish{};
  finish.c = arguments.c;
  finish.ldc = arguments.ldc;
  finish.m = arguments.m;
  finish.n = arguments.n;
  finish.derived = epilogue.derivative_output;
  finish.ld_derived = epilogue.ld_derivative;
  finish.bias = finish.derived == nullptr ? epilogue.bias : nullptr;
  finish.activation = epilogue.activation;
  finish.slope = epilogue.slope;
  finish.accumulate = epilogue.accumulate;
  finish.vector = on_16_bytes(finish.c, finish.ldc) && on_16_bytes(finish.bias, 0) &&
                  (finish.derived == nullptr || on_16_bytes(finish.derived, finish.ld_derived));

  Product x{};
  x.transpose_a = arguments.transpose_a;
  x.transpose_b = arguments.transpose_b;
  x.m = arguments.m;
  x.n = arguments.n;
  x.k = arguments.k;
  x.a = arguments.a;
  x.lda = arguments.lda;
  x.b = arguments.b;
  x.ldb = arguments.ldb;
  x.vector_a = on_16_bytes(x.a, x.lda);
  x.vector_b = on_16_bytes(x.b, x.ldb);
  x.splits = splits;
  x.split_depth = split_depth(splits, x.k);
  x.finish = finish;
  x.row_sum = epilogue.row_sum;
  x.row_sum_accumulate = epilogue.row_sum_accumulate;
  if (x.row_sum != nullptr) x.sum_blocks = static_cast<unsigned>((x.m + kSumRows - 1) / kSumRows);
  return x;
}

}  // namespace detail

GemmPlan gemm_plan(GemmPrecision precision, bool transpose_a, bool transpose_b, int64_t m,
                   int64_t n) {
  GemmPlan plan;
  plan.precision = precision;
  if (precision != GemmPrecision::fp32) {
    plan.rung = GemmRung::tensor;
  } else if (is_matrix_vector(transpose_a, transpose_b, m, n)) {
    plan.rung = GemmRung::vector;
  }
  return plan;
}

int gemm_splits(int64_t m, int64_t n, int64_t k) {
  constexpr int64_t kBlocks = 256, kLeastDepth = 128;
  const int64_t tiles = (m + 63) / 64 * ((n + 63) / 64);
  if (tiles == 0 || tiles > kBlocks / 2 || k < 2 * kLeastDepth) return 1;
  const int64_t wanted = kBlocks / tiles, possible = k / kLeastDepth;
  return split_count(static_cast<int>(wanted < possible ? wanted : possible), k);
}

int64_t gemm_workspace(const GemmPlan& plan, int64_t m, int64_t n, int64_t k) {
  if (plan.rung == GemmRung::cublas) return m * n;
  const int count = split_count(plan.splits, k);
  return count == 1 ? 0 : count * m * (n + 1);  // of C, and of the sums of rows
}

void gemm_with(const GemmPlan& plan, bool transpose_a, bool transpose_b, int64_t m, int64_t n,
               int64_t k, const float* a, int64_t lda, const float* b, int64_t ldb, float* c,
               int64_t ldc, const GemmEpilogue& epilogue, Stream stream) {
  const int splits = split_count(plan.splits, k);
  check_plan(plan, is_matrix_vector(transpose_a, transpose_b, m, n), splits);
  if (m == 0) return;

  detail::Product x = detail::product_of(
      {transpose_a, transpose_b, m, n, k, a, lda, b, ldb, c, ldc, epilogue}, splits);
  const detail::Finish finish = x.finish;
  const auto queue = static_cast<cudaStream_t>(stream.handle);
  if (n == 0) {
    x.splits = 1;
    x.split_depth = k;
    detail::sum_rows_alone(x, queue);
    return;
  }
  detail::SplitRowSums rows{};
  if (splits > 1) {
    if (x.row_sum != nullptr) {
      rows = {plan.workspace + splits * m * n, x.row_sum, x.row_sum_accumulate};
      x.row_sum = plan.workspace + splits * m * n;
      x.row_sum_accumulate = false;
    }
    x.finish = detail::Finish{};
    x.finish.c = plan.workspace;
    x.finish.ldc = n;
    x.finish.m = m;
    x.finish.n = n;
    x.finish.vector = n % 4 == 0 && detail::on_16_bytes(plan.workspace, n);
  }

  switch (plan.rung) {
    case GemmRung::naive:
      detail::multiply_naive(x, queue);
      break;
    case GemmRung::vector:
      detail::multiply_vector(x, queue);
      break;
    case GemmRung::tiled:
      detail::multiply_tiled(x, plan.tile, queue);
      break;
    case GemmRung::cublas:
      if (plan.workspace == nullptr && detail::has_epilogue(x.finish)) {
        throw std::invalid_argument("gemm: the rung cublas needs a workspace for an epilogue");
      }
      detail::multiply_cublas(x, plan.precision, plan.workspace, queue);
      break;
    case GemmRung::tensor:
      if (plan.precision == GemmPrecision::tf32) {
        detail::multiply_tf32(x, plan.tile, queue);
      } else {
        detail::multiply_bf16(x, plan.tile, queue);
      }
      break;
  }
  if (splits > 1) detail::add_splits(plan.workspace, splits, finish, rows, queue);
}

void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const float* a,
          int64_t lda, const float* b, int64_t ldb, float* c, int64_t ldc,
          const GemmEpilogue& epilogue, Stream stream) {
  gemm_with(gemm_plan(GemmPrecision::fp32, transpose_a, transpose_b, m, n), transpose_a,
            transpose_b, m, n, k, a, lda, b, ldb, c, ldc, epilogue, stream);
}

}  // namespace burin::cuda
