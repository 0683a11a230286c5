# How test code is compiled, a test's own or that of a library of cases.
include_guard(GLOBAL)

function(burin_test_options name)
  target_compile_options(${name} PRIVATE -Wall -Wextra -ffp-contract=off)
  burin_compile_fast(${name})
  if(BURIN_SANITIZE)
    target_compile_options(${name} PRIVATE ${BURIN_CXX_OPTIONS} -Wno-conversion)
  endif()
  # Most of a test file's compile time is in these. Compiled once, for kernel_cases, which is the first.
  if(name STREQUAL "kernel_cases")
    target_precompile_headers(${name} PRIVATE <gtest/gtest.h> <nlohmann/json.hpp> <random> <vector>)
  else()
    target_precompile_headers(${name} REUSE_FROM kernel_cases)
  endif()
endfunction()
