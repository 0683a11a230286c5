// burin sweep gan|vae|PRESET
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "engine/io/error.h"
#include "evaluation/classifier_cache.h"
#include "sweep/sweep.h"
#include "sweep/table.h"
#include "tools/command.h"
#include "tools/progress.h"
#include "tools/settings_flags.h"
#include "tools/sweep_output.h"

namespace burin::tools {
namespace {

using nlohmann::json;

struct SweepArguments {
  std::string what;  // gan, vae or a preset; empty: go on with what is in --dir
  SettingsSource source;
  std::string lambdas, penalties, metrics;  // lists, as given
  std::string pick;
  std::string directory;
  std::string cache;
  SweepPlan plan;  // seeds, path and scoring
  bool falling = false;
  bool print_json = false;
  bool no_picture = false;
};

std::vector<std::string> split_list(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size() && !text.empty();) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    parts.push_back(text.substr(begin, comma - begin));
    begin = comma + 1;
  }
  return parts;
}

// "vae" is the default preset of that model.
std::pair<ModelKind, std::string> model_of(const std::string& what) {
  std::string known;
  for (const ModelKind model : {ModelKind::gan, ModelKind::vae}) {
    if (what == model_name(model)) return {model, ""};
    known += std::string(model_name(model)) + ", ";
  }
  for (const PresetInfo& preset : presets()) {
    if (preset.name == what) return {preset.model, what};
    known += preset.name + ", ";
  }
  throw UsageError(fmt::format("{} is no model and no preset; expected one of {}", in_quotes(what),
                               known.substr(0, known.size() - 2)));
}

SweepPlan new_plan(const SweepArguments& arguments) {
  const auto [model, preset] = model_of(arguments.what);
  SettingsSource source = arguments.source;
  source.preset = preset;
  SweepPlan plan = arguments.plan;
  plan.base = resolve_settings(model, source);
  if (plan.base.fold != 0) throw UsageError("fold: a sweep sets it itself; leave it out");
  set_from_text(plan.base, "l1", "0", "--l1");
  plan.lambdas = parse_lambdas(split_list(arguments.lambdas));
  std::sort(plan.lambdas.begin(), plan.lambdas.end());
  if (arguments.falling) std::reverse(plan.lambdas.begin(), plan.lambdas.end());
  plan.penalties = split_list(arguments.penalties);
  for (std::string& penalty : plan.penalties)
    std::replace(penalty.begin(), penalty.end(), '-', '_');
  if (plan.penalties.empty()) plan.penalties = {plan.base.penalty};
  plan.base.penalty = Config().penalty;
  for (const Score& score : chosen_scores(split_list(arguments.metrics), model == ModelKind::vae)) {
    plan.metrics.push_back(score.name);
  }
  return plan;
}

class SweepProgress : public SweepListener {
 public:
  SweepProgress(const Sweep& sweep, bool json_lines)
      : sweep_(sweep),
        printer_(json_lines ? ProgressPrinter::Lines::json : ProgressPrinter::Lines::plain) {}

  void on_step(const SweepCell& cell, int64_t number, int64_t done, int64_t total) override {
    const std::string what =
        fmt::format("cell {}/{}, {}: step of all", number, sweep_.cells().size(), cell.name);
    printer_.describe(what);
    printer_.on_count(what.c_str(), done, total);
  }
  void on_cell(const SweepCell& cell, int64_t number, const json& score) override {
    printer_.note(fmt::format("cell {}/{}, {}: {}", number, sweep_.cells().size(), cell.name,
                              score_text(score, sweep_.plan().metrics)));
  }
  void on_notice(const std::string& line) override { printer_.note("burin: " + line); }
  void finish() { printer_.finish(); }

 private:
  const Sweep& sweep_;
  ProgressPrinter printer_;
};

void warn_of_warm_start(const SweepPlan& plan) {
  if (!plan.warm_start) return;
  fmt::print(stderr,
             "burin: the sweep was warm-started: a lambda has the steps of those before it behind "
             "it, so scores differ by the length of training too; a picked one trained anew has "
             "not\n");
}

void print_pick(const SweepArguments& arguments, const SweepPlan& plan, const json& pick) {
  if (arguments.print_json) return;
  fmt::print("{}: {}, lambda {}; train it with: burin train {} --config {}\n",
             pick["rule"].get<std::string>(), pick["penalty"].get<std::string>(),
             pick["lambda"].get<double>(), model_name(plan.base.model),
             pick["config"].get<std::string>());
}

int pick_alone(const SweepArguments& arguments) {
  const SweepPlan plan = read_plan(arguments.directory);
  const json table = read_table(arguments.directory, plan);
  const json pick = write_pick(arguments.directory, plan, table, arguments.pick);
  warn_of_warm_start(plan);
  print_pick(arguments, plan, pick);
  if (arguments.print_json) fmt::print("{}\n", json_line(pick));
  return 0;
}

