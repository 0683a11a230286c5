// Burin's Philox is NVIDIA's: the same words as cuRAND's device functions, under the mapping of
// docs/maths.md#random_fill.
#include "kernels/common/philox.h"
#include "kernels/random_fill/random_fill.h"
#include "tests/kernels/cuda/curand_words.h"
#include "tests/support/twin.h"

namespace burin::test {
namespace {

class PhiloxCurand : public TwinTest {
 protected:
  void SetUp() override {
    TwinTest::SetUp();
    if (!IsSkipped() && !has_curand()) GTEST_SKIP() << "built without the headers of cuRAND";
  }
};

struct Block {
  uint64_t seed;
  uint32_t stream;
  uint64_t step;
  uint32_t block;
};

// Every combination of values with bits in either half.
std::vector<Block> blocks() {
  std::vector<Block> all;
  for (const uint64_t seed : {uint64_t{0}, uint64_t{1234}, 0x0123456789abcdefu, ~uint64_t{0}}) {
    for (const uint32_t stream : {0u, 7u, 0x80000001u, 0xffffffffu}) {
      for (const uint64_t step : {uint64_t{0}, uint64_t{5}, uint64_t{0x3fffffff}, uint64_t{1} << 31,
                                  0xfedcba9876543210u, 0xfedcba9812345678u, ~uint64_t{0}}) {
        for (const uint32_t block : {0u, 1u, 25087u, 0x89abcdefu, 0xfffffffdu}) {
          all.push_back({seed, stream, step, block});
        }
      }
    }
  }
  return all;
}

void expect_words(const uint32_t* actual, const Block& b, uint32_t further) {
  const PhiloxWords words = random_block(b.seed, b.stream, b.step, b.block + further);
  for (int w = 0; w < 4; ++w) {
    ASSERT_EQ(actual[w], words.word[w])
        << "seed " << b.seed << ", stream " << b.stream << ", step " << b.step << ", block "
        << b.block << " + " << further << ", word " << w;
  }
}

// The block function itself, at every counter and key.
TEST_F(PhiloxCurand, BlocksAreThoseOfCurand) {
  const std::vector<Block> all = blocks();
  std::vector<uint32_t> counters;
  for (const Block& b : all) {
    counters.insert(counters.end(), {b.block, uint32_t(b.step), uint32_t(b.step >> 32), b.stream,
                                     uint32_t(b.seed), uint32_t(b.seed >> 32)});
  }
  BufferOf<uint32_t> device_counters(counters), device_words(4 * int64_t(all.size()));
  curand_blocks(device_counters.data(), int64_t(all.size()), device_words.data());
  const std::vector<uint32_t> words = device_words.values();
  for (size_t i = 0; i < all.size(); ++i) expect_words(&words[4 * i], all[i], 0);
}

// By curand_init and curand4: an offset is of 64 bits and counts words, so it reaches steps whose
// low half is below 2^30.
TEST_F(PhiloxCurand, SequencesAreThoseOfCurand) {
  constexpr int kDraws = 3;
  std::vector<Block> reached;
  std::vector<CurandPlace> places;
  for (const Block& b : blocks()) {
    const auto low = uint32_t(b.step);
    if (low >= 1u << 30) continue;
    reached.push_back(b);
    places.push_back(
        {b.seed, (uint64_t{b.stream} << 32) | b.step >> 32, 4 * ((uint64_t{low} << 32) | b.block)});
  }
  ASSERT_GT(reached.size(), 300u);
  BufferOf<CurandPlace> device_places(places);
  BufferOf<uint32_t> device_words(4 * kDraws * int64_t(places.size()));
  curand_sequence(device_places.data(), int64_t(places.size()), kDraws, device_words.data());
  const std::vector<uint32_t> words = device_words.values();
  for (size_t i = 0; i < reached.size(); ++i) {
    for (uint32_t draw = 0; draw < kDraws; ++draw) {
      expect_words(&words[4 * (kDraws * i + draw)], reached[i], draw);
    }
  }
}

// A fill is the sequence: element i is word i of curand_init(seed, stream * 2^32, step * 2^34).
TEST_F(PhiloxCurand, AFillIsASequence) {
  constexpr int64_t kBlocks = 25;
  const uint64_t seed = 99, step = 17;
  const uint32_t stream = 3;
  BufferOf<CurandPlace> place(std::vector<CurandPlace>{{seed, uint64_t{stream} << 32, step << 34}});
  BufferOf<uint32_t> words(4 * kBlocks);
  BufferOf<uint64_t> device_step(std::vector<uint64_t>{step});
  Buffer uniform(4 * kBlocks - 1);
  curand_sequence(place.data(), 1, kBlocks, words.data());
  cuda::random_uniform(uniform.data(), uniform.size(), 0.0f, 1.0f,
                       {seed, stream, device_step.data()}, {});
  for (int64_t i = 0; i < uniform.size(); ++i) {
    ASSERT_EQ(uniform.values()[size_t(i)], uniform_of(words.values()[size_t(i)])) << i;
  }
}

}  // namespace
}  // namespace burin::test
