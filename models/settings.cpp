// Reading settings from text and JSON.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "models/settings_table.h"

namespace burin {
namespace {

using nlohmann::json;
using settings_table::kGan;
using settings_table::kVae;
using settings_table::Row;
using settings_table::rows;

bool knows(const Row& row, ModelKind model) {
  return (row.models & (model == ModelKind::gan ? kGan : kVae)) != 0;
}

std::string expected(const Row& row) {
  if (!row.choices.empty()) return fmt::format("{}", fmt::join(row.choices, ", "));
  if (std::holds_alternative<std::string Config::*>(row.member)) return "a text";
  const bool whole = !std::holds_alternative<double Config::*>(row.member);
  const bool list = std::holds_alternative<std::vector<int64_t> Config::*>(row.member);
  std::string text = list ? "whole numbers, each" : whole ? "a whole number" : "a number";
  text += fmt::format("{} {}", row.above_least ? " above" : " of at least", row.least);
  if (row.below_most) text += fmt::format(" and below {}", row.most);
  if (!row.below_most && row.most <= 1e6) text += fmt::format(" and at most {}", row.most);
  return text;
}

[[noreturn]] void refuse(const Row& row, const std::string& value, const std::string& where) {
  throw UsageError(fmt::format("{}: {} is {}, expected {}", where, row.key,
                               value.empty() ? "empty" : value, expected(row)));
}

// Texts go into config.json, and JSON is UTF-8.
bool is_utf8(const std::string& text) {
  const json value = text;
  return value.dump(-1, ' ', false, json::error_handler_t::ignore) ==
         value.dump(-1, ' ', false, json::error_handler_t::replace);
}

bool in_range(const Row& row, double value) {
  return (row.above_least ? value > row.least : value >= row.least) &&
         (row.below_most ? value < row.most : value <= row.most) && std::isfinite(value);
}

const Row& find(const Config& config, const std::string& key, const std::string& where) {
  for (const Row& row : rows()) {
    if (row.key != key) continue;
    if (knows(row, config.model)) return row;
    throw UsageError(
        fmt::format("{}: {} is not a setting of the {}", where, key, model_name(config.model)));
  }
  throw UsageError(fmt::format("{}: unknown setting {}; `burin train {} --help` lists them", where,
                               key, model_name(config.model)));
}

template <class Number>
bool parse(const std::string& text, Number& number) {
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && rest == end;
}

bool parse_list(const std::string& text, std::vector<int64_t>& list) {
  size_t begin = 0;
  while (begin <= text.size()) {
    const size_t comma = std::min(text.find(',', begin), text.size());
    int64_t number = 0;
    if (!parse(text.substr(begin, comma - begin), number)) return false;
    list.push_back(number);
    begin = comma + 1;
  }
  return true;
}

std::vector<std::string> alias(const Config& config, const std::string& key) {
  if (key != "l1") return {key};
  if (config.model == ModelKind::gan) return {"l1_generator"};
  return {"l1_encoder", "l1_decoder"};
}

void set_row_from_text(Config& config, const Row& row, const std::string& text,
                       const std::string& where) {
  std::visit(
      [&](auto member) {
        auto& field = config.*member;
        using Field = std::remove_reference_t<decltype(field)>;
        Field value{};
        if constexpr (std::is_same_v<Field, std::string>) {
          value = text;
          const bool allowed =
              row.choices.empty() ||
              std::find(row.choices.begin(), row.choices.end(), text) != row.choices.end();
          if (!is_utf8(text)) refuse(row, "not UTF-8", where);
          if (!allowed || text.empty()) refuse(row, text, where);
        } else if constexpr (std::is_same_v<Field, std::vector<int64_t>>) {
          if (!parse_list(text, value)) refuse(row, text, where);
          for (const int64_t number : value) {
            if (!in_range(row, static_cast<double>(number))) refuse(row, text, where);
          }
        } else {
          if (!parse(text, value) || !in_range(row, static_cast<double>(value))) {
            refuse(row, text, where);
          }
        }
        field = value;
      },
      row.member);
}

// JSON values take the way of text, so that both have the same checks.
std::string text_of(const Row& row, const json& value, const std::string& where) {
  const bool word = std::holds_alternative<std::string Config::*>(row.member);
  const bool list = std::holds_alternative<std::vector<int64_t> Config::*>(row.member);
  if (word && value.is_string()) return value.get<std::string>();
  if (list && value.is_array() && !value.empty()) {
    std::string text;
    for (const json& number : value) {
      if (!number.is_number_integer()) refuse(row, value.dump(), where);
      if (!text.empty()) text += ',';
      text += number.dump();
    }
    return text;
  }
  if (!word && !list && value.is_number()) return value.dump();
  refuse(row, value.dump(), where);
}

}  // namespace

const char* model_name(ModelKind model) {
  return model == ModelKind::gan ? "gan" : "vae";
}

const std::vector<SettingInfo>& settings() {
  static const std::vector<SettingInfo> infos = [] {
    std::vector<SettingInfo> list;
    for (const Row& row : rows()) {
      std::string help = row.help;
      if (!row.choices.empty()) help += fmt::format(": {}", fmt::join(row.choices, ", "));
      list.push_back({row.key, help, (row.models & kGan) != 0, (row.models & kVae) != 0});
    }
    list.push_back({"l1",
                    "lambda of the weights of what is shipped: generator; encoder and decoder",
                    true, true});
    return list;
  }();
  return infos;
}

void set_from_text(Config& config, const std::string& key, const std::string& text,
                   const std::string& where) {
  for (const std::string& name : alias(config, key)) {
    set_row_from_text(config, find(config, name, where), text, where);
  }
}

void set_from_json(Config& config, const std::string& key, const json& value,
                   const std::string& where) {
  for (const std::string& name : alias(config, key)) {
    const Row& row = find(config, name, where);
    set_row_from_text(config, row, text_of(row, value, where), where);
  }
}

json to_json(const Config& config) {
  json object = json::object();
  object["model"] = model_name(config.model);
  object["preset"] = config.preset;
  for (const Row& row : rows()) {
    if (!knows(row, config.model)) continue;
    std::visit([&](auto member) { object[row.key] = config.*member; }, row.member);
    // A text that was never set is left out: as a value it would be refused.
    if (object[row.key] == "") object.erase(row.key);
  }
  return object;
}

void apply_json(Config& config, const json& object, const std::string& where) {
  if (!object.is_object()) {
    throw UsageError(fmt::format("{}: expected a JSON object of settings", where));
  }
  if (object.contains("model") && object["model"] != model_name(config.model)) {
    throw UsageError(fmt::format("{}: model is {}, but a {} is to be trained", where,
                                 object["model"].dump(), model_name(config.model)));
  }
  for (const auto& [key, value] : object.items()) {
    if (key == "model") continue;
    if (key == "preset") {
      if (!value.is_string()) throw UsageError(fmt::format("{}: preset must be a text", where));
      config.preset = value.get<std::string>();
      continue;
    }
    set_from_json(config, key, value, where);
  }
}

}  // namespace burin
