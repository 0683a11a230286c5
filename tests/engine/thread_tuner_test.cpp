#include "engine/backend/thread_tuner.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

namespace burin::test {
namespace {

// How long a step takes with a number of threads.
using Times = std::map<int, double>;

// Runs `steps` steps and returns the threads of each.
std::vector<int> run(ThreadTuner& tuner, const Times& times, int steps) {
  std::vector<int> used;
  for (int step = 0; step < steps; ++step) {
    used.push_back(tuner.threads());
    tuner.record(times.at(used.back()));
  }
  return used;
}

int64_t steps_without(const std::vector<int>& used, int threads) {
  return static_cast<int64_t>(used.size()) - std::count(used.begin(), used.end(), threads);
}

constexpr int kTrial = ThreadTuner::kTrialSteps + 1;

TEST(ThreadTuner, PicksTheFastest) {
  for (const auto& [best, times] :
       std::vector<std::pair<int, Times>>{{1, {{1, 1.0}, {2, 2.0}, {4, 3.0}, {6, 4.0}}},
                                          {2, {{1, 2.0}, {2, 1.0}, {4, 3.0}, {6, 4.0}}},
                                          {6, {{1, 4.0}, {2, 3.0}, {4, 2.0}, {6, 1.0}}}}) {
    ThreadTuner tuner(6);
    const std::vector<int> trials = run(tuner, times, 4 * kTrial);
    for (const int candidate : {1, 2, 4, 6}) {
      EXPECT_EQ(std::count(trials.begin(), trials.end(), candidate), kTrial);
    }
    const std::vector<int> after = run(tuner, times, ThreadTuner::kFirstPause - 1);
    EXPECT_EQ(steps_without(after, best), 0) << best;
  }
}

TEST(ThreadTuner, MoreThreadsMustBeWorthIt) {
  for (const auto& [two, expected] : {std::pair(0.97, 1), std::pair(0.9, 2)}) {
    ThreadTuner tuner(2);
    run(tuner, {{1, 1.0}, {2, two}}, 2 * kTrial);
    EXPECT_EQ(tuner.threads(), expected);
  }
}

TEST(ThreadTuner, AllProcessorsAreACandidate) {
  for (const int most : {2, 3, 5, 7, 8}) {
    ThreadTuner tuner(most);
    int largest = 0;
    for (int step = 0; step < 40; ++step) {
      largest = std::max(largest, tuner.threads());
      tuner.record(1.0 / tuner.threads());
    }
    EXPECT_EQ(largest, most);
    EXPECT_EQ(tuner.threads(), most);
  }
}

TEST(ThreadTuner, OneSlowStepDoesNotDecide) {
  ThreadTuner tuner(2);
  int step = 0;
  // Two threads are faster, but the first step of each trial and one more are disturbed.
  for (; step < 2 * kTrial; ++step) {
    const bool disturbed = step % kTrial <= 1;
    tuner.record(disturbed ? 50.0 : (tuner.threads() == 2 ? 1.0 : 2.0));
  }
  EXPECT_EQ(tuner.threads(), 2);
}

TEST(ThreadTuner, TheFirstStepOfATrialIsNotCounted) {
  ThreadTuner tuner(2);
  // One thread is seemingly fast in that step alone.
  for (int step = 0; step < 2 * kTrial; ++step) {
    tuner.record(step == 0 ? 0.01 : (tuner.threads() == 2 ? 1.0 : 2.0));
  }
  EXPECT_EQ(tuner.threads(), 2);
}

TEST(ThreadTuner, StaysAndTriesMoreRarely) {
  ThreadTuner tuner(4);
  const Times times = {{1, 3.0}, {2, 2.0}, {4, 1.0}};
  run(tuner, times, 3 * kTrial);
  constexpr int kSteps = 20000;
  const std::vector<int> used = run(tuner, times, kSteps);
  // Each trial of the neighbour costs kTrial steps; the pauses double from 120 to the longest.
  EXPECT_LE(steps_without(used, 4), kTrial * (kSteps / ThreadTuner::kLongestPause + 4));
  EXPECT_GE(steps_without(used, 4), kTrial * (kSteps / (2 * ThreadTuner::kLongestPause)));
  EXPECT_EQ(std::count(used.begin(), used.end(), 1), 0);  // not a neighbour
}

TEST(ThreadTuner, SwitchesWhenTheTimesReverse) {
  ThreadTuner tuner(2);
  Times times = {{1, 2.0}, {2, 1.0}};
  run(tuner, times, 10000);  // trials are as rare as they get
  times = {{1, 1.0}, {2, 2.0}};
  EXPECT_EQ(tuner.threads(), 2);
  int steps = 0;
  for (int in_a_row = 0; in_a_row < 2 * kTrial; ++steps) {  // longer than a trial
    in_a_row = tuner.threads() == 1 ? in_a_row + 1 : 0;
    tuner.record(times.at(tuner.threads()));
    ASSERT_LE(steps, ThreadTuner::kLongestPause + 8 * kTrial);
  }
  // After a change trials are frequent again.
  times = {{1, 2.0}, {2, 1.0}};
  run(tuner, times, ThreadTuner::kFirstPause + 2 * kTrial);
  EXPECT_EQ(tuner.threads(), 2);
}

TEST(ThreadTuner, ClimbsByNeighbours) {
  ThreadTuner tuner(8);
  run(tuner, {{1, 1.0}, {2, 2.0}, {4, 3.0}, {8, 4.0}}, 4 * kTrial);
  EXPECT_EQ(tuner.threads(), 1);
  run(tuner, {{1, 4.0}, {2, 3.0}, {4, 2.0}, {8, 1.0}}, 2000);
  EXPECT_EQ(tuner.threads(), 8);
}

TEST(ThreadTuner, OneThreadNeverChanges) {
  for (const int most : {1, 0, -2}) {
    ThreadTuner tuner(most);
    for (int step = 0; step < 3000; ++step) {
      ASSERT_EQ(tuner.threads(), 1);
      tuner.record(step % 7 + 1.0);
    }
  }
}

}  // namespace
}  // namespace burin::test
