// burin train gan|vae
#include <fmt/format.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/io/error.h"
#include "models/training_run.h"
#include "tools/command.h"
#include "tools/fault_search.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"

namespace burin::tools {
namespace {

using nlohmann::json;

struct TrainArguments {
  ModelKind model = ModelKind::gan;
  std::string preset;
  std::string config_file;
  RunOptions run;
  bool print_json = false;
  std::map<std::string, std::string> settings;  // those given on the command line
};

Config resolve(const TrainArguments& arguments) {
  if (arguments.run.resume) {
    if (arguments.run.out.empty()) {
      throw UsageError("--resume: say which run to go on with, by --out DIR");
    }
    if (!arguments.preset.empty() || !arguments.config_file.empty() || arguments.run.overwrite) {
      throw UsageError(
          "--resume goes on with the run's own settings; leave out --preset, --config "
          "and --overwrite");
    }
  }
  SettingsSource source = {arguments.preset, arguments.config_file, arguments.settings};
  if (arguments.run.resume) {
    source.file = (std::filesystem::path(arguments.run.out) / "config.json").string();
    if (!std::filesystem::exists(source.file)) {
      throw Error(fmt::format("--resume: {} is not a run directory: it has no config.json",
                              in_quotes(arguments.run.out)));
    }
  }
  return resolve_settings(arguments.model, source);
}

json result_json(const Config& config, const TrainingRun::Result& result, const Progress& progress,
                 int64_t steps_per_epoch) {
  json all = {{"model", model_name(config.model)},
              {"preset", config.preset},
              {"steps", result.steps},
              {"epochs", result.epochs},
              {"seconds", result.seconds},
              {"images_per_s", result.images_per_s},
              {"losses", result.last.losses},
              {"zeros", result.last.zeros},
              {"out", result.out}};
  if (progress.best_step > 0) {
    all["best"] = {{"epoch", progress.best_step / steps_per_epoch},
                   {"step", progress.best_step},
                   {"held_out_elbo", progress.best_elbo}};
  }
  return all;
}

// Kernels run long after they were queued, so that a fault is seen when somebody waits for them.
std::string fault_line(const cuda::CudaFault& fault, ModelKind model, TrainingRun& run) {
  const int64_t step = run.model().step();
  std::string line = cuda::launches_block() ? fmt::format("step {}: {}", step + 1, fault.what())
                                            : fmt::format("by step {}: {}", step, fault.what());
  line += fmt::format("; {} keeps the last good checkpoint", run.out());
  if (cuda::launches_block()) return line;
  fmt::print(stderr, "a fault on the GPU by step {}; looking for the kernel ...\n", step);
  const std::string kernel = find_faulting_kernel(model, run.out(), step);
  if (kernel.empty()) return line + "; repeated from there, kernel by kernel, it did not fail";
  return fmt::format("{}; repeated from there, kernel by kernel, it is {}", line, kernel);
}

int train(const TrainArguments& arguments) {
  const Config config = resolve(arguments);
  TrainingRun run(config, arguments.run);
  const std::atomic<bool>& stop_requested = stop_on_signals();
  const int64_t done = run.model().step();
  if (run.finished() && done < run.total_steps()) {
    fmt::print(stderr, "{} ended early, at step {} of {}: nothing is left to train\n", run.out(),
               done, run.total_steps());
  } else if (run.finished()) {
    fmt::print(stderr, "{} is at step {} of {}: nothing is left to train\n", run.out(), done,
               run.total_steps());
  } else {
    fmt::print(stderr, "{}: {} steps into {}, on {}\n", config.preset, run.total_steps(), run.out(),
               run.where());
  }
  ProgressPrinter progress;
  TrainingRun::Result result;
  try {
    result = run.train(progress, stop_requested);
  } catch (const TrainingDiverged& fault) {
    progress.finish();
    throw Error(fmt::format("{}; {} keeps the last good checkpoint", fault.what(), run.out()));
  } catch (const cuda::CudaFault& fault) {
    progress.finish();
    throw Error(fault_line(fault, config.model, run));
  }
  progress.finish();
  if (result.interrupted) {
    fmt::print(stderr, "stopped at step {}; go on with: burin train {} --out {} --resume\n",
               result.steps, model_name(config.model), result.out);
    return 130;
  }
  if (arguments.print_json) {
    fmt::print("{}\n", json_line(result_json(config, result, run.progress(),
                                             run.model().steps_per_epoch())));
    return 0;
  }
  fmt::print("{}: {} steps, {:.4g} epochs, {:.1f} s, {:.0f} images/s\n", config.preset,
             result.steps, result.epochs, result.seconds, result.images_per_s);
  if (!result.last.losses.empty()) fmt::print("losses: {}\n", losses_text(result.last));
  fmt::print("exact zeros: {}\nrun directory: {}\n", zeros_text(result.last), result.out);
  const Progress& reached = run.progress();
  if (reached.best_step > 0) {
    fmt::print("best: epoch {}, {:.2f} nats on the images held out: {}/best.safetensors{}\n",
               reached.best_step / run.model().steps_per_epoch(), reached.best_elbo, result.out,
               result.steps < run.total_steps() ? "; ended early" : "");
  }
  const std::string pictures = fmt::format("{}/samples/{:06}.png", result.out, result.steps);
  if (std::filesystem::exists(pictures)) fmt::print("pictures: {}\n", pictures);
  return 0;
}

void add_model(CLI::App& parent, ModelKind model, const char* help, int& status) {
  CLI::App* app = parent.add_subcommand(model_name(model), help);
  auto arguments = std::make_shared<TrainArguments>();
  arguments->model = model;
  std::string preset_help = "named settings:";
  for (const PresetInfo& preset : presets()) {
    if (preset.model == model) preset_help += fmt::format(" {} ({});", preset.name, preset.help);
  }
  preset_help.back() = '.';
  app->add_option("--preset", arguments->preset, preset_help)
      ->type_name("NAME")
      ->check(not_empty());
  app->add_option("--config", arguments->config_file, "JSON file of settings, as in config.json")
      ->type_name("FILE")
      ->check(not_empty());
  app->add_option("--out", arguments->run.out, "run directory; default: runs/PRESET")
      ->type_name("DIR")
      ->check(not_empty());
  app->add_flag("--resume", arguments->run.resume, "go on with the run in --out");
  app->add_flag("--overwrite", arguments->run.overwrite, "start anew in a used --out");
  app->add_flag("--json", arguments->print_json, "print the result as one JSON object");
  const json defaults = to_json(preset_config(model, default_preset(model)));
  for (const SettingInfo& setting : settings()) {
    if (!(model == ModelKind::gan ? setting.gan : setting.vae)) continue;
    std::string help = setting.help;
    if (setting.key != "data" && defaults.contains(setting.key)) {
      help += fmt::format(" [{}]", defaults[setting.key].dump());
    }
    app->add_option_function<std::string>(
           flag_of(setting.key),
           [arguments, key = setting.key](const std::string& text) {
             arguments->settings[key] = text;
           },
           help)
        ->type_name("X");
  }
  app->callback([arguments, &status] { status = train(*arguments); });
}

}  // namespace

void add_train(CLI::App& app, int& status) {
  CLI::App* train = app.add_subcommand("train", "train a model; see `burin train gan --help`");
  train->require_subcommand(1);
  add_model(*train, ModelKind::gan, "train a generative adversarial network", status);
  add_model(*train, ModelKind::vae, "train a variational auto-encoder", status);
}

}  // namespace burin::tools
