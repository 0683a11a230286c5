// Parts of a data set: all images once, of each label its share, the same for the same seed.
#include "engine/data/image_split.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <numeric>
#include <stdexcept>

namespace burin::test {
namespace {

// Of three labels, unevenly many and mixed.
std::vector<uint8_t> some_labels(size_t count) {
  std::vector<uint8_t> labels;
  for (size_t i = 0; i < count; ++i) {
    labels.push_back(static_cast<uint8_t>(i % 7 < 4 ? 2 : i % 7 < 6 ? 0 : 5));
  }
  return labels;
}

std::map<int, double> counts_of(const std::vector<uint8_t>& labels,
                                const std::vector<int64_t>& indices) {
  std::map<int, double> counts;
  for (const int64_t index : indices) counts[labels[static_cast<size_t>(index)]] += 1;
  return counts;
}

std::vector<int64_t> all_of(size_t count) {
  std::vector<int64_t> all(count);
  std::iota(all.begin(), all.end(), int64_t{0});
  return all;
}

// Each label's number is its share of `whole`, but for `most` images.
void expect_shares(const std::vector<uint8_t>& labels, const std::vector<int64_t>& part,
                   const std::vector<int64_t>& whole, double most) {
  const double share = static_cast<double>(part.size()) / static_cast<double>(whole.size());
  auto of_part = counts_of(labels, part);
  for (const auto& [label, count] : counts_of(labels, whole)) {
    EXPECT_LE(std::abs(of_part[label] - share * count), most) << "label " << label;
  }
}

std::vector<int64_t> merged(std::vector<int64_t> a, const std::vector<int64_t>& b) {
  a.insert(a.end(), b.begin(), b.end());
  std::sort(a.begin(), a.end());
  return a;
}

TEST(ImageSplit, FoldsAreAPartition) {
  for (const size_t count : {60u, 61u, 101u}) {
    const std::vector<uint8_t> labels = some_labels(count);
    std::vector<int64_t> held_out;
    for (int64_t fold = 1; fold <= 4; ++fold) {
      const SplitIndices split = split_indices(labels, {0, 0, 4, fold, 1});
      EXPECT_EQ(merged(split.train, split.held_out), all_of(count));
      EXPECT_TRUE(std::is_sorted(split.train.begin(), split.train.end()));
      EXPECT_LE(
          std::abs(static_cast<double>(split.held_out.size()) - static_cast<double>(count) / 4), 1);
      expect_shares(labels, split.held_out, all_of(count), 1);
      held_out = merged(held_out, split.held_out);
    }
    EXPECT_EQ(held_out, all_of(count));
  }
}

TEST(ImageSplit, HoldOutAndPartHaveTheirSizesAndShares) {
  const std::vector<uint8_t> labels = some_labels(500);
  for (const int64_t images : {0, 499, 140, 20}) {
    const SplitIndices split = split_indices(labels, {images, 13, 0, 0, 1});
    const int64_t used = images == 0 ? 500 : images;
    ASSERT_EQ(split.held_out.size(), 13u);
    ASSERT_EQ(split.train.size() + 13, static_cast<size_t>(used));
    const std::vector<int64_t> both = merged(split.train, split.held_out);
    EXPECT_TRUE(std::adjacent_find(both.begin(), both.end()) == both.end());
    expect_shares(labels, both, all_of(500), 1);
    expect_shares(labels, split.held_out, both, 1);
  }
}

TEST(ImageSplit, IsOfItsSeedAlone) {
  const std::vector<uint8_t> labels = some_labels(100);
  const auto held_out = [&](uint64_t seed) {
    return split_indices(labels, {0, 20, 0, 0, seed}).held_out;
  };
  EXPECT_EQ(held_out(1), held_out(1));
  EXPECT_NE(held_out(1), held_out(2));
  EXPECT_NE(held_out(1), held_out(uint64_t{1} << 32 | 1));
  // Not the images that happen to lie first.
  int early = 0;
  for (const int64_t index : held_out(1)) early += index < 50;
  EXPECT_GT(early, 2);
  EXPECT_LT(early, 18);
}

TEST(ImageSplit, LeaveOneOut) {
  const std::vector<uint8_t> labels = some_labels(9);
  for (int64_t fold = 1; fold <= 9; ++fold) {
    EXPECT_EQ(split_indices(labels, {0, 0, 9, fold, 1}).held_out.size(), 1u);
  }
}

TEST(ImageSplit, RulesThatCannotBe) {
  const std::vector<uint8_t> labels = some_labels(10);
  for (const SplitRule& rule :
       {SplitRule{11, 0, 0, 0, 1}, SplitRule{-1, 0, 0, 0, 1}, SplitRule{0, 10, 0, 0, 1},
        SplitRule{5, 5, 0, 0, 1}, SplitRule{0, 0, 1, 1, 1}, SplitRule{0, 0, 11, 1, 1},
        SplitRule{0, 0, 3, 0, 1}, SplitRule{0, 0, 3, 4, 1}, SplitRule{0, 2, 3, 1, 1}}) {
    EXPECT_THROW(split_indices(labels, rule), std::invalid_argument);
  }
  EXPECT_THROW(split_indices({}, {}), std::invalid_argument);
}

TEST(ImageSplit, SelectTakesImagesWithTheirLabels) {
  const ImageSet set = {3, 1, 2, {1, 2, 3, 4, 5, 6}, {7, 8, 9}};
  const ImageSet part = select_images(set, {2, 0});
  EXPECT_EQ(part.count, 2);
  EXPECT_EQ(part.rows, 1);
  EXPECT_EQ(part.cols, 2);
  EXPECT_EQ(part.images, (std::vector<uint8_t>{5, 6, 1, 2}));
  EXPECT_EQ(part.labels, (std::vector<uint8_t>{9, 7}));
}

}  // namespace
}  // namespace burin::test
