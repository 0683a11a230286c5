#include "engine/optim/optimizer.h"

#include <algorithm>
#include <cmath>

#include "engine/backend/dispatch.h"
#include "kernels/reduce/reduce.h"

namespace burin {
namespace {

size_t state_bytes(const Parameters& parameters, bool wanted) {
  return wanted ? static_cast<size_t>(parameters.flat_size()) * sizeof(float) : 0;
}

}  // namespace

Optimizer::Optimizer(const Parameters& parameters, const UpdateRule& rule)
    : parameters_(parameters),
      rule_(rule),
      state1_(parameters.device(), state_bytes(parameters, rule.optimizer != OptimizerKind::sgd)),
      state2_(parameters.device(), state_bytes(parameters, rule.optimizer == OptimizerKind::adam)),
      stats_(parameters.infos().size()) {
  for (const ParameterInfo& info : parameters.infos()) {
    segments_.push_back({info.offset, info.shape.elements(), 0.0f, false});
  }
}

void Optimizer::set_lambda(float lambda) {
  lambda_ = lambda;
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (parameters_.infos()[i].is_weight) segments_[i].lambda = lambda;
  }
}

void Optimizer::freeze_zeros() {
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (parameters_.infos()[i].is_weight) segments_[i].keep_zeros = true;
  }
}

void Optimizer::cut_smallest(Parameters& parameters, double fraction) {
  std::vector<float> magnitudes;
  for (int i = 0; i < parameters.count(); ++i) {
    if (!parameters.info(i).is_weight) continue;
    for (const float w : parameters.value(i).to_host()) magnitudes.push_back(std::fabs(w));
  }
  const auto cut =
      static_cast<int64_t>(std::ceil(fraction * static_cast<double>(magnitudes.size())));
  if (cut < 1) return;
  const auto last = magnitudes.begin() + (cut - 1);
  std::nth_element(magnitudes.begin(), last, magnitudes.end());
  const float threshold = *last;
  for (int i = 0; i < parameters.count(); ++i) {
    if (!parameters.info(i).is_weight) continue;
    std::vector<float> values = parameters.value(i).to_host();
    for (float& w : values) w = std::fabs(w) <= threshold ? 0.0f : w;
    parameters.value(i).set(values);
  }
}

void Optimizer::step(float learning_rate, int64_t t) {
  scalars_ = update_scalars(rule_, learning_rate, t);
  BURIN_DISPATCH(parameters_.device(), l1_update, parameters_.values().as<float>(),
                 parameters_.gradients().as<float>(), state1_.as<float>(), state2_.as<float>(),
                 segments_.data(), static_cast<int64_t>(segments_.size()), parameters_.elements(),
                 rule_, &scalars_, stats_.data(), {});
}

void Optimizer::measure() {
  for (size_t i = 0; i < stats_.size(); ++i) {
    const Tensor value = parameters_.value(static_cast<int>(i));
    float sum = 0;
    stats_[i] = {};
    BURIN_DISPATCH(value.device(), abs_sum, value.data(), value.elements(), &sum, {});
    BURIN_DISPATCH(value.device(), zero_count, value.data(), value.elements(), &stats_[i].zeros,
                   {});
    stats_[i].abs_sum = static_cast<double>(sum);
  }
}

double Optimizer::zero_fraction() const {
  int64_t zeros = 0;
  int64_t weights = 0;
  for (size_t i = 0; i < stats_.size(); ++i) {
    if (!parameters_.infos()[i].is_weight) continue;
    zeros += stats_[i].zeros;
    weights += segments_[i].count;
  }
  return static_cast<double>(zeros) / static_cast<double>(weights);
}

double Optimizer::l1_norm() const {
  double total = 0;
  for (size_t i = 0; i < stats_.size(); ++i) {
    if (parameters_.infos()[i].is_weight) total += stats_[i].abs_sum;
  }
  return total;
}

double Optimizer::gradient_norm() const {
  double squares = 0;
  for (const SegmentStats& stats : stats_) squares += stats.grad_squares;
  return std::sqrt(squares);
}

std::vector<Optimizer::State> Optimizer::states() const {
  switch (rule_.optimizer) {
    case OptimizerKind::sgd:
      return {};
    case OptimizerKind::momentum:
      return {{"momentum", &state1_}};
    case OptimizerKind::adam:
      return {{"m", &state1_}, {"v", &state2_}};
  }
  return {};
}

}  // namespace burin
