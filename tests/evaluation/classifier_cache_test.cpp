#include "evaluation/classifier_cache.h"

#include <gtest/gtest.h>

#include "tests/support/model_case.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

// `count` pieces of 4 x 4 pixels from the middle of digits: a small network, soon trained.
ImageSet pieces(int64_t count) {
  const ImageSet whole = mnist(count);
  ImageSet set = {count, 4, 4, {}, whole.labels};
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t row = 12; row < 16; ++row) {
      const auto begin = whole.images.begin() + (i * 28 + row) * 28 + 12;
      set.images.insert(set.images.end(), begin, begin + 4);
    }
  }
  return set;
}

class ClassifierCache : public testing::Test {
 protected:
  ClassifierCache() : train(pieces(20), Device::cpu) {}
  std::unique_ptr<Classifier> classifier(const std::string& directory, uint64_t seed = 1) {
    notices.clear();
    return cached_classifier(directory, train, 10, seed,
                             [&](const std::string& line) { notices.push_back(line); });
  }
  std::string file() const {
    return "cache/" +
           std::filesystem::path(classifier_cache_path(scratch.path("cache"), train, 10, 1))
               .filename()
               .string();
  }

  const DeviceImages train;
  const Scratch scratch;
  std::vector<std::string> notices;
};

TEST_F(ClassifierCache, KeepsTheBits) {
  const std::string directory = scratch.path("cache");
  const std::string trained = classifier(directory)->hash();
  const std::string bytes = scratch.read(file());
  EXPECT_EQ(classifier(directory)->hash(), trained);
  EXPECT_EQ(classifier("")->hash(), trained);
  EXPECT_TRUE(notices.empty());
  EXPECT_EQ(trained.size(), 32u);
  EXPECT_EQ(scratch.read(file()), bytes);
  EXPECT_NE(classifier(directory, 2)->hash(), trained);
  const std::vector<float> images(16 * 3, 0.5f);
  EXPECT_EQ(classifier(directory)->features(images).values,
            classifier("")->features(images).values);
}

// What was put in the file's place comes back.
TEST_F(ClassifierCache, IsReadAndNotTrained) {
  const std::string directory = scratch.path("cache");
  classifier(directory);
  const auto metadata = SafetensorsFile::load(scratch.path(file())).metadata();
  const Classifier other(train, 10, 2);
  other.save(scratch.path(file()), metadata);
  EXPECT_EQ(classifier(directory)->hash(), other.hash());
  EXPECT_TRUE(notices.empty());
}

TEST_F(ClassifierCache, ReplacesWhatIsDamaged) {
  const std::string directory = scratch.path("cache");
  const std::string trained = classifier(directory)->hash();
  const std::string good = scratch.read(file());
  std::string flipped = good;
  flipped[flipped.size() / 2] ^= 4;
  for (const std::string& bad :
       {flipped, good.substr(0, good.size() / 2), std::string(), std::string("x")}) {
    scratch.write(file(), bad);
    EXPECT_EQ(classifier(directory)->hash(), trained);
    ASSERT_EQ(notices.size(), 1u);
    EXPECT_NE(notices[0].find(file()), std::string::npos) << notices[0];
    EXPECT_NE(notices[0].find("trained anew"), std::string::npos) << notices[0];
    EXPECT_EQ(notices[0].find('\n'), std::string::npos) << notices[0];
    EXPECT_EQ(scratch.read(file()), good);
  }
  // Whole, but of another training set or seed.
  const std::string other = classifier_cache_path(directory, train, 10, 2);
  classifier(directory, 2);
  std::filesystem::copy_file(other, scratch.path(file()),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(classifier(directory)->hash(), trained);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("not the classifier of this training set"), std::string::npos);
}

TEST_F(ClassifierCache, DoesWithoutADirectoryThatCannotBe) {
  const std::string in_the_way = scratch.write("file", "x");
  const std::string trained = classifier("")->hash();
  EXPECT_EQ(classifier(in_the_way + "/cache")->hash(), trained);
  ASSERT_EQ(notices.size(), 1u);
  EXPECT_NE(notices[0].find("not kept"), std::string::npos) << notices[0];
}

TEST_F(ClassifierCache, KeyIsOfAllThatMatters) {
  const DeviceImages fewer(pieces(19), Device::cpu);
  ImageSet relabelled_set = pieces(20);
  relabelled_set.labels[3] ^= 1;
  const DeviceImages relabelled(relabelled_set, Device::cpu);
  const std::set<std::string> paths = {
      classifier_cache_path("d", train, 10, 1), classifier_cache_path("d", train, 10, 2),
      classifier_cache_path("d", train, 11, 1), classifier_cache_path("d", fewer, 10, 1),
      classifier_cache_path("d", relabelled, 10, 1)};
  EXPECT_EQ(paths.size(), 5u);
}

}  // namespace
}  // namespace burin::test
