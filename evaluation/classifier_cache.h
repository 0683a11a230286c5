// The classifier is trained once, and kept in a file: docs/evaluation.md#the-classifier
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "evaluation/classifier.h"

namespace burin {

// Of the classifier that models are judged by.
inline constexpr uint64_t kClassifierSeed = 1;

// DIR/classifier-KEY.safetensors; the key is a hash of the training set, the seed and all else that
// training depends on.
std::string classifier_cache_path(const std::string& directory, const DeviceImages& train,
                                  int64_t classes, uint64_t seed);

// The classifier of that file, or else one trained now and kept there: the same bits. A file that
// is damaged or of something else is replaced. `notice` hears of that in one line, and of a file
// that cannot be written, which is no failure. An empty `directory`: none is kept.
std::unique_ptr<Classifier> cached_classifier(
    const std::string& directory, const DeviceImages& train, int64_t classes, uint64_t seed,
    const std::function<void(const std::string& line)>& notice);

// $XDG_CACHE_HOME/burin, or ~/.cache/burin, or "" if neither is known.
std::string default_cache_directory();

}  // namespace burin
