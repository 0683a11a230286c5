// A trained model without what its zeros made superfluous: dead neurons and latent units gone,
// constants folded, the zeros that are left not stored. docs/compact.md, and
// docs/formats.md#compact-model for the file.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/checkpoint.h"
#include "models/layer_chain.h"

namespace burin {

// A network of the model: "generator"; "encoder", whose last layer has the means and, behind them,
// the log-variances; "decoder".
struct CompactNetwork {
  std::string name;
  LayerChain chain;
  std::vector<bool> sparse;  // by layer: multiplied without its zeros
};

struct CompactModel {
  Config config;  // of the run that it comes from
  Progress progress;
  std::vector<int64_t> latents;  // the columns of the latent vector that are read, rising
  std::vector<CompactNetwork> networks;

  const CompactNetwork& network(const std::string& name) const;
};

// What makes pictures in a checkpoint: a GAN's generator (its running average, masked, if there is
// one), a VAE's encoder and decoder; nothing taken out yet, all products dense. Throws Error if a
// tensor is missing or has another shape, or a weight is infinite or NaN.
CompactModel whole_model(const Checkpoint& checkpoint);

struct RemovedFromNetwork {
  std::string network;
  Removed removed;
};
// Takes out what is dead in the networks that are named. Latent units that the generator or decoder
// does not read go; from a VAE only if both of its networks are named.
std::vector<RemovedFromNetwork> take_out_dead(CompactModel& model,
                                              const std::vector<std::string>& networks);

// What checkpoints call the parts of a layer, which have the same number of outputs: itself, or
// "mean" and "logvar".
std::vector<std::string> parts_of(const ChainLayer& layer);
// A network of the run, its layers named and activated as they are, without sizes and weights.
CompactNetwork empty_network(const Config& config, const std::string& name,
                             std::vector<int64_t> inputs);

// The names of the networks that a model of this kind makes pictures with.
std::vector<std::string> network_names(ModelKind model);

// The model, ready to make pictures; it cannot be trained.
std::unique_ptr<Model> build(const CompactModel& model, Device device);

// Of all networks: weights and biases, those that are not zero or biases, and multiply-adds to make
// a picture (of a network, for one example).
int64_t parameters(const CompactModel& model);
int64_t nonzero_parameters(const CompactModel& model);
int64_t multiply_adds(const CompactNetwork& network);

// The file, whole or not at all. Throws Error.
void save_compact(const std::string& path, const CompactModel& model);
// Whether the file says that it is a compact model, and the model; config and progress are left to
// read_checkpoint, which calls it. Throws Error with one line for a file that contradicts itself.
bool is_compact(const SafetensorsFile& file);
CompactModel read_compact(const SafetensorsFile& file, const Config& config,
                          const Progress& progress);

}  // namespace burin
