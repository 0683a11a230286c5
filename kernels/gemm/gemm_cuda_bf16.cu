#include "kernels/gemm/gemm_cuda_tensor.cuh"

namespace burin::cuda::detail {

void multiply_bf16(const Product& x, GemmTile tile, cudaStream_t stream) {
  multiply_tensor<Bf16>(x, tile, stream);
}

}  // namespace burin::cuda::detail
