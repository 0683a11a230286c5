// The IDX format of the MNIST distribution (LeCun, Cortes & Burges, "The MNIST database", file
// formats): 2 zero bytes, the element type, the rank; the dimensions as big-endian 32-bit integers;
// the elements, row-major.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin {

struct IdxArray {
  std::vector<int64_t> dimensions;
  std::vector<uint8_t> bytes;  // [dimensions...]
};

inline constexpr int64_t kIdxLimit = int64_t{4} << 30;  // bytes, uncompressed

// Reads an array of unsigned bytes (type 0x08) of the given rank (1 to 255), plain or compressed
// with gzip (told by the content, not by the name). Throws Error unless magic number, type and rank
// are right, every dimension is positive, there are at most kIdxLimit elements, exactly as many as
// the dimensions say, and the gzip stream is whole. Memory is taken only for sizes that the length
// of the file can bear out.
IdxArray read_idx(const std::string& path, int rank);

}  // namespace burin
