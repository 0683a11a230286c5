#include <cstdio>
#include <vector>

#include "test/planted/planted.h"

std::map<std::string, Case>& cases() {
  static std::map<std::string, Case> all;
  return all;
}

Ints::Ints(int n, bool written) {
  cudaMalloc(&data, n * sizeof(int));
  if (!written) return;
  std::vector<int> values(n);
  for (int i = 0; i < n; ++i) values[i] = i;
  cudaMemcpy(data, values.data(), n * sizeof(int), cudaMemcpyHostToDevice);
}

int finish() {
  const cudaError_t e = cudaDeviceSynchronize();
  if (e != cudaSuccess) std::printf("%s\n", cudaGetErrorName(e));
  return e == cudaSuccess ? 0 : 1;
}

int main(int argc, char** argv) {
  if (argc == 2 && cases().count(argv[1]) != 0) return cases()[argv[1]]();
  std::fprintf(stderr, "usage: softgpu_planted CASE, one of:\n");
  for (const auto& [name, run] : cases()) std::fprintf(stderr, "  %s\n", name.c_str());
  return 2;
}
