#include "engine/io/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>
#include <vector>

#include "engine/io/error.h"

namespace burin {
namespace {

// The system's calls, again when a signal interrupted them.
int open_file(const std::string& path, int flags, mode_t mode = 0666) {
  int descriptor;
  do {
    descriptor = open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

ssize_t read_some(int descriptor, void* data, size_t bytes) {
  ssize_t got;
  do {
    got = read(descriptor, data, std::min(bytes, size_t{1} << 30));
  } while (got < 0 && errno == EINTR);
  return got;
}

// Returns how much was written; less than asked for means that errno says why.
size_t write_all(int descriptor, const void* data, size_t bytes) {
  const char* from = static_cast<const char*>(data);
  size_t written = 0;
  while (written < bytes) {
    const ssize_t n =
        ::write(descriptor, from + written, std::min(bytes - written, size_t{1} << 30));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      if (n == 0) errno = EIO;
      break;
    }
    written += static_cast<size_t>(n);
  }
  return written;
}

bool sync_file(int descriptor) {
  int result;
  do {
    result = fsync(descriptor);
  } while (result != 0 && errno == EINTR);
  return result == 0;
}

class Closer {
 public:
  explicit Closer(int descriptor) : descriptor_(descriptor) {}
  ~Closer() { close(descriptor_); }
  Closer(const Closer&) = delete;
  Closer& operator=(const Closer&) = delete;

 private:
  int descriptor_;
};

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// A name is durable only when its directory is. Some file systems cannot do that, and say EINVAL.
void sync_directory(const std::string& directory, const std::string& path) {
  const int descriptor = open_file(directory, O_RDONLY | O_DIRECTORY);
  if (descriptor < 0) throw system_error("make durable", path, errno);
  const Closer closer(descriptor);
  if (!sync_file(descriptor) && errno != EINVAL) throw system_error("make durable", path, errno);
}

}  // namespace

std::string read_file(const std::string& path, uint64_t limit) {
  const int descriptor = open_file(path, O_RDONLY);
  if (descriptor < 0) throw system_error("read", path, errno);
  const Closer closer(descriptor);
  struct stat status {};
  if (fstat(descriptor, &status) != 0) throw system_error("read", path, errno);
  if (S_ISDIR(status.st_mode)) throw system_error("read", path, EISDIR);

  const auto check = [&](uint64_t size) {
    if (size > limit) {
      throw Error(fmt::format("cannot read {}: more than {} bytes, the most that is expected here",
                              in_quotes(path), limit));
    }
  };
  const auto expected = S_ISREG(status.st_mode) ? static_cast<uint64_t>(status.st_size) : 0;
  check(expected);
  // One byte more than expected, so that the end is seen without growing.
  std::string content(std::max<size_t>(expected + 1, 4096), '\0');
  size_t used = 0;
  while (true) {
    const ssize_t n = read_some(descriptor, content.data() + used, content.size() - used);
    if (n < 0) throw system_error("read", path, errno);
    if (n == 0) break;
    used += static_cast<size_t>(n);
    check(used);
    if (used == content.size()) content.resize(2 * used);
  }
  content.resize(used);
  return content;
}

void write_file_atomically(const std::string& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content.data(), content.size());
  file.commit();
}

void create_directories(const std::string& path) {
  if (path.empty()) throw Error("cannot create a directory: its name is empty");
  std::error_code code;
  std::filesystem::create_directories(path, code);
  if (code) throw system_error("create the directory", path, code.value());
  if (!std::filesystem::is_directory(path, code)) {
    throw system_error("create the directory", path, ENOTDIR);
  }
  if (access(path.c_str(), W_OK | X_OK) != 0) {
    throw system_error("write into the directory", path, errno);
  }
}

AtomicFile::AtomicFile(const std::string& path) : path_(path), target_(path) {
  struct stat status {};
  const bool exists = stat(path.c_str(), &status) == 0;
  if (!exists && errno != ENOENT) throw system_error("write", path, errno);
  if (exists && S_ISDIR(status.st_mode)) throw system_error("write", path, EISDIR);
  if (exists && !S_ISREG(status.st_mode)) {
    descriptor_ = open_file(path, O_WRONLY);
    if (descriptor_ < 0) throw system_error("write", path, errno);
    return;
  }
  if (exists) {
    const std::unique_ptr<char, decltype(&std::free)> resolved(realpath(path.c_str(), nullptr),
                                                               &std::free);
    if (!resolved) throw system_error("write", path, errno);
    target_ = resolved.get();
  }
  static std::atomic<unsigned> counter{0};
  do {  // a process that was killed may have left a file of this name
    temporary_ = fmt::format("{}/.burin-{}-{}.tmp", directory_of(target_), getpid(), counter++);
    descriptor_ = open_file(temporary_, O_WRONLY | O_CREAT | O_EXCL);
  } while (descriptor_ < 0 && errno == EEXIST);
  if (descriptor_ < 0) throw system_error("write", path, errno);
  // The permissions stay as they were; where that is not allowed, the usual ones are good enough.
  if (exists && fchmod(descriptor_, status.st_mode & 0777) != 0) errno = 0;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) close(descriptor_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::write(const void* data, size_t bytes) {
  if (write_all(descriptor_, data, bytes) < bytes) throw system_error("write", path_, errno);
}

void AtomicFile::commit() {
  if (!temporary_.empty() && !sync_file(descriptor_)) throw system_error("write", path_, errno);
  if (close(std::exchange(descriptor_, -1)) != 0) throw system_error("write", path_, errno);
  if (temporary_.empty()) return;
  if (rename(temporary_.c_str(), target_.c_str()) != 0) throw system_error("write", path_, errno);
  temporary_.clear();
  sync_directory(directory_of(target_), path_);
}

void remove_leftovers(const std::string& directory) {
  std::error_code ignored;
  std::vector<std::filesystem::path> leftovers;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const std::string name = entry.path().filename().string();
    int process = 0;
    if (std::sscanf(name.c_str(), ".burin-%d-", &process) != 1 || !name.ends_with(".tmp")) continue;
    if (process > 0 && kill(process, 0) != 0 && errno == ESRCH) leftovers.push_back(entry.path());
  }
  for (const std::filesystem::path& leftover : leftovers) {
    std::filesystem::remove(leftover, ignored);
  }
}

InputFile::InputFile(const std::string& path) : path_(path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) throw system_error("read", path, errno);
  if (S_ISDIR(status.st_mode)) throw system_error("read", path, EISDIR);
  if (!S_ISREG(status.st_mode)) {
    throw Error(fmt::format("cannot read {}: it is not a regular file", in_quotes(path)));
  }
  size_ = static_cast<uint64_t>(status.st_size);
  descriptor_ = open_file(path, O_RDONLY);
  if (descriptor_ < 0) throw system_error("read", path, errno);
}

