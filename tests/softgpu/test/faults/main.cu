// Calls the runtime and prints, call by call, what it returned and what cudaGetLastError said after
// it. It goes on after an error, as no program should: faults_test.cpp looks at every line.
#include <cuda_runtime.h>

#include <cstdio>
#include <cstring>
#include <string>

namespace {

constexpr int kN = 100;

__global__ void first(int* a) {
  if (threadIdx.x < kN) a[threadIdx.x] = 1;
}
__global__ void second(int* a) {
  if (threadIdx.x < kN) a[threadIdx.x] += 10;
}

// Up to the bracket: the name of the function.
void say(const std::string& call, cudaError_t e) {
  const cudaError_t last = cudaGetLastError();
  std::printf("%s: %s, %s\n", call.substr(0, call.find('(')).c_str(), cudaGetErrorName(e),
              cudaGetErrorName(last));
}
#define TRY(...) say(#__VA_ARGS__, __VA_ARGS__)

void all_calls() {
  int devices = -1, *a = nullptr, *b = nullptr, *pinned = nullptr;
  cudaStream_t stream = nullptr;
  cudaEvent_t event = nullptr;
  cudaGraph_t graph = nullptr;
  cudaGraphExec_t exec = nullptr;
  TRY(cudaGetDeviceCount(&devices));
  TRY(cudaStreamCreate(&stream));
  TRY(cudaEventCreate(&event));
  TRY(cudaMalloc(&a, kN * sizeof(int)));
  TRY(cudaMalloc(&b, kN * sizeof(int)));
  TRY(cudaMallocHost(&pinned, kN * sizeof(int)));
  first<<<1, 128, 0, stream>>>(a);
  say("first", cudaPeekAtLastError());
  TRY(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal));
  second<<<1, 128, 0, stream>>>(a);
  say("second", cudaPeekAtLastError());
  TRY(cudaStreamEndCapture(stream, &graph));
  TRY(cudaGraphInstantiate(&exec, graph, 0));
  TRY(cudaGraphLaunch(exec, stream));
  TRY(cudaGraphLaunch(exec, stream));
  TRY(cudaEventRecord(event, stream));
  TRY(cudaStreamSynchronize(stream));
  TRY(cudaMemcpyAsync(b, a, kN * sizeof(int), cudaMemcpyDeviceToDevice, stream));
  TRY(cudaEventSynchronize(event));
  if (pinned != nullptr) pinned[0] = -1;
  TRY(cudaMemcpy(pinned, b, sizeof(int), cudaMemcpyDeviceToHost));
  TRY(cudaGraphExecDestroy(exec));
  TRY(cudaGraphDestroy(graph));
  TRY(cudaEventDestroy(event));
  TRY(cudaStreamDestroy(stream));
  TRY(cudaFree(b));
  TRY(cudaFree(a));
  std::printf("%d devices, %d\n", devices, pinned != nullptr ? pinned[0] : -2);
  TRY(cudaFreeHost(pinned));
}

// The memory there is, in bytes: at first, with an allocation of 1000, with all taken, at the end.
void memory() {
  size_t free = 0, total = 0;
  void *some = nullptr, *rest = nullptr, *more = nullptr;
  const auto print = [&] {
    TRY(cudaMemGetInfo(&free, &total));
    std::printf("%zu of %zu\n", free, total);
  };
  print();
  TRY(cudaMalloc(&some, 1000));
  print();
  TRY(cudaMalloc(&rest, free));
  print();
  TRY(cudaMalloc(&more, 1));
  TRY(cudaFree(rest));
  TRY(cudaFree(some));
  print();
}

// What a program asks before it decides whether a device will do.
void device() {
  cudaDeviceProp p{};
  cudaFuncAttributes attributes;
  int count = -1;
  TRY(cudaGetDeviceCount(&count));
  TRY(cudaGetDeviceProperties(&p, 0));
  std::printf("%d devices, %d.%d\n", count, p.major, p.minor);
  TRY(cudaFuncGetAttributes(&attributes, first));
  for (int i = 0; i < 2; ++i) {
    first<<<1, 128>>>(nullptr);
    say("first", cudaPeekAtLastError());
  }
  TRY(cudaDeviceSynchronize());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string part = argc == 2 ? argv[1] : "";
  if (part == "calls") all_calls();
  if (part == "memory") memory();
  if (part == "device") device();
  return 0;
}
