#include "core/compile.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "core/config.h"

extern char** environ;

// The headers that kernels include travel inside the library.
#define EMBED(symbol, file)                    \
  asm(".section .rodata\n"                     \
      ".hidden softgpu_" #symbol               \
      "\n"                                     \
      ".globl softgpu_" #symbol                \
      "\n"                                     \
      "softgpu_" #symbol                       \
      ":\n"                                    \
      ".incbin \"" SOFTGPU_DEVICE_DIR "/" file \
      "\"\n"                                   \
      ".byte 0\n"                              \
      ".previous\n");                          \
  extern "C" const char softgpu_##symbol[];

EMBED(abi_h, "abi.h")
EMBED(memory_h, "memory.h")
EMBED(math_h, "math.h")
EMBED(narrow_h, "narrow.h")
EMBED(device_h, "device.h")

namespace burin::softgpu {
namespace {

namespace fs = std::filesystem;

struct Header {
  const char* name;
  const char* text;
};
const Header kHeaders[] = {{"abi.h", softgpu_abi_h},
                           {"memory.h", softgpu_memory_h},
                           {"math.h", softgpu_math_h},
                           {"narrow.h", softgpu_narrow_h},
                           {"device.h", softgpu_device_h}};

class Hash {
 public:
  void add(std::string_view s) {
    for (const char c : s) {
      a_ = (a_ ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
      b_ = (b_ ^ static_cast<uint8_t>(c)) * 0x9e3779b97f4a7c15ull;
      b_ ^= b_ >> 29;
    }
    a_ = (a_ ^ 0xff) * 0x100000001b3ull;
  }
  std::string hex() const {
    char s[40];
    std::snprintf(s, sizeof s, "%016llx%016llx", static_cast<unsigned long long>(a_),
                  static_cast<unsigned long long>(b_));
    return s;
  }

 private:
  uint64_t a_ = 0xcbf29ce484222325ull, b_ = 0x2545f4914f6cdd1dull;
};

std::vector<std::string> flags() {
  const Config& c = config();
  return {"-std=c++20",
          "-O1",  // -O2 compiles half as long again, and few kernels run long enough to earn that
          "-march=native",
          "-fPIC",
          "-shared",
          "-w",
          "-ffp-contract=off",
          "-fno-math-errno",
          "-fno-trapping-math",
          "-fno-strict-aliasing",
          "-fwrapv",
          "-fno-exceptions",
          "-fno-rtti",
          "-fno-asynchronous-unwind-tables",
          "-fno-stack-protector",
          "-fcf-protection=none",
          "-DSG_STATE=" + std::to_string(c.state_mask()),
          "-DSG_RACE=" + std::to_string(c.racecheck),
          "-DSG_COUNT=" + std::to_string(c.counting())};
}

// -march=native means another thing on another machine.
std::string processor() {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (line.rfind("flags", 0) == 0) return line;
  }
  return "";
}

int run_compiler(const std::vector<std::string>& command, const fs::path& errors) {
  std::vector<char*> argv;
  for (const std::string& s : command) argv.push_back(const_cast<char*>(s.c_str()));
  argv.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  pid_t pid = 0;
  const int failed = posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0)
    throw std::runtime_error("cannot start the compiler " + command[0] + " (SOFTGPU_CXX)");
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

void write_file(const fs::path& to, const std::string& text) {
  // Under a name of its own first: another process may be writing the same file.
  const fs::path part = to.string() + "." + std::to_string(getpid());
  {
    std::ofstream out(part);
    out << text;
    if (!out.flush())
      throw std::runtime_error("cannot write " + part.string() + " (SOFTGPU_CACHE)");
  }
  fs::rename(part, to);
}

const KernelImage* load(const fs::path& library) {
  void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) throw std::runtime_error(dlerror());
  const void* image = dlsym(handle, "softgpu_kernel");
  if (image == nullptr) throw std::runtime_error(library.string() + " holds no kernel");
  return static_cast<const KernelImage*>(image);
}

}  // namespace

const KernelImage* compile_kernel(const std::string& text, const std::string& name) {
  Hash headers, all;
  for (const Header& h : kHeaders) headers.add(h.text);
  all.add(headers.hex());
  all.add(text);
  for (const std::string& f : flags()) all.add(f);
  all.add(config().compiler);
  static const std::string machine = processor();
  all.add(machine);

  const fs::path folder = config().cache;
  const fs::path library = folder / (all.hex() + ".so");
  if (fs::exists(library)) return load(library);

  std::error_code error;
  const fs::path include = folder / ("include-" + headers.hex());
  fs::create_directories(include, error);
  if (error)
    throw std::runtime_error("cannot make the folder " + include.string() +
                             " (SOFTGPU_CACHE): " + error.message());
  for (const Header& h : kHeaders) {
    if (!fs::exists(include / h.name)) write_file(include / h.name, h.text);
  }
  const std::string stem = (folder / (all.hex() + "." + std::to_string(getpid()))).string();
  write_file(stem + ".cpp", "// " + name + "\n" + text);
  std::vector<std::string> command = {config().compiler};
  for (const std::string& f : flags()) command.push_back(f);
  for (const std::string& s : {"-I" + include.string(), stem + ".cpp", std::string("-o"),
                               stem + ".so", std::string("-lm")}) {
    command.push_back(s);
  }
  if (run_compiler(command, stem + ".txt") != 0) {
    std::ifstream in(stem + ".txt");
    std::stringstream message;
    message << in.rdbuf();
    throw std::runtime_error("the translated kernel does not compile (" + stem + ".cpp):\n" +
                             message.str().substr(0, 2000));
  }
  fs::rename(stem + ".so", library);
  fs::rename(stem + ".cpp", folder / (all.hex() + ".cpp"));
  fs::remove(stem + ".txt", error);
  return load(library);
}

}  // namespace burin::softgpu
