// Memory accesses of translated kernels. SG_STATE (bits that must be set to read: 1 allocated,
// 2 written), SG_RACE and SG_COUNT choose the checks when a kernel is compiled.
#pragma once

#include "abi.h"

#define SG_INLINE inline __attribute__((always_inline))
#define SG_COLD __attribute__((noinline, cold))
#define SG_RARE(x) __builtin_expect(!!(x), 0)

namespace burin::softgpu {
namespace {

const Api* api;

template <class T>
struct alignas(sizeof(T) * 2) Pair {
  T v[2];
};
template <class T>
struct alignas(sizeof(T) * 4) Quad {
  T v[4];
};

constexpr u32 kNoSite = ~0u;  // an access that was counted before

constexpr u32 log2_of(u64 n) {
  return n <= 1 ? 0 : 1 + log2_of(n / 2);
}

template <u64 kSize>
struct StateWord;
template <>
struct StateWord<1> {
  using Type = u8;
};
template <>
struct StateWord<2> {
  using Type = u16;
};
template <>
struct StateWord<4> {
  using Type = u32;
};
template <>
struct StateWord<8> {
  using Type = u64;
};

constexpr u64 kStateReadMask = 0x0101010101010101ul * SG_STATE;
constexpr u64 kStateWriteMask = kStateReadMask & 0x0101010101010101ul;
constexpr u64 kWrittenMask = 0x0202020202020202ul;

template <u64 kSize>
SG_INLINE bool state_lacks(u64 address, u64 mask) {
  if constexpr (kSize > 8) {
    bool lacks = false;
    for (u64 i = 0; i < kSize; i += 8) lacks |= state_lacks<8>(address + i, mask);
    return lacks;
  } else {
    using W = typename StateWord<kSize>::Type;
    return (*reinterpret_cast<const W*>(address + kStateOffset) & W(mask)) != W(mask);
  }
}

template <u64 kSize>
SG_INLINE void mark_written(u64 address) {
  if constexpr (kSize > 8) {
    for (u64 i = 0; i < kSize; i += 8) mark_written<8>(address + i);
  } else {
    using W = typename StateWord<kSize>::Type;
    *reinterpret_cast<W*>(address + kStateOffset) |= W(kWrittenMask);
  }
}

// True if the access behind `stamp` happened before the current one of `t`.
SG_INLINE bool happened_before(const Thread* t, u32 stamp) {
  const u32 thread = stamp & kStampThreads;
  const u32 warp = thread >> 5;
  if (warp == t->warp) {
    return thread == t->linear || (stamp >> kStampClockShift) < (t->stamp >> kStampClockShift);
  }
  return (stamp >> kStampClockShift) <= t->block->clocks[t->warp][warp];
}

SG_INLINE bool conflicts(const Thread* t, u32 stamp, bool strong) {
  if (stamp == 0) return false;
  if (strong && (stamp & kStampStrong) != 0) return false;
  return !happened_before(t, stamp);
}

inline void race_word(Thread* t, RaceRecord* r, u64 address, Access access, bool strong, u32 line,
                      Space space) {
  const u32 generation = t->block->generation;
  if ((r->generation & ~1u) != generation) {
    r->generation = generation;
    r->write = r->read[0] = r->read[1] = 0;
  } else if (SG_RARE(r->generation & 1)) {
    api->race_subword(t, r, address, 4, access, strong, line, space);
    return;
  }
  const u32 stamp = t->stamp | (strong ? kStampStrong : 0);
  if (SG_RARE(conflicts(t, r->write, strong))) {
    api->race_found(t, r->write, r->write_line, address, access, true, line, space);
  }
  if (access == Access::kRead) {
    // Two readers are kept: whoever writes later differs from at least one of them.
    const u32 thread = stamp & kStampThreads;
    u32 slot = 0;
    if (r->read[0] != 0 && (r->read[0] & kStampThreads) != thread &&
        !happened_before(t, r->read[0])) {
      slot = 1;
    }
    r->read[slot] = stamp;
    r->read_line[slot] = line;
    return;
  }
  for (int i = 0; i < 2; ++i) {
    if (SG_RARE(conflicts(t, r->read[i], strong))) {
      api->race_found(t, r->read[i], r->read_line[i], address, access, false, line, space);
    }
  }
  r->write = stamp;
  r->write_line = line;
}

template <u64 kSize>
SG_INLINE void race_global(Thread* t, u64 address, Access access, bool strong, u32 line) {
  auto* r = reinterpret_cast<RaceRecord*>(kRaceBase + ((address - kDeviceBase) & ~3ul) * 8);
  if constexpr (kSize < 4) {
    api->race_subword(t, r, address, kSize, access, strong, line, Space::kGlobal);
  } else {
    for (u64 i = 0; i < kSize / 4; ++i) {
      race_word(t, r + i, address + 4 * i, access, strong, line, Space::kGlobal);
    }
  }
}

template <u64 kSize>
SG_INLINE void race_shared(Thread* t, u32 offset, Access access, bool strong, u32 line) {
  RaceRecord* r = t->block->shared_race + offset / 4;
  if constexpr (kSize < 4) {
    api->race_subword(t, r, offset, kSize, access, strong, line, Space::kShared);
  } else {
    for (u32 i = 0; i < kSize / 4; ++i) {
      race_word(t, r + i, offset + 4 * i, access, strong, line, Space::kShared);
    }
  }
}

// ---- Where an access goes
// ------------------------------------------------------------------------ Each returns the host
// address, or does not return. A misaligned address turns into one outside the window when it is
// rotated by the alignment.
template <u64 kSize>
SG_INLINE u8* at_global(Thread* t, u64 a, Access access, bool strong, u32 line, u32 site,
                        Space space = Space::kGlobal) {
  constexpr u32 k = log2_of(kSize);
  const u64 rotated = k == 0 ? a : (a >> k | a << ((64 - k) & 63));
  if (SG_RARE(rotated >> (kWindowBits - k) != kDeviceBase >> kWindowBits)) {
    api->fault_address(t, a, kSize, space, access, line);
    __builtin_unreachable();
  }
  if constexpr (SG_STATE != 0) {
    const u64 mask = access == Access::kWrite ? kStateWriteMask : kStateReadMask;
    if (SG_RARE(state_lacks<kSize>(a, mask))) api->bad_state(t, a, kSize, access, line);
    if ((SG_STATE & 2) && access != Access::kRead) mark_written<kSize>(a);
  }
  if constexpr (SG_RACE != 0) {
    if (space == Space::kGlobal) race_global<kSize>(t, a, access, strong, line);
  }
  if constexpr (SG_COUNT != 0) api->note_access(t, site, a, kSize, space, access);
  return reinterpret_cast<u8*>(a + kDataOffset);
}

template <u64 kSize>
SG_INLINE u8* at_shared(Thread* t, u64 offset, Access access, bool strong, u32 line, u32 site) {
  constexpr u32 k = log2_of(kSize);
  const u32 o = u32(offset);
  if constexpr (SG_STATE & 1) {
    if (SG_RARE((o & (kSize - 1)) || u64(o) + kSize > t->block->shared_exact)) {
      api->fault_address(t, o, kSize, Space::kShared, access, line);
      __builtin_unreachable();
    }
  } else {
    const u32 rotated = k == 0 ? o : (o >> k | o << ((32 - k) & 31));
    if (SG_RARE(rotated >= t->block->shared_size >> k)) {
      api->fault_address(t, o, kSize, Space::kShared, access, line);
      __builtin_unreachable();
    }
  }
  if constexpr (SG_RACE != 0) race_shared<kSize>(t, o, access, strong, line);
  if constexpr (SG_COUNT != 0) api->note_access(t, site, o, kSize, Space::kShared, access);
  return t->block->shared + o;
}

template <u64 kSize>
SG_INLINE u8* at_local(Thread* t, u64 a, Access access, u32 line) {
  if (SG_RARE(a - reinterpret_cast<u64>(t->stack_low) > t->stack_size - kSize ||
              (a & (kSize - 1)) != 0)) {
    api->fault_address(t, a, kSize, Space::kLocal, access, line);
    __builtin_unreachable();
  }
  return reinterpret_cast<u8*>(a);
}

template <u64 kSize>
SG_COLD u8* at_generic_other(Thread* t, u64 a, Access access, bool strong, u32 line, u32 site) {
  if (a >> 32 == kSharedWindow >> 32) return at_shared<kSize>(t, a, access, strong, line, site);
  if (a >> 32 == kParamWindow >> 32) return const_cast<u8*>(t->block->params) + u32(a);
  if (a - reinterpret_cast<u64>(t->stack_low) < t->stack_size) {
    return at_local<kSize>(t, a, access, line);
  }
  api->fault_address(t, a, kSize, Space::kGlobal, access, line);
  __builtin_unreachable();
}

template <u64 kSize>
SG_INLINE u8* at_generic(Thread* t, u64 a, Access access, bool strong, u32 line, u32 site) {
  if (__builtin_expect(a >> kWindowBits == kDeviceBase >> kWindowBits, 1)) {
    return at_global<kSize>(t, a, access, strong, line, site);
  }
  return at_generic_other<kSize>(t, a, access, strong, line, site);
}

template <class T>
SG_INLINE T get(const u8* p) {
  T v;
  __builtin_memcpy(&v, p, sizeof(T));
  return v;
}
template <class T>
SG_INLINE void put(u8* p, T v) {
  __builtin_memcpy(p, &v, sizeof(T));
}

SG_INLINE void burn(Thread* t, u32 line) {
  if (SG_RARE(--t->fuel < 0)) api->out_of_fuel(t, line);
}

// ---- cp.async
// ------------------------------------------------------------------------------------ The copy
// lands when it is waited for and not a moment earlier.
template <u64 kSize>
inline void async_copy(Thread* t, u32 to, u64 from, u32 bytes, u32 line, u32 site) {
  if constexpr (SG_COUNT != 0) {
    api->note_access(t, site, from, kSize, Space::kGlobal, Access::kRead);
    api->note_access(t, site + 1, to, kSize, Space::kShared, Access::kWrite);
  }
  if (t->copies == t->copy_capacity) api->grow_copies(t);
  t->copy[t->copies++] = {to, bytes > kSize ? u32(kSize) : bytes, u32(kSize), line, from};
}
inline void async_commit(Thread* t) {
  if (t->copy_group_end == nullptr || t->copy_groups == 64) api->grow_copies(t);
  t->copy_group_end[t->copy_groups++] = t->copies;
}
inline void async_land(Thread* t, u32 count) {
  for (u32 i = 0; i < count; ++i) {
    const AsyncCopy& c = t->copy[i];
    for (u32 k = 0; k < c.filled; k += 4) {
      u32 v = 0;
      if (k < c.bytes)
        v = get<u32>(at_global<4>(t, c.from + k, Access::kRead, false, c.line, kNoSite));
      put<u32>(at_shared<4>(t, c.to + k, Access::kWrite, false, c.line, kNoSite), v);
    }
  }
  for (u32 i = count; i < t->copies; ++i) t->copy[i - count] = t->copy[i];
  t->copies -= count;
}
inline void async_wait(Thread* t, u32 keep) {
  if (t->copy_groups <= keep) return;
  const u32 done = t->copy_groups - keep;
  const u32 landed = t->copy_group_end[done - 1];
  async_land(t, landed);
  for (u32 i = done; i < t->copy_groups; ++i)
    t->copy_group_end[i - done] = t->copy_group_end[i] - landed;
  t->copy_groups = keep;
}
inline void async_wait_all(Thread* t) {
  async_land(t, t->copies);
  t->copy_groups = 0;
}

}  // namespace
}  // namespace burin::softgpu
