// What the tests of the L1 update share: a network in flat buffers, and every rule there is.
#pragma once

#include <bit>
#include <string>
#include <utility>
#include <vector>

#include "kernels/l1_update/l1_update.h"
#include "tests/oracle.h"
#include "tests/support/kernel_case.h"
#include "tests/support/optimizers.h"

namespace burin::test {

inline constexpr const char* kOptimizerNames[] = {"sgd",     "momentum", "adam",     "nesterov",
                                                  "adagrad", "rmsprop",  "adadelta", "adamw",
                                                  "adamax",  "nadam",    "amsgrad"};
inline constexpr L1Mode kModes[] = {L1Mode::prox, L1Mode::decoupled, L1Mode::subgradient};
inline constexpr int64_t kGap = 5;  // between segments; nobody's, and NaN

inline std::vector<uint32_t> bits(const std::vector<float>& values) {
  std::vector<uint32_t> result;
  for (const float v : values) result.push_back(std::bit_cast<uint32_t>(v));
  return result;
}

using Layers = std::vector<std::pair<int64_t, float>>;  // count, lambda

// A network: flat buffers with gaps between the segments, each at another distance (`offset` and
// up) from a 64-byte border.
struct Network {
  std::vector<UpdateSegment> segments;
  int64_t total;
  Buffer w, g, m, v, a;

  explicit Network(const Layers& layers, int64_t offset = 1)
      : segments(lay_out(layers)),
        total(segments.back().begin + segments.back().count + kGap),
        w(total, offset),
        g(total, offset + 1),
        m(total, offset + 2),
        v(total, offset + 3),
        a(total, offset + 4) {
    const std::vector<float> first = random_values(total);
    each([&](int64_t i, const UpdateSegment&) {
      w[i] = i % 11 == 0 ? 0.0f : first[size_t(i)];
      m[i] = v[i] = a[i] = 0.0f;
    });
    set_gradient(1);
  }

  // Segments begin on multiples of `border`.
  static std::vector<UpdateSegment> lay_out(const Layers& layers, int64_t border = 1) {
    std::vector<UpdateSegment> segments;
    int64_t end = 0;
    for (const auto& [count, lambda] : layers) {
      const int64_t begin = (end + kGap + border - 1) / border * border;
      segments.push_back({begin, count, lambda});
      end = begin + count;
    }
    return segments;
  }

  void set_gradient(uint32_t seed, double deviation = 1.0) {
    const std::vector<float> values = random_values(total, deviation, 100 + seed);
    each([&](int64_t i, const UpdateSegment&) { g[i] = values[size_t(i)]; });
  }

  template <class F>
  void each(const F& f) const {
    for (const UpdateSegment& s : segments) {
      for (int64_t i = s.begin; i < s.begin + s.count; ++i) f(i, s);
    }
  }

  // State that the optimiser has none of is passed as nullptr.
  std::vector<SegmentStats> update(const UpdateRule& rule, const UpdateScalars& scalars) {
    BufferOf<SegmentStats> stats(int64_t(segments.size()));
    run(rule, scalars, stats.data());
    return stats.values();
  }
  int64_t elements() const {
    int64_t sum = 0;
    for (const UpdateSegment& s : segments) sum += s.count;
    return sum;
  }
  void run(const UpdateRule& rule, const UpdateScalars& scalars, SegmentStats* stats) {
    run(rule, scalars, stats, elements());
  }
  void run(const UpdateRule& rule, const UpdateScalars& scalars, SegmentStats* stats,
           int64_t elements_told) {
    const OptimizerKind kind = rule.optimizer;
    const BufferOf<UpdateSegment> segment(segments);
    const BufferOf<UpdateScalars> scalar(std::vector{scalars});
    twin::l1_update(w.data(), std::as_const(g).data(), has_m(kind) ? m.data() : nullptr,
                    has_v(kind) ? v.data() : nullptr, has_a(kind) ? a.data() : nullptr,
                    segment.data(), segment.size(), elements_told, rule, scalar.data(), stats, {});
  }
  std::vector<std::vector<uint32_t>> state() const {
    return {bits(w.values()), bits(g.values()), bits(m.values()), bits(v.values()),
            bits(a.values())};
  }
};

// f(rule) for the optimisers that were first under every mode of L1, and for each of the others
// under one penalty: so that each state, diagonal and form of a penalty is there.
template <class F>
void for_each_rule(const F& f) {
  const auto with = [&](const UpdateRule& rule) {
    SCOPED_TRACE(std::string(kOptimizerNames[int(rule.optimizer)]) + ", penalty " +
                 std::to_string(int(rule.penalty)) + ", mode " + std::to_string(int(rule.l1_mode)));
    f(rule);
  };
  for (const OptimizerKind optimizer : kOptimizers) {
    if (optimizer <= OptimizerKind::adam) {
      for (const L1Mode mode : kModes) with({.optimizer = optimizer, .l1_mode = mode});
    } else if (optimizer == OptimizerKind::nesterov || optimizer == OptimizerKind::amsgrad) {
      with({.optimizer = optimizer, .penalty = Penalty::elastic_net});
    } else {
      with({.optimizer = optimizer});
    }
  }
}
inline bool makes_zeros(const UpdateRule& rule) {
  return rule.penalty == Penalty::elastic_net ||
         (rule.penalty == Penalty::l1 && rule.l1_mode != L1Mode::subgradient);
}

// The oracle's words for a step.
inline oracle::L1Penalty oracle_penalty(const UpdateRule& rule) {
  switch (rule.penalty) {
    case Penalty::l1:
      return static_cast<oracle::L1Penalty>(rule.l1_mode);
    case Penalty::l2:
      return rule.l2_mode == L2Mode::coupled ? oracle::L1Penalty::l2_coupled
                                             : oracle::L1Penalty::l2_decoupled;
    case Penalty::elastic_net:
      return oracle::L1Penalty::elastic_net;
    default:
      return oracle::L1Penalty::group;
  }
}
inline oracle::L1Setting oracle_setting(const UpdateRule& rule, float lr, float lambda,
                                        float decay = 0.0f) {
  return {static_cast<oracle::L1Optimizer>(rule.optimizer),
          oracle_penalty(rule),
          lr,
          lambda,
          rule.momentum,
          rule.beta1,
          rule.beta2,
          rule.epsilon,
          rule.rho,
          rule.l1_ratio,
          decay};
}

}  // namespace burin::test
