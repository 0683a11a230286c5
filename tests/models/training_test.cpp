// Bits that must not change: with the number of threads, by stopping and resuming, by looking.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>

#include "kernels/common/parallel.h"
#include "models/checkpoint.h"
#include "models/vae.h"
#include "tests/support/model_case.h"
#include "tests/support/scratch.h"

namespace burin::test {
namespace {

constexpr bool kSlow = BURIN_SLOW_BUILD != 0;
constexpr int64_t kBatch = kSlow ? 16 : 64;
constexpr int kPerEpoch = 10;

Config sparse_gan() {
  Config config;
  config.model = ModelKind::gan;
  config.batch = kBatch;
  config.latent = 20;
  config.generator_hidden = kSlow ? std::vector<int64_t>{48} : std::vector<int64_t>{128, 256};
  config.discriminator_hidden =
      kSlow ? std::vector<int64_t>{48, 16} : std::vector<int64_t>{256, 96};
  config.ema = 0.99;
  config.dropout = 0.3;
  config.l1_generator = 1e-3;
  config.l1_discriminator = 1e-4;
  config.real_label = 0.9;
  config.lr_schedule = "cosine";
  config.decay_until = 3;
  return config;
}

Config sparse_vae() {
  Config config;
  config.model = ModelKind::vae;
  config.batch = kBatch;
  config.latent = 20;
  config.encoder_hidden = kSlow ? std::vector<int64_t>{48} : std::vector<int64_t>{200, 100};
  config.decoder_hidden = kSlow ? std::vector<int64_t>{48} : std::vector<int64_t>{100, 200};
  config.l1_encoder = 3e-3;
  config.l1_decoder = 3e-3;
  config.l1_mean = 0.01;
  return config;
}

ModelCase make_case(const Config& config) {
  return ModelCase(config, kBatch * kPerEpoch + kBatch / 2);  // a part of a batch is left over
}

TEST(Training, TheSameBitsForAnyNumberOfThreads) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    SCOPED_TRACE(model_name(config.model));
    std::vector<std::vector<std::vector<uint32_t>>> bits;
    std::vector<std::vector<double>> losses;
    for (const int threads : {1, 2, 3, 4}) {
      cpu::set_threads(threads);
      ModelCase test = make_case(config);
      test.train(5);
      bits.push_back(bits_of(*test.model));
      losses.push_back(test.model->take_losses());
    }
    cpu::set_threads(1);
    for (size_t i = 1; i < bits.size(); ++i) {
      EXPECT_TRUE(bits[0] == bits[i]) << i + 1 << " threads";
      EXPECT_EQ(losses[0], losses[i]) << i + 1 << " threads";
    }
  }
}

TEST(Training, DependsOnTheSeed) {
  for (Config config : {sparse_gan(), sparse_vae()}) {
    ModelCase first = make_case(config);
    ModelCase again = make_case(config);
    config.seed = 2;
    ModelCase other = make_case(config);
    for (ModelCase* test : {&first, &again, &other}) test->train(1);
    EXPECT_TRUE(bits_of(*first.model) == bits_of(*again.model));
    EXPECT_FALSE(bits_of(*first.model) == bits_of(*other.model));
  }
}

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

// Pictures and evaluation leave training alone.
TEST(Training, LookingChangesNothing) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    ModelCase plain = make_case(config);
    plain.train(4);
    ModelCase watched = make_case(config);
    const std::vector<float> z = watched.model->latent_noise(70, 3);
    watched.train(2);
    const std::vector<float> pictures = watched.model->generate(z);
    EXPECT_EQ(watched.model->generate(z), pictures);
    if (Vae* vae = dynamic_cast<Vae*>(watched.model.get())) {
      const double elbo = vae->elbo(watched.data);
      EXPECT_EQ(vae->elbo(watched.data), elbo);
      vae->reconstruct(std::vector<float>(size_t(3 * vae->pixels()), 0.5f));
    }
    watched.train(2);
    EXPECT_TRUE(bits_of(*watched.model) == bits_of(*plain.model)) << model_name(config.model);
  }
}

TEST(Training, LossesAreMeansSinceTheyWereTaken) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    ModelCase one = make_case(config), three = make_case(config);
    std::vector<double> sums(2, 0.0);
    for (int step = 0; step < 3; ++step) {
      one.train(1);
      const std::vector<double> losses = one.model->take_losses();
      ASSERT_EQ(losses.size(), one.model->loss_names().size());
      for (size_t i = 0; i < 2; ++i) sums[i] += losses[i];
    }
    three.train(3);
    const std::vector<double> means = three.model->take_losses();
    for (size_t i = 0; i < 2; ++i) EXPECT_DOUBLE_EQ(means[i], sums[i] / 3.0);
    EXPECT_EQ(three.model->take_losses(), std::vector<double>(2, 0.0));
  }
}

TEST(Training, DivergenceIsReportedBeforeTheWeightsAreTouched) {
  for (const auto& [config, name] :
       {std::pair(sparse_gan(), "discriminator"), std::pair(sparse_vae(), "decoder")}) {
    ModelCase test = make_case(config);
    test.train(2);
    const Parameters& parameters = *test.network(name).parameters;
    // Of the last layer, so that the loss sees it.
    parameters.value(parameters.count() - 1).data()[0] = NAN;
    const auto before = bits_of(*test.model);
    try {
      test.train(1);
      ADD_FAILURE() << "not seen";
    } catch (const TrainingDiverged& fault) {
      EXPECT_NE(std::string(fault.what()).find("step 3"), std::string::npos) << fault.what();
      EXPECT_NE(std::string(fault.what()).find(name), std::string::npos) << fault.what();
    }
    EXPECT_TRUE(bits_of(*test.model) == before);
  }
}

