// Tests that read the software GPU's counters: exact and repeatable, so that they can be bounds.
#pragma once

#include "tests/support/softgpu_counters.h"
#include "tests/support/twin.h"

namespace burin::test {

// Skips its tests, with the reason, where nothing is counted.
class CountedTest : public TwinTest {
 protected:
  void SetUp() override {
    TwinTest::SetUp();
    if (!IsSkipped() && !counters_available()) {
      GTEST_SKIP() << "no counters: they exist on the software GPU under --count";
    }
  }
};

}  // namespace burin::test
