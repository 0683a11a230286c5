#include "engine/nn/parameters.h"

#include <utility>

namespace burin {
namespace {

constexpr int64_t kAlignmentFloats = 16;

}  // namespace

int Parameters::add(std::string name, const Shape& shape, bool is_weight, bool joined) {
  const int64_t end = infos_.empty() ? 0 : infos_.back().offset + infos_.back().shape.elements();
  infos_.push_back({std::move(name), shape, joined ? end : flat_size_, is_weight});
  const int64_t new_end = infos_.back().offset + shape.elements();
  flat_size_ = (new_end + kAlignmentFloats - 1) / kAlignmentFloats * kAlignmentFloats;
  return count() - 1;
}

void Parameters::allocate(Device device) {
  const size_t bytes = static_cast<size_t>(flat_size_) * sizeof(float);
  values_ = Memory(device, bytes);
  gradients_ = Memory(device, bytes);
}

Tensor Parameters::view(const Memory& buffer, int index, int count) const {
  const ParameterInfo& first = info(index);
  Shape shape = first.shape;
  if (count > 1) {
    int64_t rows = 0;
    for (int i = index; i < index + count; ++i) rows += info(i).shape[0];
    shape = shape.rank() == 1 ? Shape{rows} : Shape{rows, shape[1]};
  }
  return Tensor(buffer.as<float>() + first.offset, shape, buffer.device());
}

Variable Parameters::variable(Tape& tape, int index, bool trainable, int count) const {
  const Tensor value = joined_value(index, count);
  if (trainable) return tape.parameter(value, joined_gradient(index, count));
  const Variable constant = tape.constant(value);
  const auto sparse = sparse_.find({index, count});
  if (sparse != sparse_.end()) constant->sparse = &sparse->second;
  return constant;
}

int64_t Parameters::elements() const {
  int64_t total = 0;
  for (const ParameterInfo& info : infos_) total += info.shape.elements();
  return total;
}

}  // namespace burin
