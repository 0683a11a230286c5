#include "engine/io/hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <new>

namespace burin {

struct Hash::State {
  State() : state(XXH3_createState()) {
    if (state == nullptr) throw std::bad_alloc();
  }
  ~State() { XXH3_freeState(state); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  XXH3_state_t* state;
};

Hash::Hash() : state_(std::make_unique<State>()) {
  if (XXH3_128bits_reset(state_->state) == XXH_ERROR) throw std::bad_alloc();
}

Hash::~Hash() = default;

void Hash::add(const void* data, size_t bytes) {
  XXH3_128bits_update(state_->state, data, bytes);
}

void Hash::add(const std::string& text) {
  add(uint64_t{text.size()});
  add(text.data(), text.size());
}

std::string Hash::hexadecimal() const {
  XXH128_canonical_t bytes;
  XXH128_canonicalFromHash(&bytes, XXH3_128bits_digest(state_->state));
  return fmt::format("{:02x}", fmt::join(bytes.digest, ""));
}

}  // namespace burin
