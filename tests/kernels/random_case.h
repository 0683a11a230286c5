// A position in the random numbers, as the twins and the oracle take it.
#pragma once

#include "kernels/common/philox.h"
#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test {

inline constexpr uint64_t kSeed = 0x123456789abcdef0u;
inline constexpr uint64_t kStep = 0x1'0000'0007u;  // more than 32 bits
inline constexpr uint32_t kStream = 3;
inline constexpr oracle::Draw kDraw{kSeed, kStream, kStep};

// The step, which kernels read where they run; and the key with it.
inline Argument step_argument() {
  return input_of<uint64_t>("step", constant(std::vector{kStep})).count(one);
}
inline RandomKey key_at(Pointer step) {
  return {kSeed, kStream, step};
}

// A position for the twin under test, its step in the twin's memory.
class Key {
 public:
  explicit Key(uint64_t seed = kSeed, uint32_t stream = kStream, uint64_t step = kStep)
      : seed_(seed), stream_(stream), step_(std::vector{step}) {}
  void set_step(uint64_t step) { step_[0] = step; }
  operator RandomKey() const { return {seed_, stream_, step_.data()}; }

 private:
  uint64_t seed_;
  uint32_t stream_;
  BufferOf<uint64_t> step_;
};

}  // namespace burin::test
