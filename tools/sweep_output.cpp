#include "tools/sweep_output.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

namespace burin::tools {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string number(const json& value, const char* form) {
  return value.is_number() ? fmt::format(fmt::runtime(form), value.get<double>()) : "-";
}

// "-101.234 +- 0.056", without the error where there is none.
std::string with_error(const json& spread) {
  std::string text = number(spread["mean"], "{:.4f}");
  if (spread["se"].is_number()) text += number(spread["se"], " +- {:.4f}");
  return text;
}

// The exit code, 127 if it could not be run. What it prints goes to standard error.
int run_program(const std::vector<std::string>& words) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    dup2(2, 1);
    execv(arguments[0], arguments.data());
    _exit(127);
  }
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status)) return 127;
  return WEXITSTATUS(status);
}

}  // namespace

std::string score_text(const json& score, const std::vector<std::string>& metrics) {
  if (!score["diverged"].is_null()) return "diverged: " + score["diverged"].get<std::string>();
  std::string text;
  for (const std::string& metric : metrics) {
    text += fmt::format("{} {:.4f} held out, {:.4f} train; ", metric,
                        score["validation"][metric].get<double>(),
                        score["train"][metric].get<double>());
  }
  return text +
         fmt::format("{:.1f} % zeros; {:.1f} s", 100 * score["zeros"].get<double>(),
                     score["seconds"].get<double>() + score["scoring_seconds"].get<double>());
}

void print_table(const json& table, const std::string& directory, const std::string& picture) {
  const std::string metric = table["metric"].get<std::string>();
  fmt::print("{}, mean +- standard error over the runs of a lambda\n", metric);
  fmt::print("{:<12}{:>10}{:>6}{:>24}{:>12}{:>10}{:>12}{:>10}{:>8}{:>9}\n", "penalty", "lambda",
             "runs", "held out", "train", "gap", "test", "zeros", "dead", "seconds");
  for (const json& row : table["lambdas"]) {
    const auto mean = [&](const char* column) {
      return row[fmt::format("{}_{}", metric, column)]["mean"];
    };
    const json zeros = row["zeros"]["mean"];
    fmt::print(
        "{:<12}{:>10}{:>6}{:>24}{:>12}{:>10}{:>12}{:>10}{:>8}{:>9}",
        row["penalty"].get<std::string>(), row["lambda"].get<double>(), row["cells"].get<int64_t>(),
        with_error(row[fmt::format("{}_validation", metric)]), number(mean("train"), "{:.4f}"),
        number(mean("gap"), "{:.4f}"), number(mean("test"), "{:.4f}"),
        zeros.is_number() ? fmt::format("{:.1f} %", 100 * zeros.get<double>()) : "-",
        number(row["dead_units"]["mean"], "{:.1f}"), number(row["seconds"]["mean"], "{:.1f}"));
    if (row["diverged"] != 0) fmt::print("  {} diverged", row["diverged"].get<int64_t>());
    fmt::print("\n");
  }
  for (const json& other : table["metrics"]) {
    if (other == metric) continue;
    fmt::print("{} held out:", other.get<std::string>());
    for (const json& row : table["lambdas"]) {
      fmt::print(" {};", with_error(row[other.get<std::string>() + "_validation"]));
    }
    fmt::print("\n");
  }
  for (const char* rule : {"best", "1se"}) {
    const json& pick = table["picks"][rule];
    if (pick.is_null()) continue;
    fmt::print("{}: {}, lambda {}\n", rule, pick["penalty"].get<std::string>(),
               pick["lambda"].get<double>());
  }
  const json& by_penalty = table["picks"]["by_penalty"];
  for (const auto& [penalty, picks] : by_penalty.items()) {
    if (by_penalty.size() < 2 || picks["best"].is_null()) continue;
    fmt::print("of {}: best {}", penalty, picks["best"]["lambda"].get<double>());
    if (!picks["1se"].is_null()) fmt::print(", 1se {}", picks["1se"]["lambda"].get<double>());
    fmt::print("\n");
  }
  fmt::print("table: {0}/table.json, {0}/lambdas.csv, {0}/cells.csv\n", directory);
  if (!picture.empty()) fmt::print("picture: {}\n", picture);
}

std::string draw_picture(const std::string& directory) {
  const std::string script = BURIN_SOURCE_DIR "/tools/plot_sweep";
  const std::string picture = (fs::path(directory) / "sweep.png").string();
  const std::string table = (fs::path(directory) / "table.json").string();
  if (fs::exists(script) && run_program({script, table, picture}) == 0) return picture;
  fmt::print(
      stderr,
      "burin: no picture was drawn; tools/plot_sweep {} {} draws it, with python3-matplotlib\n",
      table, picture);
  return "";
}

}  // namespace burin::tools
