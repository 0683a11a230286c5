// A data set where the kernels run.
#pragma once

#include <cstdint>

#include "engine/backend/memory.h"
#include "engine/data/image_set.h"

namespace burin {

// Images as bytes, resident on the device; batches are made there.
class DeviceImages {
 public:
  DeviceImages(const ImageSet& set, Device device);

  const uint8_t* images() const { return images_.as<uint8_t>(); }  // [count, pixels]
  const uint8_t* labels() const { return labels_.as<uint8_t>(); }  // [count]
  int64_t count() const { return count_; }
  int64_t pixels() const { return pixels_; }
  Device device() const { return images_.device(); }

 private:
  int64_t count_;
  int64_t pixels_;
  Memory images_;
  Memory labels_;
};

}  // namespace burin
