#include "engine/io/error.h"

#include <fmt/format.h>

#include <system_error>

namespace burin {

std::string in_quotes(std::string_view text) {
  constexpr size_t kLongest = 1024;
  std::string result = "'";
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    // Cut between characters only: a UTF-8 continuation byte is 10xxxxxx.
    if (i >= kLongest && (byte & 0xC0) != 0x80) {
      result += "...";
      break;
    }
    if (byte < 0x20 || byte == 0x7F) {
      result += fmt::format("\\x{:02x}", byte);
    } else {
      result += text[i];
    }
  }
  return result + "'";
}

Error system_error(std::string_view action, const std::string& path, int code) {
  return Error(fmt::format("cannot {} {}: {}", action, in_quotes(path),
                           std::generic_category().message(code)));
}

}  // namespace burin
