// Stopping and going on from a checkpoint, to the bit; and checkpoints that are others'.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "models/checkpoint.h"
#include "tests/support/scratch.h"
#include "tests/support/training_case.h"

namespace burin::test {
namespace {

// Trains `before` steps, goes through a file, and trains up to `total`; then at once.
void check_resume(const Config& config, int before, int total) {
  const Scratch scratch;
  const std::string path = scratch.path("checkpoint.safetensors");
  ModelCase whole = make_case(config);
  whole.train(total);

  ModelCase first = make_case(config);
  first.train(before);
  save_checkpoint(path, *first.model,
                  {first.set.rows, first.set.cols, first.set.count, before, 1.5});
  const Checkpoint checkpoint = read_checkpoint(scratch.directory());  // by the run directory
  EXPECT_EQ(checkpoint.progress.step, before);
  EXPECT_EQ(checkpoint.progress.seconds, 1.5);
  ModelCase second(checkpoint.config, first.set.count);
  restore(*second.model, checkpoint, true);
  EXPECT_TRUE(bits_of(*second.model) == bits_of(*first.model));
  EXPECT_EQ(second.model->step(), before);
  second.train(total - before);
  EXPECT_EQ(second.model->step(), total);
  EXPECT_TRUE(bits_of(*second.model) == bits_of(*whole.model)) << before << " of " << total;
  for (const Model::Network& network : whole.model->networks()) {
    EXPECT_EQ(second.network(network.name).optimizer->zero_fraction(),
              network.optimizer->zero_fraction());
  }
  // The state matters: without it the end is another.
  ModelCase without(checkpoint.config, first.set.count);
  restore(*without.model, checkpoint, false);
  without.train(total - before);
  EXPECT_FALSE(bits_of(*without.model) == bits_of(*whole.model));
}

TEST(Resume, GanIsBitEqual) {
  check_resume(sparse_gan(), 8, 16);  // over the border of an epoch
}

TEST(Resume, VaeIsBitEqualOverTheEndOfL1) {
  Config config = sparse_vae();
  config.l1_epochs = 1;
  check_resume(config, 8, 16);   // L1 ends after the checkpoint
  check_resume(config, 12, 16);  // and before it
  config.l1_cut = 0.5;
  check_resume(config, 8, 16);
  check_resume(config, 10, 16);  // 10: the next step cuts, or has just cut
  config.l1_cut_from = 0.3;
  check_resume(config, 7, 16);
}

TEST(Resume, SchedulesAndSteeringGoOn) {
  Config config = sparse_vae();
  config.encoder_hidden = config.decoder_hidden = {48};
  config.lr_warmup = 0.3;
  config.lr_schedule = "step";
  config.decay_from = 0.5;
  config.decay_every = 0.2;
  config.decay_until = 2;
  config.lr_final = 0.8;
  config.l1_warmup = 0.3;
  config.l1_schedule = "cosine";
  config.l1_decay_until = 2;
  config.l1_final = 0.5;
  check_resume(config, 7, 16);
  config.target_zeros = 0.5;
  config.target_epochs = 1.1;
  check_resume(config, 7, 16);
  config.l1_epochs = 1.2;
  check_resume(config, 10, 16);
}

TEST(Resume, OtherObjectivesToo) {
  Config config = sparse_vae();
  config.encoder_hidden = config.decoder_hidden = {48};
  config.clip_norm = 20;
  config.beta = 0.5;
  config.beta_warmup = 1.5;
  check_resume(config, 7, 16);
  config.beta = 1;
  config.beta_warmup = 0;
  config.objective = "iwae";
  config.k = 4;
  check_resume(config, 7, 16);
  config.iwae_gradient = "dreg";
  config.k_backward = 2;
  check_resume(config, 7, 16);
}

TEST(Resume, MomentumToo) {
  Config config = sparse_gan();
  config.optimizer = "momentum";
  config.lr = 1e-3;
  check_resume(config, 3, 6);
}

TEST(Resume, WhateverTheOptimizerAndThePenalty) {
  const std::pair<const char*, const char*> kinds[] = {
      {"nesterov", "l1"},       {"adagrad", "l2"},         {"rmsprop", "elastic_net"},
      {"adadelta", "l1"},       {"adamw", "l1"},           {"adamax", "group_lasso"},
      {"nadam", "elastic_net"}, {"amsgrad", "group_lasso"}};
  for (const auto& [optimizer, penalty] : kinds) {
    SCOPED_TRACE(optimizer);
    Config config = sparse_vae();
    config.encoder_hidden = {48};
    config.decoder_hidden = {48};
    config.optimizer = optimizer;
    config.penalty = penalty;
    config.lr = 1e-4;
    config.l1_layers = "decoder.0=0.002";
    check_resume(config, 3, 6);
  }
}

// Files of versions that knew fewer settings have none of the new ones: what they said still holds.
TEST(Checkpoint, WithoutTheNewerSettingsIsRead) {
  const Scratch scratch;
  const std::string path = scratch.path("checkpoint.safetensors");
  ModelCase test = make_case(sparse_vae());
  test.train(2);
  save_checkpoint(path, *test.model, {28, 28, test.set.count, 2, 0});
  SafetensorsFile file = SafetensorsFile::load(path);
  std::map<std::string, std::string> about(file.metadata().begin(), file.metadata().end());
  nlohmann::json settings = nlohmann::json::parse(about["config"]);
  for (const char* key : {"rho", "weight_decay", "penalty", "l2_mode", "l1_ratio"}) {
    EXPECT_EQ(settings.erase(key), 1u) << key;
  }
  about["config"] = settings.dump();
  std::vector<TensorRef> tensors;
  for (const std::string& name : file.names()) {
    tensors.push_back({name, file.shape(name), file.data(name)});
  }
  write_safetensors(path, tensors, {about.begin(), about.end()});
  const Checkpoint checkpoint = read_checkpoint(path);
  ModelCase second(checkpoint.config, test.set.count);
  restore(*second.model, checkpoint, true);
  EXPECT_TRUE(bits_of(*second.model) == bits_of(*test.model));
}

TEST(Checkpoint, LoadModelGivesTheSamePictures) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    const Scratch scratch;
    ModelCase test = make_case(config);
    test.train(3);
    const std::string path = scratch.path("file.safetensors");
    save_checkpoint(path, *test.model, {28, 28, test.set.count, 3, 0});
    const std::unique_ptr<Model> loaded = load_model(read_checkpoint(path), Device::cpu);
    EXPECT_EQ(loaded->step(), 3);
    const std::vector<float> z = loaded->latent_noise(5, 7);
    EXPECT_EQ(loaded->generate(z), test.model->generate(z));
  }
}

