// What `burin sweep` shows.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace burin::tools {

// Of a cell's score: "elbo -101.23 held out, -100.90 train; 53.1 % zeros; 12.3 s".
std::string score_text(const nlohmann::json& score, const std::vector<std::string>& metrics);

// The rows of lambdas on standard output, and where the files are. `picture`: empty if there is
// none.
void print_table(const nlohmann::json& table, const std::string& directory,
                 const std::string& picture);

// DIR/sweep.png, by tools/plot_sweep, of DIR/table.json. Returns its path; or "" and says on
// standard error why there is none, and how it can be drawn later.
std::string draw_picture(const std::string& directory);

}  // namespace burin::tools
