#include "kernels/common/philox.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "kernels/common/philox_lanes.h"
#include "tests/oracle.h"

namespace burin::test {
namespace {

using oracle::Words;

Words as_words(const PhiloxWords& w) {
  return {w.word[0], w.word[1], w.word[2], w.word[3]};
}

struct KnownAnswer {
  Words counter;
  std::array<uint32_t, 2> key;
  Words answer;
};

// Published with Random123 for philox4x32, ten rounds: all zeros, all ones, digits of pi.
constexpr KnownAnswer kKnownAnswers[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}},
    {{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu},
     {0xffffffffu, 0xffffffffu},
     {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}},
    {{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
     {0xa4093822u, 0x299f31d0u},
     {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}},
};

TEST(Philox, GivesThePublishedAnswers) {
  for (const auto& [c, k, answer] : kKnownAnswers) {
    EXPECT_EQ(as_words(philox4x32(c[0], c[1], c[2], c[3], k[0], k[1])), answer);
    EXPECT_EQ(oracle::philox(c, k), answer);
  }
}

TEST(Philox, KeyingIsAsDocumented) {
  const uint64_t seed = 0x0123456789abcdefu, step = 0xfedcba9876543210u;
  EXPECT_EQ(as_words(random_block(seed, 42, step, 7)),
            oracle::philox({7, 0x76543210u, 0xfedcba98u, 42}, {0x89abcdefu, 0x01234567u}));
  EXPECT_EQ(oracle::random_block({seed, 42, step}, 7),
            oracle::philox({7, 0x76543210u, 0xfedcba98u, 42}, {0x89abcdefu, 0x01234567u}));
  EXPECT_EQ(step_of({seed, 42, &step}), step);
  EXPECT_EQ(step_of({seed, 42, nullptr}), 0u);
}

TEST(Philox, ATileIsItsBlocks) {
  const auto tile = std::make_unique<cpu::PhiloxTile>();
  std::vector<cpu::detail::FillLanes> ways = {cpu::detail::philox_by_compiler()};
  if (cpu::detail::philox_avx512() != nullptr) ways.push_back(cpu::detail::philox_avx512());
  for (const uint64_t seed :
       {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{0x0123456789abcdef}}) {
    for (const uint64_t step : {uint64_t{0}, uint64_t{5}, (uint64_t{1} << 32) + 3, ~uint64_t{0}}) {
      for (const uint32_t first : {0u, 12345u, 0xfffffff0u}) {  // the last runs over 2^32
        const uint32_t stream = first ^ 0x80000001u;
        std::array<uint32_t, cpu::kPhiloxLanes> blocks;
        for (uint32_t lane = 0; lane < cpu::kPhiloxLanes; ++lane) blocks[lane] = first + lane;
        const auto expect_blocks = [&] {
          for (uint32_t lane = 0; lane < cpu::kPhiloxLanes; ++lane) {
            const Words expected = oracle::random_block({seed, stream, step}, blocks[lane]);
            ASSERT_EQ(as_words(random_block(seed, stream, step, blocks[lane])), expected);
            for (size_t k = 0; k < 4; ++k) ASSERT_EQ(tile->word[k][lane], expected[k]);
          }
        };
        cpu::fill_tile({seed, stream, step}, first, *tile);
        expect_blocks();
        std::ranges::reverse(blocks);
        for (const cpu::detail::FillLanes fill : ways) {
          std::memset(static_cast<void*>(tile.get()), 0xa5, sizeof *tile);
          fill({seed, stream, step}, blocks.data(), *tile);
          expect_blocks();
        }
      }
    }
  }
}

// One changed bit of seed, stream, step or block changes half of the 128 bits, on average.
TEST(Philox, EveryInputBitCounts) {
  for (int bit = 0; bit < 192; ++bit) {
    double changed = 0.0;
    const int trials = 200;
    for (uint32_t trial = 0; trial < trials; ++trial) {
      uint32_t in[6] = {trial, 0, 0, 1, 2, 0};
      const PhiloxWords a = philox4x32(in[0], in[1], in[2], in[3], in[4], in[5]);
      in[bit / 32] ^= 1u << (bit % 32);
      const PhiloxWords b = philox4x32(in[0], in[1], in[2], in[3], in[4], in[5]);
      for (int k = 0; k < 4; ++k) changed += std::popcount(a.word[k] ^ b.word[k]);
    }
    // A sum of 128 * 200 fair coins has deviation 80.
    EXPECT_NEAR(changed, 64.0 * trials, 5 * 80.0) << "bit " << bit;
  }
}

TEST(Philox, UniformStaysBelowOne) {
  EXPECT_EQ(uniform_of(0), 0.0f);
  EXPECT_EQ(uniform_of(255), 0.0f);
  EXPECT_EQ(uniform_of(256), 0x1p-24f);
  EXPECT_EQ(uniform_of(0x80000000u), 0.5f);
  EXPECT_EQ(uniform_of(0xffffffffu), 1.0f - 0x1p-24f);
}

}  // namespace
}  // namespace burin::test
