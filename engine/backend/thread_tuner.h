// Finds out how many threads help.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace burin {

// Results do not depend on the number of threads, so it may change from step to step. The tuner
// tries 1, 2, 4, ... up to the most allowed for a few steps each, keeps the fastest, and now and
// then tries the neighbours again: cores that are shared with another process, or are halves of one
// core, stop being used as soon as they slow the run down. Trials grow rarer while the answer stays
// the same.
class ThreadTuner {
 public:
  explicit ThreadTuner(int most);

  // For the next step.
  int threads() const { return candidates_[current_]; }
  // The step took this long.
  void record(double seconds);

  static constexpr int kTrialSteps = 3;   // after one step that is not counted
  static constexpr int kFirstPause = 60;  // steps between trials
  static constexpr int kLongestPause = 480;
  static constexpr double kGain = 0.95;  // of the time with fewer threads

 private:
  void begin_trials(std::vector<size_t> which);
  void end_trials();

  std::vector<int> candidates_;
  size_t current_ = 0;
  size_t best_ = 0;
  std::vector<size_t> trials_;               // still to run, the current one first
  std::vector<double> medians_;              // of each candidate in these trials; 0: not tried
  std::array<double, kTrialSteps> times_{};  // of the current trial
  int steps_in_trial_ = 0;
  int pause_ = kFirstPause;
  int steps_to_trials_ = 0;
};

}  // namespace burin
