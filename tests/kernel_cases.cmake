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
  burin_unity(${name})
endfunction()

# Counters of the software GPU, for tests and benchmarks: once, it takes long.
if(BURIN_CUDA)
  add_library(burin_softgpu_counters STATIC ${CMAKE_CURRENT_LIST_DIR}/support/softgpu_counters.cpp)
  target_include_directories(burin_softgpu_counters PUBLIC ${PROJECT_SOURCE_DIR})
  target_link_libraries(burin_softgpu_counters PRIVATE CUDA::cudart nlohmann_json::nlohmann_json ${CMAKE_DL_LIBS})
  target_compile_options(burin_softgpu_counters PRIVATE ${BURIN_CXX_OPTIONS})
  burin_compile_fast(burin_softgpu_counters)
endif()

file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/*_case.cpp
     ${CMAKE_CURRENT_LIST_DIR}/support/room_case.cpp)
burin_cases(kernel_cases ${sources})
if(BURIN_CUDA)
  file(GLOB cuda_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/kernels/cuda/*_case.cpp)
  burin_cases(cuda_kernel_cases ${sources} ${cuda_sources})
  target_compile_definitions(cuda_kernel_cases PRIVATE BURIN_TEST_CUDA=1)
endif()
