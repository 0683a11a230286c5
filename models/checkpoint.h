// A model in a file: docs/formats.md#checkpoint.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "engine/io/safetensors.h"
#include "models/model.h"

namespace burin {

// Shapes that the data gave the model, and how far training came.
struct Progress {
  int64_t rows = 0;  // of an image
  int64_t cols = 0;
  int64_t count = 0;  // of training images
  int64_t step = 0;
  double seconds = 0;  // of training
  // With early_stop, from the first epoch's end on (best_step > 0): the highest ELBO of the images
  // held out, and when.
  int64_t best_step = 0;
  double best_elbo = 0;
};

nlohmann::json to_json(const Progress& progress);

// Parameters, running average and optimiser state, whole or not at all. Throws Error.
void save_checkpoint(const std::string& path, Model& model, const Progress& progress);

struct CompactModel;  // models/compact.h

struct Checkpoint {
  Config config;
  Progress progress;
  SafetensorsFile file;
  std::shared_ptr<const CompactModel> compact;    // if that is what the file holds
  std::map<std::string, Steering> steering = {};  // by network; with target_zeros alone
};

// Reads a checkpoint file, or DIR/checkpoint.safetensors of a run directory; or a compact model.
// Throws Error with one line for a file that is missing, damaged or not a checkpoint of Burin.
Checkpoint read_checkpoint(const std::string& path);

// Sets the model's parameters (not of a compact one) and step from the checkpoint, and its
// optimiser state where `with_state`. Throws Error naming the first tensor that is missing or has
// another shape: the file is of another network.
void restore(Model& model, const Checkpoint& checkpoint, bool with_state);

// The model of a checkpoint, ready to make pictures.
std::unique_ptr<Model> load_model(const Checkpoint& checkpoint, Device device);

}  // namespace burin
