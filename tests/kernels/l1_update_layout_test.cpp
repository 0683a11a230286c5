// Where l1_update reads and writes: segments of any number and size, and any number of threads.
#include "kernels/l1_update/l1_update.h"

#include "kernels/common/parallel.h"
#include "tests/kernels/l1_update_network.h"

namespace burin::test {
namespace {

class L1UpdateLayout : public TwinTest {};

// Gaps between segments, the gradient, and state that the optimiser has none of stay as they were.
TEST_F(L1UpdateLayout, WritesWhereItShouldAlone) {
  for_each_rule([&](const UpdateRule& rule) {
    for (const int64_t offset : {0, 1, 7}) {
      Network net({{257, 0.1f}, {31, 0.0f}, {1, 0.1f}}, offset);
      const Network before({{257, 0.1f}, {31, 0.0f}, {1, 0.1f}}, offset);
      net.update(rule, update_scalars(rule, 0.01f, 1));
      std::vector<bool> inside(size_t(net.total));
      net.each([&](int64_t i, const UpdateSegment&) { inside[size_t(i)] = true; });
      for (int64_t i = 0; i < net.total; ++i) {
        if (inside[size_t(i)]) continue;
        for (const Buffer* b : {&net.w, &net.g, &net.m, &net.v, &net.a})
          EXPECT_TRUE(std::isnan((*b)[i]));
      }
      EXPECT_EQ(bits(net.g.values()), bits(before.g.values()));
      const OptimizerKind kind = rule.optimizer;
      if (!has_m(kind)) {
        EXPECT_EQ(bits(net.m.values()), bits(before.m.values()));
      }
      if (!has_v(kind)) {
        EXPECT_EQ(bits(net.v.values()), bits(before.v.values()));
      }
      if (!has_a(kind)) {
        EXPECT_EQ(bits(net.a.values()), bits(before.a.values()));
      }
    }
  });
}

// A network of more than a million weights, with one large layer and many small ones: the same as
// taking it piece by piece, and the same bits for any thread count.
TEST_F(L1UpdateLayout, LargeNetworkOnAnyThreadCount) {
  Layers layers = {{kTestsCuda ? 600001 : 1200001, 0.5f}, {500000, 0.0f}};
  for (int64_t k = 0; k < 150; ++k) layers.push_back({k % 7 * 31, 0.2f});
  const UpdateRule rule;
  const UpdateScalars scalars = update_scalars(rule, 0.05f, 1);

  Network pieces(layers);
  const std::vector<UpdateSegment> whole = pieces.segments;
  for (const UpdateSegment& s : whole) {
    constexpr int64_t kPiece = kTestsCuda ? 200000 : 50000;
    for (int64_t done = 0; done < s.count; done += kPiece) {
      pieces.segments = {{s.begin + done, std::min(kPiece, s.count - done), s.lambda}};
      pieces.run(rule, scalars, nullptr);
    }
  }

  std::vector<SegmentStats> stats[2];
  for (const int k : {0, 1}) {
    cpu::set_threads(k == 0 ? 1 : 3);
    Network net(layers);
    stats[k] = net.update(rule, scalars);
    EXPECT_TRUE(net.state() == pieces.state());
  }
  cpu::set_threads(1);
  const std::vector<float> weights = pieces.w.values();
  for (size_t s = 0; s < whole.size(); ++s) {
    const float* w = weights.data() + whole[s].begin;
    EXPECT_EQ(stats[0][s].zeros, std::count(w, w + whole[s].count, 0.0f));
    EXPECT_EQ(stats[0][s].zeros, stats[1][s].zeros);
    EXPECT_EQ(stats[0][s].abs_sum, stats[1][s].abs_sum);
    EXPECT_EQ(stats[0][s].grad_squares, stats[1][s].grad_squares);
  }
}

// More segments than one of the CUDA twin's launches takes, small ones, and then such that each
// launch has more tiles than blocks and blocks that meet several segments: as one by one.
TEST_F(L1UpdateLayout, ManySegments) {
  for (const int64_t unit : {1, 900}) {
    Layers layers;
    for (int64_t s = 0; s < 600; ++s) layers.push_back({s % 7 * unit, s % 2 * 0.01f});
    layers.push_back({5000, 0.01f});
    Network net(layers);
    const Network before(layers);
    const UpdateRule rule;
    const UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
    const std::vector<SegmentStats> stats = net.update(rule, scalars);
    net.each([&](int64_t i, const UpdateSegment& segment) {
      oracle::L1Weight x{before.w[i], 0, 0};
      oracle::l1_step(oracle_setting(rule, 0.01f, segment.lambda), 1, before.g[i], x);
      expect_close(net.w[i], x.w, 4, std::abs(before.w[i]) + 0.01, "w");
    });
    for (size_t s = 0; s < stats.size(); ++s) {
      int64_t zeros = 0;
      for (int64_t k = 0; k < net.segments[s].count; ++k) {
        zeros += net.w[net.segments[s].begin + k] == 0.0f;
      }
      EXPECT_EQ(stats[s].zeros, zeros) << s;
    }
  }
}

// An element's result is its own affair: neither its neighbours nor its place matter.
TEST_F(L1UpdateLayout, OneSegmentOrManyGiveTheSameWeights) {
  for_each_rule([&](const UpdateRule& rule) {
    Network whole({{40960, 0.5f}}), split({{40960, 0.5f}});
    const UpdateSegment all = split.segments[0];
    split.segments = {{all.begin + 20001, all.count - 20001, 0.5f},  // in any order
                      {all.begin + 13, 19988, 0.5f},
                      {all.begin, 13, 0.5f}};
    const UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
    whole.update(rule, scalars);
    split.update(rule, scalars);
    EXPECT_TRUE(whole.state() == split.state());
  });
}

// The hint sizes a grid. Weights and counts of zeros have the same bits whatever it says; sums of
// the statistics may be added in another order.
TEST_F(L1UpdateLayout, AnyNumberOfElementsToldGivesTheSameWeights) {
  for_each_rule([&](const UpdateRule& rule) {
    if (!kTestsCuda && rule.optimizer != OptimizerKind::adam) return;  // the CPU takes no hint
    const Layers layers = {{20000, 0.5f}, {1, 0.1f}, {0, 0.1f}, {2048, 0.0f}, {5000, 0.2f}};
    const UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
    Network right(layers);
    const std::vector<SegmentStats> stats = right.update(rule, scalars);
    for (const int64_t told : {int64_t{0}, int64_t{1}, int64_t{3000}, int64_t{1} << 40}) {
      Network other(layers);
      BufferOf<SegmentStats> counted(int64_t(layers.size()));
      other.run(rule, scalars, counted.data(), told);
      EXPECT_TRUE(other.state() == right.state()) << told;
      for (size_t s = 0; s < stats.size(); ++s) {
        const auto n = double(layers[s].first);
        const SegmentStats x = counted[int64_t(s)];
        EXPECT_EQ(x.zeros, stats[s].zeros);
        EXPECT_NEAR(x.abs_sum, stats[s].abs_sum, n * 0x1p-53 * stats[s].abs_sum);
        EXPECT_NEAR(x.grad_squares, stats[s].grad_squares, n * 0x1p-53 * stats[s].grad_squares);
      }
    }
  });
}

TEST_F(L1UpdateLayout, NoSegmentsIsNoWork) {
  const UpdateRule rule;
  twin::l1_update(nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, 0, 0, rule, nullptr,
                  nullptr, {});
}

}  // namespace
}  // namespace burin::test
