#include "engine/io/safetensors.h"

#include <fcntl.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/scratch.h"

namespace burin::test {
namespace {

using Metadata = std::map<std::string, std::string>;
using Sizes = std::vector<int64_t>;

// Values whose bits are easily lost: a NaN with a payload, -0, a denormal.
const std::vector<float> kWeight = {1.5f, -0.0f, 1e-42f, std::nanf("77"), -INFINITY, 3e38f};
const std::vector<float> kBias = {0.25f};

std::vector<TensorRef> sample() {
  return {{"generator.0.weight", {2, 3}, kWeight.data()},
          {"generator.0.bias", {1}, kBias.data()},
          {"empty", {4, 0}, nullptr},
          {"scalar \xc3\xa4 \"\n", {}, kBias.data()}};
}

const Metadata kSampleMetadata = {{"step", "123"}, {"config", "{\"a\": \"\\n\"}"}, {"", ""}};

bool same_bits(const float* a, const std::vector<float>& b) {
  return std::memcmp(a, b.data(), b.size() * sizeof(float)) == 0;
}

void expect_sample(const SafetensorsFile& file, const std::string& what = "") {
  EXPECT_EQ(file.names(), (std::vector<std::string>{"empty", "generator.0.bias",
                                                    "generator.0.weight", "scalar \xc3\xa4 \"\n"}))
      << what;
  EXPECT_EQ(file.shape("generator.0.weight"), (Sizes{2, 3})) << what;
  EXPECT_EQ(file.shape("generator.0.bias"), Sizes{1}) << what;
  EXPECT_EQ(file.shape("empty"), (Sizes{4, 0})) << what;
  EXPECT_EQ(file.shape("scalar \xc3\xa4 \"\n"), Sizes{}) << what;
  EXPECT_EQ(file.size("empty"), 0) << what;
  EXPECT_EQ(file.size("generator.0.weight"), 6) << what;
  EXPECT_TRUE(same_bits(file.data("generator.0.weight"), kWeight)) << what;
  EXPECT_TRUE(same_bits(file.data("generator.0.bias"), kBias)) << what;
  EXPECT_TRUE(same_bits(file.data("scalar \xc3\xa4 \"\n"), kBias)) << what;
  EXPECT_EQ(file.metadata(), kSampleMetadata) << what;
  EXPECT_TRUE(file.has_content_hash()) << what;
}

std::string little_endian(uint64_t number) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(number >> shift);
  return bytes;
}

TEST(Safetensors, RoundTrip) {
  const Scratch scratch;
  const std::string path = scratch.path("a.safetensors");
  write_safetensors(path, sample(), kSampleMetadata);
  SafetensorsFile file = SafetensorsFile::load(path);
  expect_sample(file);
  EXPECT_EQ(file.path(), path);
  EXPECT_TRUE(file.contains("empty"));
  EXPECT_FALSE(file.contains("Empty"));
  EXPECT_FALSE(file.contains("__metadata__"));
  expect_error([&] { file.shape("none\n"); }, {path, "'none\\x0a'"});
  expect_error([&] { file.data("none"); }, {path, "'none'"});
  const float* before = file.data("generator.0.weight");
  const SafetensorsFile moved = std::move(file);
  EXPECT_EQ(moved.data("generator.0.weight"), before);
  EXPECT_EQ(scratch.entries(), std::vector<std::string>{"a.safetensors"});
}

TEST(Safetensors, NothingAtAll) {
  const Scratch scratch;
  write_safetensors(scratch.path("a"), {});
  const SafetensorsFile file = SafetensorsFile::load(scratch.path("a"));
  EXPECT_TRUE(file.names().empty());
  EXPECT_TRUE(file.metadata().empty());
  EXPECT_TRUE(file.has_content_hash());
}

TEST(Safetensors, ALargeTensor) {
  const Scratch scratch;
  std::vector<float> values(1'000'003);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  write_safetensors(scratch.path("a"), {{"x", {1'000'003}, values.data()}});
  EXPECT_TRUE(same_bits(SafetensorsFile::load(scratch.path("a")).data("x"), values));
}

// The layout, read here from the specification, and the hash, from the header's description.
TEST(Safetensors, Layout) {
  const Scratch scratch;
  for (size_t extra = 0; extra < 64; ++extra) {  // every padding
    write_safetensors(scratch.path("a"), sample(), {{"k", std::string(extra, 'v')}});
    const std::string bytes = scratch.read("a");
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    EXPECT_EQ((8 + length) % 64, 0u);
    const std::string header = bytes.substr(8, length);
    EXPECT_EQ(header[0], '{');
    EXPECT_EQ(header.find_last_not_of(' '), header.rfind('}'));
    const nlohmann::json json = nlohmann::json::parse(header);
    EXPECT_EQ(json.size(), 5u);
    const nlohmann::json weight = {{"dtype", "F32"}, {"shape", {2, 3}}, {"data_offsets", {0, 24}}};
    EXPECT_EQ(json["generator.0.weight"], weight);
    EXPECT_EQ(json["generator.0.bias"]["data_offsets"], nlohmann::json({24, 28}));
    EXPECT_EQ(json["empty"]["data_offsets"], nlohmann::json({28, 28}));
    EXPECT_EQ(json["__metadata__"]["writer"], "burin");
    ASSERT_EQ(bytes.size(), 8 + length + 32);
    EXPECT_EQ(std::memcmp(bytes.data() + 8 + length, kWeight.data(), 24), 0);
  }
}

std::string text(const std::string& value) {
  return little_endian(value.size()) + value;
}

TEST(Safetensors, TheHashIsAsDescribed) {
  const Scratch scratch;
  write_safetensors(scratch.path("a"), {{"w", {2, 3}, kWeight.data()}, {"b", {1}, kBias.data()}},
                    {{"step", "7"}});
  std::string stream = little_endian(2) + text("step") + text("7") + text("writer") + text("burin");
  stream += little_endian(2);
  stream += text("b") + little_endian(1) + little_endian(1);
  stream.append(reinterpret_cast<const char*>(kBias.data()), 4);
  stream += text("w") + little_endian(2) + little_endian(2) + little_endian(3);
  stream.append(reinterpret_cast<const char*>(kWeight.data()), 24);
  const XXH128_hash_t hash = XXH3_128bits(stream.data(), stream.size());
  char expected[33];
  std::snprintf(expected, sizeof expected, "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  EXPECT_NE(scratch.read("a").find(std::string("\"content_xxh3_128\":\"") + expected + '"'),
            std::string::npos);
}

