#include "engine/optim/step_clock.h"

#include <stdexcept>
#include <utility>

#include "engine/backend/dispatch.h"

namespace burin {

StepClock::StepClock(Device device, Stream stream, int64_t table_rows,
                     std::function<StepScalars(int64_t)> make_scalars)
    : device_(device),
      stream_(stream),
      make_scalars_(std::move(make_scalars)),
      rows_(static_cast<size_t>(table_rows)),
      state_(device, sizeof(StepState)),
      current_(device, sizeof(StepScalars)),
      table_(device, rows_.size() * sizeof(StepScalars)) {}

void StepClock::set_step(int64_t step) {
  step_ = step;
  table_begin_ = -1;
  const uint64_t value = static_cast<uint64_t>(step);
  copy_to_device_async(device_, &state_.as<StepState>()->step, &value, sizeof value, stream_);
}

void StepClock::prepare() {
  const int64_t rows = static_cast<int64_t>(rows_.size());
  if (table_begin_ >= 0 && step_ >= table_begin_ && step_ < table_begin_ + rows) return;
  table_begin_ = step_;
  for (int64_t row = 0; row < rows; ++row) {
    rows_[static_cast<size_t>(row)] = make_scalars_(step_ + row);
  }
  const uint64_t begin = static_cast<uint64_t>(step_);
  copy_to_device_async(device_, &state_.as<StepState>()->table_begin, &begin, sizeof begin,
                       stream_);
  copy_to_device_async(device_, table_.data(), rows_.data(), table_.bytes(), stream_);
  copy_to_device_async(device_, current_.data(), rows_.data(), sizeof(StepScalars), stream_);
}

void StepClock::advance(const std::vector<const float*>& losses) {
  if (losses.size() > kMaxLosses) throw std::invalid_argument("advance: too many losses");
  StepLosses given{};
  given.count = static_cast<int>(losses.size());
  for (size_t i = 0; i < losses.size(); ++i) given.value[i] = losses[i];
  losses_ = losses.size();
  BURIN_DISPATCH(device_, advance_step, given, table_.as<StepScalars>(),
                 static_cast<int64_t>(rows_.size()), state_.as<StepState>(),
                 current_.as<StepScalars>(), stream_);
  ++step_;
}

StepClock::Losses StepClock::take_losses() {
  StepState state{};
  copy_to_host(device_, &state, state_.data(), sizeof state);
  Losses taken;
  taken.steps = static_cast<int64_t>(state.summed);
  taken.bad_step = static_cast<int64_t>(state.bad_step);
  taken.bad_loss = state.bad_loss;
  for (size_t i = 0; i < losses_; ++i) {
    const double sum = state.loss_sums[i];
    taken.means.push_back(taken.steps > 0 ? sum / static_cast<double>(taken.steps) : 0.0);
  }
  const StepState fresh{static_cast<uint64_t>(step_),
                        static_cast<uint64_t>(table_begin_ < 0 ? 0 : table_begin_),
                        0,
                        0,
                        0,
                        {}};
  copy_to_device_async(device_, state_.data(), &fresh, sizeof fresh, stream_);
  return taken;
}

}  // namespace burin