TEST(Sparsity, ProxGivesExactZerosAndSubgradientNone) {
  for (Config config : {sparse_gan(), sparse_vae()}) {
    for (const char* mode : {"prox", "subgradient"}) {
      config.l1_mode = mode;
      ModelCase test = make_case(config);
      test.train(20);
      for (const char* name : {"generator", "encoder", "decoder"}) {
        for (const Model::Network& network : test.model->networks()) {
          if (std::string(network.name) != name) continue;
          const double zeros = network.optimizer->zero_fraction();
          if (config.l1_mode == "prox") {
            EXPECT_GT(zeros, kSlow ? 0.002 : 0.01) << name;
          } else {
            EXPECT_EQ(zeros, 0.0) << name;
          }
        }
      }
    }
  }
}

// Neurons go as a whole, the bias too, and stay gone when the penalty ends.
TEST(Sparsity, GroupLassoTakesNeurons) {
  Config config = sparse_vae();
  config.penalty = "group_lasso";
  config.l1_encoder = config.l1_decoder = 0.2;
  config.l1_epochs = 1;
  ModelCase test = make_case(config);
  const auto dead = [&] {
    std::vector<std::string> list;
    for (const Model::Network& network : test.model->networks()) {
      const Parameters& parameters = *network.parameters;
      for (int i = 0; i < parameters.count(); ++i) {
        const ParameterInfo& info = parameters.info(i);
        if (!info.is_weight) continue;
        const std::vector<float> w = parameters.value(i).to_host();
        const std::string layer = info.name.substr(0, info.name.rfind('.'));
        int bias = 0;
        while (parameters.info(bias).name != layer + ".bias") ++bias;
        const std::vector<float> b = parameters.value(bias).to_host();
        const auto row = size_t(info.shape[1]);
        for (size_t r = 0; r < b.size(); ++r) {
          const auto zeros =
              std::count(w.begin() + int64_t(r * row), w.begin() + int64_t((r + 1) * row), 0.0f);
          EXPECT_TRUE(zeros == 0 || zeros == int64_t(row)) << info.name << ", row " << r;
          EXPECT_EQ(b[r] == 0.0f, zeros > 0) << info.name << ", row " << r;
          if (zeros > 0) list.push_back(layer + "." + std::to_string(r));
        }
      }
    }
    return list;
  };
  test.train(kPerEpoch);
  const std::vector<std::string> before = dead();
  EXPECT_GT(before.size(), 5u);
  test.train(3);
  EXPECT_EQ(dead(), before);
}

TEST(Sparsity, LayersMayHaveLambdasOfTheirOwn) {
  Config config = sparse_vae();
  config.l1_encoder = 0;
  config.l1_decoder = 0.03;
  config.l1_layers = "encoder.mean=0.03,decoder.1=0";
  ModelCase test = make_case(config);
  test.train(10);
  for (const Model::Network& network : test.model->networks()) {
    for (int i = 0; i < network.parameters->count(); ++i) {
      const ParameterInfo& info = network.parameters->info(i);
      if (!info.is_weight) continue;
      const std::string name = std::string(network.name) + "." + info.name;
      const bool penalised = name == "encoder.mean.weight" ||
                             (name.starts_with("decoder") && !name.ends_with("1.weight"));
      EXPECT_EQ(network.optimizer->stats(i).zeros > 0, penalised) << name;
    }
  }
  config.l1_layers = "decoder.9=1";
  EXPECT_THROW(make_case(config), UsageError);
}

// After l1_epochs no weight leaves zero, and none is drawn to it.
TEST(Sparsity, TheSupportIsFixedAfterL1) {
  Config config = sparse_vae();
  config.l1_epochs = 1;
  ModelCase test = make_case(config);
  test.train(kPerEpoch);
  const auto is_zero = [&] {
    std::vector<bool> zeros;
    for (const Model::Network& network : test.model->networks()) {
      for (int i = 0; i < network.parameters->count(); ++i) {
        if (!network.parameters->info(i).is_weight) continue;
        for (const float w : network.parameters->value(i).to_host()) zeros.push_back(w == 0.0f);
      }
    }
    return zeros;
  };
  const std::vector<bool> before = is_zero();
  EXPECT_GT(std::count(before.begin(), before.end(), true), 100);
  test.train(5);
  EXPECT_TRUE(is_zero() == before);
}

// The cut takes the smallest of each network, once, and leaves more than L1 alone did.
TEST(Sparsity, TheCutReachesItsFraction) {
  Config config = sparse_vae();
  config.l1_epochs = 1;
  config.l1_cut = 0.6;
  ModelCase test = make_case(config);
  test.train(kPerEpoch);
  for (const Model::Network& network : test.model->networks()) {
    EXPECT_LT(network.optimizer->zero_fraction(), 0.55) << network.name;
  }
  for (int step = 0; step < 3; ++step) {
    test.train(1);
    for (const Model::Network& network : test.model->networks()) {
      EXPECT_NEAR(network.optimizer->zero_fraction(), 0.6, 0.002) << network.name;
    }
  }
}

}  // namespace
}  // namespace burin::test
