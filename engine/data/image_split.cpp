#include "engine/data/image_split.h"

#include <algorithm>
#include <stdexcept>
#include <tuple>

#include "engine/backend/memory.h"
#include "engine/random_streams.h"
#include "kernels/common/philox.h"

namespace burin {
namespace {

// By label, and by a random number within one.
std::vector<int64_t> stratified_order(const std::vector<uint8_t>& labels, uint64_t seed) {
  std::vector<std::tuple<uint8_t, uint64_t, int64_t>> keys;
  keys.reserve(labels.size());
  for (size_t i = 0; i < labels.size(); ++i) {
    const PhiloxWords words =
        random_block(seed, stream_of(RandomStream::data_split), 0, static_cast<uint32_t>(i));
    keys.emplace_back(labels[i], uint64_t{words.word[0]} << 32 | words.word[1],
                      static_cast<int64_t>(i));
  }
  std::sort(keys.begin(), keys.end());
  std::vector<int64_t> order;
  order.reserve(keys.size());
  for (const auto& key : keys) order.push_back(std::get<2>(key));
  return order;
}

// Whether place i of n is one of `count` that lie evenly spaced: as many of every stretch as its
// share, but for less than one.
bool is_spaced(int64_t i, int64_t count, int64_t n) {
  return (i + 1) * count / n > i * count / n;
}

}  // namespace

SplitIndices split_indices(const std::vector<uint8_t>& labels, const SplitRule& rule) {
  const int64_t all = static_cast<int64_t>(labels.size());
  const int64_t n = rule.images == 0 ? all : rule.images;
  const bool by_fold = rule.folds != 0;
  if (n < 1 || n > all || rule.hold_out < 0 || rule.hold_out >= n ||
      (by_fold && (rule.hold_out > 0 || rule.folds < 2 || rule.folds > n || rule.fold < 1 ||
                   rule.fold > rule.folds))) {
    throw std::invalid_argument("split_indices: no such split");
  }
  SplitIndices split;
  const std::vector<int64_t> order = stratified_order(labels, rule.seed);
  int64_t place = 0;  // among those that are taken
  for (int64_t i = 0; i < all; ++i) {
    if (!is_spaced(i, n, all)) continue;
    const bool out =
        by_fold ? place % rule.folds == rule.fold - 1 : is_spaced(place, rule.hold_out, n);
    (out ? split.held_out : split.train).push_back(order[static_cast<size_t>(i)]);
    ++place;
  }
  std::sort(split.train.begin(), split.train.end());
  std::sort(split.held_out.begin(), split.held_out.end());
  return split;
}

ImageSet select_images(const ImageSet& set, const std::vector<int64_t>& indices) {
  const int64_t pixels = set.pixels();
  ImageSet part = {static_cast<int64_t>(indices.size()), set.rows, set.cols, {}, {}};
  part.images.reserve(indices.size() * static_cast<size_t>(pixels));
  ask_for_large_pages(part.images.data(), part.images.capacity());
  part.labels.reserve(indices.size());
  for (const int64_t index : indices) {
    const auto image = set.images.begin() + index * pixels;
    part.images.insert(part.images.end(), image, image + pixels);
    part.labels.push_back(set.labels[static_cast<size_t>(index)]);
  }
  return part;
}

}  // namespace burin