TEST(Safetensors, OldHashAndWriterAreReplaced) {
  const Scratch scratch;
  write_safetensors(scratch.path("a"), {}, {{"content_xxh3_128", "old"}, {"writer", "me"}});
  EXPECT_TRUE(SafetensorsFile::load(scratch.path("a")).metadata().empty());
}

TEST(Safetensors, EveryFlippedBitIsSeen) {
  const Scratch scratch;
  const std::string path = scratch.path("a");
  write_safetensors(path, sample(), kSampleMetadata);
  const std::string bytes = scratch.read("a");
  const int descriptor = open(path.c_str(), O_WRONLY);
  ASSERT_GE(descriptor, 0);
  int caught = 0;
  const auto load_with = [&](size_t i, char value) {
    ASSERT_EQ(pwrite(descriptor, &value, 1, off_t(i)), 1);
    try {
      expect_sample(SafetensorsFile::load(path), "byte " + std::to_string(i));
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find(path), std::string::npos) << error.what();
      ++caught;
    }
  };
  int tried = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit, ++tried) load_with(i, char(bytes[i] ^ (1 << bit)));
    for (const char value : {'\0', ' ', '"', '0', '\xff'}) load_with(i, value);
    load_with(i, bytes[i]);
  }
  close(descriptor);
  expect_sample(SafetensorsFile::load(path));
  EXPECT_GT(caught, tried - 10);
}

TEST(Safetensors, EveryTruncationIsSeen) {
  const Scratch scratch;
  const std::string path = scratch.path("a");
  write_safetensors(path, sample(), kSampleMetadata);
  for (auto size = off_t(scratch.read("a").size()) - 1; size >= 0; --size) {
    ASSERT_EQ(truncate(path.c_str(), size), 0);
    expect_error([&] { SafetensorsFile::load(path); }, {path});
  }
}

class Foreign : public testing::Test {
 protected:
  std::string write(const std::string& header, const std::string& data) {
    return scratch.write("foreign", little_endian(header.size()) + header + data);
  }
  void expect_fault(const std::string& header, const std::string& data, std::string_view part) {
    SCOPED_TRACE(header.substr(0, 100));
    const std::string path = write(header, data);
    expect_error([&] { SafetensorsFile::load(path); }, {path, part});
  }
  Scratch scratch;
  const std::string eight = std::string("\0\0\x80\x3f\0\0\0\x40", 8);  // 1, 2
  const std::string a = R"("a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]})";
  const std::string b = R"("b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]})";
};

