#include "engine/nn/parameters.h"

#include <utility>

namespace burin {
namespace {

constexpr int64_t kAlignmentFloats = 16;

}  // namespace

int Parameters::add(std::string name, const Shape& shape, bool is_weight) {
  infos_.push_back({std::move(name), shape, flat_size_, is_weight});
  flat_size_ += (shape.elements() + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
  return count() - 1;
}

void Parameters::allocate(Device device) {
  const size_t bytes = static_cast<size_t>(flat_size_) * sizeof(float);
  values_ = Memory(device, bytes);
  gradients_ = Memory(device, bytes);
}

Tensor Parameters::view(const Memory& buffer, int index) const {
  const ParameterInfo& which = info(index);
  return Tensor(buffer.as<float>() + which.offset, which.shape, buffer.device());
}

Variable Parameters::variable(Tape& tape, int index, bool trainable) const {
  return trainable ? tape.parameter(value(index), gradient(index)) : tape.constant(value(index));
}

int64_t Parameters::elements() const {
  int64_t total = 0;
  for (const ParameterInfo& info : infos_) total += info.shape.elements();
  return total;
}

}  // namespace burin
