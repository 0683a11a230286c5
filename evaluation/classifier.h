// A small classifier of images, to judge generated ones by.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/data/device_images.h"
#include "engine/io/safetensors.h"
#include "engine/nn/mlp.h"
#include "evaluation/points.h"

namespace burin {

// Leaky ReLU pixels-256-128-classes with dropout, trained on labelled images by Adam. The same seed
// and data give the same bits, so that figures of different runs compare.
class Classifier {
 public:
  // Trains at once: kEpochs passes, some seconds. Labels are 0 .. classes - 1.
  Classifier(const DeviceImages& train, int64_t classes, uint64_t seed);
  // One that save() wrote. Throws Error if the file has other tensors.
  Classifier(const SafetensorsFile& file, int64_t pixels, int64_t classes);

  // Throws Error.
  void save(const std::string& path, const std::map<std::string, std::string>& metadata) const;

  // Probabilities [count, classes] of images [count, pixels] in [0, 1].
  std::vector<float> classify(const std::vector<float>& images);
  // What the last hidden layer puts out, [count, kFeatures], of the same.
  Points features(const std::vector<float>& images);
  // The fraction of `set` that it labels rightly.
  double accuracy(const DeviceImages& set);

  int64_t classes() const { return classes_; }
  std::vector<int64_t> sizes() const;  // of the layers, from pixels to classes
  // Of all weights and biases, 32 hexadecimal digits: figures compare if it is the same.
  std::string hash() const;

  static constexpr int64_t kFeatures = 128;
  static constexpr int64_t kEpochs = 8;
  static constexpr int64_t kBatch = 100;

 private:
  Classifier(Device device, int64_t pixels, int64_t classes);
  Variable logits_of(Variable x, bool training, const RandomKey& key);

  const int64_t pixels_;
  const int64_t classes_;
  Tape tape_;
  Parameters parameters_;
  Mlp net_;
};

// What the classifier sees in a set of generated images.
struct DigitReport {
  std::vector<double> histogram;  // fraction of images by most probable class
  double confidence = 0;          // mean probability of that class
  double entropy = 0;             // of the histogram, in nats; log(classes) if all are equally many
};
DigitReport digit_report(const std::vector<float>& probabilities, int64_t classes);

}  // namespace burin
