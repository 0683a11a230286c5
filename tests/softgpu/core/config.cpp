#include "core/config.h"

#include <cstdio>
#include <cstdlib>
#include <sstream>

namespace burin::softgpu {
namespace {

std::string text(const char* name, const std::string& otherwise) {
  const char* v = std::getenv(name);
  return v != nullptr && *v != '\0' ? v : otherwise;
}

Config read() {
  Config c;
  std::stringstream checks(text("SOFTGPU_CHECK", ""));
  for (std::string word; std::getline(checks, word, ',');) {
    const bool all = word == "all";
    const bool known = all || word == "memcheck" || word == "racecheck" || word == "initcheck" ||
                       word == "synccheck";
    if (!known) {
      std::fprintf(stderr, "softgpu: SOFTGPU_CHECK: unknown check '%s'\n", word.c_str());
      std::_Exit(2);
    }
    c.memcheck |= all || word == "memcheck";
    c.racecheck |= all || word == "racecheck";
    c.initcheck |= all || word == "initcheck";
    c.synccheck |= all || word == "synccheck";
  }
  c.counters = text("SOFTGPU_COUNTERS", "");
  c.shuffle = std::getenv("SOFTGPU_SHUFFLE") != nullptr;
  c.seed = std::strtoull(text("SOFTGPU_SHUFFLE", "0").c_str(), nullptr, 10);
  c.memory = std::strtoull(text("SOFTGPU_MEMORY", std::to_string(c.memory)).c_str(), nullptr, 0);
  c.cache = text("SOFTGPU_CACHE",
                 text("XDG_CACHE_HOME", text("HOME", "/tmp") + "/.cache") + "/burin-softgpu");
  c.compiler = text("SOFTGPU_CXX", c.compiler);
  c.hang_seconds = std::strtod(text("SOFTGPU_HANG_SECONDS", "60").c_str(), nullptr);
  c.exit_code = std::atoi(text("SOFTGPU_EXIT_CODE", "0").c_str());
  c.processors = std::atoi(text("SOFTGPU_PROCESSORS", "16").c_str());
  return c;
}

}  // namespace

const Config& config() {
  static const Config* const c = new Config(read());  // never destroyed: used at the very end
  return *c;
}

}  // namespace burin::softgpu