int sweep(SweepArguments arguments, const std::string& superfluous) {
  const bool begun = arguments.what.empty();
  if (begun && arguments.directory.empty()) {
    throw UsageError(
        "sweep: say what is to be swept (gan, vae or a preset), or by --dir which sweep goes on");
  }
  if (begun && !superfluous.empty()) {
    throw UsageError(
        fmt::format("{}: a sweep that goes on by --dir alone has its own settings; "
                    "leave it out, or say what is to be swept",
                    superfluous));
  }
  if (begun && !arguments.pick.empty()) return pick_alone(arguments);
  const SweepPlan plan = begun ? read_plan(arguments.directory) : new_plan(arguments);
  if (arguments.directory.empty()) arguments.directory = "runs/sweep-" + plan.base.preset;
  Sweep sweep(plan, arguments.directory,
              arguments.cache.empty() ? default_cache_directory() : arguments.cache);
  SweepProgress progress(sweep, arguments.print_json);
  const std::atomic<bool>& stop = stop_on_signals();
  if (!arguments.print_json) {
    fmt::print(stderr, "{}: {} cells into {}\n", plan.base.preset, sweep.cells().size(),
               arguments.directory);
  }
  if (!sweep.run(progress, stop)) {
    progress.finish();
    fmt::print(stderr, "stopped, {} of {} cells are scored; go on with: burin sweep --dir {}\n",
               sweep.scored(), sweep.cells().size(), arguments.directory);
    return 130;
  }
  progress.finish();
  const json table = make_table(sweep.plan(), sweep.scores());
  write_table(arguments.directory, table);
  const std::string picture = arguments.no_picture ? "" : draw_picture(arguments.directory);
  if (!arguments.print_json) print_table(table, arguments.directory, picture);
  warn_of_warm_start(plan);
  json pick;
  if (!arguments.pick.empty()) {
    pick = write_pick(arguments.directory, sweep.plan(), table, arguments.pick);
    print_pick(arguments, sweep.plan(), pick);
  }
  if (arguments.print_json) {
    fmt::print("{}\n", json_line({{"dir", arguments.directory},
                                  {"metric", table["metric"]},
                                  {"cells", table["cells"].size()},
                                  {"lambdas", table["lambdas"]},
                                  {"picks", table["picks"]},
                                  {"pick", pick},
                                  {"picture", picture.empty() ? json() : json(picture)}}));
  }
  return 0;
}

// The flags of all settings but those that the sweep sets itself.
void add_settings(CLI::App& command, std::shared_ptr<SweepArguments> arguments) {
  for (const SettingInfo& setting : settings()) {
    const std::vector<std::string> own = {"l1", "penalty", "fold"};
    if (std::find(own.begin(), own.end(), setting.key) != own.end()) continue;
    command
        .add_option_function<std::string>(
            flag_of(setting.key),
            [arguments, key = setting.key](const std::string& text) {
              arguments->source.flags[key] = text;
            },
            setting.help)
        ->type_name("X")
        ->group("Settings of training");
  }
}

std::string metrics_help() {
  std::string help = "what the cells are compared by, the first of them what lambda is picked by: ";
  for (const Score& score : all_scores()) {
    help += fmt::format("{}: {}{}; ", score.name, score.what, score.of_vae ? " (vae)" : "");
  }
  return help + "default: elbo of a vae, fd-mlp,coverage of a gan";
}

}  // namespace

void add_sweep(CLI::App& app, int& status) {
  CLI::App* command = app.add_subcommand(
      "sweep", "train a path of lambdas, validated, and find the best; docs/sweep.md");
  auto arguments = std::make_shared<SweepArguments>();
  SweepPlan& plan = arguments->plan;
  command
      ->add_option("what", arguments->what,
                   "gan, vae or a preset; without it the sweep in --dir goes on")
      ->type_name("gan|vae|PRESET");
  command->add_option("--l1", arguments->lambdas, "lambdas, as --l1 of train: 0,3e-4,1e-3")
      ->type_name("A,B");
  command
      ->add_option("--penalty", arguments->penalties,
                   "penalties that are compared: l1, l2, elastic_net, group_lasso")
      ->check(not_empty())
      ->type_name("A,B");
  command->add_option("--seeds", plan.seeds, "runs of each cell, with seeds from --seed on")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->capture_default_str();
  command->add_flag("--warm-start", plan.warm_start,
                    "each lambda begins with the weights of the one before it");
  command->add_flag("--falling", arguments->falling,
                    "from the largest lambda to the smallest, in place of the reverse");
  command->add_option("--metrics", arguments->metrics, metrics_help())
      ->check(not_empty())
      ->type_name("A,B");
  command
      ->add_option("--score-images", plan.score_images,
                   "images of each set that scores are of, at most")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000000}))
      ->capture_default_str();
  command->add_option("--score-count", plan.score_count, "generated images that scores are of")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->capture_default_str();
  command->add_option("--score-k", plan.score_k, "samples an image of nll")
      ->check(CLI::Range(int64_t{1}, int64_t{1000000}))
      ->capture_default_str();
  command
      ->add_option("--config", arguments->source.file, "JSON file of settings, as in config.json")
      ->check(not_empty())
      ->type_name("FILE");
  add_settings(*command, arguments);
  // Of the sweep's own, all above say what the sweep is, all below where it is and what comes of
  // it.
  const std::vector<CLI::Option*> of_plan = command->get_options();
  command
      ->add_option("--pick", arguments->pick,
                   "write the settings of the best lambda, or of the largest one within one "
                   "standard error of it")
      ->check(CLI::IsMember({"best", "1se"}))
      ->type_name("best|1se");
  command
      ->add_option("--dir", arguments->directory,
                   "directory of the sweep; default: runs/sweep-PRESET")
      ->check(not_empty())
      ->type_name("DIR");
  add_cache_option(*command, arguments->cache);
  command->add_flag("--no-picture", arguments->no_picture, "draw none");
  command->add_flag("--json", arguments->print_json,
                    "print the result as one JSON object, and progress as one a line");
  command->callback([arguments, of_plan, &status] {
    std::string given;  // of what a sweep that is begun has already
    for (const CLI::Option* option : of_plan) {
      if (!option->get_lnames().empty() && option->get_lnames()[0] != "help" &&
          option->count() > 0) {
        given = option->get_name();
      }
    }
    status = sweep(*arguments, given);
  });
}

}  // namespace burin::tools
