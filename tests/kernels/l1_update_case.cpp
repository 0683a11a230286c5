#include "kernels/l1_update/l1_update.h"

#include "tests/kernels/l1_update_network.h"
#include "tests/oracle.h"
#include "tests/support/room_case.h"

namespace burin::test::l1_update_case {
namespace {

// {n, border}: a layer of n weights, others of another size, with a penalty and without, one whose
// zeros stay, an empty one; gaps between them that are nobody's.
std::vector<UpdateSegment> segments_of(const Dims& d) {
  const int64_t n = d[0];
  std::vector<UpdateSegment> segments = Network::lay_out(
      {{n, 0.3f}, {n / 3, 0.0f}, {0, 0.1f}, {n / 5, 2.0f}, {n / 7, 0.05f}, {7, 1000.0f}}, d[1]);
  segments[4].keep_zeros = true;
  return segments;
}
int64_t total(const Dims& d) {
  const UpdateSegment last = segments_of(d).back();
  return last.begin + last.count + kGap;
}
int64_t elements_of(const Dims& d) {
  int64_t elements = 0;
  for (const UpdateSegment& s : segments_of(d)) elements += s.count;
  return elements;
}
int64_t bytes_of_all(const Dims& d) {
  return 4 * elements_of(d);
}
// The segment that element i lies in, or null.
const UpdateSegment* segment_of(const Host& x, int64_t i) {
  const int64_t count = x.arguments[5].count();
  for (int64_t s = 0; s < count; ++s) {
    const UpdateSegment& segment = x.as<UpdateSegment>(5)[s];
    if (i >= segment.begin && i < segment.begin + segment.count) return &segment;
  }
  return nullptr;
}

// With exact zeros among them, and NaN in the gaps.
Argument::Fill parameters(bool positive, bool may_be_extreme) {
  return [=](int64_t n, const Host& before, const Dims& d, bool extreme) {
    const auto seed = uint32_t(before.arguments.size()) + 1;
    std::vector<float> values =
        extreme && may_be_extreme ? mixed_values(n, 1.0, seed) : random_values(n, 0.5, seed);
    for (size_t i = 0; i < values.size(); i += 11) values[i] = 0.0f;
    if (positive) {
      for (float& v : values) v *= v;
    }
    int64_t gap = 0;
    const auto nobodys = [&](int64_t end) {
      for (; gap < end; ++gap) values[size_t(gap)] = NAN;
    };
    for (const UpdateSegment& s : segments_of(d)) {
      nobodys(s.begin);
      gap = s.begin + s.count;
    }
    nobodys(n);
    return Values(values);
  };
}

constexpr float kRate = 0.02f;
constexpr int kTime = 3;

// The oracle's step of element i; what is nobody's stays.
oracle::L1Weight stepped(const UpdateRule& rule, const Host& x, int64_t i) {
  oracle::L1Weight weight{x[0][i], x[2][i], x[3][i], x[4][i]};
  const UpdateSegment* segment = segment_of(x, i);
  if (segment == nullptr) return weight;
  const bool stays = segment->keep_zeros && weight.w == 0;
  oracle::l1_step(oracle_setting(rule, kRate, segment->lambda), kTime, x[1][i], weight);
  if (stays) weight.w = 0;
  return weight;
}
bool is_usual(const Host& x, int64_t i) {
  return std::abs(x[1][i]) < 1e15f || segment_of(x, i) == nullptr;
}

std::vector<Dims> sizes() {
  std::vector<Dims> all;
  for (const int64_t n : kSizes) all.push_back({n, n % 2 == 0 ? 16 : 1});
  return all;
}

bool declare_with(const UpdateRule& rule, const char* name, bool measured) {
  const OptimizerKind kind = rule.optimizer;
  const bool adam = kind == OptimizerKind::adam;
  const auto flat = [](Argument a) { return a.count(total).bytes_moved(bytes_of_all); };
  const auto state = [&](const char* state_name, bool positive, bool used) {
    Argument a = updated(state_name, parameters(positive, false)).count(total);
    return a.bytes_moved(used ? bytes_of_all : [](const Dims&) { return int64_t{0}; });
  };
  return declare({
      .name = name,
      .arguments =
          {flat(updated("w", parameters(false, false))).oracle([=](const Host& x, int64_t i) {
             if (!is_usual(x, i)) return Want{.value = 0, .any = true};
             const double w = stepped(rule, x, i).w, gradient = std::abs(x[1][i]);
             // A step rounds w twice and m / D a few times.
             const double step = kRate * (adam ? 10 : gradient + std::abs(x[2][i]) + 1000.0);
             return Want{w, 4, std::isnan(w) ? 0 : std::abs(x[0][i]) + step};
           }),
           flat(input("g", parameters(false, true))),
           state("m", false, has_m(kind)).oracle([=](const Host& x, int64_t i) {
             if (!is_usual(x, i)) return Want{.value = 0, .any = true};
             const double m = stepped(rule, x, i).m;
             const UpdateSegment* s = segment_of(x, i);
             const double terms = s == nullptr ? 0 : std::abs(x[1][i]) + s->lambda;
             return Want{m, 3, std::isnan(m) ? 0 : std::abs(x[2][i]) + terms};
           }),
           state("v", true, has_v(kind)).oracle([=](const Host& x, int64_t i) {
             if (!is_usual(x, i)) return Want{.value = 0, .any = true};
             return Want{stepped(rule, x, i).v, 8};
           }),
           state("a", true, has_a(kind)).oracle([=](const Host& x, int64_t i) {
             return Want{x[4][i], 0};
           }),
           input_of<UpdateSegment>("segments", [](int64_t, const Host&, const Dims& d,
                                                  bool) { return Values(segments_of(d)); })
               .count([](const Dims& d) { return int64_t(segments_of(d).size()); }),
           input_of<UpdateScalars>("scalars",
                                   constant(std::vector{update_scalars(rule, kRate, kTime)}))
               .count(one),
           output_of<SegmentStats>("stats")
               .count([](const Dims& d) { return int64_t(segments_of(d).size()); })
               .compared_elsewhere()},
      .run = call(BURIN_TWINS(l1_update),
                  [=](auto* update, const Call& c) {
                    const Pointer none{nullptr};
                    update(c[0], c[1], has_m(kind) ? c[2] : none, has_v(kind) ? c[3] : none, none,
                           c[5], int64_t(segments_of(c.dims).size()), elements_of(c.dims), rule,
                           c[6], c[7], {});
                  }),
      .dims = measured ? sizes() : std::vector<Dims>{{1, 1}, {3, 1}, {31, 1}, {257, 4}, {2049, 1}},
      // With the rest about 500,000 weights, which lie as the engine lays them.
      .measured = {measured ? Dims{300000, 16} : Dims{1025, 1}},
      .optional =
          measured ? std::vector<std::vector<size_t>>{{7}} : std::vector<std::vector<size_t>>{},
      .sector_bound = measured ? 1.02 : 0.0,
      .bound_reason = measured ? "" : "a small one; the large one is l1_update",
  });
}

bool declare_all() {
  const char* modes[] = {"prox", "decoupled", "subgradient"};
  for (const OptimizerKind optimizer :
       {OptimizerKind::sgd, OptimizerKind::momentum, OptimizerKind::adam}) {
    for (const L1Mode mode : kModes) {
      const std::string name =
          std::string("l1_update/") + kOptimizerNames[int(optimizer)] + "/" + modes[int(mode)];
      declare_with({.optimizer = optimizer, .l1_mode = mode}, name.c_str(), false);
    }
  }
  return declare_with({}, "l1_update", true);
}

const bool declared = declare_all();

}  // namespace
}  // namespace burin::test::l1_update_case
