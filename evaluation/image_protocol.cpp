#include "evaluation/image_protocol.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/random_streams.h"
#include "evaluation/classifier_cache.h"
#include "evaluation/frechet.h"
#include "evaluation/kid.h"
#include "evaluation/parzen.h"
#include "evaluation/prdc.h"
#include "evaluation/random_features.h"
#include "kernels/random_fill/random_fill.h"

namespace burin {

using nlohmann::json;

namespace {

constexpr uint64_t kNoiseSeed = 1;

// Images [first, first + count) as floats in [0, 1].
std::vector<float> floats_of(const ImageSet& set, int64_t first, int64_t count) {
  const size_t begin = static_cast<size_t>(first * set.pixels());
  std::vector<float> images(static_cast<size_t>(count * set.pixels()));
  for (size_t i = 0; i < images.size(); ++i) {
    images[i] = static_cast<float>(set.images[begin + i]) / 255.0f;
  }
  return images;
}

json json_of(const DigitReport& report) {
  return {{"confidence", report.confidence},
          {"entropy", report.entropy},
          {"histogram", report.histogram}};
}

json json_of(const Prdc& prdc) {
  return {{"precision", prdc.precision},
          {"recall", prdc.recall},
          {"density", prdc.density},
          {"coverage", prdc.coverage}};
}

}  // namespace

struct ImageProtocol::Sets {
  std::vector<float> generated, train, noise, test;  // [., pixels] in [0, 1]
};

struct ImageProtocol::Features {
  template <class Network>
  Features(Network& network, const Sets& sets)
      : generated(network.features(sets.generated)),
        train(network.features(sets.train)),
        noise(network.features(sets.noise)),
        test(network.features(sets.test)) {}

  // {"generated": compare(generated), ...}, each with `test`.
  template <class Compare>
  json compared(const Compare& compare) const {
    return {
        {"generated", compare(generated)}, {"train", compare(train)}, {"noise", compare(noise)}};
  }

  Points generated, train, noise, test;
};

ImageProtocol::ImageProtocol(Model& model, const ImageSet& train, const ImageSet& test,
                             const ImageProtocolOptions& options)
    : train_(train), test_(test), options_(options), sets_(std::make_unique<Sets>()) {
  sets_->generated = model.generate(model.latent_noise(options.count, options.seed));
  sets_->train = floats_of(train, 0, std::min(options.count, train.count));
  sets_->test = floats_of(test, 0, test.count);
  sets_->noise.resize(static_cast<size_t>(options.count * model.pixels()));
  cpu::random_uniform(sets_->noise.data(), static_cast<int64_t>(sets_->noise.size()), 0.0f, 1.0f,
                      {kNoiseSeed, stream_of(RandomStream::evaluation_noise), nullptr}, {});
}

ImageProtocol::~ImageProtocol() = default;

Classifier& ImageProtocol::classifier() {
  if (!classifier_) {
    const int64_t classes = 1 + *std::max_element(train_.labels.begin(), train_.labels.end());
    classifier_ = cached_classifier(options_.cache, DeviceImages(train_, Device::cpu), classes,
                                    kClassifierSeed, options_.notice);
    test_accuracy_ = classifier_->accuracy(DeviceImages(test_, Device::cpu));
  }
  return *classifier_;
}

const ImageProtocol::Features& ImageProtocol::classifier_features() {
  if (!classifier_features_) {
    classifier_features_ = std::make_unique<Features>(classifier(), *sets_);
  }
  return *classifier_features_;
}

json ImageProtocol::digits() {
  Classifier& judge = classifier();
  const auto report = [&](const std::vector<float>& images) {
    return json_of(digit_report(judge.classify(images), judge.classes()));
  };
  json result = report(sets_->generated);
  result["count"] = options_.count;
  result["seed"] = options_.seed;
  result["test_images"] = report(sets_->test);
  result["train"] = report(sets_->train);
  result["noise"] = report(sets_->noise);
  result["classifier_test_accuracy"] = test_accuracy_;
  return result;
}

json ImageProtocol::fd_mlp() {
  const Features& features = classifier_features();
  const Gaussian of_test = gaussian_of(features.test);
  return features.compared(
      [&](const Points& points) { return frechet_distance(gaussian_of(points), of_test); });
}

json ImageProtocol::fd_rand() {
  std::vector<double> generated, train, noise;
  json seeds = json::array();
  for (int seed = 1; seed <= kRandomNetworks; ++seed) {
    RandomFeatures network(train_.pixels(), static_cast<uint64_t>(seed));
    const Features features(network, *sets_);
    const Gaussian of_test = gaussian_of(features.test);
    generated.push_back(frechet_distance(gaussian_of(features.generated), of_test));
    train.push_back(frechet_distance(gaussian_of(features.train), of_test));
    noise.push_back(frechet_distance(gaussian_of(features.noise), of_test));
    seeds.push_back(seed);
  }
  const Mean mean = mean_of(generated);
  return {{"generated", mean.value},
          {"deviation", mean.error * std::sqrt(static_cast<double>(kRandomNetworks))},
          {"train", mean_of(train).value},
          {"noise", mean_of(noise).value},
          {"seeds", seeds}};
}

json ImageProtocol::kid() {
  const Features& features = classifier_features();
  json result = features.compared([&](const Points& points) {
    const Kid kid = burin::kid(points, features.test);
    return json{
        {"value", kid.value}, {"error", kid.error}, {"blocks", kid.blocks}, {"block", kid.block}};
  });
  return result;
}

json ImageProtocol::prdc() {
  const Features& features = classifier_features();
  const NeighbourRadii of_test = neighbour_radii(features.test);
  return features.compared([&](const Points& points) {
    return json_of(burin::prdc(features.test, of_test, points, neighbour_radii(points)));
  });
}

json ImageProtocol::parzen() {
  const int64_t pixels = train_.pixels();
  const int64_t held_out = std::min(kHeldOut, (train_.count + 1) / 2);
  const Points validation(pixels, floats_of(train_, train_.count - held_out, held_out));
  const Points points(pixels, sets_->test);
  const auto report = [&](const std::vector<float>& centres) {
    const Parzen parzen = burin::parzen(Points(pixels, centres), validation, points);
    return json{
        {"value", parzen.nats.value}, {"error", parzen.nats.error}, {"sigma", parzen.sigma}};
  };
  // Of the training images, none that sigma is chosen by.
  const int64_t centres = std::min(options_.count, train_.count - held_out);
  return {{"generated", report(sets_->generated)},
          {"train", report(floats_of(train_, 0, centres))},
          {"noise", report(sets_->noise)},
          {"held_out", held_out},
          {"train_centres", centres}};
}

json ImageProtocol::samples() const {
  return {{"generated", options_.count}, {"seed", options_.seed},
          {"test", test_.count},         {"train", std::min(options_.count, train_.count)},
          {"noise", options_.count},     {"noise_seed", kNoiseSeed}};
}

json ImageProtocol::classifier_report() {
  Classifier& judge = classifier();
  return {{"layers", judge.sizes()},
          {"seed", kClassifierSeed},
          {"hash", judge.hash()},
          {"test_accuracy", test_accuracy_}};
}

}  // namespace burin