TEST_F(Foreign, IsAcceptedWithoutAHash) {
  // Of odd length, in another order, with spaces.
  for (const std::string& header : {"{" + a + "," + b + "}", "{" + b + ", " + a + "}   ",
                                    "{\"__metadata__\":{\"writer\":\"x\"}," + b + "," + a + "}"}) {
    const SafetensorsFile file = SafetensorsFile::load(write(header, eight));
    EXPECT_FALSE(file.has_content_hash());
    EXPECT_EQ(*file.data("a"), 1.0f);
    EXPECT_EQ(*file.data("b"), 2.0f);
  }
  const auto metadata = SafetensorsFile::load(scratch.path("foreign")).metadata();
  EXPECT_EQ(metadata, (Metadata{{"writer", "x"}}));
}

TEST_F(Foreign, MustNotClaimToBeOurs) {
  expect_fault(R"({"__metadata__":{"writer":"burin"}})", "", "damaged");
  expect_fault(R"({"__metadata__":{"content_xxh3_128":"00"}})", "", "damaged");
  // Any change of the content under the old hash.
  write_safetensors(scratch.path("a"), {{"a", {2}, kWeight.data()}}, {{"step", "1"}});
  std::string bytes = scratch.read("a");
  bytes[bytes.size() - 8] ^= 1;
  const std::string path = scratch.write("a", bytes);
  expect_error([&] { SafetensorsFile::load(path); }, {path, "damaged", "hash"});
}

TEST_F(Foreign, TheHashDoesNotDependOnTheOrder) {
  const std::vector<float> one = {1}, two = {2};
  const TensorRef x{"x", {1}, one.data()}, y{"y", {1}, two.data()};
  write_safetensors(scratch.path("xy"), {x, y});
  write_safetensors(scratch.path("yx"), {y, x});
  const std::string xy = scratch.read("xy"), yx = scratch.read("yx");
  const size_t hash = xy.find("content_xxh3_128");
  EXPECT_EQ(xy.substr(hash, 60), yx.substr(hash, 60));
  EXPECT_NE(xy, yx);
  EXPECT_EQ(*SafetensorsFile::load(scratch.path("yx")).data("x"), 1.0f);
}

TEST_F(Foreign, BadLength) {
  const auto fails = [&](const std::string& bytes, std::string_view part) {
    const std::string path = scratch.write("foreign", bytes);
    expect_error([&] { SafetensorsFile::load(path); }, {path, part});
  };
  fails("", "too short");
  fails("1234567", "found 7");
  fails(little_endian(2) + "{", "truncated");
  fails(little_endian(~uint64_t{0}) + "{}", "18446744073709551615");
  fails(little_endian(uint64_t{1} << 63) + "{}", "not a safetensors file");
  fails(little_endian(100'000'001) + "{}", "at most 100000000");
  fails(little_endian(0), "not a safetensors file");
  expect_error([&] { SafetensorsFile::load(scratch.path("none")); },
               {scratch.path("none"), "No such file"});
  expect_error([&] { SafetensorsFile::load(scratch.directory()); },
               {scratch.directory(), "directory"});
}

TEST_F(Foreign, BadJson) {
  expect_fault("[]", "", "begin with '{'");
  expect_fault(" {}", "", "begin with '{'");
  expect_fault("{", "", "JSON");
  expect_fault("{} x", "", "JSON, at byte 12");
  expect_fault(std::string("{}\0", 3), "", "JSON");
  expect_fault("{\"\xff\":1}", "", "JSON");
  expect_fault("{\"a\n\":1}", "", "JSON");
  expect_fault("{\"a\":1e999}", "", "JSON");
  expect_fault("{\"a\":" + std::string(1'000'000, '[') + "}", "", "nested");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"a\":";
  expect_fault(deep, "", "nested");
}

TEST_F(Foreign, DuplicateNames) {
  expect_fault("{" + a + "," + a + "}", eight.substr(0, 4), "'a' twice");
  expect_fault(R"({"__metadata__":{"k":"1","k":"2"}})", "", "'k' twice");
  expect_fault(R"({"__metadata__":{},"__metadata__":{}})", "", "'__metadata__' twice");
  expect_fault(R"({"a":{"dtype":"F16","dtype":"F32","shape":[],"data_offsets":[0,4]}})", "1234",
               "'dtype' twice");
}

