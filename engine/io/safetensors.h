// Named tensors of 32-bit floats, or of bytes, in one file, in the safetensors format
// (https://github.com/huggingface/safetensors), which Python and others read:
//   8 bytes             n, length of the header, little-endian
//   n bytes             JSON object: name -> {"dtype": "F32" or "U8", "shape": [...],
//                       "data_offsets": [begin, end]}, and "__metadata__" -> {string: string};
//                       padded with spaces
//   the rest            the tensors, row-major, little-endian, without holes; offsets count from
//   here
// Burin adds two metadata entries: "writer": "burin", and "content_xxh3_128": the XXH3 128-bit hash
// (canonical, in hexadecimal) of these bytes, counts and sizes as little-endian uint64:
//   count of the metadata entries but for the hash itself; for each, in byte order of the keys:
//   size and bytes of the key, size and bytes of the value; count of tensors; for each, in byte
//   order of the names: size and bytes of the name, rank, dimensions, data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace burin {

// A tensor to be written; the memory is the caller's. shape [] is a scalar; dimensions may be 0.
struct TensorRef {
  std::string name;
  std::vector<int64_t> shape;
  const float* data = nullptr;
  const uint8_t* bytes = nullptr;  // instead of `data`: a tensor of bytes (U8)
};

// Writes the file whole or not at all (AtomicFile), floats in the order given and beginning at a
// multiple of 64 bytes, then bytes in the order given. Nothing is copied; the data must not change
// meanwhile. Names must differ.
// Entries "writer" and "content_xxh3_128" of `metadata` are replaced. Throws Error.
void write_safetensors(const std::string& path, const std::vector<TensorRef>& tensors,
                       std::map<std::string, std::string> metadata = {});

class SafetensorsFile {
 public:
  // Reads and checks the whole file: format, offsets, no holes, and the content hash. Throws Error
  // for a file that is malformed or damaged, or holds anything but F32 and U8. A file without a
  // content hash is accepted if it does not claim to be Burin's: other programs write none, so
  // nothing but its form could be checked. Whether that is good enough is for the caller to decide,
  // see has_content_hash().
  static SafetensorsFile load(const std::string& path);

  bool has_content_hash() const { return has_content_hash_; }
  // As given to write_safetensors: without the two entries that Burin adds.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  std::vector<std::string> names() const;  // in byte order
  bool contains(const std::string& name) const { return tensors_.contains(name); }
  // Error, naming the file and the tensor, if it is not there, or is not of floats, or of bytes.
  const std::vector<int64_t>& shape(const std::string& name) const;
  const float* data(const std::string& name) const;  // valid as long as this object (or what it
                                                     // was moved to)
  const uint8_t* bytes(const std::string& name) const;
  int64_t size(const std::string& name) const;  // number of elements

  const std::string& path() const { return path_; }

 private:
  struct Entry {
    std::vector<int64_t> shape;
    uint64_t begin = 0;  // in bytes
    uint64_t size = 0;   // in elements
    bool floats = true;  // or bytes
    uint64_t bytes() const { return floats ? size * sizeof(float) : size; }
  };
  SafetensorsFile() = default;
  const Entry& entry(const std::string& name) const;
  const std::byte* place(const Entry& entry) const;
  void parse_header(const std::string& header, uint64_t data_bytes);
  void check_hash(const std::string& expected) const;

  std::string path_;
  std::map<std::string, std::string> metadata_;
  std::map<std::string, Entry> tensors_;
  std::unique_ptr<float[]> data_;
  bool has_content_hash_ = false;
};

}  // namespace burin
