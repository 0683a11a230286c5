// The hash of Burin's files: XXH3, 128 bits (https://github.com/Cyan4973/xxHash).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace burin {

// Of bytes that come in parts; where they are cut does not matter. Not for secrets.
class Hash {
 public:
  Hash();
  ~Hash();
  Hash(const Hash&) = delete;
  Hash& operator=(const Hash&) = delete;

  void add(const void* data, size_t bytes);
  void add(uint64_t number) { add(&number, sizeof number); }
  // Its size, then its bytes.
  void add(const std::string& text);
  // The canonical byte order, as 32 hexadecimal digits.
  std::string hexadecimal() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace burin
