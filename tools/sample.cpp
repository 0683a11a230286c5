// burin sample DIR|FILE
#include <fmt/format.h>

#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/data/image_set.h"
#include "engine/io/error.h"
#include "engine/io/png.h"
#include "kernels/common/parallel.h"
#include "models/checkpoint.h"
#include "models/vae.h"
#include "tools/command.h"

namespace burin::tools {
namespace {

struct SampleArguments {
  std::string path;
  std::string out = "grid.png";
  std::string data;
  int64_t count = 64;
  int64_t columns = 8;
  uint64_t seed = 1;
  bool interpolate = false;
  bool reconstruct = false;
  bool print_json = false;
};

// Each row of the grid goes from one random latent vector to another, on the sphere (Shoemake
// 1985): the vectors between have the length that the model knows.
std::vector<float> interpolated(const Model& model, const SampleArguments& arguments) {
  const size_t latent = static_cast<size_t>(model.config().latent);
  const int64_t rows = (arguments.count + arguments.columns - 1) / arguments.columns;
  const std::vector<float> ends = model.latent_noise(2 * rows, arguments.seed);
  std::vector<float> z;
  for (int64_t i = 0; i < arguments.count; ++i) {
    const float* a = ends.data() + static_cast<size_t>(2 * (i / arguments.columns)) * latent;
    const float* b = a + latent;
    double aa = 0, bb = 0, ab = 0;
    for (size_t j = 0; j < latent; ++j) {
      aa += double{a[j]} * double{a[j]};
      bb += double{b[j]} * double{b[j]};
      ab += double{a[j]} * double{b[j]};
    }
    const double angle = std::acos(std::clamp(ab / std::sqrt(aa * bb), -1.0, 1.0));
    const double way = static_cast<double>(i % arguments.columns) /
                       static_cast<double>(std::max<int64_t>(arguments.columns - 1, 1));
    const double sine = std::sin(angle);
    const double of_a = sine > 1e-6 ? std::sin((1 - way) * angle) / sine : 1 - way;
    const double of_b = sine > 1e-6 ? std::sin(way * angle) / sine : way;
    for (size_t j = 0; j < latent; ++j) {
      z.push_back(static_cast<float>(of_a * double{a[j]} + of_b * double{b[j]}));
    }
  }
  return z;
}

// Rows of test images, each row followed by its reconstructions.
std::vector<float> reconstructed(Vae& vae, const SampleArguments& arguments,
                                 const Progress& progress) {
  const ImageSet test =
      load_image_set(arguments.data.empty() ? vae.config().data : arguments.data, Split::test);
  if (test.rows != progress.rows || test.cols != progress.cols) {
    throw Error(fmt::format("the model makes images of {} x {}, the test images are {} x {}",
                            progress.rows, progress.cols, test.rows, test.cols));
  }
  const size_t pixels = static_cast<size_t>(test.pixels());
  const int64_t count = std::min(arguments.count, test.count);
  std::vector<float> originals;
  for (size_t i = 0; i < static_cast<size_t>(count) * pixels; ++i) {
    originals.push_back(static_cast<float>(test.images[i]) / 255.0f);
  }
  const std::vector<float> made = vae.reconstruct(originals);
  const size_t row = static_cast<size_t>(arguments.columns) * pixels;
  std::vector<float> grid;
  for (size_t begin = 0; begin < originals.size(); begin += row) {
    const size_t end = std::min(begin + row, originals.size());
    for (const std::vector<float>* from : {&std::as_const(originals), &made}) {
      grid.insert(grid.end(), from->begin() + static_cast<ptrdiff_t>(begin),
                  from->begin() + static_cast<ptrdiff_t>(end));
      grid.resize(grid.size() + (row - (end - begin)), 0.0f);  // a short last row
    }
  }
  return grid;
}

void sample(const SampleArguments& arguments) {
  if (arguments.interpolate && arguments.reconstruct) {
    throw UsageError("--interpolate and --reconstruct: give one of the two");
  }
  const Checkpoint checkpoint = read_checkpoint(arguments.path);
  if (arguments.reconstruct && checkpoint.config.model != ModelKind::vae) {
    throw UsageError("--reconstruct: a gan has no encoder; expected a vae");
  }
  cpu::set_threads(0);
  const std::unique_ptr<Model> model = load_model(checkpoint, Device::cpu);
  std::vector<float> images;
  if (arguments.reconstruct) {
    images = reconstructed(static_cast<Vae&>(*model), arguments, checkpoint.progress);
  } else if (arguments.interpolate) {
    images = model->generate(interpolated(*model, arguments));
  } else {
    images = model->generate(model->latent_noise(arguments.count, arguments.seed));
  }
  const Progress& progress = checkpoint.progress;
  const int64_t tiles = static_cast<int64_t>(images.size()) / (progress.rows * progress.cols);
  const GrayImage grid =
      tile_grid(images.data(), tiles, progress.rows, progress.cols, arguments.columns);
  write_png(arguments.out, grid);
  if (arguments.print_json) {
    const nlohmann::json result = {{"out", arguments.out},  {"tiles", tiles},
                                   {"width", grid.width},   {"height", grid.height},
                                   {"step", progress.step}, {"seed", arguments.seed}};
    fmt::print("{}\n", json_line(result));
  } else {
    fmt::print("{}: {} images of {} x {}, step {}\n", arguments.out, tiles, progress.rows,
               progress.cols, progress.step);
  }
}

}  // namespace

void add_sample(CLI::App& app, int&) {
  CLI::App* command = app.add_subcommand("sample", "make pictures with a trained model");
  auto arguments = std::make_shared<SampleArguments>();
  command->add_option("path", arguments->path, "run directory, or checkpoint file")
      ->required()
      ->type_name("DIR|FILE");
  command->add_option("--out", arguments->out, "PNG file to write")
      ->type_name("FILE")
      ->check(not_empty())
      ->capture_default_str();
  command->add_option("--count", arguments->count, "images")
      ->check(CLI::Range(int64_t{1}, int64_t{100000}))
      ->capture_default_str();
  command->add_option("--columns", arguments->columns, "images in a row of the grid")
      ->check(CLI::Range(int64_t{1}, int64_t{1000}))
      ->capture_default_str();
  command->add_option("--seed", arguments->seed, "the same seed draws the same images")
      ->check(not_negative())
      ->capture_default_str();
  command->add_flag("--interpolate", arguments->interpolate,
                    "each row goes from one random image to another");
  command->add_flag("--reconstruct", arguments->reconstruct,
                    "test images and what a vae makes of them, row by row");
  command->add_option("--data", arguments->data, "test images for --reconstruct")->type_name("DIR");
  command->add_flag("--json", arguments->print_json, "print the result as one JSON object");
  command->callback([arguments] { sample(*arguments); });
}

}  // namespace burin::tools
