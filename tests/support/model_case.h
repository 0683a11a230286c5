// What tests of models share: a small part of MNIST, networks as bits, and a dense network in
// double.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/data/device_images.h"
#include "models/model.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"

namespace burin::test {

// The first `count` images of MNIST's test split, which is read faster than the other.
inline ImageSet mnist(int64_t count) {
  static const ImageSet whole = load_image_set(BURIN_DATA_DIR, Split::test);
  ImageSet part = whole;
  part.count = count;
  part.images.resize(static_cast<size_t>(count * whole.pixels()));
  part.labels.resize(static_cast<size_t>(count));
  return part;
}

// Data and an initialised model on it.
struct ModelCase {
  ModelCase(const Config& config, int64_t images, Device device = Device::cpu)
      : set(mnist(images)),
        data(set, device),
        model(make_model(config, set.pixels(), set.count, device)) {
    model->initialize(set);
  }
  void train(int steps) {
    for (int i = 0; i < steps; ++i) model->train_step(data);
  }
  Model::Network network(const std::string& name) {
    for (const Model::Network& network : model->networks()) {
      if (name == network.name) return network;
    }
    throw std::invalid_argument("no network " + name);
  }

  ImageSet set;
  DeviceImages data;
  std::unique_ptr<Model> model;
};

inline std::vector<uint32_t> bits_of(const Memory& memory) {
  std::vector<uint32_t> bits(memory.bytes() / 4);
  copy_to_host(memory.device(), bits.data(), memory.data(), bits.size() * 4);
  return bits;
}

// Weights, running averages and optimiser states of all networks.
inline std::vector<std::vector<uint32_t>> bits_of(Model& model) {
  std::vector<std::vector<uint32_t>> all;
  for (const Model::Network& network : model.networks()) {
    all.push_back(bits_of(network.parameters->values()));
    if (network.average != nullptr) all.push_back(bits_of(*network.average));
    for (const Optimizer::State& state : network.optimizer->states()) {
      all.push_back(bits_of(*state.buffer));
    }
  }
  return all;
}

// The parameters of a network in double, in their order: weight, bias, weight, bias ...
using DoubleParameters = std::vector<std::vector<double>>;

inline DoubleParameters in_double(const Parameters& parameters, const Memory& buffer) {
  DoubleParameters all;
  for (int i = 0; i < parameters.count(); ++i) {
    const std::vector<float> values = parameters.view(buffer, i).to_host();
    all.emplace_back(values.begin(), values.end());
  }
  return all;
}
inline DoubleParameters in_double(const Parameters& parameters) {
  return in_double(parameters, parameters.values());
}

// y[rows, out] = activation(x w^T + b); activations as in oracle::gemm_activation.
inline std::vector<double> double_dense(const std::vector<double>& x, const std::vector<double>& w,
                                        const std::vector<double>& b, char activation) {
  const size_t out = b.size();
  const size_t in = w.size() / out;
  std::vector<double> y;
  y.reserve(x.size() / in * out);
  for (size_t row = 0; row < x.size() / in; ++row) {
    for (size_t j = 0; j < out; ++j) {
      double sum = b[j];
      for (size_t p = 0; p < in; ++p) sum += x[row * in + p] * w[j * in + p];
      y.push_back(oracle::gemm_activation(activation, sum, 0.2));
    }
  }
  return y;
}

// Layers [first, last) of parameters, hidden layers with `hidden`, the last one with `output`.
inline std::vector<double> double_mlp(std::vector<double> x, const DoubleParameters& parameters,
                                      size_t first, size_t last, char hidden, char output) {
  for (size_t i = first; i < last; ++i) {
    const char activation = i + 1 == last ? output : hidden;
    x = double_dense(x, parameters[2 * i], parameters[2 * i + 1], activation);
  }
  return x;
}

// The gradient buffers of `network` against central differences of `loss`, a function of that
// network's parameters in double, at about `samples` elements of each parameter. Tolerance:
// `roundings` times epsilon, in units of the parameter's largest gradient.
template <class Loss>
void check_network_gradient(const Parameters& parameters, const Loss& loss, double roundings,
                            size_t samples = 12) {
  DoubleParameters values = in_double(parameters);
  for (int i = 0; i < parameters.count(); ++i) {
    const std::vector<float> gradient = parameters.gradient(i).to_host();
    double largest = 0;
    for (const float g : gradient) largest = std::max(largest, std::abs(double{g}));
    EXPECT_GT(largest, 0.0) << parameters.info(i).name;
    const size_t stride = std::max<size_t>(1, gradient.size() / samples) | 1;  // odd
    for (size_t j = stride / 2; j < gradient.size(); j += stride) {
      double& x = values[size_t(i)][j];
      const double before = x, h = 1e-5;
      x = before + h;
      const double above = loss(values);
      x = before - h;
      const double below = loss(values);
      x = before;
      EXPECT_NEAR(double{gradient[j]}, (above - below) / (2 * h), roundings * kEpsilon * largest)
          << parameters.info(i).name << ", element " << j;
    }
  }
}

}  // namespace burin::test
