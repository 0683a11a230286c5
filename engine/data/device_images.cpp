#include "engine/data/device_images.h"

namespace burin {

DeviceImages::DeviceImages(const ImageSet& set, Device device)
    : count_(set.count),
      pixels_(set.pixels()),
      images_(device, set.images.size()),
      labels_(device, set.labels.size()) {
  copy_to_device(device, images_.data(), set.images.data(), set.images.size());
  copy_to_device(device, labels_.data(), set.labels.data(), set.labels.size());
}

}  // namespace burin
