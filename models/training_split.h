// The images that a run is trained on, and those that it keeps out: train_images, hold_out, folds,
// fold and split_seed.
#pragma once

#include "engine/data/image_split.h"
#include "models/config.h"

namespace burin {

// Throws UsageError if a set of `count` images has too few for the settings; `fold` is not looked
// at.
void check_split(const Config& config, int64_t count);

// Of `labels`, those of the whole training set. Throws as check_split.
SplitIndices split_of(const Config& config, const std::vector<uint8_t>& labels);

struct SplitImages {
  ImageSet train;
  ImageSet held_out;  // may be empty
};
// Of the whole training set. Throws as check_split.
SplitImages split_training_set(const Config& config, ImageSet&& whole);

}  // namespace burin
