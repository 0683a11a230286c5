#include "models/layer_chain.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace burin {
namespace {

constexpr double kUnit = 0x1p-24;  // half an epsilon: what one rounding may be off
constexpr double kActivationUlps = 3;

float weight_at(const ChainLayer& layer, size_t row, size_t column) {
  return layer.weight[row * static_cast<size_t>(layer.in) + column];
}

double activate(const ChainLayer& layer, double x) {
  switch (layer.activation) {
    case Activation::leaky_relu:
      return x > 0 ? x : static_cast<double>(layer.slope) * x;
    case Activation::sigmoid:
      return 1.0 / (1.0 + std::exp(-x));
    case Activation::tanh:
      return std::tanh(x);
    case Activation::none:
      break;
  }
  return x;
}

double lipschitz(const ChainLayer& layer) {
  if (layer.activation == Activation::sigmoid) return 0.25;
  if (layer.activation == Activation::leaky_relu) {
    return std::max(1.0, static_cast<double>(layer.slope));
  }
  return 1.0;
}

// Of an activation, and of a value that was rounded a few times: relative, and what is lost below
// the smallest normal number.
double rounding(double value, double ulps) {
  return 2 * kUnit * ulps * std::abs(value) +
         static_cast<double>(std::numeric_limits<float>::min());
}

// The removal at work: who is alive between the layers, and biases in double.
class Removal {
 public:
  explicit Removal(LayerChain& chain) : layers_(chain.layers) {
    alive_.emplace_back(static_cast<size_t>(layers_.front().in), true);
    for (const ChainLayer& layer : layers_) {
      alive_.emplace_back(static_cast<size_t>(layer.out), true);
      bias_.emplace_back(layer.bias.begin(), layer.bias.end());
    }
    removed_.neurons.resize(layers_.size() - 1);
  }

  // One pass over the neurons behind layer `l`; whether one went.
  bool pass(size_t l) {
    bool any = false;
    RemovedNeurons& removed = removed_.neurons[l];
    for (size_t i = 0; i < alive_[l + 1].size(); ++i) {
      if (!alive_[l + 1][i]) continue;
      if (!is_read(l + 1, i)) {
        ++removed.unread;
      } else if (!reads(l, i)) {
        const double constant = activate(layers_[l], bias_[l][i]);
        fold(l + 1, i, constant);
        ++(constant == 0.0 ? removed.zero : removed.folded);
      } else {
        continue;
      }
      alive_[l + 1][i] = false;
      any = true;
    }
    return any;
  }

  void pass_inputs() {
    for (size_t i = 0; i < alive_[0].size(); ++i) {
      if (is_read(0, i)) continue;
      alive_[0][i] = false;
      ++removed_.inputs;
    }
  }

  Removed finish(LayerChain& chain) {
    std::vector<std::vector<size_t>> kept;
    for (size_t l = 0; l < alive_.size(); ++l) kept.push_back(survivors(l));
    std::vector<int64_t> inputs;
    for (const size_t i : kept[0]) inputs.push_back(chain.inputs[i]);
    chain.inputs = std::move(inputs);
    for (size_t l = 0; l < layers_.size(); ++l) rebuild(l, kept[l], kept[l + 1]);
    return removed_;
  }

