// A data set of MNIST's kind for benchmarks, without reading one.
#pragma once

#include <random>

#include "engine/data/image_set.h"

namespace burin::bench {

// A fifth is ink, of all shades, which lies in runs of 3 to 9 pixels as strokes do: how much of a
// digit is background for a while decides what making it 0 or 1 costs.
inline ImageSet made_up_images(int64_t count = 8192) {
  constexpr int64_t kSide = 28;
  ImageSet set{count, kSide, kSide, {}, {}};
  set.images.assign(static_cast<size_t>(count * kSide * kSide), 0);
  set.labels.assign(static_cast<size_t>(count), 0);
  std::mt19937 engine(1);
  std::uniform_int_distribution<size_t> background(8, 40), stroke(3, 9);
  std::uniform_int_distribution<int> ink(1, 255);
  for (size_t i = background(engine); i < set.images.size(); i += background(engine)) {
    for (size_t end = i + stroke(engine); i < end && i < set.images.size(); ++i) {
      set.images[i] = static_cast<uint8_t>(ink(engine));
    }
  }
  return set;
}

}  // namespace burin::bench
