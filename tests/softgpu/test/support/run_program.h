// Starts a program of these tests, with settings in its environment.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

struct Outcome {
  int code;  // -1: it did not exit
  std::string text;
};

// Where the programs lie; ctest sets it.
inline std::string program_folder() {
  const char* set = std::getenv("SOFTGPU_BIN");
  return set != nullptr ? set : ".";
}

// A line for the shell; the text is what it printed.
inline Outcome run_command(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  std::string text;
  char piece[4096];
  for (size_t n; (n = fread(piece, 1, sizeof piece, pipe)) > 0;) text.append(piece, n);
  const int status = pclose(pipe);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, text};
}

// "NAME=VALUE ..." before the program. The text is all that it printed, or without what went to the
// error stream.
inline Outcome run_program(const std::string& settings, const std::string& program,
                           bool with_errors = true) {
  return run_command(settings + " " + program_folder() + "/" + program +
                     (with_errors ? " 2>&1" : " 2>/dev/null"));
}
