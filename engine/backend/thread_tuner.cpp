#include "engine/backend/thread_tuner.h"

#include <algorithm>

namespace burin {

ThreadTuner::ThreadTuner(int most) {
  for (int threads = 1; threads < most; threads *= 2) candidates_.push_back(threads);
  candidates_.push_back(std::max(most, 1));
  std::vector<size_t> all;
  for (size_t i = 0; i < candidates_.size(); ++i) all.push_back(i);
  trials_.reserve(all.size());
  medians_.resize(all.size());
  begin_trials(all);
}

void ThreadTuner::begin_trials(std::vector<size_t> which) {
  trials_ = std::move(which);
  std::fill(medians_.begin(), medians_.end(), 0.0);
  steps_in_trial_ = 0;
  current_ = trials_.front();
}

void ThreadTuner::end_trials() {
  const size_t before = best_;
  double least = 0;
  for (size_t i = 0; i < candidates_.size(); ++i) {  // from few threads to many
    if (medians_[i] == 0 || (least > 0 && medians_[i] > kGain * least)) continue;
    least = medians_[i];
    best_ = i;
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
  if (steps_in_trial_ > 0) times_[static_cast<size_t>(steps_in_trial_ - 1)] = seconds;
  if (++steps_in_trial_ <= kTrialSteps) return;
  std::sort(times_.begin(), times_.end());
  medians_[current_] = times_[kTrialSteps / 2];
  steps_in_trial_ = 0;
  trials_.erase(trials_.begin());
  if (trials_.empty()) {
    end_trials();
  } else {
    current_ = trials_.front();
  }
}

}  // namespace burin
