// What `burin evaluate` found, as text for people.
#pragma once

#include <nlohmann/json_fwd.hpp>

namespace burin::tools {

// `results` as docs/formats.md#output-of-the-command has them, on standard output.
void print_evaluation(const nlohmann::json& results);

}  // namespace burin::tools
