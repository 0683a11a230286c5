// Speed of the software GPU on a 16x16-tiled shared-memory matrix product, as million
// thread-instructions a second of processor time. One line for each run:
//   softgpu_bench [size] [repetitions]
// The instructions a thread executes are those of the counters (softgpu_bench under --counters).
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>

namespace {

constexpr int kTile = 16;

__global__ void gemm(const float* a /* [n, n] */, const float* b /* [n, n] */,
                     float* c /* [n, n] */, int n) {
  __shared__ float tile_a[kTile][kTile], tile_b[kTile][kTile];
  const int x = threadIdx.x, y = threadIdx.y;
  const int row = blockIdx.y * kTile + y, column = blockIdx.x * kTile + x;
  float sum = 0.0f;
  for (int k = 0; k < n; k += kTile) {
    tile_a[y][x] = a[row * n + k + x];
    tile_b[y][x] = b[(k + y) * n + column];
    __syncthreads();
    for (int i = 0; i < kTile; ++i) sum += tile_a[y][i] * tile_b[i][x];
    __syncthreads();
  }
  c[row * n + column] = sum;
}

double processor_seconds() {
  return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

}  // namespace

int main(int argc, char** argv) {
  const int n = argc > 1 ? std::atoi(argv[1]) : 256;
  const int repetitions = argc > 2 ? std::atoi(argv[2]) : 8;
  const size_t bytes = sizeof(float) * n * n;
  std::vector<float> host(static_cast<size_t>(n) * n, 0.5f);
  float *a, *b, *c;
  cudaMalloc(&a, bytes), cudaMalloc(&b, bytes), cudaMalloc(&c, bytes);
  cudaMemcpy(a, host.data(), bytes, cudaMemcpyHostToDevice);
  cudaMemcpy(b, host.data(), bytes, cudaMemcpyHostToDevice);
  const dim3 grid(n / kTile, n / kTile), block(kTile, kTile);
  gemm<<<grid, block>>>(a, b, c, n);  // compiles
  cudaDeviceSynchronize();
  double best = 1e30;
  for (int r = 0; r < repetitions; ++r) {
    const double start = processor_seconds();
    gemm<<<grid, block>>>(a, b, c, n);
    cudaDeviceSynchronize();
    const double seconds = processor_seconds() - start;
    best = seconds < best ? seconds : best;
  }
  // As --counters counts them: 44 instructions a thread outside the loop and 59 a tile.
  const double instructions = double(n) * n * (44.0 + 59.0 * n / kTile);
  std::printf("gemm %d: %.1f million thread-instructions, %.4f s, %.0f million/s (%s)\n", n,
              instructions / 1e6, best, instructions / best / 1e6,
              cudaGetErrorName(cudaGetLastError()));
  cudaFree(a), cudaFree(b), cudaFree(c);
  return cudaGetLastError() == cudaSuccess ? 0 : 1;
}
