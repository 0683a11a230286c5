// Integer arithmetic, against the definition written out in wider integers.
#include "test/support/device_run.h"

namespace {

using s32 = int32_t;
using u32 = uint32_t;
using s64 = int64_t;
using u64 = uint64_t;

#define ASM2(OP, TYPE, ...) asm volatile(OP " %0, %1, %2;" : "=" TYPE(r) : TYPE(x), TYPE(y))
#define ASM3(OP, TYPE) asm volatile(OP " %0, %1, %2, %3;" : "=" TYPE(r) : TYPE(x), TYPE(y), TYPE(z))

OPERATION(AddS32, s32, s32, s32, char, ASM2("add.s32", "r"))
OPERATION(AddSat, s32, s32, s32, char, ASM2("add.sat.s32", "r"))
OPERATION(SubSat, s32, s32, s32, char, ASM2("sub.sat.s32", "r"))
OPERATION(MulHiS32, s32, s32, s32, char, ASM2("mul.hi.s32", "r"))
OPERATION(MulHiU32, u32, u32, u32, char, ASM2("mul.hi.u32", "r"))
OPERATION(MulHiS64, s64, s64, s64, char, ASM2("mul.hi.s64", "l"))
OPERATION(MulHiU64, u64, u64, u64, char, ASM2("mul.hi.u64", "l"))
OPERATION(MulLoS32, s32, s32, s32, char, ASM2("mul.lo.s32", "r"))
OPERATION(MulWideS, s64, s32, s32, char,
          asm volatile("mul.wide.s32 %0, %1, %2;"
                       : "=l"(r)
                       : "r"(x), "r"(y)))
OPERATION(MulWideU, u64, u32, u32, char,
          asm volatile("mul.wide.u32 %0, %1, %2;"
                       : "=l"(r)
                       : "r"(x), "r"(y)))
OPERATION(MadLo, s32, s32, s32, s32, ASM3("mad.lo.s32", "r"))
OPERATION(MadHi, s32, s32, s32, s32, ASM3("mad.hi.s32", "r"))
OPERATION(MadHiSat, s32, s32, s32, s32, ASM3("mad.hi.sat.s32", "r"))
OPERATION(MadWide, s64, s32, s32, s64,
          asm volatile("mad.wide.s32 %0, %1, %2, %3;"
                       : "=l"(r)
                       : "r"(x), "r"(y), "l"(z)))
OPERATION(DivS32, s32, s32, s32, char, ASM2("div.s32", "r"))
OPERATION(DivU64, u64, u64, u64, char, ASM2("div.u64", "l"))
OPERATION(RemS32, s32, s32, s32, char, ASM2("rem.s32", "r"))
OPERATION(MinS32, s32, s32, s32, char, ASM2("min.s32", "r"))
OPERATION(MaxU32, u32, u32, u32, char, ASM2("max.u32", "r"))
OPERATION(AbsS32, s32, s32, char, char, asm volatile("abs.s32 %0, %1;" : "=r"(r) : "r"(x)))
OPERATION(NegS64, s64, s64, char, char, asm volatile("neg.s64 %0, %1;" : "=l"(r) : "l"(x)))
OPERATION(Sad, u32, s32, s32, u32,
          asm volatile("sad.s32 %0, %1, %2, %3;"
                       : "=r"(r)
                       : "r"(x), "r"(y), "r"(z)))
OPERATION(Mul24, s32, s32, s32, char, ASM2("mul24.lo.s32", "r"))
OPERATION(Dp4aS, s32, s32, s32, s32, ASM3("dp4a.s32.s32", "r"))
OPERATION(Dp4aU, u32, u32, u32, u32, ASM3("dp4a.u32.u32", "r"))
OPERATION(Carry, u64, u64, u64, char, u32 lo; u32 hi;
          asm volatile("{add.cc.u32 %0, %2, %3; addc.u32 %1, %4, %5;}"
                       : "=r"(lo), "=r"(hi)
                       : "r"((u32)x), "r"((u32)y), "r"((u32)(x >> 32)), "r"((u32)(y >> 32)));
          r = (u64)hi << 32 | lo)
OPERATION(Borrow, u64, u64, u64, char, u32 lo; u32 hi;
          asm volatile("{sub.cc.u32 %0, %2, %3; subc.u32 %1, %4, %5;}"
                       : "=r"(lo), "=r"(hi)
                       : "r"((u32)x), "r"((u32)y), "r"((u32)(x >> 32)), "r"((u32)(y >> 32)));
          r = (u64)hi << 32 | lo)
OPERATION(WideProduct, u64, u64, u64, char, u32 lo; u32 hi;
          asm volatile("{.reg .u32 t; mul.lo.u32 %0, %2, %4; mul.hi.u32 t, %2, %4; mad.lo.cc.u32 "
                       "t, %3, %4, t; mad.lo.u32 %1, %2, %5, t;}"
                       : "=&r"(lo), "=&r"(hi)
                       : "r"((u32)x), "r"((u32)(x >> 32)), "r"((u32)y), "r"((u32)(y >> 32)));
          r = (u64)hi << 32 | lo)
OPERATION(SubS16, int16_t, int16_t, int16_t, char,
          asm volatile("sub.s16 %0, %1, %2;"
                       : "=h"(r)
                       : "h"(x), "h"(y)))

s32 clamped(s64 v) {
  return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : static_cast<s32>(v);
}
const std::vector<char> kNone = {0};

TEST(Integer, AddSubMul) {
  const auto v = as<s32>(words32());
  const auto u = words32();
  check_operation<AddS32>("add.s32", v, v, kNone, [](s32 x, s32 y, char) {
    return static_cast<s32>(static_cast<u32>(s64{x} + y));
  });
  check_operation<AddSat>("add.sat.s32", v, v, kNone,
                          [](s32 x, s32 y, char) { return clamped(s64{x} + y); });
  check_operation<SubSat>("sub.sat.s32", v, v, kNone,
                          [](s32 x, s32 y, char) { return clamped(s64{x} - y); });
  check_operation<MulHiS32>("mul.hi.s32", v, v, kNone, [](s32 x, s32 y, char) {
    return static_cast<s32>((s64{x} * y) >> 32);
  });
  check_operation<MulHiU32>("mul.hi.u32", u, u, kNone, [](u32 x, u32 y, char) {
    return static_cast<u32>((u64{x} * y) >> 32);
  });
  check_operation<MulLoS32>("mul.lo.s32", v, v, kNone, [](s32 x, s32 y, char) {
    return static_cast<s32>(static_cast<u32>(s64{x} * y));
  });
  check_operation<MulWideS>("mul.wide.s32", v, v, kNone,
                            [](s32 x, s32 y, char) { return s64{x} * y; });
  check_operation<MulWideU>("mul.wide.u32", u, u, kNone,
                            [](u32 x, u32 y, char) { return u64{x} * y; });
  const auto w = words64();
  const auto sw = as<s64>(w);
  check_operation<MulHiS64>("mul.hi.s64", sw, sw, kNone, [](s64 x, s64 y, char) {
    return static_cast<s64>((static_cast<__int128>(x) * y) >> 64);
  });
  check_operation<MulHiU64>("mul.hi.u64", w, w, kNone, [](u64 x, u64 y, char) {
    return static_cast<u64>((static_cast<unsigned __int128>(x) * y) >> 64);
  });
  check_operation<SubS16>("sub.s16", as<int16_t>(u), as<int16_t>(u), kNone,
                          [](int16_t x, int16_t y, char) { return static_cast<int16_t>(x - y); });
}

TEST(Integer, Mad) {
  const auto v = as<s32>(words32());
  const std::vector<s32> c = {0, 5, -7, INT32_MAX, INT32_MIN};
  check_operation<MadLo>("mad.lo", v, v, c, [](s32 x, s32 y, s32 z) {
    return static_cast<s32>(static_cast<u32>(s64{x} * y) + static_cast<u32>(z));
  });
  check_operation<MadHi>("mad.hi", v, v, c, [](s32 x, s32 y, s32 z) {
    return static_cast<s32>(static_cast<u32>((s64{x} * y) >> 32) + static_cast<u32>(z));
  });
  check_operation<MadHiSat>("mad.hi.sat", v, v, c,
                            [](s32 x, s32 y, s32 z) { return clamped(((s64{x} * y) >> 32) + z); });
  check_operation<MadWide>(
      "mad.wide", v, v, std::vector<s64>{0, -1, 1ll << 40}, [](s32 x, s32 y, s64 z) {
        return static_cast<s64>(static_cast<u64>(s64{x} * y) + static_cast<u64>(z));
      });
}

TEST(Integer, DivisionByZeroGivesOnesAndTheDividend) {
  const auto v = as<s32>(words32());
  check_operation<DivS32>("div.s32", v, v, kNone, [](s32 x, s32 y, char) {
    return y == 0 ? -1 : y == -1 ? static_cast<s32>(0u - static_cast<u32>(x)) : x / y;
  });
  check_operation<RemS32>("rem.s32", v, v, kNone, [](s32 x, s32 y, char) {
    return y == 0 ? x : y == -1 ? 0 : x % y;
  });
  check_operation<DivU64>("div.u64", words64(), words64(), kNone,
                          [](u64 x, u64 y, char) { return y == 0 ? ~0ull : x / y; });
}

TEST(Integer, MinMaxAbsNegSad) {
  const auto v = as<s32>(words32());
  check_operation<MinS32>("min", v, v, kNone, [](s32 x, s32 y, char) { return std::min(x, y); });
  check_operation<MaxU32>("max", words32(), words32(), kNone,
                          [](u32 x, u32 y, char) { return std::max(x, y); });
  check_operation<AbsS32>("abs", v, kNone, kNone, [](s32 x, char, char) {
    return static_cast<s32>(static_cast<u32>(std::abs(s64{x})));
  });
  check_operation<NegS64>("neg", as<s64>(words64()), kNone, kNone, [](s64 x, char, char) {
    return static_cast<s64>(0ull - static_cast<u64>(x));
  });
  check_operation<Sad>("sad", v, v, {0u, 9u}, [](s32 x, s32 y, u32 z) {
    return static_cast<u32>(std::abs(s64{x} - y)) + z;
  });
}

TEST(Integer, CarryChains) {
  check_operation<Carry>("add.cc", words64(), words64(), kNone,
                         [](u64 x, u64 y, char) { return x + y; });
  check_operation<Borrow>("sub.cc", words64(), words64(), kNone,
                          [](u64 x, u64 y, char) { return x - y; });
  check_operation<WideProduct>("mad.cc", words64(), words64(), kNone,
                               [](u64 x, u64 y, char) { return x * y; });
}

TEST(Integer, Mul24AndDots) {
  const auto v = as<s32>(words32());
  check_operation<Mul24>("mul24", v, v, kNone, [](s32 x, s32 y, char) {
    const auto low = [](s32 a) { return s64{static_cast<s32>(static_cast<u32>(a) << 8)} / 256; };
    return static_cast<s32>(static_cast<u32>(low(x) * low(y)));
  });
  check_operation<Dp4aS>("dp4a.s32", v, v, {0, 100}, [](s32 x, s32 y, s32 z) {
    s64 sum = z;
    for (int k = 0; k < 4; ++k)
      sum += int{static_cast<int8_t>(x >> 8 * k)} * int{static_cast<int8_t>(y >> 8 * k)};
    return static_cast<s32>(sum);
  });
  check_operation<Dp4aU>("dp4a.u32", words32(), words32(), {0u, 100u}, [](u32 x, u32 y, u32 z) {
    u64 sum = z;
    for (int k = 0; k < 4; ++k) sum += (x >> 8 * k & 255) * (y >> 8 * k & 255);
    return static_cast<u32>(sum);
  });
}

}  // namespace
