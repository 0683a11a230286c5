// The metrics of generated images, each beside its floor and ceiling. Three sets are compared with
// the test images: "generated"; "train", the first training images, as a perfect model would do;
// "noise", pixels uniform in [0, 1]. docs/evaluation.md
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "evaluation/classifier.h"
#include "models/model.h"

namespace burin {

struct ImageProtocolOptions {
  int64_t count = 10000;  // generated images, and images of noise; of training at most as many
  uint64_t seed = 1;      // of the generated images
  std::string cache;      // directory of the classifier (cached_classifier)
  std::function<void(const std::string& line)> notice;  // what the user should know
};

class ImageProtocol {
 public:
  // Generates the images. The model and the sets must outlive it.
  ImageProtocol(Model& model, const ImageSet& train, const ImageSet& test,
                const ImageProtocolOptions& options);
  ~ImageProtocol();

  // {"histogram", "confidence", "entropy"} of the generated images, and the same in "test_images",
  // "train" and "noise"; "count", "seed", "classifier_test_accuracy".
  nlohmann::json digits();
  // {"generated", "train", "noise"}
  nlohmann::json fd_mlp();
  // The same, means over kRandomNetworks networks, and "deviation" of the first over them; "seeds".
  nlohmann::json fd_rand();
  // {"generated": {"value", "error"}, ..., "blocks", "block"}
  nlohmann::json kid();
  // {"generated": {"precision", "recall", "density", "coverage"}, ...}
  nlohmann::json prdc();
  // {"generated": {"value", "error", "sigma"}, ..., "held_out"}: nats
  nlohmann::json parzen();

  // What was compared: {"generated", "seed", "test", "train", "noise"}, numbers of images.
  nlohmann::json samples() const;
  // {"layers", "seed", "hash", "test_accuracy"}; trains it, or reads it, if that was not done yet.
  nlohmann::json classifier_report();

  static constexpr int kRandomNetworks = 5;
  // Training images that sigma is chosen by, the last ones.
  static constexpr int64_t kHeldOut = 1000;

 private:
  struct Sets;      // images
  struct Features;  // the same by a network
  Classifier& classifier();
  const Features& classifier_features();

  const ImageSet& train_;
  const ImageSet& test_;
  const ImageProtocolOptions options_;
  std::unique_ptr<Sets> sets_;
  std::unique_ptr<Classifier> classifier_;
  std::unique_ptr<Features> classifier_features_;
  double test_accuracy_ = 0;
};

}  // namespace burin
