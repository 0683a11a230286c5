#include "engine/data/idx.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>
#include <span>
#include <string_view>

#include "engine/backend/memory.h"
#include "engine/io/error.h"
#include "engine/io/files.h"

namespace burin {
namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr size_t kLargestChunk = size_t{1} << 30;  // zlib counts in 32 bits
constexpr int64_t kLargestRatio = 1040;            // deflate reaches 1032 at best

// The content of a file, decompressed on the way if it is gzip.
class Source {
 public:
  Source(const std::string& path, std::string_view content)
      : path_(path), content_(content), is_gzip_(content.starts_with("\x1f\x8b")) {
    // 15 bits of window, the format's largest; + 16 asks for gzip with its check sum.
    if (is_gzip_ && inflateInit2(&stream_, 15 + 16) != Z_OK) throw std::bad_alloc();
  }
  ~Source() {
    if (is_gzip_) inflateEnd(&stream_);
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;

  bool is_gzip() const { return is_gzip_; }
  size_t left() const { return content_.size(); }  // bytes of the file not read yet

  // Returns how much there was: less than asked for only at the end, and then a gzip stream is
  // whole and its check sum is right.
  size_t read(std::span<uint8_t> out) {
    if (!is_gzip_) {
      const size_t n = std::min(out.size(), content_.size());
      std::copy_n(content_.begin(), n, out.begin());
      content_.remove_prefix(n);
      return n;
    }
    size_t done = 0;
    while (done < out.size() && !ended_) done += inflate_some(out.subspan(done));
    return done;
  }

 private:
  size_t inflate_some(std::span<uint8_t> out) {
    const size_t in_size = std::min(content_.size(), kLargestChunk);
    const size_t out_size = std::min(out.size(), kLargestChunk);
    // zlib does not write to its input, but its type does not say so.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content_.data()));
    stream_.avail_in = static_cast<uInt>(in_size);
    stream_.next_out = out.data();
    stream_.avail_out = static_cast<uInt>(out_size);
    // What follows a stream but does not begin another one.
    const bool surplus = second_ && stream_.total_out == 0;
    const int status = inflate(&stream_, Z_NO_FLUSH);
    content_.remove_prefix(in_size - stream_.avail_in);
    const size_t done = out_size - stream_.avail_out;
    if (status == Z_STREAM_END) {
      ended_ = content_.empty();
      second_ = true;
      if (!ended_) inflateReset(&stream_);  // gzip streams may follow one another
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK && surplus) {
      throw Error(fmt::format("{} has surplus bytes after its gzip stream", in_quotes(path_)));
    } else if (status == Z_BUF_ERROR && content_.empty()) {
      throw Error(fmt::format("{} is truncated: its gzip stream has no end", in_quotes(path_)));
    } else if (status != Z_OK) {
      const char* reason = stream_.msg != nullptr ? stream_.msg : "unknown error";
      throw Error(fmt::format("{} is damaged: gzip: {}", in_quotes(path_), reason));
    }
    return done;
  }

  std::string path_;
  std::string_view content_;
  bool is_gzip_;
  z_stream stream_{};
  bool ended_ = false;
  bool second_ = false;  // a stream ended before this one
};

std::vector<int64_t> read_dimensions(Source& source, const std::string& path, int rank) {
  const std::string name = in_quotes(path);
  uint8_t magic[4];
  const size_t got = source.read(magic);
  if (got < 4) {
    throw Error(
        fmt::format("{} is too short for an IDX file: expected a magic number of 4 bytes, "
                    "found {}",
                    name, got));
  }
  if (magic[0] != 0 || magic[1] != 0) {
    throw Error(
        fmt::format("{} is not an IDX file: expected a magic number 0x0000{:02x}{:02x}, "
                    "found 0x{:02x}{:02x}{:02x}{:02x}",
                    name, kUnsignedByte, rank, magic[0], magic[1], magic[2], magic[3]));
  }
  if (magic[2] != kUnsignedByte) {
    throw Error(
        fmt::format("{}: expected IDX element type 0x{:02x} (unsigned byte), found 0x{:02x}", name,
                    kUnsignedByte, magic[2]));
  }
  if (magic[3] != rank) {
    throw Error(
        fmt::format("{}: expected an IDX array of rank {}, found rank {}", name, rank, magic[3]));
  }
  std::vector<uint8_t> header(static_cast<size_t>(4 * rank));
  if (source.read(header) < header.size()) {
    throw Error(fmt::format("{} is truncated: it ends within its {} dimensions", name, rank));
  }
  std::vector<int64_t> dimensions;
  for (size_t i = 0; i < header.size(); i += 4) {
    dimensions.push_back(int64_t{header[i]} << 24 | int64_t{header[i + 1]} << 16 |
                         int64_t{header[i + 2]} << 8 | int64_t{header[i + 3]});
  }
  return dimensions;
}

}  // namespace

IdxArray read_idx(const std::string& path, int rank) {
  if (rank < 1 || rank > 255) {
    throw Error(fmt::format("cannot read {} as an IDX array of rank {}: expected 1 to 255",
                            in_quotes(path), rank));
  }
  const std::string content = read_file(path);
  Source source(path, content);
  IdxArray array{read_dimensions(source, path, rank), {}};

  const std::string name = in_quotes(path);
  const std::string shape = fmt::format("{}", fmt::join(array.dimensions, " x "));
  int64_t count = 1;
  for (const int64_t dimension : array.dimensions) {
    if (dimension < 1) {
      throw Error(fmt::format("{}: expected positive dimensions, found {}", name, shape));
    }
    if (dimension > kIdxLimit / count) {
      throw Error(fmt::format("{}: dimensions {} are absurd: expected at most {} elements", name,
                              shape, kIdxLimit));
    }
    count *= dimension;
  }

  const auto left = static_cast<int64_t>(source.left());
  if (!source.is_gzip() && left != count) {
    throw Error(fmt::format("{} is {}: expected {} bytes for dimensions {}, found {}", name,
                            left < count ? "truncated" : "too long", count, shape, left));
  }
  if (source.is_gzip() && count / kLargestRatio > static_cast<int64_t>(content.size())) {
    throw Error(
        fmt::format("{} is truncated or damaged: {} compressed bytes cannot hold the {} of "
                    "dimensions {}",
                    name, content.size(), count, shape));
  }
  // Rows of a shuffled batch lie anywhere in it.
  array.bytes.reserve(static_cast<size_t>(count));
  ask_for_large_pages(array.bytes.data(), array.bytes.capacity());
  array.bytes.resize(static_cast<size_t>(count));
  const size_t got = source.read(array.bytes);
  if (got < array.bytes.size()) {
    throw Error(fmt::format("{} is truncated: expected {} bytes for dimensions {}, found {}", name,
                            count, shape, got));
  }
  uint8_t surplus[1];
  if (source.read(surplus) != 0) {
    throw Error(fmt::format("{} is too long: expected {} bytes for dimensions {}, found more", name,
                            count, shape));
  }
  return array;
}

}  // namespace burin
