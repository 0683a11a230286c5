// Compiled with -frounding-math.
#include "core/rounding.h"

#include <immintrin.h>

#include <cmath>

namespace burin::softgpu {
namespace {

// The empty asm keeps the operation between the two changes of mode.
template <class R, class F>
R in_mode(u32 mode, F f) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x6000u) | mode << 13);
  R r = f();
  asm volatile("" : "+x"(r));
  _mm_setcsr(before);
  return r;
}
template <class T>
T hidden(T v) {
  asm volatile("" : "+x"(v));
  return v;
}
s64 hidden(s64 v) {
  asm volatile("" : "+r"(v));
  return v;
}

template <class T>
T add(T a, T b, u32 mode) {
  return in_mode<T>(mode, [&] { return hidden(a) + b; });
}
template <class T>
T mul(T a, T b, u32 mode) {
  return in_mode<T>(mode, [&] { return hidden(a) * b; });
}
template <class T>
T divide(T a, T b, u32 mode) {
  return in_mode<T>(mode, [&] { return hidden(a) / b; });
}
__attribute__((target("fma"))) float fma_f32(float a, float b, float c, u32 mode) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x6000u) | mode << 13);
  float r = _mm_cvtss_f32(_mm_fmadd_ss(_mm_set_ss(hidden(a)), _mm_set_ss(b), _mm_set_ss(c)));
  asm volatile("" : "+x"(r));
  _mm_setcsr(before);
  return r;
}
__attribute__((target("fma"))) double fma_f64(double a, double b, double c, u32 mode) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr((before & ~0x6000u) | mode << 13);
  double r = _mm_cvtsd_f64(_mm_fmadd_sd(_mm_set_sd(hidden(a)), _mm_set_sd(b), _mm_set_sd(c)));
  asm volatile("" : "+x"(r));
  _mm_setcsr(before);
  return r;
}
float sqrt_f32(float a, u32 mode) {
  return in_mode<float>(mode, [&] { return _mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss(hidden(a)))); });
}
double sqrt_f64(double a, u32 mode) {
  return in_mode<double>(
      mode, [&] { return _mm_cvtsd_f64(_mm_sqrt_sd(_mm_set_sd(0), _mm_set_sd(hidden(a)))); });
}
float f64_to_f32(double a, u32 mode) {
  return in_mode<float>(mode, [&] { return static_cast<float>(hidden(a)); });
}
float s64_to_f32(s64 a, u32 mode) {
  return in_mode<float>(mode, [&] { return static_cast<float>(hidden(a)); });
}
double s64_to_f64(s64 a, u32 mode) {
  return in_mode<double>(mode, [&] { return static_cast<double>(hidden(a)); });
}
// Above 2^63 the low bit is folded into the next, which keeps the rounding right.
float u64_to_f32(u64 a, u32 mode) {
  if (a >> 63 == 0) return s64_to_f32(static_cast<s64>(a), mode);
  return 2.0f * s64_to_f32(static_cast<s64>(a >> 1 | (a & 1)), mode);
}
double u64_to_f64(u64 a, u32 mode) {
  if (a >> 63 == 0) return s64_to_f64(static_cast<s64>(a), mode);
  return 2.0 * s64_to_f64(static_cast<s64>(a >> 1 | (a & 1)), mode);
}

}  // namespace

void fill_rounding(Api& api) {
  api.add_f32 = &add<float>, api.add_f64 = &add<double>;
  api.mul_f32 = &mul<float>, api.mul_f64 = &mul<double>;
  api.div_f32 = &divide<float>, api.div_f64 = &divide<double>;
  api.fma_f32 = &fma_f32, api.fma_f64 = &fma_f64;
  api.sqrt_f32 = &sqrt_f32, api.sqrt_f64 = &sqrt_f64;
  api.f64_to_f32 = &f64_to_f32;
  api.s64_to_f32 = &s64_to_f32, api.s64_to_f64 = &s64_to_f64;
  api.u64_to_f32 = &u64_to_f32, api.u64_to_f64 = &u64_to_f64;
  api.exp2 = [](double x) { return std::exp2(x); };
  api.log2 = [](double x) { return std::log2(x); };
  api.sin = [](double x) { return std::sin(x); };
  api.cos = [](double x) { return std::cos(x); };
  api.tanh = [](double x) { return std::tanh(x); };
}

}  // namespace burin::softgpu
