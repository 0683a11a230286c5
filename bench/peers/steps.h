// What the benchmarks measure, by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/config.h"

namespace burin::bench {

enum class Work { train, sample, evaluate };

struct NamedStep {
  std::string name;
  Config config;
  Work work = Work::train;
};

// gan       100-128-256-784 and 784-256-256-1, batch 128, L1 on the generator; neither dropout nor
//           a running average
// gan-full  the preset mnist-gan: with both
// vae       784-128-256-(20, 20) and 20-256-128-784, batch 128, L1 on both networks
// vae784    the same with 784 latents
// mnist-vae the preset: 784-200-200-(50, 50) and 50-200-200-784, batch 100
std::vector<NamedStep> named_steps();

// One of named_steps(), or what a trained model is for; throws UsageError naming all.
// sample    the generator of gan makes a batch of 256 pictures, as bytes
// evaluate  test ELBO of mnist-vae, in batches of 250; a step is one such batch
NamedStep find_step(const std::string& name);

// Operations of the matrix products of a step, in millions: a multiply-add is two. The gradient
// with respect to an image and those of frozen weights are not computed, so not counted.
double step_mflop(const Config& config, int64_t pixels);
double step_mflop(const NamedStep& step, int64_t pixels);

}  // namespace burin::bench
