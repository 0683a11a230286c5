// Philox 4x32-10 and what is drawn from it, step by step as the paper puts it (Salmon et al. 2011).
#pragma once

#include <array>
#include <cmath>
#include <cstdint>

namespace burin::oracle {

using Words = std::array<uint32_t, 4>;

inline Words philox(Words counter, std::array<uint32_t, 2> key, int rounds = 10) {
  const unsigned __int128 kMultiplier[2] = {0xD2511F53u, 0xCD9E8D57u};
  for (int round = 0; round < rounds; ++round) {
    // L, R of each of the two pairs; R is multiplied, the halves are exchanged between the pairs.
    uint32_t high[2], low[2];
    for (size_t pair = 0; pair < 2; ++pair) {
      const unsigned __int128 product = kMultiplier[pair] * counter[2 * pair];
      high[pair] = uint32_t(product / 4294967296u);
      low[pair] = uint32_t(product % 4294967296u);
    }
    counter = {high[1] ^ counter[1] ^ key[0], low[1], high[0] ^ counter[3] ^ key[1], low[0]};
    key[0] = uint32_t((uint64_t{key[0]} + 0x9E3779B9u) % 4294967296u);  // golden ratio
    key[1] = uint32_t((uint64_t{key[1]} + 0xBB67AE85u) % 4294967296u);  // sqrt(3) - 1
  }
  return counter;
}

// The position of a draw.
struct Draw {
  uint64_t seed;
  uint32_t stream;
  uint64_t step;
};

inline Words random_block(const Draw& d, uint64_t block) {
  return philox(
      {uint32_t(block), uint32_t(d.step % 4294967296u), uint32_t(d.step / 4294967296u), d.stream},
      {uint32_t(d.seed % 4294967296u), uint32_t(d.seed / 4294967296u)});
}

inline uint32_t random_word(const Draw& d, int64_t element) {
  return random_block(d, uint64_t(element) / 4)[size_t(element) % 4];
}

// The top 24 bits as a fraction.
inline double uniform(const Draw& d, int64_t element) {
  return std::floor(random_word(d, element) / 256.0) / 16777216.0;
}

// Box & Muller's radius and value for an element.
struct Normal {
  double radius, value;
};

inline Normal normal(const Draw& d, int64_t element) {
  const int64_t first = element - element % 2;
  const double u1 = uniform(d, first) + 1.0 / 16777216.0;
  const double angle = 2.0 * M_PI * uniform(d, first + 1);
  const double radius = std::sqrt(-2.0 * std::log(u1));
  return {radius, radius * (element % 2 == 0 ? std::cos(angle) : std::sin(angle))};
}

inline double reparameterize(double mean, double logvar, double noise) {
  return mean + std::sqrt(std::exp(logvar)) * noise;
}

// Sixteen bits an element: eight to a block, the low half of a word first.
inline bool dropout_keeps(const Draw& d, int64_t element, double rate) {
  const uint32_t word = random_block(d, uint64_t(element) / 8)[size_t(element % 8) / 2];
  const double u = (element % 2 == 0 ? word % 65536u : word / 65536u) / 65536.0;
  return u >= std::round(rate * 65536.0) / 65536.0;
}

inline double dropout(double x, const Draw& d, int64_t element, double rate) {
  const double rounded = std::round(rate * 65536.0) / 65536.0;
  return dropout_keeps(d, element, rate) ? x / (1.0 - rounded) : 0.0;
}

// A pixel drawn with probability byte / 255.
inline double binarize(uint8_t byte, const Draw& d, int64_t element) {
  return 255.0 * uniform(d, element) < byte ? 1.0 : 0.0;
}

// The finaliser of MurmurHash3 (Appleby), its shifts as divisions.
inline uint32_t murmur_finaliser(uint32_t x) {
  x = (x ^ (x / 65536u)) * 0x85EBCA6Bu;
  x = (x ^ (x / 8192u)) * 0xC2B2AE35u;
  return x ^ (x / 65536u);
}

// Where an epoch's order, `d.step` the epoch, sends `position`: eight rounds of a Feistel network
// over the smallest power of two that holds `count`, again and again until it is below `count`.
inline int64_t shuffled_index(const Draw& d, int64_t position, int64_t count) {
  int bits = 0;
  while (std::pow(2.0, bits) < double(count)) ++bits;
  const uint32_t halves[2] = {uint32_t(std::pow(2.0, bits / 2)),
                              uint32_t(std::pow(2.0, bits - bits / 2))};
  const Words words[2] = {random_block(d, 0), random_block(d, 1)};
  do {
    uint32_t half[2] = {uint32_t(position / halves[1]), uint32_t(position % halves[1])};
    for (size_t round = 0; round < 8; ++round) {
      const size_t changed = round % 2;
      const uint32_t key = words[round / 4][round % 4];
      half[changed] ^= murmur_finaliser(half[1 - changed] ^ key) % halves[changed];
    }
    position = int64_t{half[0]} * halves[1] + half[1];
  } while (position >= count);
  return position;
}

}  // namespace burin::oracle
