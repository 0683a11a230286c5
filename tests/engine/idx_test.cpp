#include "engine/data/idx.h"

#include <zlib.h>

#include <array>

#include "tests/support/scratch.h"

namespace burin::test {
namespace {

std::string big_endian(std::initializer_list<uint32_t> numbers) {
  std::string bytes;
  for (const uint32_t number : numbers) {
    for (const int shift : {24, 16, 8, 0}) bytes += static_cast<char>(number >> shift);
  }
  return bytes;
}

std::string gzip(const std::string& content) {
  z_stream stream{};
  EXPECT_EQ(deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

// [2, 3, 4] bytes: 0, 7, 14, ...
std::string sample() {
  std::string bytes = big_endian({0x803, 2, 3, 4});
  for (int i = 0; i < 24; ++i) bytes += static_cast<char>(7 * i);
  return bytes;
}

class Idx : public testing::Test {
 protected:
  // Both plain and compressed, under a name that says neither.
  void expect_fault(const std::string& content, int rank,
                    std::initializer_list<std::string_view> parts) {
    for (const std::string& bytes : {content, gzip(content)}) {
      const std::string path = scratch.write("array", bytes);
      expect_error([&] { read_idx(path, rank); }, {path});
      expect_error([&] { read_idx(path, rank); }, parts);
    }
  }
  void expect_damage(const std::string& bytes, std::string_view part) {
    const std::string path = scratch.write("array.gz", bytes);
    expect_error([&] { read_idx(path, 3); }, {path, part});
  }
  Scratch scratch;
};

TEST_F(Idx, ReadsPlainAndCompressed) {
  for (const std::string& bytes : {sample(), gzip(sample())}) {
    const IdxArray array = read_idx(scratch.write("array", bytes), 3);
    EXPECT_EQ(array.dimensions, (std::vector<int64_t>{2, 3, 4}));
    ASSERT_EQ(array.bytes.size(), 24u);
    for (size_t i = 0; i < 24; ++i) EXPECT_EQ(array.bytes[i], 7 * i);
  }
}

TEST_F(Idx, ReadsEveryRankAndALargeArray) {
  std::string content = big_endian({0x805, 1, 2, 1, 2, 1}) + "abcd";
  EXPECT_EQ(read_idx(scratch.write("array", content), 5).dimensions.size(), 5u);
  content = big_endian({0x801, 3000000});
  for (uint32_t i = 0; i < 3000000; ++i) content += static_cast<char>((i * 2654435761u) >> 24);
  const IdxArray array = read_idx(scratch.write("array", gzip(content)), 1);
  EXPECT_TRUE(std::equal(array.bytes.begin(), array.bytes.end(), content.begin() + 8,
                         [](uint8_t a, char b) { return a == static_cast<uint8_t>(b); }));
  // The most that gzip can compress must not be taken for damage.
  content = big_endian({0x801, 3000000}) + std::string(3000000, '\0');
  EXPECT_EQ(read_idx(scratch.write("array", gzip(content)), 1).bytes.size(), 3000000u);
}

TEST_F(Idx, ReadsGzipStreamsInARow) {
  const std::string bytes = sample();
  const std::string parts = gzip(bytes.substr(0, 10)) + gzip("") + gzip(bytes.substr(10));
  EXPECT_EQ(read_idx(scratch.write("array", parts), 3).bytes.back(), 7 * 23);
}

TEST_F(Idx, WrongHeader) {
  expect_fault("", 3, {"too short", "4 bytes", "found 0"});
  expect_fault(std::string("\0\0\x08", 3), 3, {"too short", "found 3"});
  expect_fault(big_endian({0x01000803, 1, 1, 1}) + "x", 3, {"magic", "0x00000803", "0x01000803"});
  expect_fault(big_endian({0x00010803, 1, 1, 1}) + "x", 3, {"magic", "0x00010803"});
  expect_fault(big_endian({0xD03, 1, 1, 1}) + "xxxx", 3, {"type", "0x08", "0x0d"});
  expect_fault(sample(), 1, {"rank 1", "rank 3"});
  expect_fault(big_endian({0x801, 1}) + "x", 3, {"rank 3", "rank 1"});
  expect_fault(sample().substr(0, 15), 3, {"truncated", "3 dimensions"});
  expect_fault(sample(), 0, {"rank 0", "1 to 255"});
  expect_fault(sample(), 256, {"rank 256"});
}

TEST_F(Idx, WrongDimensions) {
  expect_fault(big_endian({0x803, 0, 28, 28}), 3, {"positive", "0 x 28 x 28"});
  expect_fault(big_endian({0x803, 1, 28, 0}), 3, {"positive", "1 x 28 x 0"});
  expect_fault(big_endian({0x803, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}) + "x", 3, {"absurd"});
  // 2^64 elements, which wraps to 0.
  expect_fault(big_endian({0x803, 1u << 31, 1u << 31, 4}), 3, {"absurd"});
  // Within the limit, but more than the file can hold: refused before 4 GiB are taken.
  const std::string huge = big_endian({0x803, 1u << 30, 2, 2}) + "x";
  expect_fault(huge, 3, {"truncated", "4294967296"});
  expect_damage(gzip(huge), "compressed bytes cannot hold");
}

TEST_F(Idx, WrongLength) {
  expect_fault(sample().substr(0, 39), 3, {"truncated", "24 bytes", "found 23"});
  expect_fault(sample().substr(0, 16), 3, {"truncated", "24 bytes", "found 0"});
  expect_fault(sample() + "x", 3, {"too long", "24 bytes"});
  EXPECT_EQ(read_idx(scratch.write("array", sample()), 3).bytes.size(), 24u);
}

TEST_F(Idx, TruncatedGzip) {
  const std::string whole = gzip(sample());
  for (size_t size = 2; size < whole.size(); ++size) {
    const std::string path = scratch.write("array.gz", whole.substr(0, size));
    expect_error([&] { read_idx(path, 3); }, {path, "truncated"});
  }
}

TEST_F(Idx, DamagedGzip) {
  const std::string whole = gzip(sample());
  std::string bytes = whole;
  bytes[bytes.size() - 8] ^= 1;
  expect_damage(bytes, "data check");  // CRC
  bytes = whole;
  bytes[bytes.size() - 4] ^= 1;
  expect_damage(bytes, "length check");
  bytes = whole;
  bytes[2] = 7;
  expect_damage(bytes, "compression method");
  bytes = whole;
  bytes[10] |= 6;  // block type 3 does not exist
  expect_damage(bytes, "damaged");
  expect_damage(whole + "x", "surplus");
  expect_damage(whole + std::string(100, '\0'), "surplus");
}

TEST_F(Idx, EveryFlippedBitIsSeenOrHarmless) {
  const std::string whole = gzip(sample());
  const IdxArray expected = read_idx(scratch.write("array.gz", whole), 3);
  int caught = 0;
  for (size_t i = 0; i < whole.size() * 8; ++i) {
    std::string bytes = whole;
    bytes[i / 8] = static_cast<char>(bytes[i / 8] ^ (1 << i % 8));
    const std::string path = scratch.write("array.gz", bytes);
    try {
      const IdxArray array = read_idx(path, 3);
      // Bytes 4 to 9 of gzip are its time, flags and system.
      EXPECT_EQ(array.dimensions, expected.dimensions) << "bit " << i;
      EXPECT_EQ(array.bytes, expected.bytes) << "bit " << i;
    } catch (const Error&) {
      ++caught;
    }
  }
  EXPECT_GT(caught, int(whole.size() - 10) * 8 - 1);
}

TEST_F(Idx, MissingFile) {
  const std::string path = scratch.path("missing");
  expect_error([&] { read_idx(path, 3); }, {path, "No such file"});
  expect_error([&] { read_idx(scratch.directory(), 3); }, {scratch.directory(), "directory"});
}

}  // namespace
}  // namespace burin::test
