// kernels/common/parallel.h, in this binary because it takes a while.
#include "kernels/common/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <numeric>
#include <set>
#include <thread>
#include <vector>

namespace burin::test {
namespace {

constexpr int kRegions = BURIN_SLOW_BUILD ? 5000 : 20000;

class ParallelFor : public testing::Test {
 protected:
  ~ParallelFor() override { cpu::set_threads(1); }
};

TEST_F(ParallelFor, EachChunkOnce) {
  for (const int threads : {1, 2, 3, 8}) {
    cpu::set_threads(threads);
    EXPECT_EQ(cpu::threads(), threads);
    for (const int64_t count : {0, 1, 7, 64, 1000, 1001}) {
      for (const int64_t grain : {1, 7, 64, 5000}) {
        std::vector<std::atomic<int>> seen(static_cast<size_t>(count));
        std::atomic<int64_t> chunks{0};
        cpu::parallel_for(count, grain, [&](int64_t begin, int64_t end) {
          EXPECT_EQ(begin % grain, 0);
          EXPECT_EQ(end, std::min(begin + grain, count));
          ++chunks;
          for (int64_t i = begin; i < end; ++i) ++seen[static_cast<size_t>(i)];
        });
        EXPECT_EQ(chunks, (count + grain - 1) / grain);
        for (const std::atomic<int>& times : seen) ASSERT_EQ(times, 1);
      }
    }
  }
}

TEST_F(ParallelFor, UsesAsManyThreadsAsAllowed) {
  // Three chunks that wait for each other need three threads.
  for (const int threads : {3, 2, 3}) {
    cpu::set_threads(threads);
    std::atomic<int> arrived{0};
    cpu::parallel_for(threads, 1, [&](int64_t, int64_t) {
      ++arrived;
      while (arrived < threads) std::this_thread::yield();
    });
    EXPECT_EQ(arrived, threads);
  }
}

TEST_F(ParallelFor, NeverMoreThreadsThanAllowed) {
  cpu::set_threads(4);  // workers exist from now on
  cpu::parallel_for(8, 1, [](int64_t, int64_t) {});
  for (const int threads : {2, 1, 3}) {
    cpu::set_threads(threads);
    for (int region = 0; region < 200; ++region) {
      std::atomic<int> inside{0}, most{0};
      cpu::parallel_for(16, 1, [&](int64_t, int64_t) {
        const int now = ++inside;
        int before = most;
        while (before < now && !most.compare_exchange_weak(before, now)) {
        }
        std::this_thread::yield();
        --inside;
      });
      ASSERT_LE(most, threads);
    }
  }
}

TEST_F(ParallelFor, NestedRunsInPlace) {
  cpu::set_threads(3);
  constexpr int64_t kOuter = 32, kInner = 100;
  std::vector<int> sums(kOuter, 0);
  std::atomic<int> elsewhere{0};
  cpu::parallel_for(kOuter, 1, [&](int64_t outer, int64_t) {
    const std::thread::id self = std::this_thread::get_id();
    cpu::parallel_for(kInner, 7, [&](int64_t begin, int64_t end) {
      if (std::this_thread::get_id() != self) ++elsewhere;
      sums[static_cast<size_t>(outer)] += static_cast<int>(end - begin);
    });
  });
  EXPECT_EQ(elsewhere, 0);
  EXPECT_EQ(sums, std::vector<int>(kOuter, kInner));
}

TEST_F(ParallelFor, ManyShortRegions) {
  cpu::set_threads(3);
  int64_t total = 0;
  std::vector<int64_t> parts(5);
  for (int region = 0; region < kRegions; ++region) {
    // What a region wrote must be visible to the caller and to the next region.
    cpu::parallel_for(5, 1, [&](int64_t i, int64_t) { parts[static_cast<size_t>(i)] += i + 1; });
    total += std::accumulate(parts.begin(), parts.end(), int64_t{0});
  }
  EXPECT_EQ(total, int64_t{15} * kRegions * (kRegions + 1) / 2);
}

TEST_F(ParallelFor, TheLimitMayChangeBetweenRegions) {
  int64_t total = 0;
  const int regions = kRegions / 4;
  for (int region = 0; region < regions; ++region) {
    cpu::set_threads(1 + region % 4);
    std::atomic<int64_t> sum{0};
    cpu::parallel_for(9, 2, [&](int64_t begin, int64_t end) { sum += end - begin; });
    total += sum;
  }
  EXPECT_EQ(total, int64_t{9} * regions);
}

TEST_F(ParallelFor, ZeroMeansAllProcessors) {
  EXPECT_GE(cpu::available_processors(), 1);
  cpu::set_threads(0);
  EXPECT_EQ(cpu::threads(), cpu::available_processors());
  cpu::set_threads(-3);
  EXPECT_EQ(cpu::threads(), 1);
}

}  // namespace
}  // namespace burin::test
