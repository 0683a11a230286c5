#include "core/config.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <sstream>

#include "device/abi.h"

namespace burin::softgpu {
namespace {

std::string text(const char* name, const std::string& otherwise) {
  const char* v = std::getenv(name);
  return v != nullptr && *v != '\0' ? v : otherwise;
}

[[noreturn]] void refuse(const char* name, const std::string& value, const std::string& why) {
  std::fprintf(stderr, "softgpu: %s: '%s' is not %s\n", name, value.c_str(), why.c_str());
  std::_Exit(2);
}

uint64_t number(const char* name, uint64_t otherwise, uint64_t least, uint64_t most) {
  const std::string value = text(name, std::to_string(otherwise));
  char* end = nullptr;
  errno = 0;
  const uint64_t n = std::strtoull(value.c_str(), &end, 0);
  if (*end != '\0' || errno != 0 || value[0] == '-' || n < least || n > most)
    refuse(name, value, "a number from " + std::to_string(least) + " to " + std::to_string(most));
  return n;
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
  c.memory = number("SOFTGPU_MEMORY", c.memory, 0, kWindow) / kAllocationStep * kAllocationStep;
  c.cache = text("SOFTGPU_CACHE",
                 text("XDG_CACHE_HOME", text("HOME", "/tmp") + "/.cache") + "/burin-softgpu");
  c.compiler = text("SOFTGPU_CXX", c.compiler);
  c.hang_seconds = std::strtod(text("SOFTGPU_HANG_SECONDS", "60").c_str(), nullptr);
  c.exit_code = std::atoi(text("SOFTGPU_EXIT_CODE", "0").c_str());
  c.devices = static_cast<int>(number("SOFTGPU_DEVICES", 1, 0, 1));
  c.is_strict = !text("SOFTGPU_ARCH", "").empty();
  c.capability = static_cast<int>(number("SOFTGPU_ARCH", 80, 50, 199));
  c.fail = text("SOFTGPU_FAIL", "");
  c.processors = std::atoi(text("SOFTGPU_PROCESSORS", "16").c_str());
  return c;
}

}  // namespace

const Config& config() {
  static const Config* const c = new Config(read());  // never destroyed: used at the very end
  return *c;
}

}  // namespace burin::softgpu
