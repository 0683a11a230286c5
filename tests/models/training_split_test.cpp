// The part of a training set that the settings say.
#include "models/training_split.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/model_case.h"

namespace burin::test {
namespace {

TEST(TrainingSplit, WithoutSettingsItIsTheSet) {
  const ImageSet whole = mnist(50);
  const SplitImages split = split_training_set(Config(), ImageSet(whole));
  EXPECT_EQ(split.train.images, whole.images);
  EXPECT_EQ(split.train.labels, whole.labels);
  EXPECT_EQ(split.held_out.count, 0);
}

TEST(TrainingSplit, PartsAreThoseOfTheIndices) {
  const ImageSet whole = mnist(50);
  Config config;
  config.train_images = 30;
  config.folds = 4;
  config.fold = 3;
  config.split_seed = 9;
  const SplitImages split = split_training_set(config, ImageSet(whole));
  EXPECT_EQ(split.train.count + split.held_out.count, 30);
  const SplitIndices indices = split_of(config, whole.labels);
  EXPECT_EQ(split.train.images, select_images(whole, indices.train).images);
  EXPECT_EQ(split.held_out.images, select_images(whole, indices.held_out).images);
}

TEST(TrainingSplit, TooFewImages) {
  const auto expect_usage = [](Config config, std::initializer_list<const char*> parts) {
    try {
      config.data = "somewhere";
      check_split(config, 50);
      ADD_FAILURE() << "no UsageError";
    } catch (const UsageError& error) {
      for (const char* part : parts) {
        EXPECT_NE(std::string(error.what()).find(part), std::string::npos) << error.what();
      }
    }
  };
  Config config;
  config.train_images = 51;
  expect_usage(config, {"train_images", "51", "50", "somewhere"});
  config.train_images = 20;
  config.hold_out = 20;
  expect_usage(config, {"hold_out", "20", "none"});
  config.hold_out = 0;
  config.folds = 21;
  expect_usage(config, {"folds", "21", "20"});
  config.folds = 20;
  EXPECT_NO_THROW(check_split(config, 50));
}

}  // namespace
}  // namespace burin::test
