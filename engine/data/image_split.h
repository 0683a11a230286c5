// A part of a set of images, and what of it is kept out of training.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/data/image_set.h"

namespace burin {

// 1 <= images <= those of the set, or 0: all. Of these, `hold_out` (0: none, below their number) or
// the fold `fold` (1 .. folds) of `folds` (0: none, at least 2, at most their number) are held out;
// not both.
struct SplitRule {
  int64_t images = 0;
  int64_t hold_out = 0;
  int64_t folds = 0;
  int64_t fold = 0;
  uint64_t seed = 1;
};

struct SplitIndices {
  std::vector<int64_t> train;  // rising, as is held_out; none is in both
  std::vector<int64_t> held_out;
};

// Which images of a set with these labels are trained on, and which are held out: drawn by the
// seed, and stratified, so that each part has of each label what is its share, but for less than
// one image (Kohavi, "A study of cross-validation and bootstrap for accuracy estimation and model
// selection", IJCAI 1995). Folds differ by one image at most, are disjoint, and are all images
// together. Throws std::invalid_argument for a rule that cannot be.
SplitIndices split_indices(const std::vector<uint8_t>& labels, const SplitRule& rule);

// Images `indices` of `set`, in that order.
ImageSet select_images(const ImageSet& set, const std::vector<int64_t>& indices);

}  // namespace burin
