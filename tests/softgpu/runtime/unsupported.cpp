// Every other entry point of the runtime: it says its name and returns cudaErrorNotSupported, so
// that a program is never left guessing. Declared without the runtime's header, whose prototypes
// differ.
#include <cstdio>

namespace burin::softgpu {

int refuse(const char* name) {
  std::fprintf(stderr, "softgpu: not implemented: %s\n", name);
  return 801;  // cudaErrorNotSupported
}

}  // namespace burin::softgpu

#define X(name)                           \
  extern "C" int name() {                 \
    return burin::softgpu::refuse(#name); \
  }
#include "runtime/unsupported.inc"
