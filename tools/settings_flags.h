// Where a command's settings come from.
#pragma once

#include <map>
#include <string>

#include "models/config.h"

namespace burin::tools {

struct SettingsSource {
  std::string preset;                        // empty: the file's, or the model's default
  std::string file;                          // JSON, as config.json; may be empty
  std::map<std::string, std::string> flags;  // by key: texts of the command line
};

// Later ones win: preset, file, command line. Throws UsageError.
Config resolve_settings(ModelKind model, const SettingsSource& source);

}  // namespace burin::tools
