// Runs the `burin` command itself: what it prints, its exit code, and what it leaves in a directory
// that is made for each test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/safetensors.h"
#include "tests/support/scratch.h"

namespace burin::test {

using Arguments = std::vector<std::string>;

inline Arguments operator+(Arguments a, const Arguments& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

inline double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Outcome {
  int code = -1;   // exit code, if it ended by itself
  int signal = 0;  // that ended it
  bool timed_out = false;
  std::string out;
  std::string err;
};

// A running command. It reads nothing; standard error is a pipe or, if asked for, a terminal.
class Command {
 public:
  enum class Errors { pipe, terminal };

  Command(const std::string& directory, const Arguments& arguments, Errors errors = Errors::pipe,
          const char* out_file = nullptr) {
    int out[2] = {-1, -1};
    int err[2] = {-1, -1};
    if (pipe(out) != 0) throw std::runtime_error("pipe");
    if (errors == Errors::pipe) {
      if (pipe(err) != 0) throw std::runtime_error("pipe");
    } else {
      err[0] = posix_openpt(O_RDWR | O_NOCTTY);
      if (err[0] < 0 || grantpt(err[0]) != 0 || unlockpt(err[0]) != 0) {
        throw std::runtime_error("pseudo terminal");
      }
      err[1] = open(ptsname(err[0]), O_RDWR | O_NOCTTY);
    }
    std::vector<char*> argv = {const_cast<char*>("burin")};
    for (const std::string& argument : arguments)
      argv.push_back(const_cast<char*>(argument.data()));
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("fork");
    if (pid_ == 0) {
      const int in = open("/dev/null", O_RDONLY);
      if (out_file != nullptr) out[1] = open(out_file, O_WRONLY);
      if (chdir(directory.c_str()) == 0 && dup2(in, 0) == 0 && dup2(out[1], 1) == 1 &&
          dup2(err[1], 2) == 2) {
        for (int descriptor = 3; descriptor < 64; ++descriptor) close(descriptor);
        std::signal(SIGINT, SIG_DFL);
        execv(BURIN_COMMAND, argv.data());
      }
      _exit(125);
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  ~Command() {
    if (pid_ > 0) {
      kill(pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    close(out_);
    close(err_);
  }
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  void send(int signal) { kill(pid_, signal); }

  // Reads until standard error holds `text`; false if it ended or took too long.
  bool wait_for(std::string_view text, double seconds = 60) {
    const double end = seconds_now() + seconds;
    while (outcome_.err.find(text) == std::string::npos) {
      if (seconds_now() > end || !read_some(100)) return false;
    }
    return true;
  }

  Outcome finish(double seconds = 120) {
    const double end = seconds_now() + seconds;
    while (read_some(100)) {
      if (seconds_now() < end) continue;
      outcome_.timed_out = true;
      kill(pid_, SIGKILL);
    }
    int status = 0;
    while (waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    if (WIFEXITED(status)) outcome_.code = WEXITSTATUS(status);
    if (WIFSIGNALED(status)) outcome_.signal = WTERMSIG(status);
    return outcome_;
  }

 private:
  // Takes what is there, waiting a little; false once both ends are closed.
  bool read_some(int milliseconds) {
    pollfd files[2] = {{open_[0] ? out_ : -1, POLLIN, 0}, {open_[1] ? err_ : -1, POLLIN, 0}};
    poll(files, 2, milliseconds);
    for (int i = 0; i < 2; ++i) {
      if (!open_[i] || files[i].revents == 0) continue;
      char buffer[4096];
      const ssize_t n = read(files[i].fd, buffer, sizeof(buffer));
      if (n <= 0) open_[i] = false;  // a terminal's end is an error
      if (n > 0) (i == 0 ? outcome_.out : outcome_.err).append(buffer, static_cast<size_t>(n));
    }
    return open_[0] || open_[1];
  }

  pid_t pid_ = -1;
  int out_ = -1;
  int err_ = -1;
  bool open_[2] = {true, true};
  Outcome outcome_;
};

inline std::string big_endian(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16 & 0xff),
          static_cast<char>(value >> 8 & 0xff), static_cast<char>(value & 0xff)};
}

inline std::string idx_images(uint32_t count, uint32_t rows, uint32_t cols) {
  std::string bytes = big_endian(0x803) + big_endian(count) + big_endian(rows) + big_endian(cols);
  uint32_t state = 12345 + count;
  for (uint32_t i = 0; i < count * rows * cols; ++i) {
    state = state * 1664525 + 1013904223;
    // A dark left half and a bright right one, with noise: something that can be learned.
    const uint32_t bright = i % cols >= cols / 2 ? 128 : 0;
    bytes += static_cast<char>((state >> 25) + bright);
  }
  return bytes;
}

inline std::string idx_labels(uint32_t count) {
  std::string bytes = big_endian(0x801) + big_endian(count);
  for (uint32_t i = 0; i < count; ++i) bytes += static_cast<char>(i % 10);
  return bytes;
}

// The four files of a small data set, uncompressed.
inline void write_data(const Scratch& scratch, const std::string& name, uint32_t rows,
                       uint32_t cols, uint32_t count = 300, uint32_t test_count = 40) {
  std::filesystem::create_directories(scratch.path(name));
  scratch.write(name + "/train-images-idx3-ubyte", idx_images(count, rows, cols));
  scratch.write(name + "/train-labels-idx1-ubyte", idx_labels(count));
  scratch.write(name + "/t10k-images-idx3-ubyte", idx_images(test_count, rows, cols));
  scratch.write(name + "/t10k-labels-idx1-ubyte", idx_labels(test_count));
}

// A directory with a small data set, `data`, of 300 images of 5 x 7; commands run in it.
class CommandTest : public testing::Test {
 protected:
  CommandTest() { write_data(scratch_, "data", 5, 7); }

  Outcome run(const Arguments& arguments) const {
    return Command(scratch_.directory(), arguments).finish();
  }

  // Small networks; what is given later on the command line must be another flag.
  static Arguments gan(const std::string& out, const Arguments& more = {}) {
    return Arguments{"train",
                     "gan",
                     "--data",
                     "data",
                     "--latent",
                     "4",
                     "--generator-hidden",
                     "8,6",
                     "--discriminator-hidden",
                     "8",
                     "--batch",
                     "16",
                     "--out",
                     out} +
           more;
  }
  // The settings of a small network.
  static Arguments small_vae() {
    return {"--latent", "3", "--encoder-hidden", "8", "--decoder-hidden", "9", "--batch", "16"};
  }
  static Arguments vae(const std::string& out, const Arguments& more = {}) {
    return Arguments{"train", "vae", "--data", "data"} + small_vae() + Arguments{"--out", out} +
           more;
  }
  static Arguments train(const std::string& model, const std::string& out,
                         const Arguments& more = {}) {
    return model == "gan" ? gan(out, more) : vae(out, more);
  }

  Outcome expect_success(const Arguments& arguments) const {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, 0) << testing::PrintToString(arguments) << "\n" << outcome.err;
    return outcome;
  }

  // Everything below the directory, files with their content: what must not change.
  std::map<std::string, std::string> snapshot(const std::string& below = ".") const {
    std::map<std::string, std::string> files;
    const auto root = std::filesystem::path(scratch_.directory()) / below;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const std::string name = std::filesystem::relative(entry.path(), scratch_.directory());
      files[name] = entry.is_regular_file() ? scratch_.read(name) : "directory";
    }
    return files;
  }

  // Ends with `code` and one line that holds all of `parts`; nothing is printed or changed.
  void expect_refused(const Arguments& arguments, int code,
                      std::initializer_list<std::string_view> parts) const {
    SCOPED_TRACE(testing::PrintToString(arguments));
    const auto before = snapshot();
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.code, code);
    EXPECT_EQ(outcome.out, "");
    expect_line(outcome.err, parts);
    EXPECT_TRUE(snapshot() == before) << "files were changed";
  }

  static void expect_line(const std::string& text, std::initializer_list<std::string_view> parts) {
    EXPECT_TRUE(text.starts_with("burin: ")) << text;
    EXPECT_EQ(text.find('\n'), text.size() - 1) << text;
    EXPECT_LT(text.size(), 500u) << text;
    EXPECT_EQ(text.find("json.exception"), std::string::npos) << text;
    for (const std::string_view part : parts) {
      EXPECT_NE(text.find(part), std::string::npos) << "no \"" << part << "\" in: " << text;
    }
  }

  // Both checkpoints hold the same tensors, bit for bit, optimiser state included.
  void expect_same_bits(const std::string& a, const std::string& b,
                        const std::string& file = "checkpoint.safetensors") const {
    const auto first = SafetensorsFile::load(scratch_.path(a + "/" + file));
    const auto second = SafetensorsFile::load(scratch_.path(b + "/" + file));
    ASSERT_EQ(first.names(), second.names());
    ASSERT_FALSE(first.names().empty());
    for (const std::string& name : first.names()) {
      ASSERT_EQ(first.shape(name), second.shape(name)) << name;
      EXPECT_EQ(std::memcmp(first.data(name), second.data(name),
                            static_cast<size_t>(first.size(name)) * sizeof(float)),
                0)
          << name << " differs between " << a << " and " << b;
    }
  }

  // The lines of DIR/metrics.jsonl; every one must be whole, and steps must grow.
  std::vector<nlohmann::json> metrics(const std::string& directory) const {
    const std::string text = scratch_.read(directory + "/metrics.jsonl");
    std::vector<nlohmann::json> lines;
    EXPECT_TRUE(text.empty() || text.back() == '\n') << text;
    int64_t step = 0;
    for (size_t begin = 0; begin < text.size();) {
      const size_t end = std::min(text.find('\n', begin), text.size());
      const auto line = nlohmann::json::parse(text.substr(begin, end - begin), nullptr, false);
      EXPECT_TRUE(line.is_object()) << text.substr(begin, end - begin);
      if (!line.is_object()) break;
      EXPECT_GT(line.value("step", int64_t{-1}), step) << line;
      step = line.value("step", step);
      lines.push_back(line);
      begin = end + 1;
    }
    return lines;
  }

  void flip_bit(const std::string& name, double place) const {
    std::string bytes = scratch_.read(name);
    ASSERT_FALSE(bytes.empty());
    bytes[static_cast<size_t>(place * static_cast<double>(bytes.size() - 1))] ^= 4;
    scratch_.write(name, bytes);
  }

  Scratch scratch_;
};

}  // namespace burin::test
