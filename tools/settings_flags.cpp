#include "tools/settings_flags.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "tools/command.h"

namespace burin::tools {
namespace {

using nlohmann::json;

json parse_json_file(const std::string& path) {
  const std::string text = read_file(path);
  try {
    return json::parse(text);
  } catch (const json::parse_error& fault) {
    throw UsageError(fmt::format("{}: not JSON, at byte {}", in_quotes(path), fault.byte));
  } catch (const json::exception&) {
    throw UsageError(
        fmt::format("{}: not JSON that can be used: a number is too large", in_quotes(path)));
  }
}

// `file`: where the name is from, if not from the command line.
Config preset_of(ModelKind model, const std::string& name, const std::string& file) {
  try {
    return preset_config(model, name.empty() ? default_preset(model) : name);
  } catch (const UsageError& fault) {
    if (file.empty()) throw;
    throw UsageError(fmt::format("{}: {}", in_quotes(file), fault.what()));
  }
}

}  // namespace

Config resolve_settings(ModelKind model, const SettingsSource& source) {
  std::string preset = source.preset;
  json from_file = json::object();
  if (!source.file.empty()) {
    from_file = parse_json_file(source.file);
    if (preset.empty() && from_file.is_object()) {
      const json named = from_file.value("preset", json(""));
      if (named.is_string()) preset = named.get<std::string>();
    }
  }
  Config config = preset_of(model, preset, source.preset.empty() ? source.file : "");
  config.data = default_data_directory();
  if (!source.file.empty()) apply_json(config, from_file, in_quotes(source.file));
  if (!source.preset.empty()) config.preset = source.preset;  // not the file's
  // A number of epochs replaces a number of steps from the preset or file, and the reverse.
  const bool epochs = source.flags.contains("epochs");
  const bool steps = source.flags.contains("steps");
  if (epochs && steps) throw UsageError("--epochs and --steps: give one of the two");
  if (epochs) config.steps = 0;
  for (const auto& [key, text] : source.flags) {
    // What is said of one network is more than what is said of all.
    if (key == "l1") set_from_text(config, key, text, flag_of(key));
  }
  for (const auto& [key, text] : source.flags) {
    if (key != "l1") set_from_text(config, key, text, flag_of(key));
  }
  return config;
}

}  // namespace burin::tools
