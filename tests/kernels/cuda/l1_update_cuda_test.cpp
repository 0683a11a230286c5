#include "kernels/l1_update/l1_update.h"

#include "tests/kernels/l1_update_case.h"
#include "tests/support/device_case.h"

namespace burin::test {
namespace {

class L1UpdateCuda : public DeviceTest {};

// Sizes below, at and above a tile, empty segments, one large enough for many blocks.
const Layers kLayers = {{1, 0.0f},     {0, 0.1f},    {3, 0.05f},      {257, 0.0f},
                        {1024, 0.02f}, {31, 0.01f},  {100352, 0.01f}, {33, 0.0f},
                        {0, 0.0f},     {1025, 0.5f}, {127, 1e3f}};

// A network's buffers and segments on the device.
struct DeviceNetwork {
  DeviceBuffer<float> w, g, m, v;
  DeviceBuffer<UpdateSegment> segments;
  DeviceBuffer<SegmentStats> stats;

  explicit DeviceNetwork(const Network& n, const Placement& at = kPlacements[0])
      : w(n.w.values(), at[0]),
        g(n.g.values(), at[1]),
        m(n.m.values(), at[2]),
        v(n.v.values(), at[3]),
        segments(n.segments),
        stats(int64_t(n.segments.size())) {}

  void update(const UpdateRule& rule, const UpdateScalars& scalars, bool counted = true) {
    DeviceBuffer<UpdateScalars> cuda_scalars(std::vector{scalars});
    const bool adam = rule.optimizer == OptimizerKind::adam;
    const bool sgd = rule.optimizer == OptimizerKind::sgd;
    cuda::l1_update(w.data(), g.data(), sgd ? nullptr : m.data(), adam ? v.data() : nullptr,
                    segments.data(), segments.size(), rule, cuda_scalars.data(),
                    counted ? stats.data() : nullptr, {});
    cuda::check(cudaDeviceSynchronize(), "l1_update");
  }
};

void expect_same(const DeviceNetwork& device, const Network& host) {
  expect_same_bits(device.w.values(), host.w, "w");
  expect_same_bits(device.g.values(), host.g, "g");
  expect_same_bits(device.m.values(), host.m, "m");
  expect_same_bits(device.v.values(), host.v, "v");
}

// Both twins sum in double; `count` terms in another order.
void expect_same_stats(const std::vector<SegmentStats>& cuda, const std::vector<SegmentStats>& cpu,
                       const Network& host) {
  for (size_t s = 0; s < cpu.size(); ++s) {
    const double bound = double(host.segments[s].count) * 0x1p-53;
    EXPECT_EQ(cuda[s].zeros, cpu[s].zeros) << "segment " << s;
    EXPECT_NEAR(cuda[s].abs_sum, cpu[s].abs_sum, bound * cpu[s].abs_sum) << "segment " << s;
    EXPECT_NEAR(cuda[s].grad_squares, cpu[s].grad_squares, bound * cpu[s].grad_squares) << s;
  }
}

TEST_F(L1UpdateCuda, EveryRuleIsTheCpuTwinForSeveralSteps) {
  for (const Placement& at : kPlacements) {
    for_each_rule([&](const UpdateRule& rule) {
      Network host(kLayers);
      host.segments[4].keep_zeros = host.segments[6].keep_zeros = true;
      DeviceNetwork device(host, at);
      for (int t = 1; t <= 3; ++t) {
        const UpdateScalars scalars = update_scalars(rule, 0.01f, t);
        expect_same_stats((device.update(rule, scalars), device.stats.values()),
                          host.update(rule, scalars), host);
        expect_same(device, host);  // gaps and idle state included
      }
      // Not counted: the same weights.
      const UpdateScalars scalars = update_scalars(rule, 0.01f, 4);
      device.update(rule, scalars, false);
      host.run(rule, scalars, nullptr);
      expect_same(device, host);
    });
  }
}

TEST_F(L1UpdateCuda, IsTheOracle) {
  for_each_rule([](const UpdateRule& rule) {
    const Network host({{257, 0.02f}, {33, 0.0f}});
    DeviceNetwork device(host);
    for (int t = 1; t <= 3; ++t) device.update(rule, update_scalars(rule, 0.01f, t));
    const std::vector<float> w = device.w.values();
    host.each([&](int64_t i, const UpdateSegment& segment) {
      oracle::L1Weight x{host.w[i], 0, 0};
      const oracle::L1Setting setting{oracle::L1Optimizer(rule.optimizer),
                                      oracle::L1Penalty(rule.l1_mode), double{0.01f},
                                      double{segment.lambda}};
      for (int t = 1; t <= 3; ++t) oracle::l1_step(setting, t, host.g[i], x);
      // Three steps of about eight roundings, of weights and steps up to |w| + 0.1.
      expect_close(w[size_t(i)], x.w, 32, std::abs(host.w[i]) + 0.1);
    });
  });
}

TEST_F(L1UpdateCuda, StatisticsAreCountedFromTheNewWeights) {
  const Network host(kLayers);
  DeviceNetwork device(host);
  const UpdateRule rule;
  device.update(rule, update_scalars(rule, 0.01f, 1));
  const std::vector<float> w = device.w.values();
  const std::vector<SegmentStats> stats = device.stats.values();
  for (size_t s = 0; s < host.segments.size(); ++s) {
    const UpdateSegment& segment = host.segments[s];
    int64_t zeros = 0;
    long double magnitude = 0, squares = 0;
    for (int64_t i = segment.begin; i < segment.begin + segment.count; ++i) {
      zeros += w[size_t(i)] == 0.0f;
      magnitude += std::fabs(w[size_t(i)]);
      squares += static_cast<long double>(host.g[i]) * host.g[i];
    }
    EXPECT_EQ(stats[s].zeros, zeros);
    EXPECT_NEAR(stats[s].abs_sum, double(magnitude), 1e-11 * double(magnitude));
    EXPECT_NEAR(stats[s].grad_squares, double(squares), 1e-11 * double(squares));
  }
  EXPECT_EQ(stats[10].zeros, 127);  // lambda 1000 takes all
}

// More segments than a launch takes, small ones, and then such that each launch has more tiles than
// blocks and blocks that meet several segments.
TEST_F(L1UpdateCuda, ManySegments) {
  for (const int64_t unit : {1, 900}) {
    Layers layers;
    for (int64_t s = 0; s < 600; ++s) layers.push_back({s % 7 * unit, s % 2 * 0.01f});
    layers.push_back({5000, 0.01f});
    Network host(layers);
    DeviceNetwork device(host);
    const UpdateRule rule;
    const UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
    device.update(rule, scalars);
    expect_same_stats(device.stats.values(), host.update(rule, scalars), host);
    expect_same(device, host);
  }
}

// More tiles than blocks: blocks take several, and meet segment borders within.
TEST_F(L1UpdateCuda, LargeNetwork) {
  Network host({{784 * 1200, 1e-3f}, {1200, 0.0f}, {300000, 1e-2f}, {17, 0.0f}});
  DeviceNetwork device(host);
  const UpdateRule rule;
  const UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
  device.update(rule, scalars);
  expect_same_stats(device.stats.values(), host.update(rule, scalars), host);
  expect_same(device, host);
}

TEST_F(L1UpdateCuda, ExtremeGradients) {
  for_each_rule([](const UpdateRule& rule) {
    Network host({{64, 0.01f}, {64, 0.0f}});
    const std::vector<float> special = mixed_values(host.total);
    host.each([&](int64_t i, const UpdateSegment&) { host.g[i] = special[size_t(i)]; });
    DeviceNetwork device(host);
    const UpdateScalars scalars = update_scalars(rule, 0.01f, 1);
    device.update(rule, scalars);
    host.run(rule, scalars, nullptr);
    expect_same(device, host);
  });
}

}  // namespace
}  // namespace burin::test
