// The queue that a launcher works on.
#pragma once

namespace burin {

// CUDA: `handle` is a cudaStream_t (nullptr is the default stream) and a launcher returns before
// its kernels ran. CPU: ignored; a launcher returns when its work is done.
struct Stream {
  void* handle = nullptr;
};

}  // namespace burin
