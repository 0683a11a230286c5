// The table that the configuration file, the command line and their messages are made from.
#pragma once

#include <limits>
#include <variant>
#include <vector>

#include "models/config.h"

namespace burin::settings_table {

inline constexpr double kInfinity = std::numeric_limits<double>::infinity();
inline constexpr unsigned kGan = 1;
inline constexpr unsigned kVae = 2;
inline constexpr unsigned kBoth = kGan | kVae;

using Member = std::variant<std::string Config::*, double Config::*, int64_t Config::*,
                            uint64_t Config::*, std::vector<int64_t> Config::*>;

struct Row {
  const char* key;
  unsigned models;
  Member member;
  const char* help;
  std::vector<const char*> choices = {};  // of a word
  double least = 0;                       // of a number, or of each number in a list
  double most = kInfinity;
  bool above_least = false;  // `least` itself is not allowed
  bool below_most = false;
};

const std::vector<Row>& rows();

}  // namespace burin::settings_table
