// Data that is missing, damaged or does not fit: one line that names the file, and no run
// directory.
#include <zlib.h>

#include <functional>

#include "tests/command/command_case.h"

namespace burin::test {
namespace {

constexpr const char* kTrainImages = "data/train-images-idx3-ubyte";
constexpr const char* kTrainLabels = "data/train-labels-idx1-ubyte";
constexpr const char* kTestImages = "data/t10k-images-idx3-ubyte";

std::string gzip(const std::string& bytes) {
  std::string packed(compressBound(static_cast<uLong>(bytes.size())) + 64, '\0');
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

class Data : public CommandTest {
 protected:
  void expect_bad(const std::string& name, const std::string& content,
                  std::initializer_list<std::string_view> parts) {
    write_data(scratch_, "data", 5, 7);
    scratch_.write(name, content);
    expect_refused(gan("run", {"--steps", "1"}), 1, {name});
    expect_refused(gan("run", {"--steps", "1"}), 1, parts);
  }
};

TEST_F(Data, DamagedFiles) {
  const std::string good = scratch_.read(kTrainImages);
  expect_bad(kTrainImages, "", {"too short"});
  expect_bad(kTrainImages, good.substr(0, 3), {"too short"});
  expect_bad(kTrainImages, good.substr(0, 10), {"truncated"});
  expect_bad(kTrainImages, good.substr(0, good.size() - 1), {"truncated", "10500", "10499"});
  expect_bad(kTrainImages, good + "x", {"too long"});
  expect_bad(kTrainImages, std::string(1, 'x').append(good, 1), {"magic"});
  expect_bad(kTrainImages, scratch_.read(kTrainLabels), {"rank 3", "rank 1"});
  std::string changed = good;
  changed[2] = 0x0d;
  expect_bad(kTrainImages, changed, {"type"});
  expect_bad(kTrainImages, good.substr(0, 4) + big_endian(0) + good.substr(8), {"positive"});
  expect_bad(kTrainImages, good.substr(0, 4) + std::string(12, '\xff') + good.substr(16),
             {"absurd"});
  expect_bad(kTrainLabels, idx_labels(299), {"300", "299"});
  expect_bad(kTrainImages, idx_images(299, 5, 7), {"300", "299"});
}

TEST_F(Data, CompressedFiles) {
  const std::string packed = gzip(scratch_.read(kTrainImages));
  for (const char* name :
       {kTrainImages, kTrainLabels, kTestImages, "data/t10k-labels-idx1-ubyte"}) {
    scratch_.write(std::string(name) + ".gz", gzip(scratch_.read(name)));
    std::filesystem::remove(scratch_.path(name));
  }
  expect_success(vae("good", {"--steps", "2"}));
  const std::string name = std::string(kTrainImages) + ".gz";
  const auto expect_bad_gzip = [&](const std::string& content, std::string_view part) {
    scratch_.write(name, content);
    expect_refused(gan("run", {"--steps", "1"}), 1, {name, part});
  };
  expect_bad_gzip("this is not gzip at all", "magic");
  expect_bad_gzip(packed.substr(0, packed.size() / 2), "truncated");
  expect_bad_gzip(packed.substr(0, packed.size() - 4), "truncated");
  expect_bad_gzip(packed + "surplus", "surplus");
  std::string flipped = packed;
  flipped[packed.size() - 6] ^= 1;  // of the check sum
  expect_bad_gzip(flipped, "damaged");
}

TEST_F(Data, MissingFiles) {
  std::filesystem::remove(scratch_.path(kTrainLabels));
  expect_refused(gan("run", {"--steps", "1"}), 1, {"'data'", "train-labels-idx1-ubyte", ".gz"});
  const Arguments elsewhere = {"train", "vae", "--out", "run", "--data"};
  expect_refused(elsewhere + Arguments{"nowhere"}, 1, {"'nowhere'", "does not exist"});
  scratch_.write("file", "");
  expect_refused(elsewhere + Arguments{"file"}, 1, {"'file'", "not a directory"});
}

TEST_F(Data, TestImagesOfAnotherSize) {
  scratch_.write(kTestImages, idx_images(40, 7, 5));
  expect_refused(vae("run", {"--steps", "1"}), 1, {"'data'", "7 x 5", "5 x 7"});
  // A GAN does without test images.
  expect_success(gan("run", {"--steps", "1"}));
}

TEST_F(Data, OneImageOfOnePixel) {
  write_data(scratch_, "tiny", 1, 1, 1, 1);
  for (const char* model : {"gan", "vae"}) {
    expect_success({"train", model, "--data", "tiny", "--batch", "1", "--steps", "2", "--out",
                    std::string("tiny-") + model});
  }
}

}  // namespace
}  // namespace burin::test
