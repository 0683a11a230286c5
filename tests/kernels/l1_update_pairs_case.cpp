// Each optimiser with each penalty: 20 steps of a small network in one call, held against the
// oracle's, which is in double, and the other twin's, bit by bit.
#include <map>
#include <memory>

#include "kernels/l1_update/l1_update.h"
#include "tests/kernels/l1_update_network.h"
#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::l1_update_pairs_case {
namespace {

constexpr int kSteps = 20;
constexpr float kDecay = 0.1f;  // AdamW's

float rate_of(const UpdateRule& rule, int step) {
  const float rate = rule.optimizer == OptimizerKind::adadelta ? 1.0f : 0.02f;
  return step < kSteps / 2 ? rate : rate / 2;
}

// {n}: with a penalty and without, an empty one, one with a strong penalty, one whose zeros stay.
std::vector<UpdateSegment> elements(const Dims& d) {
  const int64_t n = d[0];
  std::vector<UpdateSegment> segments =
      Network::lay_out({{n, 0.3f}, {n / 3, 0.0f}, {0, 0.1f}, {n / 5, 20.0f}, {n / 7, 0.05f}});
  segments[4].keep_zeros = true;
  for (UpdateSegment& s : segments) s.decay = s.lambda > 0 ? kDecay : 0.0f;
  return segments;
}

// {rows, row}: a layer and its biases, one without biases, one that does not survive, one without a
// penalty, one whose zeros stay, and elements that are in no row.
std::vector<UpdateSegment> groups(const Dims& d) {
  const int64_t rows = d[0], row = d[1];
  std::vector<UpdateSegment> segments = Network::lay_out({{rows * row, 0.1f},
                                                          {rows, 0.0f},
                                                          {3 * row, 0.1f},
                                                          {2 * (row / 2), 1000.0f},
                                                          {2, 0.0f},
                                                          {2 * (row / 3), 0.0f},
                                                          {2, 0.0f},
                                                          {rows * 5, 0.05f},
                                                          {rows, 0.0f},
                                                          {7, 0.3f}});
  const auto layer = [&](size_t weight, int64_t length, bool has_bias) {
    segments[weight].row = length;
    segments[weight].decay = kDecay;
    if (!has_bias) return;
    segments[weight].bias = segments[weight + 1].begin;
    segments[weight + 1].in_rows = true;
  };
  layer(0, row, true);
  layer(2, row, false);
  layer(3, row / 2, true);
  layer(5, row / 3, true);
  layer(7, 5, true);
  segments[7].keep_zeros = true;
  return segments;
}

using Layout = std::vector<UpdateSegment> (*)(const Dims&);

template <Layout kLayout>
int64_t total(const Dims& d) {
  const UpdateSegment last = kLayout(d).back();
  return last.begin + last.count + kGap;
}
template <Layout kLayout>
int64_t counted(const Dims& d) {
  int64_t elements = 0;
  for (const UpdateSegment& s : kLayout(d)) elements += s.count;
  return elements;
}

// Zeros among them, whole rows of zeros in the layer whose zeros stay, and NaN in the gaps.
template <Layout kLayout>
Argument::Fill weights(int steps) {
  return [=](int64_t n, const Host& before, const Dims& d, bool) {
    std::vector<float> values = random_values(n, 0.5, uint32_t(before.arguments.size()) + 1);
    const int64_t of_one = n / steps;
    std::vector<bool> inside(static_cast<size_t>(of_one));
    for (const UpdateSegment& s : kLayout(d)) {
      for (int64_t i = 0; i < s.count; ++i) {
        inside[size_t(s.begin + i)] = true;
        const bool dead = s.keep_zeros && s.row > 0 && i / s.row % 2 == 1;
        if (steps == 1 && (i % 11 == 0 || dead)) values[size_t(s.begin + i)] = 0.0f;
        if (steps == 1 && s.in_rows && i % 4 == 1) values[size_t(s.begin + i)] = 0.0f;
      }
    }
    for (size_t i = 0; i < values.size(); ++i) {
      if (!inside[i % size_t(of_one)]) values[i] = NAN;
    }
    return Values(values);
  };
}
Argument::Fill zeros() {
  return [](int64_t n, const Host&, const Dims&, bool) {
    return Values(std::vector<float>(size_t(n), 0.0f));
  };
}

// The oracle's network after all steps, and the largest that each weight was on the way.
struct Trajectory {
  std::vector<oracle::L1Weight> weights;
  std::vector<double> largest;
  double largest_g = 0;
};

void step_elements(const UpdateSegment& s, oracle::L1Setting setting, int t, const float* g,
                   std::vector<oracle::L1Weight>& weights) {
  if (setting.penalty == oracle::L1Penalty::group) setting.lambda = 0;
  for (int64_t i = s.begin; i < s.begin + s.count; ++i) {
    oracle::L1Weight& x = weights[size_t(i)];
    const bool stays = s.keep_zeros && x.w == 0;
    oracle::l1_step(setting, t, g[i], x);
    if (stays) x.w = 0;
  }
}

// What is frozen is no part of the row's norm.
void step_rows(const UpdateSegment& s, const oracle::L1Setting& setting, int t, const float* g,
               std::vector<oracle::L1Weight>& weights) {
  for (int64_t r = 0; r < s.count / s.row; ++r) {
    std::vector<int64_t> places;
    for (int64_t j = 0; j < s.row; ++j) places.push_back(s.begin + r * s.row + j);
    bool row_is_zero = true;
    for (const int64_t i : places) row_is_zero = row_is_zero && weights[size_t(i)].w == 0;
    if (s.bias >= 0) places.push_back(s.bias + r);
    std::vector<oracle::L1Weight> row;
    std::vector<double> gradient;
    std::vector<bool> stays;
    for (size_t j = 0; j < places.size(); ++j) {
      const bool is_bias = int64_t(j) == s.row;
      row.push_back(weights[size_t(places[j])]);
      gradient.push_back(g[places[j]]);
      stays.push_back(s.keep_zeros && row.back().w == 0 && (!is_bias || row_is_zero));
    }
    oracle::group_step(setting, t, gradient, s.bias >= 0, stays, row);
    for (size_t j = 0; j < places.size(); ++j) weights[size_t(places[j])] = row[j];
  }
}

template <Layout kLayout>
Trajectory trajectory(const UpdateRule& rule, const Host& x) {
  const std::vector<UpdateSegment> segments = kLayout(x.dims);
  const int64_t n = total<kLayout>(x.dims);
  Trajectory path{std::vector<oracle::L1Weight>(size_t(n)), std::vector<double>(size_t(n)), 0};
  for (int64_t i = 0; i < n; ++i) path.weights[size_t(i)].w = x[0][i];
  for (int step = 0; step < kSteps; ++step) {
    const float* g = x[1] + step * n;
    for (const UpdateSegment& s : segments) {
      const oracle::L1Setting setting =
          oracle_setting(rule, rate_of(rule, step), s.lambda, s.decay);
      if (rule.penalty == Penalty::group_lasso && s.in_rows) continue;
      if (rule.penalty == Penalty::group_lasso && s.row > 0) {
        step_rows(s, setting, step + 1, g, path.weights);
      } else {
        step_elements(s, setting, step + 1, g, path.weights);
      }
    }
    for (int64_t i = 0; i < n; ++i) {
      const double w = std::abs(path.weights[size_t(i)].w);
      path.largest[size_t(i)] = std::max({path.largest[size_t(i)], w, double(std::abs(x[0][i]))});
      if (std::isfinite(g[i])) path.largest_g = std::max(path.largest_g, double(std::abs(g[i])));
    }
  }
  return path;
}

template <Layout kLayout>
bool declare_pair(const UpdateRule& rule, const std::string& name, const Dims& dims) {
  const OptimizerKind kind = rule.optimizer;
  // Worked out once and not for each element: the arguments follow from the size.
  const auto known = std::make_shared<std::map<Dims, Trajectory>>();
  const auto path_of = [=](const Host& x) -> const Trajectory& {
    const auto found = known->find(x.dims);
    if (found != known->end()) return found->second;
    return known->emplace(x.dims, trajectory<kLayout>(rule, x)).first->second;
  };
  // A step rounds a weight a few times, and what it goes by: for momentum up to 10 = 1 / (1 - mu)
  // times lr g; for the adaptive at most lr m / D, where m keeps the rounding of its largest term
  // and D may be as small as sqrt(1 - beta2) of that.
  const auto wanted = [=](const Host& x, int64_t i) {
    const Trajectory& path = path_of(x);
    const double w = path.weights[size_t(i)].w;
    const double step = rate_of(rule, 0) * (has_v(kind) ? 32 : 10 * (path.largest_g + 1));
    return Want{w, 2 * kSteps, std::isnan(w) ? 0 : path.largest[size_t(i)] + step};
  };
  const auto flat = [](Argument a) { return a.count(total<kLayout>); };
  const auto state = [&](const char* state_name, bool used, double oracle::L1Weight::*member,
                         double magnitude) {
    return flat(updated(state_name, zeros())).oracle([=](const Host& x, int64_t i) {
      const Trajectory& path = path_of(x);
      const double value = path.weights[size_t(i)].*member;
      return Want{used ? value : 0.0, used ? 4.0 * kSteps : 0.0, magnitude * (path.largest_g + 1)};
    });
  };
  std::vector<UpdateScalars> scalars;
  for (int step = 0; step < kSteps; ++step) {
    scalars.push_back(update_scalars(rule, rate_of(rule, step), step + 1));
  }
  return declare({
      .name = name,
      .arguments = {flat(updated("w", weights<kLayout>(1))).oracle(wanted),
                    input("g", weights<kLayout>(kSteps)).count([](const Dims& d) {
                      return kSteps * total<kLayout>(d);
                    }),
                    state("m", has_m(kind), &oracle::L1Weight::m, 10),
                    state("v", has_v(kind), &oracle::L1Weight::v, 0),
                    state("a", has_a(kind), &oracle::L1Weight::a, 0),
                    input_of<UpdateSegment>("segments", [](int64_t, const Host&, const Dims& d,
                                                           bool) { return Values(kLayout(d)); })
                        .count([](const Dims& d) { return int64_t(kLayout(d).size()); }),
                    input_of<UpdateScalars>("scalars", constant(scalars)).count([](const Dims&) {
                      return int64_t{kSteps};
                    })},
      .run = call(BURIN_TWINS(l1_update),
                  [=](auto* update, const Call& c) {
                    const Pointer none{nullptr};
                    for (int step = 0; step < kSteps; ++step) {
                      const float* g = c[1];
                      const UpdateScalars* scalar = c[6];
                      update(c[0], g + step * total<kLayout>(c.dims), has_m(kind) ? c[2] : none,
                             has_v(kind) ? c[3] : none, has_a(kind) ? c[4] : none, c[5],
                             int64_t(kLayout(c.dims).size()), counted<kLayout>(c.dims), rule,
                             scalar + step, nullptr, {});
                    }
                  }),
      .dims = {dims},
      .measured = {},
      .extreme = false,
      .sector_bound = 0.0,
      .bound_reason = "twenty calls: the large one is l1_update",
  });
}

bool declare_all() {
  for (const OptimizerKind optimizer : kOptimizers) {
    const std::string prefix =
        std::string("l1_update/steps/") + kOptimizerNames[int(optimizer)] + "/";
    const auto pair = [&](const char* name, const UpdateRule& rule) {
      declare_pair<elements>(rule, prefix + name, {257});
    };
    pair("prox", {.optimizer = optimizer});
    pair("decoupled", {.optimizer = optimizer, .l1_mode = L1Mode::decoupled});
    pair("subgradient", {.optimizer = optimizer, .l1_mode = L1Mode::subgradient});
    pair("l2", {.optimizer = optimizer, .penalty = Penalty::l2});
    pair("l2_decoupled",
         {.optimizer = optimizer, .penalty = Penalty::l2, .l2_mode = L2Mode::decoupled});
    pair("elastic_net",
         {.optimizer = optimizer, .penalty = Penalty::elastic_net, .l1_ratio = 0.3f});
    declare_pair<groups>({.optimizer = optimizer, .penalty = Penalty::group_lasso},
                         prefix + "group_lasso", {11, 37});
  }
  // Rows longer than what is done at a time.
  return declare_pair<groups>({.penalty = Penalty::group_lasso}, "l1_update/steps/long_rows",
                              {3, 1100});
}

const bool declared = declare_all();

}  // namespace
}  // namespace burin::test::l1_update_pairs_case
