#include "engine/optim/optimizer.h"

#include <cmath>
#include <stdexcept>
#include <string>

#include "engine/backend/dispatch.h"
#include "kernels/reduce/reduce.h"

namespace burin {
namespace {

size_t state_bytes(const Parameters& parameters, bool wanted) {
  return wanted ? static_cast<size_t>(parameters.flat_size()) * sizeof(float) : 0;
}

}  // namespace

Optimizer::Optimizer(const Parameters& parameters, const UpdateRule& rule, Stream stream)
    : parameters_(parameters),
      rule_(rule),
      stream_(stream),
      m_(parameters.device(), state_bytes(parameters, has_m(rule.optimizer))),
      v_(parameters.device(), state_bytes(parameters, has_v(rule.optimizer))),
      a_(parameters.device(), state_bytes(parameters, has_a(rule.optimizer))),
      scalars_(parameters.device(), sizeof(UpdateScalars)),
      device_segments_(parameters.device(), parameters.infos().size() * sizeof(UpdateSegment)),
      stats_(parameters.device(), parameters.infos().size() * sizeof(SegmentStats)) {
  for (const ParameterInfo& info : parameters.infos()) {
    segments_.push_back({info.offset, info.shape.elements(), 0.0f});
  }
  if (rule_.penalty == Penalty::group_lasso) group_rows();
  upload_segments();
}

// Each weight with the bias of its name.
void Optimizer::group_rows() {
  const std::vector<ParameterInfo>& infos = parameters_.infos();
  const std::string weight_suffix = ".weight";
  for (size_t i = 0; i < infos.size(); ++i) {
    const ParameterInfo& info = infos[i];
    if (!info.is_weight) continue;
    if (info.shape.rank() != 2 || !info.name.ends_with(weight_suffix)) {
      throw std::invalid_argument("group lasso: " + info.name + " is not a layer's weight");
    }
    const std::string bias = info.name.substr(0, info.name.size() - weight_suffix.size()) + ".bias";
    segments_[i].row = info.shape[1];
    for (size_t j = 0; j < infos.size(); ++j) {
      if (infos[j].name != bias) continue;
      segments_[i].bias = infos[j].offset;
      segments_[j].in_rows = true;
    }
  }
}

void Optimizer::upload_segments() {
  copy_to_device_async(parameters_.device(), device_segments_.data(), segments_.data(),
                       device_segments_.bytes(), stream_);
}

template <class LambdaOf>
void Optimizer::change_lambdas(const LambdaOf& lambda_of) {
  bool changed = false;
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (!parameters_.infos()[i].is_weight || segments_[i].lambda == lambda_of(i)) continue;
    segments_[i].lambda = lambda_of(i);
    changed = true;
  }
  if (changed) upload_segments();
}

void Optimizer::set_lambda(float lambda) {
  change_lambdas([lambda](size_t) { return lambda; });
}

void Optimizer::set_lambdas(const std::vector<double>& lambdas, double factor) {
  change_lambdas([&](size_t i) { return static_cast<float>(lambdas[i] * factor); });
}

void Optimizer::set_weight_decay(float decay) {
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (parameters_.infos()[i].is_weight) segments_[i].decay = decay;
  }
  upload_segments();
}

void Optimizer::freeze_zeros() {
  bool changed = false;
  for (size_t i = 0; i < segments_.size(); ++i) {
    if (!parameters_.infos()[i].is_weight || segments_[i].keep_zeros) continue;
    segments_[i].keep_zeros = true;
    changed = true;
  }
  if (changed) upload_segments();
}

std::vector<float> Optimizer::diagonal(int parameter) const {
  const ParameterInfo& info = parameters_.info(parameter);
  const auto count = static_cast<size_t>(info.shape.elements());
  // A state that the optimiser does not keep reads as zeros.
  const auto state = [&](const Memory& buffer) {
    std::vector<float> values(count);
    if (buffer.bytes() > 0) {
      copy_to_host(parameters_.device(), values.data(), buffer.as<float>() + info.offset,
                   count * sizeof(float));
    }
    return values;
  };
  std::vector<float> found = state(v_);
  const std::vector<float> a = state(a_);
  for (size_t i = 0; i < count; ++i) found[i] = update_diagonal(rule_, found[i], a[i]);
  return found;
}

