#include "models/training_split.h"

#include <fmt/format.h>

#include <utility>

#include "engine/io/error.h"

namespace burin {

void check_split(const Config& config, int64_t count) {
  const std::string data = in_quotes(config.data);
  if (config.train_images > count) {
    throw UsageError(fmt::format("train_images is {}, but {} has {} training images",
                                 config.train_images, data, count));
  }
  const int64_t used = config.train_images > 0 ? config.train_images : count;
  const std::string of = fmt::format("the {} training images of {}", used, data);
  if (config.hold_out >= used) {
    throw UsageError(
        fmt::format("hold_out is {}, which leaves none of {} to train on", config.hold_out, of));
  }
  if (config.folds > used) {
    throw UsageError(
        fmt::format("folds is {}, but {} cannot be cut into more than {}", config.folds, of, used));
  }
}

SplitIndices split_of(const Config& config, const std::vector<uint8_t>& labels) {
  check_split(config, static_cast<int64_t>(labels.size()));
  SplitRule rule;
  rule.images = config.train_images;
  rule.hold_out = config.hold_out;
  rule.folds = config.folds;
  rule.fold = config.fold;
  rule.seed = config.split_seed;
  return split_indices(labels, rule);
}

SplitImages split_training_set(const Config& config, ImageSet&& whole) {
  check_split(config, whole.count);
  if (config.hold_out == 0 && config.folds == 0 &&
      (config.train_images == 0 || config.train_images == whole.count)) {
    const ImageSet none = {0, whole.rows, whole.cols, {}, {}};
    return {std::move(whole), none};
  }
  const SplitIndices split = split_of(config, whole.labels);
  return {select_images(whole, split.train), select_images(whole, split.held_out)};
}

}  // namespace burin
