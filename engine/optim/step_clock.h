// The numbers of a training step that lie where the kernels run.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "engine/backend/memory.h"
#include "kernels/advance_step/advance_step.h"

namespace burin {

// Counts steps, keeps the sums of the losses, and brings learning rates and their like to the
// device: a table for many steps at a time, made on the host in double, so that they are the same
// on every device. Between two loads of the table nothing is copied and nobody waits.
class StepClock {
 public:
  // make_scalars(step) gives what step 0, 1, ... uses. `table_rows`: steps between loads.
  StepClock(Device device, Stream stream, int64_t table_rows,
            std::function<StepScalars(int64_t)> make_scalars);

  int64_t step() const { return step_; }  // steps done, or queued
  void set_step(int64_t step);
  // Before a step: puts its scalars in place if the last advance() could not.
  void prepare();
  // After its last kernel: queues the kernel that counts. `losses` has at most kMaxLosses.
  void advance(const std::vector<const float*>& losses);
  // advance() by a replayed graph: the host's count follows.
  void count_replayed() { ++step_; }
  // advance() that was captured and did not run.
  void uncount() { --step_; }

  // On the device.
  const uint64_t* device_step() const { return &state_.as<StepState>()->step; }
  const UpdateScalars* update(int which) const {
    return &current_.as<StepScalars>()->update[which];
  }
  const float* average_decay() const { return &current_.as<StepScalars>()->average_decay; }

  // Means of the losses since the last call, and the first step whose losses were not finite (0:
  // none). Waits for the device.
  struct Losses {
    std::vector<double> means;
    int64_t steps = 0;
    int64_t bad_step = 0;
    int64_t bad_loss = 0;
  };
  Losses take_losses();

 private:
  Device device_;
  Stream stream_;
  std::function<StepScalars(int64_t)> make_scalars_;
  std::vector<StepScalars> rows_;  // the table
  int64_t table_begin_ = -1;       // none is loaded
  int64_t step_ = 0;
  size_t losses_ = 0;
  Memory state_;
  Memory current_;
  Memory table_;
};

}  // namespace burin