void Optimizer::step(const UpdateScalars* device_scalars) {
  const bool later = parameters_.device() == Device::cpu;
  stats_are_stale_ = later;
  BURIN_DISPATCH(parameters_.device(), l1_update, parameters_.values().as<float>(),
                 parameters_.gradients().as<float>(), m_.as<float>(), v_.as<float>(),
                 a_.as<float>(), device_segments_.as<UpdateSegment>(),
                 static_cast<int64_t>(segments_.size()), parameters_.elements(), rule_,
                 device_scalars, later ? nullptr : stats_.as<SegmentStats>(), stream_);
}

void Optimizer::step(float learning_rate, int64_t t) {
  const UpdateScalars scalars = update_scalars(rule_, learning_rate, t);
  copy_to_device_async(parameters_.device(), scalars_.data(), &scalars, sizeof scalars, stream_);
  step(scalars_.as<UpdateScalars>());
}

void Optimizer::count_if_stale() const {
  if (!stats_are_stale_) return;
  stats_are_stale_ = false;
  cpu::segment_stats(parameters_.values().as<float>(), parameters_.gradients().as<float>(),
                     segments_.data(), static_cast<int64_t>(segments_.size()),
                     stats_.as<SegmentStats>());
}

void Optimizer::measure() {
  stats_are_stale_ = false;
  const Device device = parameters_.device();
  std::vector<SegmentStats> measured(segments_.size());
  // The sums pass through memory that the next step overwrites.
  float* const sum = scalars_.as<float>();
  int64_t* const zeros = &stats_.as<SegmentStats>()->zeros;
  for (size_t i = 0; i < measured.size(); ++i) {
    const Tensor value = parameters_.value(static_cast<int>(i));
    BURIN_DISPATCH(device, abs_sum, value.data(), value.elements(), sum, {});
    BURIN_DISPATCH(device, zero_count, value.data(), value.elements(), zeros, {});
    float total = 0;
    copy_to_host(device, &total, sum, sizeof total);
    copy_to_host(device, &measured[i].zeros, zeros, sizeof measured[i].zeros);
    measured[i].abs_sum = static_cast<double>(total);
  }
  copy_to_device(device, stats_.data(), measured.data(), stats_.bytes());
}

SegmentStats Optimizer::stats(int parameter) const {
  count_if_stale();
  SegmentStats stats{};
  copy_to_host(parameters_.device(), &stats, stats_.as<SegmentStats>() + parameter, sizeof stats);
  return stats;
}

std::vector<SegmentStats> Optimizer::all_stats() const {
  count_if_stale();
  std::vector<SegmentStats> stats(segments_.size());
  copy_to_host(parameters_.device(), stats.data(), stats_.data(), stats_.bytes());
  return stats;
}

double Optimizer::zero_fraction() const {
  const std::vector<SegmentStats> stats = all_stats();
  int64_t zeros = 0;
  int64_t weights = 0;
  for (size_t i = 0; i < stats.size(); ++i) {
    if (!parameters_.infos()[i].is_weight) continue;
    zeros += stats[i].zeros;
    weights += segments_[i].count;
  }
  return static_cast<double>(zeros) / static_cast<double>(weights);
}

double Optimizer::l1_norm() const {
  const std::vector<SegmentStats> stats = all_stats();
  double total = 0;
  for (size_t i = 0; i < stats.size(); ++i) {
    if (parameters_.infos()[i].is_weight) total += stats[i].abs_sum;
  }
  return total;
}

double Optimizer::gradient_norm() const {
  double squares = 0;
  for (const SegmentStats& stats : all_stats()) squares += stats.grad_squares;
  return std::sqrt(squares);
}

std::vector<Optimizer::State> Optimizer::states() const {
  switch (rule_.optimizer) {
    case OptimizerKind::sgd:
      return {};
    case OptimizerKind::momentum:
    case OptimizerKind::nesterov:
      return {{"momentum", &m_}};
    case OptimizerKind::adagrad:
    case OptimizerKind::rmsprop:
      return {{"v", &v_}};
    case OptimizerKind::adadelta:
      return {{"v", &v_}, {"steps", &a_}};
    case OptimizerKind::amsgrad:
      return {{"m", &m_}, {"v", &v_}, {"largest_v", &a_}};
    case OptimizerKind::adam:
    case OptimizerKind::adamw:
    case OptimizerKind::adamax:
    case OptimizerKind::nadam:
      return {{"m", &m_}, {"v", &v_}};
  }
  return {};
}

}  // namespace burin
