// Tensors of bytes in the file.
#include <cstring>

#include "engine/io/safetensors.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

TEST(Safetensors, BytesLieBehindTheFloats) {
  const Scratch scratch;
  const std::string path = scratch.path("file.safetensors");
  const std::vector<float> floats = {1.5f, -2.0f, 3.0f};
  const std::vector<uint8_t> bytes = {0, 7, 255, 128, 1};
  write_safetensors(path, {{"mask", {5}, nullptr, bytes.data()},
                           {"values", {3}, floats.data()},
                           {"empty", {0, 4}, nullptr, bytes.data()}});
  const SafetensorsFile file = SafetensorsFile::load(path);
  EXPECT_EQ(file.shape("mask"), std::vector<int64_t>{5});
  EXPECT_EQ(std::vector<uint8_t>(file.bytes("mask"), file.bytes("mask") + 5), bytes);
  EXPECT_EQ(std::vector<float>(file.data("values"), file.data("values") + 3), floats);
  EXPECT_EQ(file.size("empty"), 0);
  expect_error([&] { file.data("mask"); }, {path, "mask", "U8", "expected F32"});
  expect_error([&] { file.bytes("values"); }, {path, "values", "F32", "expected U8"});
  // Each byte is under the hash.
  for (size_t back = 1; back <= 17; ++back) {
    std::string content = scratch.read("file.safetensors");
    content[content.size() - back] ^= 1;
    const std::string damaged = scratch.write("damaged.safetensors", content);
    expect_error([&] { SafetensorsFile::load(damaged); }, {damaged, "damaged"});
  }
}

TEST(Safetensors, FloatsThatLieOffTheirBorderAreRefused) {
  const Scratch scratch;
  const std::string header = R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
                             R"("b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})";
  const uint64_t length = header.size();
  std::string content(reinterpret_cast<const char*>(&length), sizeof length);
  content += header;
  content += "12345";
  const std::string path = scratch.write("file.safetensors", content);
  expect_error([&] { SafetensorsFile::load(path); }, {path, "'b'", "multiple of 4"});
}

}  // namespace
}  // namespace burin::test
