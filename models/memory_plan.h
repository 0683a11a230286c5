// How much memory of the device a training run takes, before it takes any.
#pragma once

#include <cstddef>
#include <string>

#include "engine/data/image_set.h"
#include "models/config.h"

namespace burin {

// Bytes; exactly what Memory (engine/backend/memory.h) will hold on the GPU. CUDA itself takes some
// hundred MiB more for its context and the kernels' code.
struct MemoryPlan {
  size_t images = 0;       // training and test set
  size_t networks = 0;     // parameters, gradients, optimiser states, averages
  size_t temporaries = 0;  // of the largest step or evaluation, and what products work in
  size_t step = 0;         // of that, what Model::reserve_step_bytes wants; in temporaries

  size_t total() const { return images + networks + temporaries; }
  std::string to_string() const;  // "61.2 MiB: images 53.8, networks 4.1, temporaries 3.3"
};

// Found by going through a step, an evaluation and a grid of pictures on the meta device: the same
// code that runs on the GPU. `test` may be null.
MemoryPlan plan_memory(const Config& config, const ImageSet& train, const ImageSet* test,
                       int64_t grid_images, const ImageSet* held_out = nullptr);

// "61.2 MiB", "23.5 GiB"
std::string bytes_text(size_t bytes);

}  // namespace burin
