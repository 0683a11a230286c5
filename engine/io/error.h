// What goes wrong with files.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace burin {

// A file is missing, damaged, of the wrong kind or cannot be written. what() is one line that names
// the file, what was expected and what was found; it can be shown to the user as it is.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// `text` in single quotes, on one line: control characters as \xNN, the end left out if it is very
// long. For paths and for names that came from a file.
std::string in_quotes(std::string_view text);

// "cannot <action> '<path>': <description of the errno value `code`>"
Error system_error(std::string_view action, const std::string& path, int code);

}  // namespace burin