 private:
  // Whether layer `l` has a weight from its input i.
  bool is_read(size_t l, size_t i) const {
    for (size_t o = 0; o < alive_[l + 1].size(); ++o) {
      if (alive_[l + 1][o] && weight_at(layers_[l], o, i) != 0.0f) return true;
    }
    return false;
  }
  // Whether output o of layer `l` has a weight.
  bool reads(size_t l, size_t o) const {
    for (size_t i = 0; i < alive_[l].size(); ++i) {
      if (alive_[l][i] && weight_at(layers_[l], o, i) != 0.0f) return true;
    }
    return false;
  }
  void fold(size_t l, size_t i, double constant) {
    if (constant == 0.0) return;
    removed_.changes_rounding = true;
    for (size_t o = 0; o < alive_[l + 1].size(); ++o) {
      bias_[l][o] += constant * static_cast<double>(weight_at(layers_[l], o, i));
    }
  }
  std::vector<size_t> survivors(size_t l) {
    std::vector<size_t> list;
    for (size_t i = 0; i < alive_[l].size(); ++i) {
      if (alive_[l][i]) list.push_back(i);
    }
    if (!list.empty()) return list;
    // The first stays, for a layer has a size. Whatever it did has gone into biases.
    const bool input = l == 0;
    --(input ? removed_.inputs : count_of(removed_.neurons[l - 1]));
    return {0};
  }
  static int64_t& count_of(RemovedNeurons& removed) {
    return removed.unread > 0 ? removed.unread : (removed.zero > 0 ? removed.zero : removed.folded);
  }
  void rebuild(size_t l, const std::vector<size_t>& in, const std::vector<size_t>& out) {
    ChainLayer& layer = layers_[l];
    std::vector<float> weight, bias;
    for (const size_t o : out) {
      for (const size_t i : in) {
        const bool there = alive_[l][i] && alive_[l + 1][o];
        weight.push_back(there ? weight_at(layer, o, i) : 0.0f);
      }
      bias.push_back(alive_[l + 1][o] ? static_cast<float>(bias_[l][o]) : 0.0f);
    }
    layer.weight = std::move(weight);
    layer.bias = std::move(bias);
    layer.in = static_cast<int64_t>(in.size());
    layer.out = static_cast<int64_t>(out.size());
  }

  std::vector<ChainLayer>& layers_;
  std::vector<std::vector<bool>> alive_;  // before the first layer, and behind each
  std::vector<std::vector<double>> bias_;
  Removed removed_;
};

}  // namespace

Removed remove_dead(LayerChain& chain, bool drop_inputs) {
  Removal removal(chain);
  for (bool any = true; any;) {
    any = false;
    for (size_t l = 0; l + 1 < chain.layers.size(); ++l) any = removal.pass(l) || any;
  }
  if (drop_inputs) removal.pass_inputs();
  return removal.finish(chain);
}

void keep_outputs(LayerChain& chain, const std::vector<int64_t>& rows) {
  ChainLayer& layer = chain.layers.back();
  std::vector<float> weight, bias;
  for (const int64_t row : rows) {
    const auto begin = layer.weight.begin() + row * layer.in;
    weight.insert(weight.end(), begin, begin + layer.in);
    bias.push_back(layer.bias[static_cast<size_t>(row)]);
  }
  layer.weight = std::move(weight);
  layer.bias = std::move(bias);
  layer.out = static_cast<int64_t>(rows.size());
}

Bounded run_bounded(const LayerChain& chain, const Bounded& x) {
  Bounded at = x;
  for (const ChainLayer& layer : chain.layers) {
    Bounded next;
    for (size_t o = 0; o < static_cast<size_t>(layer.out); ++o) {
      const double bias = static_cast<double>(layer.bias[o]);
      double sum = bias, magnitude = std::abs(bias), carried = 0;
      int64_t terms = 1;
      const float* row = layer.weight.data() + o * static_cast<size_t>(layer.in);
      for (size_t i = 0; i < static_cast<size_t>(layer.in); ++i) {
        if (row[i] == 0.0f) continue;
        const double w = static_cast<double>(row[i]);
        sum += w * at.values[i];
        magnitude += std::abs(w) * (std::abs(at.values[i]) + at.errors[i]);
        carried += std::abs(w) * at.errors[i];
        ++terms;
      }
      const double n = static_cast<double>(terms) * kUnit;
      const double error = carried + n / (1 - n) * magnitude;
      next.values.push_back(activate(layer, sum));
      next.errors.push_back(lipschitz(layer) * error +
                            rounding(next.values.back(), kActivationUlps));
    }
    at = std::move(next);
  }
  return at;
}

Bounded logistic(const Bounded& x) {
  Bounded y;
  for (size_t i = 0; i < x.values.size(); ++i) {
    y.values.push_back(1.0 / (1.0 + std::exp(-x.values[i])));
    y.errors.push_back(0.25 * x.errors[i] + rounding(y.values.back(), kActivationUlps));
  }
  return y;
}

Bounded from_signed(const Bounded& x) {
  Bounded y;
  for (size_t i = 0; i < x.values.size(); ++i) {
    y.values.push_back(0.5 * (x.values[i] + 1.0));
    y.errors.push_back(0.5 * x.errors[i] + rounding(y.values.back(), 1));
  }
  return y;
}

int64_t nonzeros(const std::vector<float>& weight) {
  return std::count_if(weight.begin(), weight.end(), [](float w) { return w != 0.0f; });
}

}  // namespace burin
