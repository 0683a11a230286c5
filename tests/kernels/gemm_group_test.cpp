// Products in a group have the bits of products alone.
#include "tests/kernels/gemm_group.h"

namespace burin::test {
namespace {

class GemmGroup : public TwinTest {
 protected:
  static void expect_bits_of_gemm(const std::vector<GroupShape>& shapes) {
    expect_group_is_singles(
        shapes,
        [](const GemmProduct* products, int64_t count) { twin::gemm_group(products, count, {}); },
        [](const GemmProduct& x) {
          twin::gemm(x.transpose_a, x.transpose_b, x.m, x.n, x.k, x.a, x.lda, x.b, x.ldb, x.c,
                     x.ldc, x.epilogue, {});
        });
  }
};

TEST_F(GemmGroup, GradientsOfWeightsHaveTheBitsOfGemm) {
  for (const size_t count : {1, 2, 12, 13, 14}) expect_bits_of_gemm(weight_gradients(count));
}

TEST_F(GemmGroup, MixedTransposesHaveTheBitsOfGemm) {
  expect_bits_of_gemm({std::begin(kMixedGroup), std::end(kMixedGroup)});
}

// The array is the caller's again when the call returns.
TEST_F(GemmGroup, ProductsAreReadBeforeTheCallReturns) {
  const GroupMembers together = members_of(weight_gradients(2)),
                     apart = members_of(weight_gradients(2));
  std::vector<GemmProduct> products = products_of(together);
  twin::gemm_group(products.data(), 2, {});
  for (GemmProduct& product : products) product = {};
  products = products_of(apart);
  for (const GemmProduct& product : products) twin::gemm_group(&product, 1, {});
  for (size_t i = 0; i < 2; ++i) {
    const std::vector<float> x = together[i]->results(), y = apart[i]->results();
    EXPECT_EQ(std::memcmp(x.data(), y.data(), x.size() * sizeof(float)), 0);
  }
}

TEST_F(GemmGroup, NothingToDo) {
  twin::gemm_group(nullptr, 0, {});
  GemmProduct none{};
  none.transpose_a = true;
  twin::gemm_group(&none, 1, {});
  // Nothing but sums of rows.
  Buffer a(std::vector<float>{1, 2, 3, 4, 5, 6}), sums(3);
  GemmProduct sum{};
  sum.transpose_a = true;
  sum.m = sum.lda = 3;
  sum.k = 2;
  sum.a = a.data();
  sum.epilogue.row_sum = sums.data();
  const GemmProduct products[] = {none, sum, none};
  twin::gemm_group(products, 3, {});
  EXPECT_EQ(sums.values(), (std::vector<float>{5, 7, 9}));
}

}  // namespace
}  // namespace burin::test
