// Kernels whose counters can be worked out by hand; tools_test.cpp holds them against the JSON.
// Also kernels that the software GPU must refuse by name.
#include <cstdio>
#include <cstring>

__global__ void coalesced(const float* in, float* out) {
  out[threadIdx.x] = in[threadIdx.x];
}
__global__ void strided(const float* in, float* out) {
  out[threadIdx.x] = in[8 * threadIdx.x];
}
__global__ void conflicts(float* out) {
  __shared__ float s[32 * 32];
  s[threadIdx.x * 32] = 1.0f;  // every lane the same bank
  __syncthreads();
  out[threadIdx.x] = s[threadIdx.x];
}
// An instruction that compute_80 has and the software GPU does not.
__global__ void unknown(unsigned* out) {
  unsigned r;
  asm volatile("vadd.u32.u32.u32 %0, %1, %1;" : "=r"(r) : "r"(out[0]));
  out[0] = r;
}

int main(int argc, char**) {
  float *in, *out;
  cudaMalloc(&in, 4096), cudaMalloc(&out, 4096);
  cudaMemset(in, 0, 4096);
  coalesced<<<2, 64>>>(in, out);
  strided<<<1, 32>>>(in, out);
  conflicts<<<1, 32>>>(out);
  if (argc > 1) {
    unknown<<<1, 1>>>(reinterpret_cast<unsigned*>(out));
    const cudaError_t e = cudaGetLastError();
    std::printf("unknown: %s\n", cudaGetErrorName(e));
    void* managed = nullptr;
    std::printf("managed: %s\n", cudaGetErrorName(cudaMallocManaged(&managed, 16)));
  }
  cudaFree(in), cudaFree(out);
  return cudaDeviceSynchronize() == cudaSuccess ? 0 : 1;
}
