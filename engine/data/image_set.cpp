#include "engine/data/image_set.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>
#include <utility>

#include "engine/data/idx.h"
#include "engine/io/error.h"

namespace burin {
namespace {

std::string find_file(const std::string& directory, const std::string& name) {
  const std::filesystem::path plain = std::filesystem::path(directory) / name;
  for (const std::string& path : {plain.string(), plain.string() + ".gz"}) {
    std::error_code code;
    if (std::filesystem::exists(path, code)) return path;
    if (code) throw system_error("read", path, code.value());
  }
  throw Error(
      fmt::format("the data directory {} has no {}, nor {}.gz", in_quotes(directory), name, name));
}

}  // namespace

ImageSet load_image_set(const std::string& directory, Split split) {
  std::error_code code;
  if (!std::filesystem::is_directory(directory, code)) {
    throw Error(fmt::format(
        "the data directory {} {}", in_quotes(directory),
        std::filesystem::exists(directory, code) ? "is not a directory" : "does not exist"));
  }
  const std::string prefix = split == Split::train ? "train" : "t10k";
  const std::string image_path = find_file(directory, prefix + "-images-idx3-ubyte");
  const std::string label_path = find_file(directory, prefix + "-labels-idx1-ubyte");
  IdxArray labels = read_idx(label_path, 1);
  IdxArray images = read_idx(image_path, 3);
  if (images.dimensions[0] != labels.dimensions[0]) {
    throw Error(fmt::format(
        "expected one label for each image, found {} images in {} and {} labels "
        "in {}",
        images.dimensions[0], in_quotes(image_path), labels.dimensions[0], in_quotes(label_path)));
  }
  ImageSet set;
  set.count = images.dimensions[0];
  set.rows = images.dimensions[1];
  set.cols = images.dimensions[2];
  if (set.pixels() > kMaxImagePixels) {
    throw Error(
        fmt::format("{}: images of {} x {} pixels are too large, expected at most {} in all",
                    in_quotes(image_path), set.rows, set.cols, kMaxImagePixels));
  }
  set.images = std::move(images.bytes);
  set.labels = std::move(labels.bytes);
  return set;
}

}  // namespace burin