InputFile::~InputFile() {
  close(descriptor_);
}

void InputFile::read(void* data, size_t bytes) {
  char* to = static_cast<char*>(data);
  for (size_t done = 0; done < bytes;) {
    const ssize_t n = read_some(descriptor_, to + done, bytes - done);
    if (n < 0) throw system_error("read", path_, errno);
    if (n == 0) {
      throw Error(fmt::format("cannot read {}: it ends {} bytes too early", in_quotes(path_),
                              bytes - done));
    }
    done += static_cast<size_t>(n);
  }
}

LineWriter::LineWriter(const std::string& path,
                       const std::function<bool(std::string_view line)>& keep)
    : path_(path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
    const std::string content = read_file(path);
    std::string kept;
    size_t begin = 0;
    for (size_t end; (end = content.find('\n', begin)) != std::string::npos; begin = end + 1) {
      const auto line = std::string_view(content).substr(begin, end - begin);
      if (!keep || keep(line)) kept.append(content, begin, end + 1 - begin);
    }
    if (kept.size() != content.size()) write_file_atomically(path, kept);
  }
  descriptor_ = open_file(path, O_WRONLY | O_CREAT | O_APPEND);
  if (descriptor_ < 0) throw system_error("write", path, errno);
}

LineWriter::~LineWriter() {
  if (descriptor_ >= 0) close(descriptor_);
}

LineWriter::LineWriter(LineWriter&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

LineWriter& LineWriter::operator=(LineWriter&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

void LineWriter::append(std::string_view line) {
  if (line.find('\n') != std::string_view::npos) {
    throw Error(fmt::format("cannot write {}: a line contains a line end", in_quotes(path_)));
  }
  const std::string whole = std::string(line) + '\n';
  const size_t written = write_all(descriptor_, whole.data(), whole.size());
  if (written == whole.size()) return;
  const int code = errno;
  // Take the partial line back. A device has no end to go back from, and keeps it.
  const off_t end = lseek(descriptor_, 0, SEEK_END);
  if (written > 0 && end >= static_cast<off_t>(written) &&
      ftruncate(descriptor_, end - static_cast<off_t>(written)) != 0) {
    errno = 0;
  }
  throw system_error("write", path_, code);
}

}  // namespace burin
