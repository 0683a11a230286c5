#include "evaluation/classifier_cache.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "engine/io/hash.h"

namespace burin {
namespace {

constexpr const char* kFormat = "burin-classifier-1";

std::string key_of(const DeviceImages& train, int64_t classes, uint64_t seed) {
  Hash hash;
  hash.add(kFormat);
  for (const int64_t number : {train.count(), train.pixels(), classes, Classifier::kEpochs,
                               Classifier::kBatch, Classifier::kFeatures}) {
    hash.add(static_cast<uint64_t>(number));
  }
  hash.add(seed);
  hash.add(train.images(), static_cast<size_t>(train.count() * train.pixels()));
  hash.add(train.labels(), static_cast<size_t>(train.count()));
  return hash.hexadecimal();
}

// Throws Error.
std::unique_ptr<Classifier> load(const std::string& path, const std::string& key, int64_t pixels,
                                 int64_t classes) {
  const SafetensorsFile file = SafetensorsFile::load(path);
  const auto& metadata = file.metadata();
  const auto format = metadata.find("format"), of = metadata.find("key");
  if (!file.has_content_hash() || format == metadata.end() || format->second != kFormat ||
      of == metadata.end() || of->second != key) {
    throw Error(fmt::format("{} is not the classifier of this training set", in_quotes(path)));
  }
  return std::make_unique<Classifier>(file, pixels, classes);
}

std::string path_of(const std::string& directory, const std::string& key) {
  return fmt::format("{}/classifier-{}.safetensors", directory, key.substr(0, 16));
}

}  // namespace

std::string classifier_cache_path(const std::string& directory, const DeviceImages& train,
                                  int64_t classes, uint64_t seed) {
  return path_of(directory, key_of(train, classes, seed));
}

std::unique_ptr<Classifier> cached_classifier(
    const std::string& directory, const DeviceImages& train, int64_t classes, uint64_t seed,
    const std::function<void(const std::string& line)>& notice) {
  if (directory.empty()) return std::make_unique<Classifier>(train, classes, seed);
  const std::string key = key_of(train, classes, seed);
  const std::string path = path_of(directory, key);
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    try {
      return load(path, key, train.pixels(), classes);
    } catch (const Error& error) {
      notice(fmt::format("{}; the classifier is trained anew", error.what()));
    }
  }
  auto classifier = std::make_unique<Classifier>(train, classes, seed);
  try {
    create_directories(directory);
    classifier->save(path, {{"format", kFormat}, {"key", key}});
  } catch (const Error& error) {
    notice(fmt::format("{}; the classifier is not kept", error.what()));
  }
  return classifier;
}

std::string default_cache_directory() {
  const auto variable = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return cache + "/burin";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.cache/burin";
  return "";
}

}  // namespace burin
