#include "engine/autograd/tape.h"

#include <stdexcept>
#include <string>

#include "engine/backend/dispatch.h"
#include "kernels/fill/fill.h"
#include "kernels/scale/scale.h"

namespace burin {

Variable Tape::make_node() {
  return Variable(new (host_arena_.allocate(sizeof(Node))) Node());
}

Variable Tape::constant(const Tensor& value) {
  Variable variable = make_node();
  variable->value = value;
  return variable;
}

Variable Tape::parameter(const Tensor& value, const Tensor& gradient) {
  if (value.shape() != gradient.shape()) {
    throw std::invalid_argument("parameter: value has shape " + value.shape().to_string() +
                                ", gradient " + gradient.shape().to_string());
  }
  if (value.shape().rank() == 0) {
    throw std::invalid_argument("parameter: a scalar cannot be trained; use shape [1]");
  }
  // Shared weights: one node, so that the gradients of all uses add.
  for (const Variable& known : parameters_) {
    if (known->gradient.data() == gradient.data() && known.shape() == value.shape()) return known;
  }
  Variable variable = make_node();
  variable->value = value;
  variable->gradient = gradient;
  variable->needs_gradient = true;
  parameters_.push_back(variable);
  return variable;
}

Variable Tape::result(const Shape& shape, std::initializer_list<Variable> inputs, Tensor out) {
  if (!out.empty() && out.shape() != shape) {
    throw std::invalid_argument("result: the output given has shape " + out.shape().to_string() +
                                ", the operation makes " + shape.to_string());
  }
  Variable variable = make_node();
  variable->value = out.empty() ? temporary(shape) : out;
  for (const Variable& input : inputs) {
    ++input->uses;
    variable->needs_gradient |= input->needs_gradient;
  }
  return variable;
}

void Tape::play(std::initializer_list<Variable> losses) {
  for (const Variable& loss : losses) {
    if (loss.shape().rank() != 0) {
      throw std::invalid_argument("backward: the loss must be a scalar, its shape is " +
                                  loss.shape().to_string());
    }
    add_scalar_gradient(loss, 1.0f);
  }
  for (size_t i = entries_.size(); i-- > 0;) {
    if (!entries_[i].output->has_gradient) continue;
    entries_[i].call(entries_[i].function, *this);
    entries_[i].played = true;
  }
  products_.finish(stream_);
}

void Tape::backward(std::initializer_list<Variable> losses) {
  play(losses);
  for (Variable& parameter : parameters_) {
    if (parameter->has_gradient) continue;
    zero(parameter->gradient.data(), parameter->gradient.elements());
  }
}

void Tape::backward_part(std::initializer_list<Variable> losses) {
  play(losses);
  std::erase_if(entries_, [](const Entry& entry) { return entry.played; });
}

namespace {

// The gradient of a scalar is Node::scalar_gradient; one written elsewhere would be lost.
void require_tensor(Variable variable) {
  if (variable.shape().rank() != 0) return;
  throw std::invalid_argument("backward: scalars combine by add and scale alone");
}

}  // namespace

Tape::Target Tape::gradient_of(Variable variable) {
  require_tensor(variable);
  if (variable->gradient.empty()) variable->gradient = temporary(variable.shape());
  const bool accumulate = variable->has_gradient;
  variable->has_gradient = true;
  return {variable->gradient.data(), accumulate};
}

void Tape::give_gradient(Variable variable, const Tensor& gradient, float factor) {
  require_tensor(variable);
  if (variable->gradient.empty() && factor == 1.0f) {
    variable->gradient = gradient;
    variable->has_gradient = true;
    return;
  }
  const Target target = gradient_of(variable);
  BURIN_DISPATCH(device(), scale, gradient.data(), factor, target.data, gradient.elements(),
                 target.accumulate, stream_);
}

void Tape::add_scalar_gradient(Variable variable, float gradient) {
  variable->scalar_gradient += gradient;
  variable->has_gradient = true;
}

void Tape::zero(float* data, int64_t n) {
  BURIN_DISPATCH(device(), fill, data, n, 0.0f, stream_);
}

void Tape::reset() {
  entries_.clear();
  parameters_.clear();
  arena_.reset();
  host_arena_.reset();
}

}  // namespace burin
