// What translated kernels and the library that runs them share: the layout of a thread and a block,
// the address map, and the table of functions that kernels call. Included by both; needs no header.
#pragma once

namespace burin::softgpu {

using u8 = unsigned char;
using u16 = unsigned short;
using u32 = unsigned int;
using u64 = unsigned long;
using s8 = signed char;
using s16 = short;
using s32 = int;
using s64 = long;

// ---- Address map
// --------------------------------------------------------------------------------- A device
// address is never readable by the host: the window that holds it stays unmapped. Its bytes lie
// kDataOffset further on, two shadow bits a byte (allocated, written) kStateOffset further on.
inline constexpr u64 kWindowBits = 36;
inline constexpr u64 kWindow = 1ul << kWindowBits;
inline constexpr u64 kDeviceBase = 0x2000'0000'0000ul;
inline constexpr u64 kDataOffset = kWindow;
inline constexpr u64 kStateOffset = 2 * kWindow;
inline constexpr u64 kRaceBase = kDeviceBase + 3 * kWindow;  // one RaceRecord a 4-byte word
inline constexpr u64 kSharedWindow = 0x1000'0000'0000ul;     // generic address of shared offset 0
inline constexpr u64 kParamWindow = 0x1100'0000'0000ul;      // ... of the kernel's parameters
inline constexpr u8 kStateAllocated = 1;
inline constexpr u8 kStateWritten = 2;

// ---- Race records
// -------------------------------------------------------------------------------- An access stamp:
// bits 0-9 the thread of the block, bit 10 set if atomic or volatile, bits 11-31 the thread's
// clock. `generation` is the running number of the block (bit 0: bytes of the word were accessed
// one by one, see race.h).
struct RaceRecord {
  u32 generation;
  u32 write, read[2];
  u32 write_line, read_line[2];
  u32 unused;
};
inline constexpr u32 kStampStrong = 1u << 10;
inline constexpr u32 kStampThreads = kStampStrong - 1;
inline constexpr u32 kStampClockShift = 11;

enum class Space : u32 { kGlobal, kShared, kLocal, kParam, kConst };
enum class Access : u32 { kRead, kWrite, kAtomic };

// ---- Threads and blocks
// --------------------------------------------------------------------------
struct AsyncCopy {
  u32 to;
  u32 bytes, filled;  // the first `bytes` are copied, the rest up to `filled` become zero
  u32 line;
  u64 from;
};

struct Block;

struct Thread {
  u32 tid[3];
  u32 linear, lane, warp;
  s64 fuel;  // backward branches left until the scheduler looks for a hang
  Block* block;
  u8* stack_low;
  u64 stack_size;
  u32 line;   // where it last gave up the processor
  u32 stamp;  // its current race stamp
  void* stack_pointer;
  u32 copies, copy_capacity;  // cp.async not yet landed
  u32 copy_groups;            // committed and not yet landed
  AsyncCopy* copy;
  u32* copy_group_end;
};

struct Block {
  u32 ctaid[3], nctaid[3], ntid[3];
  u32 threads;
  u8* shared;
  u32 shared_size;     // rounded up to 16
  u32 shared_exact;    // what the kernel asked for
  u32 dynamic_shared;  // of which dynamic
  u32 generation;      // for the race records
  const u8* params;
  u64* block_counts;  // executions of each basic block (counters)
  RaceRecord* shared_race;
  const u32 (*clocks)[32];  // [warp][other warp]: what a warp knows of the others' clocks
};

// ---- Warp-wide instructions
// ----------------------------------------------------------------------
enum class WarpOp : u32 {
  kSyncWarp,
  kShflIdx,
  kShflUp,
  kShflDown,
  kShflBfly,
  kVoteAll,
  kVoteAny,
  kVoteUni,
  kVoteBallot,
  kMatchAny,
  kMatchAll,
  kReduxAdd,
  kReduxMinU,
  kReduxMaxU,
  kReduxMinS,
  kReduxMaxS,
  kReduxAnd,
  kReduxOr,
  kReduxXor,
  kLdMatrix,
  kMma,
  kWmmaLoad,
  kWmmaStore,
};
enum class MatrixType : u32 { kTf32, kBf16, kF16 };

// Operands of one lane. kShfl*: in[0..1] value, in[2] lane or delta, in[3] the c operand.
// kMma: in = A registers, then B, then C.
struct WarpArgs {
  u32 in[24];
  u32 out[16];
  u32 out_predicate;
  u32 rows, columns, depth;  // matrix shape, or x1/x2/x4 and transposition
  MatrixType type;
  bool half_accumulator;
};

struct Api {
  // Cold paths of memory accesses. fault_* do not return.
  void (*fault_address)(Thread*, u64 address, u32 size, Space, Access, u32 line);
  void (*bad_state)(Thread*, u64 address, u32 size, Access, u32 line);
  void (*race_subword)(Thread*, RaceRecord*, u64 address, u32 size, Access, bool strong, u32 line,
                       Space);
  void (*race_found)(const Thread*, u32 other_stamp, u32 other_line, u64 address, Access,
                     bool other_writes, u32 line, Space);
  void (*note_access)(Thread*, u32 site, u64 address, u32 size, Space, Access);
  // Scheduling.
  void (*barrier)(Thread*, u32 id, u32 count, u32 line);
  void (*barrier_arrive)(Thread*, u32 id, u32 count, u32 line);
  u32 (*barrier_reduce)(Thread*, u32 id, u32 count, u32 operation, bool value, u32 line);
  void (*warp)(Thread*, WarpOp, u32 mask, WarpArgs*, u32 line);
  u32 (*activemask)(Thread*, u32 line);
  void (*out_of_fuel)(Thread*, u32 line);
  void (*exit)(Thread*);
  void (*trap)(Thread*, u32 line);
  void (*assert_fail)(Thread*, u64 message, u64 file, u32 line_of_source, u64 function, u32 line);
  s32 (*print)(Thread*, u64 format, u64 arguments, u32 line);
  u64 (*device_malloc)(Thread*, u64 size);
  void (*device_free)(Thread*, u64 address, u32 line);
  void (*grow_copies)(Thread*);
  u64 (*clock)();
  // Arithmetic with rounding other than to nearest; mode is MXCSR's field: 1 down, 2 up, 3 zero.
  float (*add_f32)(float, float, u32 mode);
  float (*mul_f32)(float, float, u32 mode);
  float (*fma_f32)(float, float, float, u32 mode);
  float (*div_f32)(float, float, u32 mode);
  float (*sqrt_f32)(float, u32 mode);
  double (*add_f64)(double, double, u32 mode);
  double (*mul_f64)(double, double, u32 mode);
  double (*fma_f64)(double, double, double, u32 mode);
  double (*div_f64)(double, double, u32 mode);
  double (*sqrt_f64)(double, u32 mode);
  float (*f64_to_f32)(double, u32 mode);
  float (*s64_to_f32)(s64, u32 mode);
  float (*u64_to_f32)(u64, u32 mode);
  double (*s64_to_f64)(s64, u32 mode);
  double (*u64_to_f64)(u64, u32 mode);
  double (*exp2)(double);
  double (*log2)(double);
  double (*sin)(double);
  double (*cos)(double);
  double (*tanh)(double);
};

// What a compiled kernel exports, as `softgpu_kernel`.
struct Symbol {
  const char* name;  // variable in device memory
  u64* address;      // to be filled in before the first launch
};
struct KernelImage {
  void (*entry)(Thread*);
  const Api** api;
  const Symbol* symbols;
  u32 symbol_count;
  u32 static_shared;
  u32 local_bytes;
  bool needs_fibres;
  bool may_wait;  // reads memory in a way that another block's write may end a loop
  u32 basic_blocks;
  const u32 (*classes)[12];  // [basic block][class]: instructions of each class
  u32 sites;                 // memory accesses, for the counters
  const u32* site_lines;
};

}  // namespace burin::softgpu
