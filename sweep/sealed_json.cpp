#include "sweep/sealed_json.h"

#include <fmt/format.h>

#include "engine/io/error.h"
#include "engine/io/files.h"
#include "engine/io/hash.h"

namespace burin {

using nlohmann::json;

std::string seal_of(const json& object) {
  json rest = object;
  rest.erase("hash");
  Hash hash;
  hash.add(rest.dump());
  return hash.hexadecimal();
}

void write_sealed(const std::string& path, json object) {
  object["hash"] = seal_of(object);
  write_file_atomically(path, object.dump(2) + "\n");
}

json read_sealed(const std::string& path, const std::string& format) {
  const json object = json::parse(read_file(path), nullptr, false);
  const std::string name = in_quotes(path);
  if (!object.is_object()) throw Error(fmt::format("{} is damaged: it is no JSON object", name));
  if (!object.contains("format") || object["format"] != format) {
    throw Error(fmt::format("{} is of another kind: its format is not {}", name, format));
  }
  if (!object.contains("hash") || object["hash"] != seal_of(object)) {
    throw Error(fmt::format("{} is damaged: its content has another hash than it says", name));
  }
  return object;
}

}  // namespace burin
