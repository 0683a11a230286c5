// Images through a network, some hundred at a time.
#pragma once

#include <algorithm>
#include <vector>

#include "engine/autograd/tape.h"

namespace burin {

// Concatenates what output(x), a matrix, makes of x[B, pixels] for all parts of images[count,
// pixels].
template <class Output>
std::vector<float> outputs_of(Tape& tape, const std::vector<float>& images, int64_t pixels,
                              const Output& output) {
  constexpr int64_t kBatch = 500;
  std::vector<float> all;
  const int64_t count = static_cast<int64_t>(images.size()) / pixels;
  for (int64_t first = 0; first < count; first += kBatch) {
    const int64_t batch = std::min(kBatch, count - first);
    tape.reset();
    const Tensor x = tape.temporary({batch, pixels});
    x.set({images.begin() + first * pixels, images.begin() + (first + batch) * pixels});
    const std::vector<float> values = output(tape.constant(x)).to_host();
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

}  // namespace burin
