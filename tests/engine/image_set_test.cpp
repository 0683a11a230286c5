#include "engine/data/image_set.h"

#include <array>
#include <numeric>

#include "tests/support/scratch.h"

namespace burin::test {
namespace {

std::array<int, 10> histogram(const ImageSet& set) {
  std::array<int, 10> counts{};
  for (const uint8_t label : set.labels) counts.at(label)++;
  return counts;
}

// The figures of the MNIST distribution, as published.
TEST(Mnist, Train) {
  const ImageSet set = load_image_set(BURIN_DATA_DIR, Split::train);
  EXPECT_EQ(set.count, 60000);
  EXPECT_EQ(set.rows, 28);
  EXPECT_EQ(set.cols, 28);
  EXPECT_EQ(set.pixels(), 784);
  ASSERT_EQ(set.images.size(), 60000u * 784);
  EXPECT_EQ(histogram(set),
            (std::array<int, 10>{5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949}));
  EXPECT_EQ(set.labels[0], 5);
  const double sum = std::accumulate(set.images.begin(), set.images.end(), 0.0);
  EXPECT_NEAR(sum / double(set.images.size()) / 255.0, 0.1306604762738429, 1e-12);
}

TEST(Mnist, Test) {
  const ImageSet set = load_image_set(BURIN_DATA_DIR, Split::test);
  EXPECT_EQ(set.count, 10000);
  EXPECT_EQ(set.rows, 28);
  EXPECT_EQ(set.cols, 28);
  ASSERT_EQ(set.images.size(), 10000u * 784);
  EXPECT_EQ(histogram(set),
            (std::array<int, 10>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}));
  EXPECT_EQ(set.labels[0], 7);
}

std::string idx(std::initializer_list<uint32_t> header, size_t bytes, char value) {
  std::string content;
  for (const uint32_t number : header) {
    for (const int shift : {24, 16, 8, 0}) content += static_cast<char>(number >> shift);
  }
  return content.append(bytes, value);
}

TEST(ImageSet, AnySizeOfImage) {
  const Scratch scratch;
  scratch.write("train-images-idx3-ubyte", idx({0x803, 3, 5, 7}, 105, 9));
  scratch.write("train-labels-idx1-ubyte", idx({0x801, 3}, 3, 2));
  // Compressed or not is told by the content: these are not.
  scratch.write("t10k-images-idx3-ubyte.gz", idx({0x803, 1, 1024, 1024}, 1 << 20, 1));
  scratch.write("t10k-labels-idx1-ubyte.gz", idx({0x801, 1}, 1, 1));
  const ImageSet train = load_image_set(scratch.directory(), Split::train);
  EXPECT_EQ(train.count, 3);
  EXPECT_EQ(train.rows, 5);
  EXPECT_EQ(train.cols, 7);
  EXPECT_EQ(train.images, std::vector<uint8_t>(105, 9));
  EXPECT_EQ(train.labels, std::vector<uint8_t>(3, 2));
  EXPECT_EQ(load_image_set(scratch.directory() + "/", Split::test).pixels(), 1 << 20);
}

TEST(ImageSet, MissingFiles) {
  const Scratch scratch;
  const std::string directory = scratch.directory();
  const auto load = [&] { load_image_set(directory, Split::train); };
  expect_error(load, {directory, "train-images-idx3-ubyte"});
  scratch.write("train-images-idx3-ubyte", idx({0x803, 1, 1, 1}, 1, 0));
  expect_error(load, {directory, "train-labels-idx1-ubyte"});
  scratch.write("train-labels-idx1-ubyte", idx({0x801, 1}, 1, 0));
  EXPECT_NO_THROW(load());
  expect_error([&] { load_image_set(directory, Split::test); }, {directory, "t10k-images"});
  const std::string none = scratch.path("none");
  expect_error([&] { load_image_set(none, Split::train); }, {none, "does not exist"});
  const std::string file = scratch.write("file", "");
  expect_error([&] { load_image_set(file, Split::train); }, {file, "not a directory"});
}

TEST(ImageSet, WrongContent) {
  const Scratch scratch;
  const auto load = [&] { load_image_set(scratch.directory(), Split::train); };
  const std::string images = scratch.path("train-images-idx3-ubyte");
  const std::string labels = scratch.path("train-labels-idx1-ubyte");
  scratch.write("train-images-idx3-ubyte", idx({0x803, 3, 2, 2}, 12, 0));
  scratch.write("train-labels-idx1-ubyte", idx({0x801, 2}, 2, 0));
  expect_error(load, {images, labels, "3 images", "2 labels"});
  scratch.write("train-labels-idx1-ubyte", idx({0x803, 3, 1, 1}, 3, 0));
  expect_error(load, {labels, "rank 1", "rank 3"});
  scratch.write("train-labels-idx1-ubyte", idx({0x801, 0}, 0, 0));
  scratch.write("train-images-idx3-ubyte", idx({0x803, 0, 2, 2}, 0, 0));
  expect_error(load, {labels, "positive"});
  scratch.write("train-labels-idx1-ubyte", idx({0x801, 3}, 3, 0));
  expect_error(load, {images, "positive"});
  scratch.write("train-labels-idx1-ubyte", idx({0x801, 1}, 1, 0));
  scratch.write("train-images-idx3-ubyte", idx({0x803, 1, 1025, 1024}, 1025 * 1024, 0));
  expect_error(load, {images, "1025 x 1024", "too large"});
}

}  // namespace
}  // namespace burin::test
