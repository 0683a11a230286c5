// A data set of MNIST's kind for benchmarks, without reading one.
#pragma once

#include <algorithm>
#include <random>

#include "engine/data/image_set.h"

namespace burin::bench {

// Mostly background with some ink, as digits are.
inline ImageSet made_up_images(int64_t count = 8192) {
  constexpr int64_t kSide = 28;
  ImageSet set{count, kSide, kSide, {}, {}};
  set.images.resize(static_cast<size_t>(count * kSide * kSide));
  set.labels.assign(static_cast<size_t>(count), 0);
  std::mt19937 engine(1);
  std::uniform_int_distribution<int> ink(-1023, 255);
  for (uint8_t& pixel : set.images) pixel = static_cast<uint8_t>(std::max(0, ink(engine)));
  return set;
}

}  // namespace burin::bench