TEST_F(Foreign, WrongTypes) {
  const auto with = [](const std::string& dtype, const std::string& shape,
                       const std::string& offsets) {
    return "{\"a\":{\"dtype\":" + dtype + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets +
           "}}";
  };
  EXPECT_NO_THROW(SafetensorsFile::load(write(with("\"F32\"", "[2]", "[0,8]"), eight)));
  expect_fault("{\"a\":1}", "", "'a'");
  expect_fault("{\"a\":[]}", "", "'a'");
  expect_fault("{\"__metadata__\":[]}", "", "not an object");
  expect_fault("{\"__metadata__\":{\"k\":1}}", "", "'k' is not a string");
  expect_fault("{\"__metadata__\":{\"k\":null}}", "", "'k' is not a string");
  expect_fault("{\"a\":{}}", eight, "dtype");
  expect_fault("{\"a\":{\"dtype\":\"F32\"}}", eight, "shape");
  expect_fault("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", eight, "data_offsets");
  expect_fault(with("32", "[2]", "[0,8]"), eight, "dtype");
  for (const char* dtype : {"\"F64\"", "\"F16\"", "\"BF16\"", "\"I32\"", "\"f32\"", "\"\""}) {
    expect_fault(with(dtype, "[2]", "[0,8]"), eight, "expected F32 or U8");
  }
  for (const char* shape :
       {"2", "\"2\"", "{}", "null", "[2.0]", "[-2]", "[\"2\"]", "[null]", "[9223372036854775808]",
        "[18446744073709551616]", "[4294967296,4294967296]", "[4611686018427387904,2]",
        "[4611686018427387904]"}) {
    expect_fault(with("\"F32\"", shape, "[0,8]"), eight, "shape");
  }
  expect_fault(with("\"F32\"", "[[2]]", "[0,8]"), eight, "nested");
  for (const char* offsets : {"8", "[]", "[8]", "[0,8,8]", "[8,0]", "[0,8.0]", "[-8,0]",
                              "[0,\"8\"]", "[0,9223372036854775808]"}) {
    expect_fault(with("\"F32\"", "[2]", offsets), eight, "data_offsets");
  }
}

TEST_F(Foreign, BadOffsets) {
  const auto two = [](const std::string& first, const std::string& second) {
    return R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
           R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}";
  };
  EXPECT_NO_THROW(SafetensorsFile::load(write(two("[0,4]", "[4,8]"), eight)));
  expect_fault(two("[0,4]", "[4,8]"), eight.substr(1), "truncated");
  expect_fault(two("[0,4]", "[4,8]"), eight + "x", "too long");
  expect_fault(two("[0,4]", "[0,4]"), eight, "overlap");
  expect_fault(two("[0,4]", "[3,7]"), eight, "overlap");
  expect_fault(two("[0,4]", "[8,12]"), eight + "1234", "hole");
  expect_fault(two("[1,5]", "[5,9]"), eight + "1", "hole");
  expect_fault(two("[0,4]", "[4,12]"), eight + "1234", "takes 4 bytes");
  expect_fault(two("[0,4]", "[4,4]"), eight, "takes 4 bytes");
  expect_fault(two("[0,4]", "[9223372036854775803,9223372036854775807]"), eight, "truncated");
  expect_fault("{}", "1234", "too long");
}

TEST(SafetensorsWriter, RefusesWhatItCannotWrite) {
  const Scratch scratch;
  const std::string path = scratch.write("a", "old");
  const float* x = kWeight.data();
  const auto fails = [&](const std::vector<TensorRef>& tensors, const Metadata& metadata,
                         std::string_view part) {
    expect_error([&] { write_safetensors(path, tensors, metadata); }, {path, part});
  };
  fails({{"x", {1}, x}, {"x", {2}, x}}, {}, "'x' is there twice");
  fails({{"__metadata__", {1}, x}}, {}, "reserved");
  fails({{"x", {-1}, x}}, {}, "[-1]");
  fails({{"x", {int64_t{1} << 40, int64_t{1} << 40}, x}}, {}, "impossible shape");
  fails({{"x", {1}, nullptr}}, {}, "no data");
  fails({{"\xff", {1}, x}}, {}, "UTF-8");
  fails({}, {{"k", "\xff"}}, "UTF-8");
  fails({}, {{"k", std::string(100'000'000, 'v')}}, "at most 100000000");
  EXPECT_EQ(scratch.read("a"), "old");
  EXPECT_EQ(scratch.entries(), std::vector<std::string>{"a"});
}

TEST(SafetensorsWriter, AFailureKeepsTheOldFile) {
  const Scratch scratch;
  const std::string path = scratch.path("a");
  write_safetensors(path, sample(), kSampleMetadata);
  const std::vector<float> big(5000, 1.0f);
  const std::vector<TensorRef> tensors = {{"x", {5000}, big.data()}};
  // The disk is full at once, within the header, within the data, just before the end.
  for (const rlim_t space : {0, 10, 1000, 20000}) {
    const FullDisk full(space);
    expect_error([&] { write_safetensors(path, tensors); }, {path});
  }
  expect_sample(SafetensorsFile::load(path));
  EXPECT_EQ(scratch.entries(), std::vector<std::string>{"a"});
  expect_error([&] { write_safetensors(path + "/b", tensors); }, {path + "/b"});
  expect_error([&] { write_safetensors("/proc/b", tensors); }, {"/proc/b"});
}

}  // namespace
}  // namespace burin::test
