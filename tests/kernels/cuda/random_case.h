// A position in the random numbers, as each twin and the oracle take it.
#pragma once

#include <memory>

#include "kernels/common/philox.h"
#include "tests/support/device_case.h"

namespace burin::test {

inline constexpr uint64_t kSeed = 0x123456789abcdef0u;
inline constexpr uint64_t kStep = 0x1'0000'0007u;  // more than 32 bits
inline constexpr uint32_t kStream = 3;
inline constexpr oracle::Draw kDraw{kSeed, kStream, kStep};
inline const RandomKey kHostKey{kSeed, kStream, &kStep};

class RandomDeviceTest : public DeviceTest {
 protected:
  // The step lies in device memory.
  void SetUp() override {
    DeviceTest::SetUp();
    if (!IsSkipped()) step_ = std::make_unique<DeviceBuffer<uint64_t>>(std::vector{kStep});
  }
  RandomKey key() { return {kSeed, kStream, step_->data()}; }
  std::unique_ptr<DeviceBuffer<uint64_t>> step_;
};

}  // namespace burin::test
