#include "kernels/to_bytes/to_bytes.h"

#include <cmath>
#include <vector>

#include "kernels/common/parallel.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

TEST(ToBytes, ClampsAndRounds) {
  const std::vector<float> pixels = {-1.0f,     -0.0f,  0.0f,           0.001f, 0.5f,
                                     0.998f,    1.0f,   2.0f,           NAN,    INFINITY,
                                     -INFINITY, 1e-42f, 128.5f / 255.0f};
  std::vector<uint8_t> bytes(pixels.size() + 1, 77);
  cpu::to_bytes(pixels.data(), int64_t(pixels.size()), bytes.data());
  EXPECT_EQ(bytes, (std::vector<uint8_t>{0, 0, 0, 0, 128, 254, 255, 255, 0, 255, 0, 0, 129, 77}));
}

TEST(ToBytes, EveryByteComesBack) {
  for (const int threads : {1, 2, 4}) {
    cpu::set_threads(threads);
    std::vector<float> pixels(100003);
    std::vector<uint8_t> wanted(pixels.size()), bytes(pixels.size());
    for (size_t i = 0; i < pixels.size(); ++i) {
      wanted[i] = uint8_t(i * 7 % 256);
      pixels[i] = float(wanted[i]) / 255.0f;
    }
    cpu::to_bytes(pixels.data(), int64_t(pixels.size()), bytes.data());
    EXPECT_EQ(bytes, wanted);
  }
  cpu::set_threads(1);
}

}  // namespace
}  // namespace burin::test
