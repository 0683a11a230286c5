#include "evaluation/classifier.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/backend/dispatch.h"
#include "engine/io/error.h"
#include "engine/io/hash.h"
#include "engine/optim/optimizer.h"
#include "engine/random_streams.h"
#include "evaluation/batches.h"
#include "kernels/gather/gather.h"
#include "kernels/softmax_cross_entropy/softmax_cross_entropy.h"

namespace burin {
namespace {

constexpr float kDropout = 0.2f;
constexpr float kLearningRate = 1e-3f;

MlpOptions layers(int64_t pixels, int64_t classes) {
  MlpOptions options;
  options.sizes = {pixels, 256, Classifier::kFeatures, classes};
  return options;
}

}  // namespace

Classifier::Classifier(Device device, int64_t pixels, int64_t classes)
    : pixels_(pixels),
      classes_(classes),
      tape_(device),
      net_(parameters_, layers(pixels, classes)) {
  parameters_.allocate(device);
}

Classifier::Classifier(const SafetensorsFile& file, int64_t pixels, int64_t classes)
    : Classifier(Device::cpu, pixels, classes) {
  for (int i = 0; i < parameters_.count(); ++i) {
    const std::string& name = parameters_.info(i).name;
    const Tensor value = parameters_.value(i);
    const std::vector<int64_t> expected = value.shape().sizes();
    if (file.shape(name) != expected) {
      throw Error(fmt::format("{}: {} has shape [{}], expected [{}]", in_quotes(file.path()), name,
                              fmt::join(file.shape(name), ", "), fmt::join(expected, ", ")));
    }
    value.set({file.data(name), file.data(name) + file.size(name)});
  }
}

void Classifier::save(const std::string& path,
                      const std::map<std::string, std::string>& metadata) const {
  std::vector<std::vector<float>> values;
  std::vector<TensorRef> tensors;
  for (int i = 0; i < parameters_.count(); ++i) {
    values.push_back(parameters_.value(i).to_host());
    tensors.push_back(
        {parameters_.info(i).name, parameters_.value(i).shape().sizes(), values.back().data()});
  }
  write_safetensors(path, tensors, metadata);
}

std::string Classifier::hash() const {
  Hash hash;
  for (int i = 0; i < parameters_.count(); ++i) {
    const std::vector<float> values = parameters_.value(i).to_host();
    hash.add(parameters_.info(i).name);
    hash.add(values.data(), values.size() * sizeof(float));
  }
  return hash.hexadecimal();
}

Classifier::Classifier(const DeviceImages& train, int64_t classes, uint64_t seed)
    : Classifier(train.device(), train.pixels(), classes) {
  int layer = 0;
  for (const Linear& linear : net_.layers()) {
    linear.initialize(parameters_, Initialization::he, seed,
                      stream_of(RandomStream::initial_weights, layer++));
  }
  Optimizer optimizer(parameters_, UpdateRule());
  const int64_t batch = std::min(kBatch, train.count());
  const int64_t steps = kEpochs * (train.count() / batch);
  Memory counter(train.device(), sizeof(uint64_t));
  Memory indices(train.device(), static_cast<size_t>(batch) * sizeof(int32_t));
  Memory labels(train.device(), static_cast<size_t>(batch) * sizeof(int32_t));
  for (int64_t step = 0; step < steps; ++step) {
    const uint64_t number = static_cast<uint64_t>(step);
    copy_to_device(train.device(), counter.data(), &number, sizeof number);
    const auto key = [&](RandomStream stream) {
      return RandomKey{seed, stream_of(stream), counter.as<uint64_t>()};
    };
    tape_.reset();
    const Tensor images = tape_.temporary({batch, pixels_});
    BURIN_DISPATCH(train.device(), batch_indices, train.count(), batch,
                   key(RandomStream::batch_order), indices.as<int32_t>(), {});
    BURIN_DISPATCH(train.device(), gather_scale, train.images(), indices.as<int32_t>(), batch,
                   pixels_, 1.0f / 255.0f, 0.0f, images.data(), {});
    BURIN_DISPATCH(train.device(), gather_labels, train.labels(), indices.as<int32_t>(), batch,
                   labels.as<int32_t>(), {});
    const Variable logits =
        logits_of(tape_.constant(images), true, key(RandomStream::dropout_classifier));
    tape_.backward(ops::softmax_cross_entropy(tape_, logits, labels.as<int32_t>(),
                                              1.0f / static_cast<float>(batch)));
    // The rate falls linearly to a tenth.
    const float way = static_cast<float>(step) / static_cast<float>(steps);
    optimizer.step(kLearningRate * (1.0f - 0.9f * way), step + 1);
  }
}

Variable Classifier::logits_of(Variable x, bool training, const RandomKey& key) {
  return net_.forward(tape_, parameters_, x, training, {training ? kDropout : 0.0f, key});
}

std::vector<float> Classifier::classify(const std::vector<float>& images) {
  return outputs_of(tape_, images, pixels_, [&](Variable x) {
    const Tensor logits = logits_of(x, false, {}).value();
    const Tensor made = tape_.temporary(logits.shape());
    BURIN_DISPATCH(tape_.device(), softmax, logits.data(), logits.rows(), classes_, made.data(),
                   {});
    return made;
  });
}

Points Classifier::features(const std::vector<float>& images) {
  return Points(kFeatures, outputs_of(tape_, images, pixels_, [&](Variable x) {
                  return net_.forward_hidden(tape_, parameters_, x, false, {}).value();
                }));
}

std::vector<int64_t> Classifier::sizes() const {
  return layers(pixels_, classes_).sizes;
}

double Classifier::accuracy(const DeviceImages& set) {
  std::vector<uint8_t> bytes(static_cast<size_t>(set.count() * pixels_));
  std::vector<uint8_t> labels(static_cast<size_t>(set.count()));
  copy_to_host(set.device(), bytes.data(), set.images(), bytes.size());
  copy_to_host(set.device(), labels.data(), set.labels(), labels.size());
  std::vector<float> images(bytes.size());
  for (size_t i = 0; i < bytes.size(); ++i) images[i] = static_cast<float>(bytes[i]) / 255.0f;
  const std::vector<float> probabilities = classify(images);
  int64_t right = 0;
  for (size_t i = 0; i < labels.size(); ++i) {
    const auto row = probabilities.begin() + static_cast<int64_t>(i) * classes_;
    right += std::max_element(row, row + classes_) - row == labels[i] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(set.count());
}

DigitReport digit_report(const std::vector<float>& probabilities, int64_t classes) {
  DigitReport report;
  report.histogram.resize(static_cast<size_t>(classes));
  const int64_t count = static_cast<int64_t>(probabilities.size()) / classes;
  for (int64_t i = 0; i < count; ++i) {
    const auto row = probabilities.begin() + i * classes;
    const auto best = std::max_element(row, row + classes);
    report.histogram[static_cast<size_t>(best - row)] += 1.0 / static_cast<double>(count);
    report.confidence += static_cast<double>(*best) / static_cast<double>(count);
  }
  for (const double fraction : report.histogram) {
    if (fraction > 0) report.entropy -= fraction * std::log(fraction);
  }
  return report;
}

}  // namespace burin
