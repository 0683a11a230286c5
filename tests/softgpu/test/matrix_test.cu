// ldmatrix and mma, with the fragment layouts of the PTX ISA written out again here.
#include "test/support/device_run.h"

namespace {

using u32 = uint32_t;
using u16 = uint16_t;

// Small integers: every product and sum is exact, in any order and any of the formats.
int a_value(int row, int k) {
  return (row * 7 + k * 3) % 9 - 4;
}
int b_value(int k, int column) {
  return (k * 5 + column * 2) % 7 - 3;
}
int c_value(int row, int column) {
  return row - 2 * column;
}
float expected(int row, int column, int depth) {
  int sum = c_value(row, column);
  for (int k = 0; k < depth; ++k) sum += a_value(row, k) * b_value(k, column);
  return static_cast<float>(sum);
}

u32 tf32(int v) {
  return bit_as<u32>(static_cast<float>(v)) | 0x5a5;
}  // the low bits are to be ignored
u16 brain(int v) {
  return static_cast<u16>(bit_as<u32>(static_cast<float>(v)) >> 16);
}
u16 half(int v) {  // exact for |v| < 2048
  if (v == 0) return 0;
  const u32 b = bit_as<u32>(static_cast<float>(v));
  return static_cast<u16>((b >> 16 & 0x8000) | (((b >> 23 & 255) - 112) << 10) | (b >> 13 & 0x3ff));
}
float from_half(u16 h) {
  if ((h & 0x7fff) == 0) return 0;
  return bit_as<float>(u32{h & 0x8000u} << 16 | ((h & 0x7fffu) << 13) + (112u << 23));
}

__global__ void mma_tf32_8(const u32* a, const u32* b, const float* c, float* d) {
  const int l = threadIdx.x;
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%10,%11,%12,%13};"
      : "=f"(d[4 * l]), "=f"(d[4 * l + 1]), "=f"(d[4 * l + 2]), "=f"(d[4 * l + 3])
      : "r"(a[4 * l]), "r"(a[4 * l + 1]), "r"(a[4 * l + 2]), "r"(a[4 * l + 3]), "r"(b[2 * l]),
        "r"(b[2 * l + 1]), "f"(c[4 * l]), "f"(c[4 * l + 1]), "f"(c[4 * l + 2]), "f"(c[4 * l + 3]));
}
__global__ void mma_tf32_4(const u32* a, const u32* b, const float* c, float* d) {
  const int l = threadIdx.x;
  asm volatile(
      "mma.sync.aligned.m16n8k4.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, "
      "{%7,%8,%9,%10};"
      : "=f"(d[4 * l]), "=f"(d[4 * l + 1]), "=f"(d[4 * l + 2]), "=f"(d[4 * l + 3])
      : "r"(a[2 * l]), "r"(a[2 * l + 1]), "r"(b[l]), "f"(c[4 * l]), "f"(c[4 * l + 1]),
        "f"(c[4 * l + 2]), "f"(c[4 * l + 3]));
}
template <bool kBrain>
__global__ void mma_16(const u32* a, const u32* b, const float* c, float* d) {
  const int l = threadIdx.x;
#define MMA16(TYPE)                                                                         \
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32." TYPE "." TYPE                       \
               ".f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%10,%11,%12,%13};"             \
               : "=f"(d[4 * l]), "=f"(d[4 * l + 1]), "=f"(d[4 * l + 2]), "=f"(d[4 * l + 3]) \
               : "r"(a[4 * l]), "r"(a[4 * l + 1]), "r"(a[4 * l + 2]), "r"(a[4 * l + 3]),    \
                 "r"(b[2 * l]), "r"(b[2 * l + 1]), "f"(c[4 * l]), "f"(c[4 * l + 1]),        \
                 "f"(c[4 * l + 2]), "f"(c[4 * l + 3]))
  if constexpr (kBrain)
    MMA16("bf16");
  else
    MMA16("f16");
}
__global__ void mma_half_8(const u32* a, const u32* b, const u32* c, u32* d) {
  const int l = threadIdx.x;
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f16.f16.f16.f16 {%0,%1}, {%2,%3}, {%4}, {%5,%6};"
               : "=r"(d[2 * l]), "=r"(d[2 * l + 1])
               : "r"(a[2 * l]), "r"(a[2 * l + 1]), "r"(b[l]), "r"(c[2 * l]), "r"(c[2 * l + 1]));
}

std::vector<float> c_fragments() {
  std::vector<float> c(128);
  for (int lane = 0; lane < 32; ++lane) {
    for (int r = 0; r < 4; ++r)
      c[4 * lane + r] = static_cast<float>(c_value(lane / 4 + r / 2 * 8, lane % 4 * 2 + r % 2));
  }
  return c;
}
void check(const std::vector<float>& d, int depth) {
  for (int lane = 0; lane < 32; ++lane) {
    for (int r = 0; r < 4; ++r) {
      EXPECT_EQ(d[4 * lane + r], expected(lane / 4 + r / 2 * 8, lane % 4 * 2 + r % 2, depth))
          << "lane " << lane << " register " << r;
    }
  }
}

