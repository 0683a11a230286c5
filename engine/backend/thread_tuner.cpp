#include "engine/backend/thread_tuner.h"

#include <algorithm>

namespace burin {

ThreadTuner::ThreadTuner(int most) {
  for (int threads = 1; threads < most; threads *= 2) candidates_.push_back(threads);
  candidates_.push_back(std::max(most, 1));
  std::vector<size_t> all;
  for (size_t i = 0; i < candidates_.size(); ++i) all.push_back(i);
  trials_.reserve(all.size());
  fastest_.resize(all.size());
  begin_trials(all);
}

void ThreadTuner::begin_trials(std::vector<size_t> which) {
  trials_ = std::move(which);
  std::fill(fastest_.begin(), fastest_.end(), 0.0);
  steps_in_trial_ = 0;
  current_ = trials_.front();
}

void ThreadTuner::end_trials() {
  const size_t before = best_;
  for (size_t i = 0; i < candidates_.size(); ++i) {
    if (fastest_[i] > 0 && (fastest_[best_] == 0 || fastest_[i] < fastest_[best_])) best_ = i;
  }
  pause_ = best_ == before ? std::min(2 * pause_, kLongestPause) : kFirstPause;
  steps_to_trials_ = pause_;
  current_ = best_;
}

void ThreadTuner::record(double seconds) {
  if (candidates_.size() == 1) return;
  if (trials_.empty()) {
    if (--steps_to_trials_ > 0) return;
    std::vector<size_t> which = {best_};
    if (best_ > 0) which.push_back(best_ - 1);
    if (best_ + 1 < candidates_.size()) which.push_back(best_ + 1);
    begin_trials(which);
    return;
  }
  // The first step of a trial pays for waking or retiring threads.
  if (steps_in_trial_++ > 0) {
    double& fastest = fastest_[current_];
    fastest = fastest == 0 ? seconds : std::min(fastest, seconds);
  }
  if (steps_in_trial_ <= kTrialSteps) return;
  steps_in_trial_ = 0;
  trials_.erase(trials_.begin());
  if (trials_.empty()) {
    end_trials();
  } else {
    current_ = trials_.front();
  }
}

}  // namespace burin
