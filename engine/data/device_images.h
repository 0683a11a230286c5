// A data set where the kernels run.
#pragma once

#include <cstdint>

#include "engine/backend/memory.h"
#include "engine/data/image_set.h"

namespace burin {

// Images as bytes, resident on the device; batches are made there. A set that is handed over to the
// CPU keeps its bytes, and no second copy of them is made.
class DeviceImages {
 public:
  DeviceImages(const ImageSet& set, Device device);
  DeviceImages(ImageSet&& set, Device device);

  const uint8_t* images() const { return data_of(host_.images, images_); }  // [count, pixels]
  const uint8_t* labels() const { return data_of(host_.labels, labels_); }  // [count]
  int64_t count() const { return host_.count; }
  int64_t pixels() const { return host_.pixels(); }
  Device device() const { return device_; }

 private:
  const uint8_t* data_of(const std::vector<uint8_t>& bytes, const Memory& memory) const {
    return device_ == Device::cpu ? bytes.data() : memory.as<uint8_t>();
  }

  Device device_;
  ImageSet host_;  // on other devices without its bytes
  Memory images_;
  Memory labels_;
};

}  // namespace burin
