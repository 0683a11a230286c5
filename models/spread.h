// Times that were measured again and again.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace burin {

// The median, and the quartiles that half of the values lie between.
struct Spread {
  double low = 0, median = 0, high = 0;
};

// At least one value.
inline Spread spread_of(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const auto at = [&](double part) {
    return values[static_cast<size_t>(part * static_cast<double>(values.size() - 1) + 0.5)];
  };
  return {at(0.25), at(0.5), at(0.75)};
}

// Seconds of one call.
template <class F>
double seconds_of(const F& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// Two ways to do the same, in turn, so that what disturbs one disturbs the other; seconds of a
// call, and the ratios first / second of the rounds.
struct Alternation {
  Spread first, second, ratio;
};
// rounds, repeats >= 1; each is called once before.
template <class F, class G>
Alternation alternate(int rounds, int repeats, const F& first, const G& second) {
  first();
  second();
  const auto timed = [&](const auto& run) {
    return seconds_of([&] {
             for (int i = 0; i < repeats; ++i) run();
           }) /
           repeats;
  };
  std::vector<double> of_first, of_second, ratios;
  for (int round = 0; round < rounds; ++round) {
    of_first.push_back(timed(first));
    of_second.push_back(timed(second));
    ratios.push_back(of_first.back() / of_second.back());
  }
  return {spread_of(of_first), spread_of(of_second), spread_of(ratios)};
}

}  // namespace burin
