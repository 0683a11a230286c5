// Every setting: its way through JSON and text, and what is refused.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>

#include "models/config.h"
#include "tests/support/usage_error.h"

namespace burin::test {
namespace {

using nlohmann::json;

struct Case {
  const char* key;
  const char* good;                // JSON; not the default
  std::vector<const char*> bad;    // text
  std::vector<const char*> typed;  // JSON of a wrong type or value
  const char* expected;            // in the message
};

const std::vector<const char*> kBadNumbers = {"", "x", "1x", " 1", "nan", "inf", "-inf", "-1"};
const std::vector<const char*> kBadTypes = {"\"1\"", "true", "null", "[1]", "{}"};

std::vector<const char*> with(std::vector<const char*> list,
                              std::initializer_list<const char*> more) {
  list.insert(list.end(), more);
  return list;
}

// Numbers from 0 on without a limit, and whole numbers from `least` on.
Case number(const char* key, const char* good, std::initializer_list<const char*> more = {},
            const char* expected = "a number") {
  return {key, good, with(kBadNumbers, more), kBadTypes, expected};
}
Case whole(const char* key, const char* good, std::initializer_list<const char*> more = {}) {
  return {key, good, with(with(kBadNumbers, {"1.5", "1e3"}), more), with(kBadTypes, {"1.5", "2.0"}),
          "a whole number"};
}
Case sizes(const char* key) {
  return {key,
          "[7, 300]",
          {"", "x", "1,", ",1", "1,,2", "1.5", "0", "8,-1", "65537"},
          {"7", "\"7\"", "[]", "[1.5]", "[\"7\"]", "[0]", "[[1]]", "null"},
          "whole numbers"};
}
Case word(const char* key, const char* good, const char* expected) {
  return {
      key, good, {"", "nonsense", "PROX", "adam "}, {"1", "null", "[\"adam\"]", "true"}, expected};
}

const std::vector<Case>& cases() {
  static const std::vector<Case> list = {
      {"data", "\"somewhere\"", {""}, {"1", "null"}, "a text"},
      whole("train_images", "7", {"1000000001"}),
      whole("hold_out", "7", {"1000000001"}),
      whole("folds", "7", {"1000000001"}),
      whole("fold", "7", {"1000000001"}),
      whole("split_seed", "12345678901234567890", {"18446744073709551616"}),
      whole("epochs", "7", {"0", "1000001"}),
      whole("steps", "7"),
      whole("batch", "7", {"0", "1000001"}),
      whole("seed", "12345678901234567890", {"18446744073709551616"}),
      word("device", "\"cpu\"", "auto, cpu, cuda"),
      word("precision", "\"tf32\"", "fp32, tf32, bf16"),
      word("gemm", "\"cublas\"", "own, cublas, auto"),
      whole("threads", "3", {"1025"}),
      word("optimizer", "\"sgd\"", "adam, momentum, sgd"),
      number("lr", "0.1234567890123", {"0"}, "above 0"),
      number("lr_discriminator", "0.3"),
      word("lr_schedule", "\"cosine\"", "constant, linear, cosine, step"),
      number("lr_warmup", "0.5"),
      number("lr_final", "0.25", {"1.01"}, "at most 1"),
      number("decay_from", "1.5"),
      number("decay_until", "2.5"),
      number("decay_every", "0.5"),
      number("momentum", "0.5", {"1"}, "below 1"),
      number("beta1", "0.25", {"1"}, "below 1"),
      number("beta2", "0.75", {"1"}, "below 1"),
      number("rho", "0.95", {"1"}, "below 1"),
      number("epsilon", "1e-07", {"0", "1.1"}, "above 0"),
      number("weight_decay", "0.1", {"1000001"}),
      number("clip_norm", "5"),
      word("penalty", "\"group_lasso\"", "l1, l2, elastic_net, group_lasso"),
      word("l1_mode", "\"decoupled\"", "prox, decoupled, subgradient"),
      word("l2_mode", "\"decoupled\"", "coupled, decoupled"),
      number("l1_ratio", "0.25", {"1.1"}, "at most 1"),
      {"l1_layers", "\"decoder.0=0.001\"", {""}, {"1", "null"}, "a text"},
      number("l1_warmup", "0.5"),
      word("l1_schedule", "\"step\"", "constant, linear, cosine, step"),
      number("l1_final", "0.25", {"1.01"}, "at most 1"),
      number("l1_decay_from", "1.5"),
      number("l1_decay_until", "2.5"),
      number("l1_decay_every", "0.5"),
      number("target_zeros", "0.8", {"1"}, "below 1"),
      number("target_epochs", "7.5"),
      number("debias_epochs", "2.5"),
      number("l1_epochs", "1.5"),
      number("l1_cut", "0.5", {"1"}, "below 1"),
      number("l1_cut_from", "0.5"),
      word("l1_cut_by", "\"magnitude\"", "curvature, magnitude"),
      word("l1_cut_over", "\"model\"", "network, model"),
      number("l1_generator", "0.01"),
      number("l1_discriminator", "0.02"),
      number("l1_generator_output", "0.03"),
      number("l1_discriminator_output", "0.04"),
      number("l1_encoder", "0.05"),
      number("l1_decoder", "0.06"),
      number("l1_mean", "0.07"),
      number("l1_reconstruction", "0.08"),
      whole("latent", "7", {"0", "65537"}),
      sizes("generator_hidden"),
      sizes("discriminator_hidden"),
      sizes("encoder_hidden"),
      sizes("decoder_hidden"),
      word("activation", "\"sigmoid\"", "leaky_relu, tanh, sigmoid"),
      number("slope", "0.5", {"0", "1.1"}, "above 0"),
      word("init", "\"xavier\"", "he, xavier"),
      {"init_from", "\"runs/before\"", {""}, {"1", "null"}, "a text"},
      word("gan_loss", "\"minimax\"", "non_saturating, minimax"),
      word("fakes", "\"reuse\"", "fresh, reuse"),
      word("generator_output", "\"sigmoid\"", "tanh, sigmoid"),
      number("real_label", "0.9", {"0", "1.1"}, "above 0"),
      number("dropout", "0.5", {"1"}, "below 1"),
      number("ema", "0.5", {"1"}, "below 1"),
      word("objective", "\"iwae\"", "elbo, iwae"),
      whole("k_backward", "3", {"10001"}),
      word("iwae_gradient", "\"dreg\"", "iwae, dreg"),
      whole("k", "5", {"0", "10001"}),
      whole("early_stop", "3", {"1000001"}),
      number("beta", "0.5"),
      number("beta_warmup", "1.5"),
      word("pixels", "\"grey\"", "binarize, grey"),
      word("output_bias", "\"zero\"", "data, zero"),
      whole("log_every", "7", {"0"}),
      number("sample_every", "0.5"),
      number("checkpoint_every", "0.25"),
  };
  return list;
}

Config config_of(ModelKind model) {
  Config config;
  config.model = model;
  return config;
}

// The models that know the setting, and whether all do.
std::vector<ModelKind> models_of(const std::string& key) {
  for (const SettingInfo& info : settings()) {
    if (info.key != key) continue;
    std::vector<ModelKind> models;
    if (info.gan) models.push_back(ModelKind::gan);
    if (info.vae) models.push_back(ModelKind::vae);
    return models;
  }
  ADD_FAILURE() << key << " is not a setting";
  return {};
}

TEST(Settings, TheCasesAreComplete) {
  std::set<std::string> tested, known;
  for (const Case& c : cases()) tested.insert(c.key);
  for (const SettingInfo& info : settings()) {
    if (info.key != "l1") known.insert(info.key);
    EXPECT_FALSE(info.help.empty()) << info.key;
    EXPECT_TRUE(info.gan || info.vae) << info.key;
  }
  EXPECT_EQ(tested, known);
}

TEST(Settings, EachGoesThroughJsonAndText) {
  for (const Case& c : cases()) {
    for (const ModelKind model : models_of(c.key)) {
      SCOPED_TRACE(std::string(model_name(model)) + " " + c.key);
      const json good = json::parse(c.good);
      Config config = config_of(model);
      const json before = to_json(config);
      EXPECT_NE(before.value(c.key, json()), good) << "the default tests nothing";
      apply_json(config, {{c.key, good}}, "file");
      json expected = before;
      expected[c.key] = good;
      EXPECT_EQ(to_json(config), expected);  // this one changed, and nothing else

      Config again = config_of(model);
      apply_json(again, json::parse(to_json(config).dump()), "file");
      EXPECT_EQ(to_json(again), expected);

      std::string text = good.is_string() ? good.get<std::string>() : good.dump();
      if (good.is_array()) text = text.substr(1, text.size() - 2);  // 7,300
      Config from_text = config_of(model);
      set_from_text(from_text, c.key, text, "--flag");
      EXPECT_EQ(to_json(from_text), expected);
    }
  }
}

TEST(Settings, BadValuesAreRefused) {
  for (const Case& c : cases()) {
    for (const ModelKind model : models_of(c.key)) {
      Config config = config_of(model);
      const json before = to_json(config);
      for (const char* text : c.bad) {
        SCOPED_TRACE(std::string(c.key) + " = '" + text + "'");
        expect_usage_error(
            [&] { set_from_text(config, c.key, text, "--some-flag"); },
            {"--some-flag: ", c.key, *text == '\0' ? "empty" : text, "expected ", c.expected});
      }
      for (const char* text : c.typed) {
        SCOPED_TRACE(std::string(c.key) + " = " + text);
        expect_usage_error(
            [&] {
              apply_json(config, {{c.key, json::parse(text)}}, "my-config.json");
            },
            {"my-config.json: ", c.key, "expected ", c.expected});
      }
      EXPECT_EQ(to_json(config), before) << c.key;
    }
  }
}

TEST(Settings, JsonNumbersOutOfRangeAreRefused) {
  Config config;
  for (const auto& [key, value] : std::vector<std::pair<std::string, json>>{
           {"lr", 0.0}, {"lr", -1.0}, {"lr", NAN}, {"batch", 0}, {"batch", -5}, {"beta1", 1.0}}) {
    expect_usage_error([&] { set_from_json(config, key, value, "file"); },
                       {"file: ", key, "expected"});
  }
}

TEST(Settings, UnknownOnesAndThoseOfTheOtherModel) {
  for (const ModelKind model : {ModelKind::gan, ModelKind::vae}) {
    Config config = config_of(model);
    const std::string name = model_name(model);
    expect_usage_error([&] { set_from_text(config, "l3", "1", "--l3"); },
                       {"--l3: ", "unknown setting l3", name});
    expect_usage_error(
        [&] {
          apply_json(config, {{"momentun", 1}}, "file");
        },
        {"file: ", "unknown setting momentun"});
    expect_usage_error([&] { apply_json(config, json::array(), "file"); },
                       {"file: ", "object of settings"});
    expect_usage_error(
        [&] {
          apply_json(config, {{"model", "cnn"}}, "file");
        },
        {"file: ", "\"cnn\"", name});
    expect_usage_error([&] { apply_json(config, {{"preset", 1}}, "file"); }, {"file: ", "preset"});
    for (const SettingInfo& info : settings()) {
      if (model == ModelKind::gan ? info.gan : info.vae) continue;
      expect_usage_error([&] { set_from_text(config, info.key, "1", "--flag"); },
                         {"--flag: ", info.key, "not a setting of the " + name});
      EXPECT_FALSE(to_json(config).contains(info.key));
    }
  }
}

TEST(Settings, L1StandsForWhatIsShipped) {
  Config gan = config_of(ModelKind::gan);
  set_from_text(gan, "l1", "0.5", "--l1");
  EXPECT_EQ(gan.l1_generator, 0.5);
  EXPECT_EQ(gan.l1_discriminator, 0);
  Config vae = config_of(ModelKind::vae);
  apply_json(vae, {{"l1", 0.25}}, "file");
  EXPECT_EQ(vae.l1_encoder, 0.25);
  EXPECT_EQ(vae.l1_decoder, 0.25);
  EXPECT_EQ(vae.l1_generator, 0);
  expect_usage_error([&] { set_from_text(vae, "l1", "-1", "--l1"); }, {"--l1: ", "-1", "expected"});
}

TEST(Settings, WhatIsReadUnderAnotherAloneIsRefusedElsewhere) {
  const struct {
    std::vector<std::pair<const char*, const char*>> good, bad;
    std::initializer_list<std::string> parts;
  } checks[] = {
      {{{"l1_mode", "decoupled"}}, {{"penalty", "elastic_net"}}, {"l1_mode", "penalty", "l1"}},
      {{{"penalty", "l2"}, {"l2_mode", "decoupled"}}, {{"penalty", "l1"}}, {"l2_mode", "l1", "l2"}},
      {{{"penalty", "elastic_net"}, {"l1_ratio", "0.2"}},
       {{"penalty", "group_lasso"}},
       {"l1_ratio", "0.2", "elastic_net", "group_lasso"}},
      {{{"objective", "iwae"}, {"k", "5"}}, {{"objective", "elbo"}}, {"k", "5", "iwae", "elbo"}},
      {{{"objective", "iwae"}, {"iwae_gradient", "dreg"}},
       {{"objective", "elbo"}},
       {"iwae_gradient", "dreg", "iwae", "elbo"}},
      {{{"objective", "iwae"}, {"iwae_gradient", "dreg"}, {"l1_mean", "0.1"}},
       {{"l1_reconstruction", "0.1"}},
       {"l1_reconstruction", "0.1", "iwae_gradient", "dreg"}},
      {{{"objective", "iwae"}, {"k", "5"}, {"k_backward", "5"}},
       {{"k", "4"}},
       {"k_backward is 5", "at most k, 4"}},
      {{{"objective", "iwae"}, {"k_backward", "5"}},
       {{"objective", "elbo"}},
       {"k_backward", "5", "iwae", "elbo"}},
      {{{"objective", "iwae"}, {"k_backward", "5"}},
       {{"l1_reconstruction", "0.1"}},
       {"l1_reconstruction", "0.1", "k_backward 5"}},
      {{{"beta", "0.5"}}, {{"objective", "iwae"}}, {"beta", "0.5", "elbo", "iwae"}},
      {{{"beta_warmup", "2"}}, {{"objective", "iwae"}}, {"beta_warmup", "2", "elbo", "iwae"}},
      {{{"optimizer", "adamw"}, {"weight_decay", "0.1"}},
       {{"optimizer", "adam"}},
       {"weight_decay", "0.1", "adamw", "adam"}},
      {{{"hold_out", "7"}}, {{"folds", "2"}}, {"hold_out", "7", "folds", "2"}},
      {{{"folds", "2"}, {"fold", "2"}}, {{"fold", "3"}}, {"fold is 3", "1 to folds, 2"}},
      {{}, {{"folds", "1"}, {"fold", "1"}}, {"folds is 1", "at least 2"}},
      {{}, {{"fold", "1"}}, {"fold is 1", "expected 0"}},
      {{}, {{"folds", "2"}}, {"fold is 0", "1 to folds, 2"}},
  };
  for (const auto& [good, bad, parts] : checks) {
    Config config = config_of(ModelKind::vae);
    for (const auto& [key, text] : good) set_from_text(config, key, text, "--flag");
    check_settings(config);
    for (const auto& [key, text] : bad) set_from_text(config, key, text, "--flag");
    expect_usage_error([&] { check_settings(config); }, parts);
  }
  for (const PresetInfo& info : presets()) check_settings(preset_config(info.model, info.name));
}

TEST(Settings, ATargetNeedsZerosALambdaAndATime) {
  Config config = config_of(ModelKind::vae);
  config.target_epochs = 5;
  expect_usage_error([&] { check_settings(config); }, {"target_epochs", "5", "target_zeros"});
  config.target_zeros = 0.8;
  expect_usage_error([&] { check_settings(config); }, {"target_zeros", "0.8", "lambda", "--l1"});
  config.l1_layers = "decoder.0=0.001";
  check_settings(config);
  config.l1_layers = "";
  config.l1_decoder = 1e-3;
  check_settings(config);
  config.l1_epochs = 4;
  expect_usage_error([&] { check_settings(config); }, {"target_epochs", "5", "l1_epochs", "4"});
  config.l1_epochs = 5;
  check_settings(config);
  config.target_epochs = 0;
  expect_usage_error([&] { check_settings(config); }, {"target_epochs", "--target-epochs"});
  config.target_epochs = 5;
  config.l1_mode = "subgradient";
  expect_usage_error([&] { check_settings(config); }, {"target_zeros", "subgradient", "no zeros"});
  config.l1_mode = "prox";
  config.penalty = "l2";
  expect_usage_error([&] { check_settings(config); }, {"target_zeros", "l2", "no zeros"});
}

TEST(Settings, ACutNeedsAnEndOfL1) {
  Config config = config_of(ModelKind::vae);
  config.l1_cut_from = 1;
  expect_usage_error([&] { check_settings(config); }, {"l1_cut_from", "1", "l1_cut"});
  config.l1_cut_from = 0;
  config.l1_cut_by = "magnitude";
  expect_usage_error([&] { check_settings(config); }, {"l1_cut_by", "magnitude", "l1_cut"});
  config.l1_cut_by = "curvature";
  config.l1_cut_over = "model";
  expect_usage_error([&] { check_settings(config); }, {"l1_cut_over", "model", "l1_cut"});
  config.l1_cut = 0.5;
  expect_usage_error([&] { check_settings(config); }, {"l1_cut", "0.5", "l1_epochs is 0"});
  config.epochs = 5;
  config.debias_epochs = 2;
  check_settings(config);
  config.l1_cut_from = 3;
  expect_usage_error([&] { check_settings(config); }, {"l1_cut_from", "L1 ends at epoch 3"});
  config.debias_epochs = 0;
  config.l1_epochs = 4;
  check_settings(config);
}

TEST(Settings, LambdaFallsBetweenTwoEpochs) {
  Config config = config_of(ModelKind::vae);
  config.l1_final = 0.5;
  expect_usage_error([&] { check_settings(config); }, {"l1_final", "0.5", "l1_schedule"});
  config.l1_schedule = "cosine";
  expect_usage_error([&] { check_settings(config); }, {"cosine", "l1_decay_until"});
  config.l1_decay_until = 3;
  check_settings(config);
  config.l1_schedule = "step";
  config.l1_decay_until = 0;
  check_settings(config);
}

TEST(Settings, DebiasingIsKeptAsTheEndOfL1) {
  Config config = config_of(ModelKind::vae);
  config.epochs = 20;
  config.l1_epochs = 8;
  resolve_debiasing(config);
  EXPECT_EQ(config.l1_epochs, 8);
  config.debias_epochs = 2.5;
  resolve_debiasing(config);
  EXPECT_EQ(config.l1_epochs, 17.5);
  EXPECT_EQ(config.debias_epochs, 0);
  config.debias_epochs = 20;
  expect_usage_error([&] { resolve_debiasing(config); }, {"debias_epochs", "20", "epochs"});
  config.debias_epochs = 1;
  config.steps = 100;
  expect_usage_error([&] { resolve_debiasing(config); }, {"debias_epochs", "steps", "l1_epochs"});
}

TEST(Settings, LambdasOfLayers) {
  Config config = config_of(ModelKind::vae);
  EXPECT_TRUE(layer_lambdas(config).empty());
  config.l1_layers = "decoder.0=1e-3,encoder.mean=0";
  EXPECT_EQ(layer_lambdas(config), (std::vector<std::pair<std::string, double>>{
                                       {"decoder.0", 1e-3}, {"encoder.mean", 0}}));
  for (const char* text : {"decoder.0", "=1", "decoder.0=", "decoder.0=x", "decoder.0=-1",
                           "decoder.0=nan", "decoder.0=1,", ",", "decoder.0=1,,decoder.1=2"}) {
    config.l1_layers = text;
    expect_usage_error([&] { check_settings(config); }, {"l1_layers", "LAYER=LAMBDA"});
  }
}

}  // namespace
}  // namespace burin::test
