# Peers in C++ and the tests of peers/. Included by bench/CMakeLists.txt.

# The peers are built by name, where they are installed: they take up to a minute each, and nothing
# else needs them. Debian: libtorch-dev; tiny-dnn libcereal-dev libstb-dev libgemmlowp-dev.
if(NOT BURIN_SANITIZE)
  find_path(BURIN_TORCH_INCLUDE_DIR torch/torch.h PATH_SUFFIXES torch/csrc/api/include)
  find_library(BURIN_TORCH_LIBRARY torch)
  find_library(BURIN_TORCH_CPU_LIBRARY torch_cpu)
  find_library(BURIN_C10_LIBRARY c10)
  if(BURIN_TORCH_INCLUDE_DIR AND BURIN_TORCH_LIBRARY AND BURIN_TORCH_CPU_LIBRARY AND BURIN_C10_LIBRARY)
    add_executable(libtorch_steps EXCLUDE_FROM_ALL peers/libtorch_steps.cpp)
    target_include_directories(libtorch_steps SYSTEM PRIVATE ${BURIN_TORCH_INCLUDE_DIR})
    target_compile_options(libtorch_steps PRIVATE -Wall -Wextra)
    target_link_libraries(libtorch_steps PRIVATE burin_engine ${BURIN_TORCH_LIBRARY}
                                                 ${BURIN_TORCH_CPU_LIBRARY} ${BURIN_C10_LIBRARY})
    if(BURIN_OPENBLAS_LIBRARY)
      target_compile_definitions(libtorch_steps PRIVATE BURIN_BENCH_OPENBLAS)
      target_link_libraries(libtorch_steps PRIVATE ${BURIN_OPENBLAS_LIBRARY})
    endif()
  endif()

  find_path(BURIN_TINY_DNN_INCLUDE_DIR tiny_dnn/tiny_dnn.h)
  find_path(BURIN_STB_DIR stb_image_resize.h PATH_SUFFIXES stb)
  find_path(BURIN_CEREAL_INCLUDE_DIR cereal/cereal.hpp)
  find_path(BURIN_GEMMLOWP_INCLUDE_DIR gemmlowp/public/gemmlowp.h)
  if(BURIN_TINY_DNN_INCLUDE_DIR AND BURIN_STB_DIR AND BURIN_CEREAL_INCLUDE_DIR AND BURIN_GEMMLOWP_INCLUDE_DIR)
    # Where Debian's tiny-dnn looks for stb, and Debian does not put it.
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/tiny_dnn/third_party)
    file(CREATE_LINK ${BURIN_STB_DIR} ${CMAKE_CURRENT_BINARY_DIR}/tiny_dnn/third_party/stb SYMBOLIC)
    add_executable(tiny_dnn_steps EXCLUDE_FROM_ALL peers/tiny_dnn_steps.cpp)
    target_include_directories(tiny_dnn_steps SYSTEM PRIVATE ${BURIN_TINY_DNN_INCLUDE_DIR}
      ${BURIN_CEREAL_INCLUDE_DIR} ${BURIN_GEMMLOWP_INCLUDE_DIR} ${CMAKE_CURRENT_BINARY_DIR}/tiny_dnn)
    target_compile_options(tiny_dnn_steps PRIVATE -Wall -Wextra -march=native)
    target_link_libraries(tiny_dnn_steps PRIVATE burin_engine)
  endif()
endif()

if(BURIN_TESTS AND Python3_Interpreter_FOUND AND NOT BURIN_SANITIZE)
  add_test(NAME peers_threads
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/peers/threads --rounds 1
                   --seconds 0.05 --step vae --burin $<TARGET_FILE:burin_steps>)
  set_tests_properties(peers_threads PROPERTIES TIMEOUT 120)

  # With the peers that are found here, and without any; then the picture.
  set(peers_json ${CMAKE_CURRENT_BINARY_DIR}/peers.json)
  add_test(NAME peers_run
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/peers/run --rounds 1
                   --seconds 0.05 --pilot 0 --step gan --json ${peers_json}
                   --burin $<TARGET_FILE:burin_steps>)
  set_tests_properties(peers_run PROPERTIES TIMEOUT 300 FIXTURES_SETUP peers_json)
  add_test(NAME peers_run_alone
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/peers/run --rounds 2
                   --seconds 0.05 --pilot 0.03 --step sample --step evaluate --python no-such-python
                   --peer torch --peer jax --burin $<TARGET_FILE:burin_steps>)
  set_tests_properties(peers_run_alone PROPERTIES TIMEOUT 120 PASS_REGULAR_EXPRESSION
    "skipped: torch: not in no-such-python.*skipped: jax: .*evaluate +212 +[0-9,]+ +none +[0-9.]+ ")
  add_test(NAME peers_contest
           COMMAND Python3::Interpreter ${CMAKE_CURRENT_SOURCE_DIR}/peers/contest_test.py)
  set_tests_properties(peers_contest PROPERTIES TIMEOUT 120)
  foreach(python ${Python3_EXECUTABLE} /usr/bin/python3)
    execute_process(COMMAND ${python} -c "import matplotlib" RESULT_VARIABLE without_matplotlib
                    OUTPUT_QUIET ERROR_QUIET)
    if("${without_matplotlib}" STREQUAL "0")
      add_test(NAME peers_plot COMMAND ${python} ${CMAKE_CURRENT_SOURCE_DIR}/peers/plot
                                       ${peers_json} ${CMAKE_CURRENT_BINARY_DIR}/peers.png)
      set_tests_properties(peers_plot PROPERTIES TIMEOUT 120 FIXTURES_REQUIRED peers_json)
      break()
    endif()
  endforeach()
endif()
