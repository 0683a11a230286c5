#include "fatbin.h"

#include <cstdint>
#include <cstdio>
#include <cstring>

#include "core/config.h"

namespace burin::softgpu {
namespace {

constexpr uint32_t kWrapperMagic = 0x466243b1, kImageMagic = 0xba55ed50;

template <class T>
T read(const uint8_t* p) {
  T v;
  std::memcpy(&v, p, sizeof v);
  return v;
}

}  // namespace

// Wrapper: u32 magic, u32 version, pointer to the image. Image: u32 magic, u16 version, u16 size of
// this header, u64 size of the entries. Entry: u16 kind (1 PTX, 2 ELF), u16 version, u32 header
// size, u64 payload size, ... u32 target at byte 28.
std::string ptx_of_image(const void* wrapper, bool* is_foreign) {
  const auto device = static_cast<uint32_t>(config().capability);
  const auto* w = static_cast<const uint8_t*>(wrapper);
  if (read<uint32_t>(w) != kWrapperMagic) {
    std::fprintf(stderr, "softgpu: unknown kind of fat binary\n");
    return "";
  }
  const auto* image = read<const uint8_t*>(w + 8);
  if (read<uint32_t>(image) != kImageMagic) {
    std::fprintf(stderr, "softgpu: unknown kind of fat binary image\n");
    return "";
  }
  const uint8_t* at = image + read<uint16_t>(image + 6);
  const uint8_t* const end = at + read<uint64_t>(image + 8);
  std::string best;
  uint32_t best_target = 0;
  bool compressed = false;
  while (at < end) {
    const auto kind = read<uint16_t>(at);
    const auto header = read<uint32_t>(at + 4);
    const auto size = read<uint64_t>(at + 8);
    const auto target = read<uint32_t>(at + 28);
    if (kind == 1) {
      const auto* text = reinterpret_cast<const char*>(at + header);
      const std::string ptx(text, strnlen(text, size));
      if (ptx.find(".version") == std::string::npos) {
        compressed = true;
      } else if (best.empty() ||
                 (target <= device ? target > best_target || best_target > device
                                   : best_target > device && target < best_target)) {
        best = ptx;
        best_target = target;
      }
    }
    at += header + size;
  }
  if (best.empty()) {
    std::fprintf(stderr, compressed
                             ? "softgpu: the PTX is compressed: build with nvcc --no-compress\n"
                             : "softgpu: the binary holds no PTX: build with -gencode "
                               "arch=compute_80,code=compute_80\n");
  }
  *is_foreign = config().is_strict && best_target > device;
  return *is_foreign ? "" : best;
}

}  // namespace burin::softgpu
