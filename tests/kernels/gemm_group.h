// What the tests of products in a group share: products in buffers of the twin under test.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "kernels/gemm/gemm.h"
#include "tests/support/kernel_case.h"
#include "tests/support/twin.h"

namespace burin::test {

struct GroupShape {
  int64_t m, n, k;
  bool transpose_a = true, transpose_b = false;
};

// A product with NaN between the rows of all it has; everything else about it (rows on 16 bytes or
// not, whether it adds, has sums of rows, a bias and an activation) follows from `turn`.
class GroupMember {
 public:
  GroupMember(const GroupShape& shape, int turn)
      : shape_(shape),
        padding_(turn % 3 == 0 ? 0 : turn % 3),
        lda_(step(shape.transpose_a ? shape.m : shape.k)),
        ldb_(step(shape.transpose_b ? shape.k : shape.n)),
        ldc_(step(shape.n)),
        a_(rows(shape.transpose_a ? shape.k : shape.m, shape.transpose_a ? shape.m : shape.k, lda_,
                turn + 1),
           padding_),
        b_(rows(shape.transpose_b ? shape.n : shape.k, shape.transpose_b ? shape.k : shape.n, ldb_,
                turn + 2),
           2 * padding_),
        bias_(random_values(shape.n, 1.0, uint32_t(turn + 3)), padding_),
        c_(shape.m * ldc_, padding_),
        row_sum_(shape.m, padding_) {
    epilogue_.accumulate = turn % 2 == 1;
    if (epilogue_.accumulate) fill(c_, rows(shape.m, shape.n, ldc_, turn + 4));
    has_row_sum_ = turn % 4 != 2;
    epilogue_.row_sum_accumulate = turn % 8 >= 4;
    if (has_row_sum_ && epilogue_.row_sum_accumulate) {
      fill(row_sum_, random_values(shape.m, 1.0, uint32_t(turn + 5)));
    }
    has_bias_ = turn % 5 == 3;
    if (turn % 5 >= 3) epilogue_.activation = Activation::tanh;
  }

  GemmProduct product() {
    GemmEpilogue e = epilogue_;
    if (has_bias_) e.bias = bias_.data();
    if (has_row_sum_) e.row_sum = row_sum_.data();
    return {shape_.transpose_a,
            shape_.transpose_b,
            shape_.m,
            shape_.n,
            shape_.k,
            a_.data(),
            lda_,
            b_.data(),
            ldb_,
            c_.data(),
            ldc_,
            e};
  }
  std::string name() const {
    return std::string(shape_.transpose_a ? "T" : "N") + (shape_.transpose_b ? "T " : "N ") +
           std::to_string(shape_.m) + " " + std::to_string(shape_.n) + " " +
           std::to_string(shape_.k);
  }
  // C with what lies between its rows, and the sums of rows.
  std::vector<float> results() const {
    std::vector<float> all = c_.values();
    const std::vector<float> sums = row_sum_.values();
    all.insert(all.end(), sums.begin(), sums.end());
    return all;
  }

 private:
  int64_t step(int64_t length) const {
    return padding_ == 0 ? (length + 3) / 4 * 4 : length + padding_;
  }
  static std::vector<float> rows(int64_t count, int64_t length, int64_t step, int seed) {
    const std::vector<float> values = random_values(count * length, 1.0, uint32_t(seed));
    std::vector<float> x(size_t(count * step), NAN);
    for (int64_t i = 0; i < count * length; ++i) {
      x[size_t(i / length * step + i % length)] = values[size_t(i)];
    }
    return x;
  }
  static void fill(Buffer& x, const std::vector<float>& values) {
    for (int64_t i = 0; i < x.size(); ++i) x[i] = values[size_t(i)];
  }

  GroupShape shape_;
  int64_t padding_, lda_, ldb_, ldc_;
  Buffer a_, b_, bias_, c_, row_sum_;
  GemmEpilogue epilogue_;
  bool has_row_sum_ = false, has_bias_ = false;
};

using GroupMembers = std::vector<std::unique_ptr<GroupMember>>;
inline GroupMembers members_of(const std::vector<GroupShape>& shapes) {
  GroupMembers members;
  for (size_t i = 0; i < shapes.size(); ++i) {
    members.push_back(std::make_unique<GroupMember>(shapes[i], int(i)));
  }
  return members;
}
inline std::vector<GemmProduct> products_of(const GroupMembers& members) {
  std::vector<GemmProduct> products;
  for (const auto& member : members) products.push_back(member->product());
  return products;
}

// The bits that single(product) leaves for each.
template <class Group, class Single>
void expect_group_is_singles(const std::vector<GroupShape>& shapes, const Group& group,
                             const Single& single) {
  const GroupMembers together = members_of(shapes), apart = members_of(shapes);
  const std::vector<GemmProduct> products = products_of(together);
  group(products.data(), int64_t(products.size()));
  for (const GemmProduct& product : products_of(apart)) single(product);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const std::vector<float> actual = together[i]->results(), expected = apart[i]->results();
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t e = 0; e < actual.size(); ++e) {
      ASSERT_EQ(std::memcmp(&actual[e], &expected[e], sizeof(float)), 0)
          << "product " << i << " of " << shapes.size() << ", " << together[i]->name()
          << ", element " << e << ": " << actual[e] << " instead of " << expected[e];
    }
  }
}

// Gradients of weights of every awkward size: less than a tile, a little more than one, of nothing.
inline std::vector<GroupShape> weight_gradients(size_t count) {
  static const GroupShape all[] = {{33, 127, 31}, {1, 257, 33}, {65, 1, 17}, {129, 130, 5},
                                   {3, 0, 9},     {5, 9, 0},    {0, 5, 7},   {64, 64, 64},
                                   {31, 3, 127},  {1, 1, 1},    {7, 66, 40}, {130, 31, 15},
                                   {67, 68, 19},  {2, 35, 50}};
  return {all, all + count};
}
inline constexpr GroupShape kMixedGroup[] = {
    {33, 31, 40},
    {9, 65, 70, false, true},
    {17, 1, 33, false, false},
    {65, 7, 31},
    {1, 70, 45, false, true},  // matrix times vector, as the third is
    {31, 66, 20, true, true},
    {5, 129, 3},
    {0, 4, 4, false, true},
    {4, 0, 4, false, false}};

}  // namespace burin::test
