#include "kernels/gemm/gemm_cuda_tensor.cuh"

namespace burin::cuda::detail {

void multiply_tf32(const Product& x, GemmTile tile, cudaStream_t stream) {
  multiply_tensor<Tf32>(x, tile, stream);
}

void multiply_tf32_group(Group& group, GemmTile tile, cudaStream_t stream) {
  multiply_tensor_group<Tf32>(group, tile, stream);
}

}  // namespace burin::cuda::detail
