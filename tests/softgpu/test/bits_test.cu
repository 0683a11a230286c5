// Bit operations, against loops over single bits.
#include "test/support/device_run.h"

namespace {

using s32 = int32_t;
using u32 = uint32_t;
using s64 = int64_t;
using u64 = uint64_t;
const std::vector<char> kNone = {0};

#define UNARY(NAME, OP, R, A, CR, CA) \
  OPERATION(NAME, R, A, char, char, asm volatile(OP " %0, %1;" : "=" CR(r) : CA(x)))
UNARY(Popc32, "popc.b32", u32, u32, "r", "r")
UNARY(Popc64, "popc.b64", u32, u64, "r", "l")
UNARY(Clz32, "clz.b32", u32, u32, "r", "r")
UNARY(Clz64, "clz.b64", u32, u64, "r", "l")
UNARY(Brev32, "brev.b32", u32, u32, "r", "r")
UNARY(Brev64, "brev.b64", u64, u64, "l", "l")
UNARY(BfindU32, "bfind.u32", u32, u32, "r", "r")
UNARY(BfindS32, "bfind.s32", u32, s32, "r", "r")
UNARY(BfindShift, "bfind.shiftamt.u64", u32, u64, "r", "l")
UNARY(NotB32, "not.b32", u32, u32, "r", "r")
UNARY(CnotB32, "cnot.b32", u32, u32, "r", "r")
OPERATION(BfeU32, u32, u32, u32, u32,
          asm volatile("bfe.u32 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(BfeS32, s32, s32, u32, u32,
          asm volatile("bfe.s32 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(BfeS64, s64, s64, u32, u32,
          asm volatile("bfe.s64 %0, %1, %2, %3;"
                       : "=l"(r)
                       : "l"(x), "r"(y), "r"(z)))
OPERATION(Bfi32, u32, u32, u32, u32,
          asm volatile("bfi.b32 %0, %1, 0x5a5a5a5a, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(Prmt, u32, u32, u32, u32,
          asm volatile("prmt.b32 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(PrmtB4e, u32, u32, u32, u32,
          asm volatile("prmt.b32.b4e %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(PrmtF4e, u32, u32, u32, u32,
          asm volatile("prmt.b32.f4e %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(Shl, u32, u32, u32, char, asm volatile("shl.b32 %0, %1, %2;" : "=r"(r) : "r"(x), "r"(y)))
OPERATION(ShrU, u32, u32, u32, char, asm volatile("shr.u32 %0, %1, %2;" : "=r"(r) : "r"(x), "r"(y)))
OPERATION(ShrS, s32, s32, u32, char, asm volatile("shr.s32 %0, %1, %2;" : "=r"(r) : "r"(x), "r"(y)))
OPERATION(ShfLeft, u32, u32, u32, u32,
          asm volatile("shf.l.clamp.b32 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(ShfRight, u32, u32, u32, u32,
          asm volatile("shf.r.wrap.b32 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(Lop3Ca, u32, u32, u32, u32,
          asm volatile("lop3.b32 %0, %1, %2, %3, 0xca;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(Lop396, u32, u32, u32, u32,
          asm volatile("lop3.b32 %0, %1, %2, %3, 0x96;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(Lop31b, u32, u32, u32, u32,
          asm volatile("lop3.b32 %0, %1, %2, %3, 0x1b;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))

u32 bit(u64 v, u32 k) {
  return static_cast<u32>(v >> k & 1);
}

TEST(Bits, CountsAndSearches) {
  const auto count = [](u64 v) {
    u32 n = 0;
    for (u32 k = 0; k < 64; ++k) n += bit(v, k);
    return n;
  };
  const auto top = [](u64 v) {
    for (int k = 63; k >= 0; --k)
      if (bit(v, k)) return static_cast<u32>(k);
    return ~0u;
  };
  check_operation<Popc32>("popc", words32(), kNone, kNone,
                          [&](u32 x, char, char) { return count(x); });
  check_operation<Popc64>("popc64", words64(), kNone, kNone,
                          [&](u64 x, char, char) { return count(x); });
  check_operation<Clz32>("clz", words32(), kNone, kNone,
                         [&](u32 x, char, char) { return x == 0 ? 32 : 31 - top(x); });
  check_operation<Clz64>("clz64", words64(), kNone, kNone,
                         [&](u64 x, char, char) { return x == 0 ? 64 : 63 - top(x); });
  check_operation<BfindU32>("bfind.u32", words32(), kNone, kNone,
                            [&](u32 x, char, char) { return top(x); });
  check_operation<BfindS32>("bfind.s32", as<s32>(words32()), kNone, kNone, [&](s32 x, char, char) {
    return top(static_cast<u32>(x < 0 ? ~x : x));
  });
  check_operation<BfindShift>("bfind.shiftamt", words64(), kNone, kNone,
                              [&](u64 x, char, char) { return x == 0 ? ~0u : 63 - top(x); });
  check_operation<Brev32>("brev", words32(), kNone, kNone, [](u32 x, char, char) {
    u32 r = 0;
    for (u32 k = 0; k < 32; ++k) r |= bit(x, k) << (31 - k);
    return r;
  });
  check_operation<Brev64>("brev64", words64(), kNone, kNone, [](u64 x, char, char) {
    u64 r = 0;
    for (u32 k = 0; k < 64; ++k) r |= u64{bit(x, k)} << (63 - k);
    return r;
  });
  check_operation<NotB32>("not", words32(), kNone, kNone,
                          [](u32 x, char, char) { return 0xffffffffu - x; });
  check_operation<CnotB32>("cnot", words32(), kNone, kNone,
                           [](u32 x, char, char) { return x == 0 ? 1u : 0u; });
}

// PTX ISA, bfe: d[i] = (i < len && pos + i <= msb) ? a[pos + i] : sign.
template <class T>
T field(T a, u32 pos, u32 len) {
  constexpr u32 msb = sizeof(T) * 8 - 1;
  pos &= 255, len &= 255;
  const bool is_signed = T(-1) < T(0);
  const u32 sign =
      !is_signed || len == 0 ? 0 : bit(static_cast<u64>(a), std::min(pos + len - 1, msb));
  u64 d = 0;
  for (u32 i = 0; i <= msb; ++i)
    d |= u64{i < len && pos + i <= msb ? bit(static_cast<u64>(a), pos + i) : sign} << i;
  return static_cast<T>(d);
}

TEST(Bits, Fields) {
  const std::vector<u32> ends = {0, 1, 5, 16, 31, 32, 40, 63, 64, 200, 256, 260};
  check_operation<BfeU32>("bfe.u32", words32(), ends, ends,
                          [](u32 x, u32 y, u32 z) { return field(x, y, z); });
  check_operation<BfeS32>("bfe.s32", as<s32>(words32()), ends, ends,
                          [](s32 x, u32 y, u32 z) { return field(x, y, z); });
  check_operation<BfeS64>("bfe.s64", as<s64>(words64()), ends, ends,
                          [](s64 x, u32 y, u32 z) { return field(x, y, z); });
  check_operation<Bfi32>("bfi.b32", words32(), ends, ends, [](u32 x, u32 y, u32 z) {
    u32 d = 0x5a5a5a5a;
    const u32 pos = y & 255, len = z & 255;
    for (u32 i = 0; i < len && pos + i <= 31; ++i)
      d = (d & ~(1u << (pos + i))) | bit(x, i) << (pos + i);
    return d;
  });
}

TEST(Bits, Permutation) {
  const auto byte = [](u32 x, u32 y, u32 k) {
    return (k < 4 ? x >> 8 * k : y >> 8 * (k - 4)) & 255;
  };
  check_operation<Prmt>("prmt", words32(), words32(), {0x3210u, 0x7654u, 0x0246u, 0x8c1fu, 0xffffu},
                        [&](u32 x, u32 y, u32 z) {
                          u32 d = 0;
                          for (u32 i = 0; i < 4; ++i) {
                            const u32 s = z >> 4 * i & 15, v = byte(x, y, s & 7);
                            d |= ((s & 8) != 0 ? (v >= 128 ? 255u : 0u) : v) << 8 * i;
                          }
                          return d;
                        });
  check_operation<PrmtF4e>("prmt.f4e", words32(), words32(), {0u, 1u, 2u, 3u, 7u},
                           [&](u32 x, u32 y, u32 z) {
                             u32 d = 0;
                             for (u32 i = 0; i < 4; ++i) d |= byte(x, y, (z & 3) + i) << 8 * i;
                             return d;
                           });
  check_operation<PrmtB4e>("prmt.b4e", words32(), words32(), {0u, 1u, 2u, 3u},
                           [&](u32 x, u32 y, u32 z) {
                             u32 d = 0;
                             for (u32 i = 0; i < 4; ++i) d |= byte(x, y, (8 + z - i) & 7) << 8 * i;
                             return d;
                           });
}

TEST(Bits, ShiftsAndLogic) {
  const std::vector<u32> n = {0, 1, 7, 31, 32, 33, 64, 0xffffffff};
  check_operation<Shl>("shl", words32(), n, kNone,
                       [](u32 x, u32 y, char) { return y > 31 ? 0 : x << y; });
  check_operation<ShrU>("shr.u32", words32(), n, kNone,
                        [](u32 x, u32 y, char) { return y > 31 ? 0 : x >> y; });
  check_operation<ShrS>("shr.s32", as<s32>(words32()), n, kNone,
                        [](s32 x, u32 y, char) { return x >> std::min(y, 31u); });
  check_operation<ShfLeft>("shf.l.clamp", words32(), words32(), n, [](u32 x, u32 y, u32 z) {
    const u32 k = std::min(z, 32u);
    return k == 0 ? y : k == 32 ? x : y << k | x >> (32 - k);
  });
  check_operation<ShfRight>("shf.r.wrap", words32(), words32(), n, [](u32 x, u32 y, u32 z) {
    const u32 k = z & 31;
    return k == 0 ? x : x >> k | y << (32 - k);
  });
  const auto table = [](u32 t) {
    return [t](u32 x, u32 y, u32 z) {
      u32 d = 0;
      for (u32 k = 0; k < 32; ++k) d |= (t >> (bit(x, k) * 4 + bit(y, k) * 2 + bit(z, k)) & 1) << k;
      return d;
    };
  };
  check_operation<Lop3Ca>("lop3.ca", words32(), words32(), words32(), table(0xca));
  check_operation<Lop396>("lop3.96", words32(), words32(), words32(), table(0x96));
  check_operation<Lop31b>("lop3.1b", words32(), words32(), words32(), table(0x1b));
}

}  // namespace
