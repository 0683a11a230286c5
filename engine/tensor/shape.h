// Sizes of a tensor.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace burin {

// Up to four sizes, each >= 0. Rank 0 is a scalar: one element.
class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;
  // Throws std::invalid_argument on a negative size or more than kMaxRank sizes.
  Shape(std::initializer_list<int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return sizes_[static_cast<size_t>(axis)]; }
  int64_t elements() const;
  std::vector<int64_t> sizes() const { return {sizes_.begin(), sizes_.begin() + rank_}; }
  bool operator==(const Shape&) const = default;
  std::string to_string() const;  // "[128, 784]"

 private:
  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

}  // namespace burin
