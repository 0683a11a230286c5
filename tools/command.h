// The subcommands of `burin`, and what they share.
#pragma once

#include <CLI/CLI.hpp>
#include <atomic>
#include <nlohmann/json_fwd.hpp>
#include <string>

namespace burin::tools {

// Each adds its subcommand to `app`. A parsed subcommand runs as a callback and leaves the exit
// code in `status` if it is not 0; it throws UsageError (exit 2) or std::exception (exit 1) with
// one line.
void add_train(CLI::App& app, int& status);
void add_sample(CLI::App& app, int& status);
void add_evaluate(CLI::App& app, int& status);
void add_sweep(CLI::App& app, int& status);
void add_info(CLI::App& app, int& status);
void add_compact(CLI::App& app, int& status);

// The data set that comes with Burin: ./data/mnist, or that of the source tree.
std::string default_data_directory();

// Refuses an empty text.
CLI::Validator not_empty();
// Refuses a minus sign, which CLI11 would take for a very large unsigned number.
CLI::Validator not_negative();

// --cache DIR, of the commands that train the classifier of features.
void add_cache_option(CLI::App& command, std::string& directory);

// From now on Ctrl-C and SIGTERM make it true, in place of ending the process.
const std::atomic<bool>& stop_on_signals();

// On one line; bytes that are not UTF-8, as file names may have, are replaced.
std::string json_line(const nlohmann::json& object);

// "l1_generator" -> "--l1-generator".
std::string flag_of(const std::string& key);

}  // namespace burin::tools