TEST(Matrix, Tf32) {
  for (const int depth : {4, 8}) {
    const int na = depth / 2, nb = depth / 4;
    std::vector<u32> a(32 * na), b(32 * nb);
    for (int lane = 0; lane < 32; ++lane) {
      for (int r = 0; r < na; ++r)
        a[na * lane + r] = tf32(a_value(lane / 4 + r % 2 * 8, lane % 4 + r / 2 * 4));
      for (int r = 0; r < nb; ++r) b[nb * lane + r] = tf32(b_value(lane % 4 + r * 4, lane / 4));
    }
    Device<u32> da(a), db(b);
    Device<float> dc(c_fragments()), dd(128);
    if (depth == 8)
      mma_tf32_8<<<1, 32>>>(da.get(), db.get(), dc.get(), dd.get());
    else
      mma_tf32_4<<<1, 32>>>(da.get(), db.get(), dc.get(), dd.get());
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    check(dd.values(), depth);
  }
}

TEST(Matrix, HalvesWithDepth16) {
  for (const bool is_brain : {true, false}) {
    const auto pack = [&](int low, int high) {
      return is_brain ? brain(low) | u32{brain(high)} << 16 : half(low) | u32{half(high)} << 16;
    };
    std::vector<u32> a(128), b(64);
    for (int lane = 0; lane < 32; ++lane) {
      for (int r = 0; r < 4; ++r) {
        const int row = lane / 4 + r % 2 * 8, k = lane % 4 * 2 + r / 2 * 8;
        a[4 * lane + r] = pack(a_value(row, k), a_value(row, k + 1));
      }
      for (int r = 0; r < 2; ++r) {
        const int k = lane % 4 * 2 + r * 8;
        b[2 * lane + r] = pack(b_value(k, lane / 4), b_value(k + 1, lane / 4));
      }
    }
    Device<u32> da(a), db(b);
    Device<float> dc(c_fragments()), dd(128);
    if (is_brain)
      mma_16<true><<<1, 32>>>(da.get(), db.get(), dc.get(), dd.get());
    else
      mma_16<false><<<1, 32>>>(da.get(), db.get(), dc.get(), dd.get());
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    check(dd.values(), 16);
  }
}

TEST(Matrix, HalfAccumulator) {
  std::vector<u32> a(64), b(32), c(64);
  for (int lane = 0; lane < 32; ++lane) {
    const int group = lane / 4, k = lane % 4 * 2;
    for (int r = 0; r < 2; ++r) {
      a[2 * lane + r] = half(a_value(group + 8 * r, k)) | u32{half(a_value(group + 8 * r, k + 1))}
                                                              << 16;
      c[2 * lane + r] = half(c_value(group + 8 * r, k)) | u32{half(c_value(group + 8 * r, k + 1))}
                                                              << 16;
    }
    b[lane] = half(b_value(k, group)) | u32{half(b_value(k + 1, group))} << 16;
  }
  Device<u32> da(a), db(b), dc(c), dd(64);
  mma_half_8<<<1, 32>>>(da.get(), db.get(), dc.get(), dd.get());
  ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
  for (int lane = 0; lane < 32; ++lane) {
    for (int r = 0; r < 4; ++r) {
      const u32 d = dd.values()[2 * lane + r / 2];
      EXPECT_EQ(from_half(static_cast<u16>(d >> r % 2 * 16)),
                expected(lane / 4 + r / 2 * 8, lane % 4 * 2 + r % 2, 8));
    }
  }
}

// Four 8x8 matrices in shared memory, rows 48 bytes apart; each lane gives the address of one row.
template <bool kTransposed>
__global__ void load(const u16* in, u32* out) {
  __shared__ __align__(16) u16 s[32 * 24];
  for (int k = 0; k < 8; ++k) s[threadIdx.x * 24 + k] = in[threadIdx.x * 8 + k];
  __syncwarp();
  const auto address = static_cast<u32>(__cvta_generic_to_shared(&s[threadIdx.x * 24]));
  u32 r0, r1, r2, r3;
  if constexpr (kTransposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)
                 : "r"(address));
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(r0), "=r"(r1), "=r"(r2), "=r"(r3)
                 : "r"(address));
  }
  u32 one;
  asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];" : "=r"(one) : "r"(address));
  out[threadIdx.x * 5] = r0, out[threadIdx.x * 5 + 1] = r1, out[threadIdx.x * 5 + 2] = r2,
                    out[threadIdx.x * 5 + 3] = r3;
  out[threadIdx.x * 5 + 4] = one;
}
TEST(Matrix, LoadMatrix) {
  std::vector<u16> in(256);
  for (int i = 0; i < 256; ++i) in[i] = static_cast<u16>(1000 + i);
  Device<u16> din(in);
  Device<u32> out(160);
  for (const bool transposed : {false, true}) {
    if (transposed)
      load<true><<<1, 32>>>(din.get(), out.get());
    else
      load<false><<<1, 32>>>(din.get(), out.get());
    ASSERT_EQ(cudaDeviceSynchronize(), cudaSuccess);
    const auto r = out.values();
    for (int lane = 0; lane < 32; ++lane) {
      for (int m = 0; m < 5; ++m) {
        const int row = lane / 4, column = lane % 4 * 2;
        const bool swap = transposed && m < 4;
        const auto element = [&](int i, int j) {
          return u32{in[m % 4 * 64 + (swap ? j * 8 + i : i * 8 + j)]};
        };
        EXPECT_EQ(r[lane * 5 + m], element(row, column) | element(row, column + 1) << 16)
            << lane << " " << m;
      }
    }
  }
}

}  // namespace
