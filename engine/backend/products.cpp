#include "engine/backend/products.h"

#include <utility>

namespace burin {

float* Products::scratch_for(const GemmProduct& product) {
  const size_t bytes = static_cast<size_t>(planner_.floats(product)) * sizeof(float);
  if (bytes > scratch_.bytes()) {
    scratch_ = Memory();  // first, so that both are not held
    scratch_ = Memory(device_, bytes);
    ++version_;
  }
  return scratch_.as<float>();
}

void Products::multiply(const GemmProduct& p, Stream stream) {
  if (device_ == Device::cpu) {
    cpu::gemm(p.transpose_a, p.transpose_b, p.m, p.n, p.k, p.a, p.lda, p.b, p.ldb, p.c, p.ldc,
              p.epilogue, stream);
    return;
  }
  float* const scratch = scratch_for(p);
  if (device_ == Device::meta) return;
  if constexpr (kCudaEnabled) {
    cuda::gemm_with(planner_.plan(p, scratch, stream), p.transpose_a, p.transpose_b, p.m, p.n, p.k,
                    p.a, p.lda, p.b, p.ldb, p.c, p.ldc, p.epilogue, stream);
  }
}

void Products::defer(const GemmProduct& product, Stream stream) {
  // Groups are of Burin's kernels.
  if (device_ == Device::cpu || planner_.settings().library != GemmLibrary::own) {
    return multiply(product, stream);
  }
  if (product.epilogue.accumulate || product.epilogue.row_sum_accumulate) finish(stream);
  deferred_.push_back(product);
}

void Products::finish(Stream stream) {
  if (deferred_.empty()) return;
  if constexpr (kCudaEnabled) {
    if (device_ == Device::cuda) {
      cuda::gemm_group_with(planner_.settings().precision, cuda::GemmTile::automatic,
                            deferred_.data(), static_cast<int64_t>(deferred_.size()), stream);
    }
  }
  deferred_.clear();
}

}  // namespace burin
