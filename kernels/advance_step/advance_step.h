// The end of a training step, where its numbers are kept on the device: the step is counted, its
// losses are added to their sums, and what the next step's kernels read is put in place. So a step
// that was captured into a graph can be replayed, and the host need not look until it wants to
// know.
#pragma once

#include <cstdint>

#include "kernels/common/host_device.h"
#include "kernels/common/stream.h"
#include "kernels/l1_update/l1_update.h"

namespace burin {

inline constexpr int kMaxLosses = 4;

struct StepState {
  uint64_t step;         // steps done; random keys point here
  uint64_t table_begin;  // the step that the first row of the table is for
  uint64_t summed;       // steps in the sums
  uint64_t bad_step;     // the first step (1, 2, ...) with a loss that is not finite; 0: none
  int64_t bad_loss;      // which
  double loss_sums[kMaxLosses];
};

// What changes from step to step.
struct StepScalars {
  UpdateScalars update[2];  // of the discriminator or the whole VAE, and of the generator
  float average_decay;      // of the running average
};

// Losses of the step that ends: pointers to one float each.
struct StepLosses {
  const float* value[kMaxLosses];
  int count;
};

// Contract of both twins.
namespace cpu {

// state: step, summed, the sums and, at the first loss that is not finite, bad_step and bad_loss.
// Then, with r = step - table_begin: *current = table[r] where 0 <= r < rows, else it stays.
// CUDA: all pointers, those in `losses` too, are to device memory.
void advance_step(const StepLosses& losses, const StepScalars* table, int64_t rows,
                  StepState* state, StepScalars* current, Stream stream);

}  // namespace cpu

namespace cuda {
// The same signature, by construction.
decltype(cpu::advance_step) advance_step;
}  // namespace cuda

// One thread's work.
BURIN_HOST_DEVICE void advance_step(const StepLosses& losses, const StepScalars* table,
                                    int64_t rows, StepState* state, StepScalars* current) {
  const uint64_t step = state->step + 1;
  for (int i = 0; i < kMaxLosses; ++i) {  // a constant, so that the pointers stay in registers
    if (i >= losses.count) break;
    const float loss = *losses.value[i];
    state->loss_sums[i] += static_cast<double>(loss);
    if (loss - loss != 0.0f && state->bad_step == 0) {  // infinite or NaN
      state->bad_step = step;
      state->bad_loss = i;
    }
  }
  ++state->summed;
  state->step = step;
  const uint64_t row = step - state->table_begin;  // huge for a step before the table
  if (row < static_cast<uint64_t>(rows)) *current = table[row];
}

}  // namespace burin
