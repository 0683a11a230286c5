#include "core/report.h"

#include <cxxabi.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>

#include "core/arena.h"
#include "core/config.h"

namespace burin::softgpu {
namespace {

std::map<std::string, uint64_t>& seen() {
  static auto* const m = new std::map<std::string, uint64_t>;
  return *m;
}
uint64_t total = 0;

std::string triple(const uint32_t v[3]) {
  return "(" + std::to_string(v[0]) + "," + std::to_string(v[1]) + "," + std::to_string(v[2]) + ")";
}

}  // namespace

void report(const char* check, const std::string& key, const std::string& what) {
  ++total;
  if (++seen()[std::string(check) + key] > 1) return;
  std::fflush(stdout);
  std::fprintf(stderr, "softgpu: %s: %s\n", check, what.c_str());
}

uint64_t findings() {
  return total;
}

void finish_reports() {
  if (config().memcheck) {
    uint64_t count = 0, bytes = 0;
    for (const auto& [address, a] : Arena::get().live()) {
      if (a.is_module || a.is_excused) continue;
      ++count, bytes += a.bytes;
    }
    if (count != 0) {
      report("memcheck", "leak",
             "leak: " + std::to_string(bytes) + " bytes in " + std::to_string(count) +
                 " allocations were never freed");
    }
  }
  if (total == 0) return;
  std::fprintf(stderr, "softgpu: %llu findings (%zu different)\n",
               static_cast<unsigned long long>(total), seen().size());
  if (config().exit_code != 0) {
    std::fflush(nullptr);
    _exit(config().exit_code);
  }
}

std::string who(const Block* b, uint32_t linear) {
  const uint32_t x = b->ntid[0], y = b->ntid[1];
  const uint32_t tid[3] = {linear % x, linear / x % y, linear / x / y};
  return "thread " + triple(tid) + " of block " + triple(b->ctaid);
}
std::string who(const Thread* t) {
  return who(t->block, t->linear);
}

std::string demangled(const std::string& name) {
  int status = 0;
  char* const plain = abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status);
  std::string s = status == 0 ? plain : name;
  std::free(plain);
  return s;
}

}  // namespace burin::softgpu
