// What `burin compact` prints.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace burin::tools {

// The result as --json has it, as tables.
void print_compaction(const nlohmann::json& result);

}  // namespace burin::tools
