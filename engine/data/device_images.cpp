#include "engine/data/device_images.h"

#include <utility>

namespace burin {
namespace {

Memory on_device(Device device, const std::vector<uint8_t>& bytes) {
  if (device == Device::cpu) return {};
  Memory memory(device, bytes.size());
  copy_to_device(device, memory.data(), bytes.data(), bytes.size());
  return memory;
}

}  // namespace

DeviceImages::DeviceImages(const ImageSet& set, Device device)
    : device_(device),
      host_{set.count, set.rows, set.cols, {}, {}},
      images_(on_device(device, set.images)),
      labels_(on_device(device, set.labels)) {
  if (device == Device::cpu) host_ = set;
}

DeviceImages::DeviceImages(ImageSet&& set, Device device)
    : device_(device),
      host_{set.count, set.rows, set.cols, {}, {}},
      images_(on_device(device, set.images)),
      labels_(on_device(device, set.labels)) {
  if (device == Device::cpu) host_ = std::move(set);
}

}  // namespace burin
