// Memory, Arena, Shape and Tensor.
#include "engine/backend/arena.h"

#include <gtest/gtest.h>

#include <stdexcept>

#include "engine/backend/cuda.h"
#include "engine/tensor/tensor.h"
#include "tests/support/kernel_case.h"

namespace burin::test {
namespace {

constexpr size_t kMega = size_t{1} << 20;

std::vector<void*> allocate(Arena& arena, const std::vector<size_t>& sizes) {
  std::vector<void*> addresses;
  for (const size_t size : sizes) addresses.push_back(arena.allocate(size));
  return addresses;
}

TEST(Memory, IsAlignedZeroAndMoves) {
  for (const size_t bytes : {size_t{1}, size_t{63}, size_t{65}, size_t{100000}}) {
    Memory memory(Device::cpu, bytes);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(memory.data()) % 64, 0u);
    EXPECT_EQ(memory.bytes(), bytes);
    for (size_t i = 0; i < bytes; ++i) ASSERT_EQ(memory.data()[i], std::byte{0});
    std::byte* address = memory.data();
    Memory other(std::move(memory));
    EXPECT_EQ(other.data(), address);
    Memory third;
    third = std::move(other);
    EXPECT_EQ(third.data(), address);
    EXPECT_EQ(third.bytes(), bytes);
  }
  EXPECT_EQ(Memory(Device::cpu, 0).data(), nullptr);
}

TEST(Memory, TooMuchNamesTheSize) {
#if !BURIN_SLOW_BUILD  // AddressSanitizer ends the process instead
  try {
    const Memory memory(Device::cpu, size_t{1} << 62);
    ADD_FAILURE() << "not refused";
  } catch (const std::runtime_error& fault) {
    EXPECT_NE(std::string(fault.what()).find(std::to_string(size_t{1} << 62)), std::string::npos);
  }
#endif
  if (!cuda::missing().empty()) {
    EXPECT_THROW(Memory(Device::cuda, 64), std::runtime_error);
  }
}

TEST(Memory, OnTheMetaDeviceIsCountedAndNotTaken) {
  const size_t before = memory_in_use(Device::meta);
  {
    const Memory huge(Device::meta, size_t{1} << 50), other(Device::meta, 1);
    EXPECT_NE(huge.data(), nullptr);
    EXPECT_GE(other.data(), huge.data() + huge.bytes());  // addresses of their own
    EXPECT_EQ(memory_in_use(Device::meta) - before, (size_t{1} << 50) + kMemoryGranularity);
    float value = 1.0f;
    copy_to_device(Device::meta, other.data(), &value, 1);
    copy_to_host(Device::meta, &value, huge.data(), sizeof value);
    EXPECT_EQ(value, 0.0f);
  }
  EXPECT_EQ(memory_in_use(Device::meta), before);
}

TEST(Arena, ReserveMakesRoomBeforehand) {
  Arena arena(Device::cpu);
  arena.reserve(3 * kMega);
  const int64_t version = arena.version();
  for (int step = 0; step < 2; ++step) {
    allocate(arena, {kMega, kMega, kMega});
    arena.reset();
    EXPECT_EQ(arena.version(), version);
  }
  allocate(arena, {4 * kMega});
  EXPECT_GT(arena.version(), version);
  arena.reset();
  const int64_t grown = arena.version();
  arena.reserve(kMega);  // less than there is
  EXPECT_EQ(arena.version(), grown);
}

TEST(Arena, BlocksAreAlignedAndDoNotOverlap) {
  Arena arena(Device::cpu);
  const std::vector<size_t> sizes = {1, 64, 65, 0, 0, 3 * kMega, 7, kMega, 128};
  std::vector<void*> addresses = allocate(arena, sizes);
  std::vector<std::pair<uintptr_t, uintptr_t>> ranges;
  for (size_t i = 0; i < sizes.size(); ++i) {
    const auto begin = reinterpret_cast<uintptr_t>(addresses[i]);
    EXPECT_EQ(begin % 64, 0u);
    ranges.push_back({begin, begin + std::max<size_t>(sizes[i], 1)});
  }
  std::sort(ranges.begin(), ranges.end());
  for (size_t i = 1; i < ranges.size(); ++i) EXPECT_LE(ranges[i - 1].second, ranges[i].first);
}

TEST(Arena, TheSameAddressesFromTheSecondStepOn) {
  // The first needs one block, the second several.
  for (const std::vector<size_t>& sizes :
       {std::vector<size_t>{100, 200, 300}, {kMega / 2, kMega / 2 + 1, 3 * kMega, 5, kMega}}) {
    Arena arena(Device::cpu);
    allocate(arena, sizes);
    arena.reset();
    const std::vector<void*> second = allocate(arena, sizes);
    for (int step = 3; step < 6; ++step) {
      arena.reset();
      EXPECT_EQ(allocate(arena, sizes), second) << "step " << step;
    }
    // One block: what follows lies behind, in order.
    for (size_t i = 1; i < second.size(); ++i) {
      const size_t distance = (sizes[i - 1] + 63) / 64 * 64;
      EXPECT_EQ(static_cast<std::byte*>(second[i]),
                static_cast<std::byte*>(second[i - 1]) + distance);
    }
  }
}

TEST(Arena, GrowsWithALargerStepAndKeepsThePeak) {
  Arena arena(Device::cpu);
  EXPECT_EQ(arena.peak_bytes(), 0u);
  allocate(arena, {100, 1});
  EXPECT_EQ(arena.peak_bytes(), 128u + 64u);
  arena.reset();
  EXPECT_EQ(arena.peak_bytes(), 192u);
  const std::vector<size_t> large = {2 * kMega, 64, 2 * kMega};
  allocate(arena, large);
  EXPECT_EQ(arena.peak_bytes(), 4 * kMega + 64);
  arena.reset();
  allocate(arena, {64});
  EXPECT_EQ(arena.peak_bytes(), 4 * kMega + 64);
  arena.reset();
  const std::vector<void*> before = allocate(arena, large);
  arena.reset();
  EXPECT_EQ(allocate(arena, large), before);
}

TEST(Shape, SizesAndText) {
  EXPECT_EQ(Shape().rank(), 0);
  EXPECT_EQ(Shape().elements(), 1);
  EXPECT_EQ(Shape().to_string(), "[]");
  const Shape shape{2, 3, 4, 5};
  EXPECT_EQ(shape.rank(), 4);
  EXPECT_EQ(shape.elements(), 120);
  EXPECT_EQ(shape[2], 4);
  EXPECT_EQ(shape.to_string(), "[2, 3, 4, 5]");
  EXPECT_EQ((Shape{0, 7}).elements(), 0);
  EXPECT_NE((Shape{6}), (Shape{6, 1}));
  EXPECT_NE((Shape{2, 3}), (Shape{3, 2}));
  EXPECT_THROW((Shape{1, 2, 3, 4, 5}), std::invalid_argument);
  EXPECT_THROW((Shape{3, -1}), std::invalid_argument);
}

TEST(Tensor, ViewsShareMemory) {
  Arena arena(Device::cpu);
  const Tensor matrix = Tensor::in(arena, {4, 3});
  matrix.set(random_values(12));
  const std::vector<float> all = matrix.to_host();
  const Tensor middle = matrix.row_range(1, 2);
  EXPECT_EQ(middle.shape(), (Shape{2, 3}));
  EXPECT_EQ(middle.to_host(), std::vector<float>(all.begin() + 3, all.begin() + 9));
  middle.set(std::vector<float>(6, 7.0f));
  EXPECT_EQ(matrix.to_host()[3], 7.0f);
  EXPECT_EQ(matrix.to_host()[9], all[9]);
  EXPECT_EQ(matrix.reshaped({2, 6}).data(), matrix.data());
  EXPECT_EQ(matrix.reshaped({2, 6}).cols(), 6);
  EXPECT_EQ(matrix.row_range(4, 0).elements(), 0);
}

TEST(Tensor, Refusals) {
  Arena arena(Device::cpu);
  const Tensor matrix = Tensor::in(arena, {4, 3});
  const Tensor flat = Tensor::in(arena, {12});
  EXPECT_THROW(matrix.row_range(-1, 2), std::invalid_argument);
  EXPECT_THROW(matrix.row_range(3, 2), std::invalid_argument);
  EXPECT_THROW(matrix.row_range(1, -1), std::invalid_argument);
  EXPECT_THROW(flat.row_range(0, 1), std::invalid_argument);
  EXPECT_THROW(flat.cols(), std::invalid_argument);
  EXPECT_THROW(matrix.reshaped({13}), std::invalid_argument);
  EXPECT_THROW(matrix.item(), std::invalid_argument);
  EXPECT_THROW(matrix.set(std::vector<float>(11)), std::invalid_argument);
}

}  // namespace
}  // namespace burin::test