TEST(Checkpoint, OfAnotherNetworkIsRefused) {
  const Scratch scratch;
  const std::string path = scratch.path("file.safetensors");
  ModelCase test = make_case(sparse_gan());
  save_checkpoint(path, *test.model, {28, 28, test.set.count, 0, 0});
  const Checkpoint checkpoint = read_checkpoint(path);
  Config wider = sparse_gan();
  wider.discriminator_hidden[0] += 1;
  ModelCase other = make_case(wider);
  expect_error([&] { restore(*other.model, checkpoint, true); },
               {path, "another network", "discriminator.0.weight"});
  ModelCase vae = make_case(sparse_vae());
  expect_error([&] { restore(*vae.model, checkpoint, true); },
               {path, "another network", "encoder.0.weight"});
  Config sgd = sparse_gan();
  sgd.optimizer = "momentum";
  ModelCase stateless = make_case(sgd);
  expect_error([&] { restore(*stateless.model, checkpoint, true); }, {path, "momentum"});
  restore(*stateless.model, checkpoint, false);
}

TEST(Checkpoint, ImpossibleProgressIsRefused) {
  const Scratch scratch;
  const std::string path = scratch.path("file.safetensors");
  ModelCase test = make_case(sparse_vae());
  const int64_t count = test.set.count;
  for (const Progress& progress : {Progress{0, 28, count, 0, 0}, Progress{28, 5000, count, 0, 0},
                                   Progress{28, 28, count, -1, 0}, Progress{28, 28, 3, 0, 0}}) {
    save_checkpoint(path, *test.model, progress);
    expect_error([&] { read_checkpoint(path); }, {path, "cannot be"});
  }
  write_safetensors(path, {});
  expect_error([&] { read_checkpoint(path); }, {path, "not a checkpoint of Burin"});
}

}  // namespace
}  // namespace burin::test
