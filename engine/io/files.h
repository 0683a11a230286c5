// Whole files, lines and directories. Failures are Error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace burin {

inline constexpr uint64_t kReadFileLimit = uint64_t{4} << 30;

// The content of a file. More than `limit` bytes are refused, before they are read if the size is
// known.
std::string read_file(const std::string& path, uint64_t limit = kReadFileLimit);

// Replaces the file, or creates it: whole or not at all, see AtomicFile.
void write_file_atomically(const std::string& path, std::string_view content);

// Creates the directory and those above it, if they are not there yet. Afterwards it is a directory
// that files can be created in, else Error says why not.
void create_directories(const std::string& path);

// A file that comes into being at once. What is written goes to a temporary file in the same
// directory; commit() makes it durable and renames it onto `path`. Without commit() the temporary
// file is removed and whatever was at `path` is untouched. A symbolic link to a file stays, its
// target is replaced. A device or pipe at `path` (/dev/stdout) cannot be replaced and is written to
// directly.
class AtomicFile {
 public:
  explicit AtomicFile(const std::string& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, size_t bytes);
  void commit();  // once, after the last write

 private:
  std::string path_;       // as the caller named it
  std::string target_;     // with symbolic links resolved
  std::string temporary_;  // empty: written to directly
  int descriptor_ = -1;
};

// Removes from `directory` the temporary files (AtomicFile) of processes that were killed.
void remove_leftovers(const std::string& directory);

// A regular file, read piece by piece from the beginning.
class InputFile {
 public:
  explicit InputFile(const std::string& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  uint64_t size() const { return size_; }
  void read(void* data, size_t bytes);  // all of them, else Error

 private:
  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

// Appends whole lines to a text file, each handed to the system at once: a killed process leaves
// the lines before and at most one partial line, which the next LineWriter removes.
class LineWriter {
 public:
  // Opens or creates the file. Of the lines that are there, complete ones stay for which
  // `keep(line)` (without the line end) is true, or all if `keep` is empty. The file is rewritten
  // only if something is to go, then atomically; an exception of `keep` leaves it as it is.
  explicit LineWriter(const std::string& path,
                      const std::function<bool(std::string_view line)>& keep = {});
  ~LineWriter();
  LineWriter(LineWriter&& other) noexcept;
  LineWriter& operator=(LineWriter&& other) noexcept;

  // Appends `line` and a line end; `line` contains none. If it fails, no part of the line stays.
  void append(std::string_view line);

 private:
  std::string path_;
  int descriptor_ = -1;
};

}  // namespace burin
