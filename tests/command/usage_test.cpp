// Wrong usage: one line that says what, where and what was expected, and nothing else happens.
#include "tests/command/command_case.h"

namespace burin::test {
namespace {

using Usage = CommandTest;

TEST_F(Usage, CommandsAndFlags) {
  expect_refused({}, 2, {"subcommand", "train", "burin --help"});
  expect_refused({"train"}, 2, {"gan", "vae", "burin train --help"});
  expect_refused({"nonsense"}, 2, {"nonsense", "train", "sample", "info"});
  expect_refused({"train", "gna"}, 2, {"gna", "gan", "vae"});
  expect_refused({"--nonsense"}, 2, {"--nonsense"});
  expect_refused(gan("run", {"--nonsense"}), 2, {"--nonsense", "burin train gan --help"});
  expect_refused(gan("run", {"--encoder-hidden", "8"}), 2, {"--encoder-hidden"});
  expect_refused(vae("run", {"--generator-hidden", "8"}), 2, {"--generator-hidden"});
  expect_refused(gan("run", {"surplus"}), 2, {"surplus"});
  expect_refused({"sample"}, 2, {"path", "required"});
  expect_refused({"sample", "a", "b"}, 2, {"b"});
}

TEST_F(Usage, ValuesThatAreMissing) {
  expect_refused(gan("run", {"--lr"}), 2, {"--lr", "value"});
  expect_refused({"train", "gan", "--lr", "--out", "run"}, 2, {"--lr", "value", "--out"});
  expect_refused({"train", "gan", "--lr=", "--out", "run"}, 2, {"--lr", "value"});
  expect_refused(gan("run", {"--lr", ""}), 2, {"--lr", "empty", "above 0"});
  expect_refused({"train", "gan", "--data", "data", "--batch", "16", "--out", ""}, 2,
                 {"--out", "empty"});
  expect_refused(gan("run", {"--preset", ""}), 2, {"--preset", "empty"});
  expect_refused(gan("run", {"--config", ""}), 2, {"--config", "empty"});
  expect_refused({"train", "gan", "--data", "", "--out", "run"}, 2, {"--data", "empty"});
  expect_refused(gan("run", {"--lr", "1", "--lr", "2"}), 2, {"--lr", "twice"});
}

TEST_F(Usage, Presets) {
  expect_refused(gan("run", {"--preset", "nonsense"}), 2, {"--preset", "nonsense", "doc000-gan"});
  expect_refused(gan("run", {"--preset", "doc000-vae"}), 2, {"doc000-vae", "gan", "mnist-gan"});
  expect_refused(vae("run", {"--preset", "doc000-gan"}), 2, {"doc000-gan", "vae", "mnist-vae"});
}

TEST_F(Usage, NumbersOutOfRange) {
  for (const char* lr : {"-1", "0", "nan", "inf", "-inf", "1e400", "0.1x", "x", " 1", "0,1"}) {
    expect_refused(gan("run", {"--lr", lr}), 2, {"--lr", lr, "expected a number above 0"});
  }
  for (const char* lambda : {"-1e-9", "nan", "inf", "x", ""}) {
    expect_refused(gan("run", {"--l1", lambda}), 2, {"--l1", "expected a number of at least 0"});
    expect_refused(vae("run", {"--l1-encoder", lambda}), 2, {"--l1-encoder", "at least 0"});
    expect_refused(vae("run", {"--l1-mean", lambda}), 2, {"--l1-mean", "at least 0"});
  }
  const Arguments base = {"train", "gan", "--data", "data", "--out", "run"};
  for (const char* batch : {"0", "-1", "1.5", "1e2", "9223372036854775808", "x"}) {
    expect_refused(base + Arguments{"--batch", batch}, 2,
                   {"--batch", batch, "a whole number of at least 1"});
  }
  expect_refused(base + Arguments{"--batch", "301"}, 2, {"batch", "301", "300", "data"});
  expect_refused(base + Arguments{"--generator-hidden", "8,,8"}, 2, {"8,,8", "whole numbers"});
  expect_refused(base + Arguments{"--generator-hidden", "8,0"}, 2, {"8,0", "at least 1"});
  expect_refused(base + Arguments{"--generator-hidden", ""}, 2, {"--generator-hidden", "empty"});
  expect_refused(base + Arguments{"--dropout", "1"}, 2, {"--dropout", "below 1"});
  expect_refused(base + Arguments{"--seed", "-1"}, 2, {"--seed", "-1", "at least 0"});
  expect_refused(base + Arguments{"--threads", "99999"}, 2, {"--threads", "99999", "at most"});
  expect_refused(base + Arguments{"--steps", "1.5"}, 2, {"--steps", "1.5", "whole number"});
  expect_refused(base + Arguments{"--epochs", "0"}, 2, {"--epochs", "at least 1"});
  expect_refused(base + Arguments{"--epochs", "1", "--steps", "2"}, 2,
                 {"--epochs", "--steps", "one of the two"});
}

TEST_F(Usage, Words) {
  expect_refused(gan("run", {"--l1-mode", "lasso"}), 2,
                 {"--l1-mode", "lasso", "prox", "decoupled", "subgradient"});
  expect_refused(gan("run", {"--optimizer", "Adam"}), 2, {"--optimizer", "Adam", "adam", "sgd"});
  expect_refused(gan("run", {"--device", "tpu"}), 2, {"--device", "tpu", "auto", "cpu", "cuda"});
  expect_refused(vae("run", {"--pixels", ""}), 2, {"--pixels", "empty", "binarize", "grey"});
}

TEST_F(Usage, SettingsThatContradictOneAnother) {
  expect_refused(gan("run", {"--penalty", "l2", "--l1-mode", "decoupled"}), 2,
                 {"l1_mode", "decoupled", "penalty", "l2"});
  expect_refused(gan("run", {"--weight-decay", "0.1"}), 2, {"weight_decay", "0.1", "adamw"});
  expect_refused(vae("run", {"--target-zeros", "0.8"}), 2, {"target_zeros", "lambda", "--l1"});
  expect_refused(vae("run", {"--target-zeros", "0.8", "--l1", "1e-3"}), 2, {"--target-epochs"});
  expect_refused(vae("run", {"--l1-schedule", "cosine"}), 2, {"l1_schedule", "l1_decay_until"});
  expect_refused(vae("run", {"--epochs", "3", "--debias-epochs", "3"}), 2,
                 {"debias_epochs", "3", "epochs"});
  expect_refused(vae("run", {"--k", "5"}), 2, {"k", "5", "iwae", "elbo"});
  expect_refused(vae("run", {"--objective", "iwae", "--k", "5", "--k-backward", "6"}), 2,
                 {"k_backward is 6", "at most k, 5"});
  expect_refused(vae("run", {"--beta", "2", "--objective", "iwae"}), 2, {"beta", "elbo", "iwae"});
  expect_refused(gan("run", {"--objective", "iwae"}), 2, {"--objective"});
  expect_refused(gan("run", {"--clip-norm", "-1"}), 2, {"--clip-norm", "-1", "at least 0"});
  expect_refused(vae("run", {"--early-stop", "3"}), 2, {"early_stop", "3", "--hold-out"});
  expect_refused(vae("run", {"--l1-layers", "decoder.0"}), 2, {"l1_layers", "LAYER=LAMBDA"});
  expect_refused(vae("run", {"--l1-layers", "generator.0=1"}), 2,
                 {"l1_layers", "generator.0", "encoder.mean", "decoder.0"});
}

TEST_F(Usage, DeviceThatIsNotThere) {
  if (BURIN_CUDA_ENABLED) GTEST_SKIP() << "this build has CUDA";
  expect_refused(gan("run", {"--device", "cuda"}), 1, {"--device cuda", "no CUDA", "cpu"});
}

TEST_F(Usage, ConfigurationFiles) {
  const struct {
    const char* text;
    std::initializer_list<std::string_view> parts;
  } cases[] = {
      {R"({"momemtum": 0.5})", {"momemtum", "unknown", "--help"}},
      {R"({"encoder_hidden": [8]})", {"encoder_hidden", "gan"}},
      {R"({"lr": "0.1"})", {"lr", "\"0.1\"", "a number above 0"}},
      {R"({"lr": null})", {"lr", "null"}},
      {R"({"lr": true})", {"lr", "true"}},
      {R"({"lr": [0.1]})", {"lr", "[0.1]"}},
      {R"({"lr": -0.1})", {"lr", "-0.1", "above 0"}},
      {R"({"lr": 1e999})", {"not JSON"}},
      {R"({"lr": NaN})", {"not JSON"}},
      {R"({"log_every": 1.5})", {"log_every", "1.5", "a whole number"}},
      {R"({"batch": 0})", {"batch", "0", "at least 1"}},
      {R"({"generator_hidden": "8,8"})", {"generator_hidden", "whole numbers"}},
      {R"({"generator_hidden": []})", {"generator_hidden", "[]"}},
      {R"({"generator_hidden": [8, "8"]})", {"generator_hidden", "whole numbers"}},
      {R"({"generator_hidden": [8, [8]]})", {"generator_hidden", "whole numbers"}},
      {R"({"l1_mode": "lasso"})", {"l1_mode", "lasso", "prox"}},
      {R"({"l1_mode": 1})", {"l1_mode", "prox"}},
      {R"({"data": 1})", {"data", "a text"}},
      {R"({"data": ""})", {"data", "empty"}},
      {R"({"model": "vae"})", {"model", "vae", "gan"}},
      {R"({"model": 1})", {"model", "gan"}},
      {R"({"preset": 1})", {"preset"}},
      {R"({"preset": "nonsense"})", {"nonsense", "mnist-gan"}},
      {R"([{"lr": 1}])", {"object"}},
      {R"("lr")", {"object"}},
      {R"({"lr": 0.1)", {"not JSON"}},
      {"lr = 0.1\n", {"not JSON"}},
      {"", {"not JSON"}},
      {"{\"lr\": 0.1}\xff", {"not JSON"}},
  };
  for (const auto& [text, parts] : cases) {
    SCOPED_TRACE(text);
    scratch_.write("settings.json", text);
    expect_refused({"train", "gan", "--config", "settings.json", "--out", "run"}, 2,
                   {"'settings.json'"});
    expect_refused({"train", "gan", "--config", "settings.json", "--out", "run"}, 2, parts);
  }
  expect_refused(gan("run", {"--config", "missing.json"}), 1, {"'missing.json'"});
  expect_refused(gan("run", {"--config", "data"}), 1, {"'data'", "directory"});
}

TEST_F(Usage, TextThatIsNotUtf8) {
  write_data(scratch_, "d\xff", 5, 7);
  const Arguments base = {"train", "gan", "--batch", "16", "--out", "run"};
  expect_refused(base + Arguments{"--data", "d\xff"}, 2, {"--data", "UTF-8"});
  expect_refused(base + Arguments{"--l1-mode", "\xff"}, 2, {"--l1-mode"});
  expect_refused(base + Arguments{"--preset", "\xff"}, 2, {"--preset"});
  // Where results go is no setting, and may have any name.
  const Outcome outcome = expect_success(gan("o\xff", {"--steps", "1", "--json"}));
  EXPECT_TRUE(nlohmann::json::accept(outcome.out)) << outcome.out;
}

TEST_F(Usage, HelpNamesTheFlags) {
  const struct {
    Arguments arguments;
    std::initializer_list<const char*> parts;
  } cases[] = {
      {{"--help"}, {"train", "sample", "info", "--version"}},
      {{"train", "--help"}, {"gan", "vae"}},
      {{"train", "gan", "--help"},
       {"--preset",   "--config",   "--data",         "--out",    "--resume",    "--overwrite",
        "--json",     "--epochs",   "--steps",        "--batch",  "--optimizer", "--lr",
        "--l1 ",      "--l1-mode",  "--l1-generator", "--device", "--threads",   "--seed",
        "doc000-gan", "doc003-gan", "mnist-gan"}},
      {{"train", "vae", "--help"},
       {"--encoder-hidden", "--l1-encoder", "--l1-mean", "--pixels", "doc000-vae", "mnist-vae"}},
      {{"sample", "--help"},
       {"--count", "--out", "--seed", "--columns", "--interpolate", "--reconstruct", "--json"}},
      {{"evaluate", "--help"},
       {"--metrics", "elbo", "nll", "digits", "--k ", "--images", "--json"}},
      {{"info", "--help"}, {"--json", "path"}},
  };
  for (const auto& [arguments, parts] : cases) {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const Outcome outcome = expect_success(arguments);
    EXPECT_EQ(outcome.err, "");
    for (const char* part : parts) {
      EXPECT_NE(outcome.out.find(part), std::string::npos) << part << " in " << outcome.out;
    }
  }
  EXPECT_EQ(run({"train", "vae", "--help"}).out.find("--generator-hidden"), std::string::npos);
  const Outcome version = expect_success({"--version"});
  EXPECT_TRUE(version.out.starts_with("burin ")) << version.out;
}

TEST_F(Usage, FullStandardOutput) {
  const Outcome outcome =
      Command(scratch_.directory(), {"info"}, Command::Errors::pipe, "/dev/full").finish();
  EXPECT_EQ(outcome.code, 1);
  expect_line(outcome.err, {"standard output"});
}

}  // namespace
}  // namespace burin::test
