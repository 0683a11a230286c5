// A program that works on request, so that runs of several can take turns while all stay in memory:
// the protocol of side.py.
#pragma once

#include <sys/resource.h>

#include <chrono>
#include <fstream>
#include <functional>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>

namespace burin::bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

inline double processor_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline int64_t peak_resident_kib() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmHWM:")) return std::stoll(line.substr(6));
  }
  return 0;
}

// Prints `hello`, one line of JSON. Then, for each line on standard input, a number of seconds,
// works for that long and prints what was done. Ends with the input. work() does some steps and
// returns how many; report() adds to an answer.
inline void serve(const nlohmann::json& hello, const std::function<int64_t()>& work,
                  const std::function<void(nlohmann::json&)>& report = {}) {
  std::cout << hello.dump() << std::endl;
  for (double seconds; std::cin >> seconds;) {
    int64_t steps = 0;
    const double begin = now();
    const double processor_begin = processor_seconds();
    double time = begin;
    while (time - begin < seconds) {
      steps += work();
      time = now();
    }
    nlohmann::json answer = {{"steps", steps},
                             {"seconds", time - begin},
                             {"processor_seconds", processor_seconds() - processor_begin},
                             {"peak_kib", peak_resident_kib()}};
    if (report) report(answer);
    std::cout << answer.dump() << std::endl;
  }
}

}  // namespace burin::bench
