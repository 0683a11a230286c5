// burin: trains sparse GANs and VAEs, and makes pictures with them. Exit codes: 0 done, 1 failed,
// 2 wrong usage, 130 stopped by Ctrl-C with everything saved.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/error.h"
#include "models/config.h"
#include "tools/command.h"

namespace burin::tools {

std::string default_data_directory() {
  if (std::filesystem::exists("data/mnist")) return "data/mnist";
  return BURIN_SOURCE_DIR "/data/mnist";
}

CLI::Validator not_empty() {
  return CLI::Validator(
      [](const std::string& text) { return text.empty() ? "the value is empty" : ""; }, "");
}

CLI::Validator not_negative() {
  return CLI::Validator(
      [](const std::string& text) {
        return text.starts_with("-") ? text + " is negative, expected at least 0" : "";
      },
      "");
}

const std::atomic<bool>& stop_on_signals() {
  static std::atomic<bool> stop{false};
  for (const int signal : {SIGINT, SIGTERM}) {
    std::signal(signal, [](int) { stop = true; });
  }
  return stop;
}

void add_cache_option(CLI::App& command, std::string& directory) {
  command
      .add_option("--cache", directory,
                  "directory that the trained classifier is kept in; default: burin in the user's "
                  "cache")
      ->check(not_empty())
      ->type_name("DIR");
}

std::string json_line(const nlohmann::json& object) {
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string flag_of(const std::string& key) {
  std::string flag = "--" + key;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

namespace {

std::string names_of(const std::vector<const CLI::App*>& apps) {
  std::string names;
  for (const CLI::App* app : apps) names += (names.empty() ? "" : ", ") + app->get_name();
  return names;
}

// The line for a command line that CLI11 refused. Where its own words would not name the slip (a
// word that is no subcommand, a flag that took the next flag for its value), these do.
std::string explain(const CLI::App& root, const std::vector<std::string>& words,
                    const std::string& otherwise) {
  const CLI::App* app = &root;
  std::string command = "burin";
  std::set<const CLI::Option*> seen;
  const auto line = [&](const std::string& text) {
    return fmt::format("{}; see `{} --help`", text, command);
  };
  const auto all = [](const CLI::App*) { return true; };
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const std::vector<const CLI::App*> subcommands = app->get_subcommands(all);
    if (!word.starts_with("-")) {
      if (subcommands.empty()) continue;
      const auto next = std::find_if(subcommands.begin(), subcommands.end(),
                                     [&](auto candidate) { return candidate->get_name() == word; });
      if (next == subcommands.end()) {
        return line(fmt::format("unknown subcommand {}; expected {}", word, names_of(subcommands)));
      }
      app = *next;
      command += " " + word;
      continue;
    }
    const size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    const CLI::Option* option = app->get_option_no_throw(name);
    if (option == nullptr) return line(fmt::format("unknown flag {}", name));
    if (option->get_items_expected_max() == 0) continue;
    if (!seen.insert(option).second) return line(fmt::format("{}: given twice", name));
    if (equals != std::string::npos) {
      if (equals + 1 == word.size()) return line(fmt::format("{}: the value is empty", name));
      continue;
    }
    if (i + 1 == words.size()) return line(fmt::format("{}: the value is missing", name));
    if (words[++i].starts_with("--")) {
      return line(fmt::format("{}: the value is missing, found {}", name, words[i]));
    }
  }
  const std::vector<const CLI::App*> subcommands = app->get_subcommands(all);
  if (subcommands.empty()) return line(otherwise);
  return line(fmt::format("a subcommand is missing; expected {}", names_of(subcommands)));
}

// Standard output is kept back; only now is it seen whether there was room for it.
void flush_output() {
  errno = 0;
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return;
  throw burin::Error(fmt::format("cannot write to standard output: {}",
                                 errno != 0 ? std::strerror(errno) : "unknown error"));
}

}  // namespace
}  // namespace burin::tools

int main(int argc, char** argv) {
  CLI::App app("Trains L1-regularised GANs and VAEs: weights become exactly zero while training.",
               "burin");
  app.require_subcommand(1);
  app.set_version_flag("--version", "burin " BURIN_VERSION);
  int status = 0;
  burin::tools::add_train(app, status);
  burin::tools::add_sample(app, status);
  burin::tools::add_evaluate(app, status);
  burin::tools::add_sweep(app, status);
  burin::tools::add_info(app, status);
  burin::tools::add_compact(app, status);
  try {
    app.parse(argc, argv);
    burin::tools::flush_output();
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return app.exit(error);  // --help, --version
    fmt::print(stderr, "burin: {}\n",
               burin::tools::explain(app, {argv + 1, argv + argc}, error.what()));
    return 2;
  } catch (const burin::UsageError& error) {
    fmt::print(stderr, "burin: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "burin: {}\n", error.what());
    return 1;
  }
  return status;
}
