// JSON files that say themselves whether they are whole: an object with a key "hash" of the rest.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace burin {

// The content hash of `object` without its key "hash": XXH3, 128 bits, of the text on one line.
std::string seal_of(const nlohmann::json& object);

// Writes `object` with its hash, whole or not at all. Throws Error.
void write_sealed(const std::string& path, nlohmann::json object);

// Throws Error with one line if there is no such file, it is no JSON object, its "format" is not
// `format`, or its hash is of something else.
nlohmann::json read_sealed(const std::string& path, const std::string& format);

}  // namespace burin
