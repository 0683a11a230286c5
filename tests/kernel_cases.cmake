# The cases that rooms declare (tests/support/room_case.h), compiled once: for the tests, and for the
# benchmarks, which run them too. kernel_cases is for the CPU twins, cuda_kernel_cases for the CUDA
# ones.
include_guard(GLOBAL)
find_package(GTest REQUIRED)
include(${CMAKE_CURRENT_LIST_DIR}/test_options.cmake)

function(burin_cases name)
  add_library(${name} OBJECT ${ARGN})
  target_link_libraries(${name} PRIVATE burin_kernels GTest::gtest)
  burin_test_options(${name})
endfunction()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/*_case.cpp
     ${CMAKE_CURRENT_LIST_DIR}/support/room_case.cpp)
burin_cases(kernel_cases ${sources})
if(BURIN_CUDA)
  file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/cuda/*_case.cpp)
  burin_cases(cuda_kernel_cases ${sources} ${cuda_sources}
              ${CMAKE_CURRENT_LIST_DIR}/support/softgpu_counters.cpp)
  target_compile_definitions(cuda_kernel_cases PRIVATE BURIN_TEST_CUDA=1)
endif()
