// One declaration of what a kernel does, a case, from which follow the tests of both twins
// (tests/kernels/rooms_test.cpp), the bounds on what the CUDA twin moves, and the benchmarks
// (bench/kernel_bench.cpp). Each room declares its cases in tests/kernels/<room>_case.cpp:
//
//   const bool declared = declare({
//       .name = "add",
//       .arguments = {input("a"), input("b"),
//                     output("y").oracle([](const Host& x, int64_t i) {
//                       return Want{double{x[0][i]} + double{x[1][i]}, 0.5};
//                     })},
//       .run = call(BURIN_TWINS(add),
//                   [](auto* add, const Call& c) { add(c[0], c[1], c[2], c.n(), {}); }),
//       .in_place = {{{2, 0}}, {{2, 1}}},
//   });
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/kernel_case.h"
#include "tests/support/twin.h"

namespace burin::test {

// What a case is run at: {n}, or {rows, columns}, ...
using Dims = std::vector<int64_t>;
std::string to_string(const Dims& dims);  // "127" or "3x784"
std::vector<Dims> every_size();           // {0}, and each of kSizes

// An argument's elements, as bytes.
struct Values {
  size_t element_size = 4;
  std::vector<unsigned char> bytes;

  Values() = default;
  template <class T>
  Values(const std::vector<T>& elements)
      : element_size(sizeof(T)), bytes(elements.size() * sizeof(T)) {
    if (!bytes.empty()) std::memcpy(bytes.data(), elements.data(), bytes.size());
  }
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(bytes.data());
  }
  int64_t count() const { return int64_t(bytes.size() / element_size); }
};

// The arguments of a call as the host sees them, before it.
struct Host {
  Dims dims;
  std::vector<Values> arguments;

  const float* operator[](size_t k) const { return arguments[k].as<float>(); }
  template <class T>
  const T* as(size_t k) const {
    return arguments[k].as<T>();
  }
};

// What an element must be: |actual - value| <= ulps * epsilon * max(|value|, magnitude) + slack.
// `magnitude` is the size of the terms that it is summed from. NaN and infinities must agree.
struct Want {
  double value;
  double ulps = 1.0;
  double magnitude = 0.0;
  double slack = 0.0;
  bool any = false;  // the oracle cannot tell: only the twins must agree
};
// A sum of `terms` terms, added in double and rounded once; their magnitudes sum to `magnitude`,
// and each is good to `ulps`.
Want wanted_sum(double value, int64_t terms, double magnitude, double ulps = 0.0);

// What the launchers take: a pointer to any element type, or null.
struct Pointer {
  void* address;
  template <class T>
  operator T*() const {
    return static_cast<T*>(address);
  }
};

struct Call {
  const Dims& dims;
  const std::vector<void*>& addresses;
  bool accumulate = false;  // of arguments whose role is `accumulated`

  Pointer operator[](size_t k) const { return {addresses[k]}; }
  int64_t n() const { return dims[0]; }
};

// A launcher's tested twin, and the CPU's.
template <class F>
struct Twins {
  F* tested;
  F* reference;
};
#define BURIN_TWINS(f) (::burin::test::Twins{&::burin::test::twin::f, &::burin::cpu::f})

struct Run {
  std::function<void(const Call&)> tested, reference;
};
// body(launcher, call) calls the launcher.
template <class F, class Body>
Run call(Twins<F> twins, Body body) {
  return {[=](const Call& c) { body(twins.tested, c); },
          [=](const Call& c) { body(twins.reference, c); }};
}

struct Argument {
  enum class Role {
    input,        // read
    output,       // overwritten
    accumulated,  // overwritten, or added to if Call::accumulate
    updated,      // read and written
    hidden,       // not passed: what others are made from
  };
  using Count = std::function<int64_t(const Dims&)>;
  // n elements for `dims`; `before` has the arguments declared before. `extreme`: infinities, NaN,
  // denormals and the like among them.
  using Fill = std::function<Values(int64_t n, const Host& before, const Dims& dims, bool extreme)>;
  using Oracle = std::function<Want(const Host&, int64_t element)>;
  using Slope = std::function<double(const Host&, int64_t element, double x)>;

