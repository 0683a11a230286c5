#include "kernels/gemm/gemm_cuda_tensor.cuh"

namespace burin::cuda::detail {

void multiply_bf16(const Product& x, GemmTile tile, cudaStream_t stream) {
  multiply_tensor<Bf16>(x, tile, stream);
}

void multiply_bf16_group(Group& group, GemmTile tile, cudaStream_t stream) {
  multiply_tensor_group<Bf16>(group, tile, stream);
}

}  // namespace burin::cuda::detail
