// What is refused as a wrong setting or flag.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>

#include "models/config.h"

namespace burin::test {

// f() throws UsageError with one line that has every part in it.
template <class F>
void expect_usage_error(F f, std::initializer_list<std::string> parts) {
  try {
    f();
  } catch (const UsageError& fault) {
    const std::string message = fault.what();
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    for (const std::string& part : parts) {
      EXPECT_NE(message.find(part), std::string::npos) << "no \"" << part << "\" in: " << message;
    }
    return;
  }
  ADD_FAILURE() << "not refused, expected " << *(parts.end() - 1);
}

}  // namespace burin::test