  std::string name;
  Role role = Role::input;
  Count elements = [](const Dims& d) { return d[0]; };
  size_t element_size = sizeof(float);
  bool floats = true;
  bool doubles = false;
  Fill fill;
  Oracle want;
  double twin_ulps = -1.0;  // < 0: the twins have the same bits
  double twin_magnitude = 0.0;
  // What element i of this is the derivative of: loss(host, i, x) at x = host[loss_at][i].
  Slope loss;
  size_t loss_at = 0;
  double kink = 0.0;  // |x| below it is not differentiated
  bool compared = true;
  // Bytes that the kernel must read or write, where they are not those of all elements.
  Count moved;

  Argument& count(Count f) { return elements = std::move(f), *this; }
  // Of an output: its elements' values, one by one, for the unextreme and the extreme.
  Argument& oracle(Oracle f) { return want = std::move(f), *this; }
  // The twins add in another order: their results may differ by `ulps` and the oracle's slack.
  Argument& twins_within(double ulps, double magnitude = 0.0) {
    return twin_ulps = ulps, twin_magnitude = magnitude, *this;
  }
  // Of a gradient: element i is the derivative of f(host, i, x) at x = argument `at`, element i.
  Argument& derivative_of(Slope f, size_t at, double kink_radius = 0.0) {
    return loss = std::move(f), loss_at = at, kink = kink_radius, *this;
  }
  // The general tests do not look at it: the room's own test does.
  Argument& compared_elsewhere() { return compared = false, *this; }
  Argument& bytes_moved(Count f) { return moved = std::move(f), *this; }
};

// Ways to fill an argument. The numbers differ from argument to argument.
// Normal; extreme: mixed_values of the same deviation.
Argument::Fill normal(double deviation = 1.0, bool never_extreme = false);
// Element i is f(before, i).
Argument::Fill each(std::function<float(const Host&, int64_t)> f);
template <class T>
Argument::Fill constant(std::vector<T> values) {
  return [values](int64_t, const Host&, const Dims&, bool) { return Values(values); };
}

Argument input(std::string name, Argument::Fill fill = normal());
template <class T>
Argument input_of(std::string name, Argument::Fill fill) {
  Argument a = input(std::move(name), std::move(fill));
  a.element_size = sizeof(T), a.floats = std::is_same_v<T, float>;
  a.doubles = std::is_same_v<T, double>;
  return a;
}
Argument hidden(std::string name, Argument::Fill fill = normal());
Argument output(std::string name);
template <class T>
Argument output_of(std::string name) {
  Argument a = output(std::move(name));
  a.element_size = sizeof(T), a.floats = std::is_same_v<T, float>;
  a.doubles = std::is_same_v<T, double>;
  return a;
}
Argument accumulated(std::string name);
Argument updated(std::string name, Argument::Fill fill = normal());
template <class T>
Argument updated_of(std::string name, Argument::Fill fill) {
  Argument a = updated(std::move(name), std::move(fill));
  a.element_size = sizeof(T), a.floats = std::is_same_v<T, float>;
  a.doubles = std::is_same_v<T, double>;
  return a;
}
inline int64_t one(const Dims&) {
  return 1;
}
inline int64_t area(const Dims& d) {
  return d[0] * d[1];
}

// A pair {written, read}: the former may be given the latter's buffer. Pairs in one list at once.
using Sharing = std::vector<std::pair<size_t, size_t>>;

struct Case {
  std::string name;  // room and function: "sigmoid/backward"
  std::vector<Argument> arguments;
  Run run;
  std::vector<Dims> dims = every_size();
  std::vector<Dims> measured = {{100352}};  // what benchmarks and bounds run at: 128 x 784
  std::vector<Dims> repeated = {};          // run on one and on three threads, beside `measured`
  std::vector<Sharing> in_place = {};
  std::vector<std::vector<size_t>> optional = {};  // may be null together
  bool extreme = true;                             // run with extreme inputs too
  // The CUDA twin moves at most this many times the bytes of its arguments, in sectors, if not 1.02
  // then because of `bound_reason`; 0: not bounded.
  double sector_bound = 1.02;
  std::string bound_reason = {};
  std::function<double(const Dims&)> flops = {};

  Host host(const Dims& d, bool extreme_values) const;
  // Bytes read, and written, with the outputs overwritten.
  std::pair<int64_t, int64_t> bytes(const Dims& d) const;
};

bool declare(Case c);
const std::vector<Case>& declared_cases();

}  // namespace burin::test
