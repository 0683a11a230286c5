// What every declared case must do, on the twin under test.
#include <algorithm>
#include <bit>

#include "kernels/common/parallel.h"
#include "tests/support/room_run.h"

namespace burin::test {
namespace {

using Role = Argument::Role;

// The same bits; a NaN is any NaN, for devices differ in its payload.
template <class Float, class Bits>
void expect_same_numbers(const Argument& a, const Values& actual, const Values& expected,
                         const char* what) {
  int shown = 0;
  for (int64_t i = 0; i < expected.count() && shown < 5; ++i) {
    const Float x = actual.as<Float>()[i], y = expected.as<Float>()[i];
    if (std::bit_cast<Bits>(x) == std::bit_cast<Bits>(y)) continue;
    if (std::isnan(x) && std::isnan(y)) continue;
    ++shown;
    ADD_FAILURE() << a.name << "[" << i << "] of " << expected.count() << ", " << what << ": " << x
                  << " instead of " << y;
  }
}
void expect_same(const Argument& a, const Values& actual, const Values& expected,
                 const char* what) {
  if (a.floats) {
    expect_same_numbers<float, uint32_t>(a, actual, expected, what);
  } else if (a.doubles) {
    expect_same_numbers<double, uint64_t>(a, actual, expected, what);
  } else {
    EXPECT_EQ(actual.bytes, expected.bytes) << a.name << ": " << what;
  }
}

double element(const Argument& a, const Values& v, int64_t i) {
  if (a.floats) return v.as<float>()[i];
  if (a.doubles) return v.as<double>()[i];
  return a.element_size == 4 ? double(v.as<int32_t>()[i]) : double(v.as<int64_t>()[i]);
}

// What is past the largest float is infinite.
double in_range_of_float(double value) {
  const double largest = double{std::numeric_limits<float>::max()} * (1 + 0x1p-25);
  return std::abs(value) > largest ? std::copysign(INFINITY, value) : value;
}

// Stops at the fifth failure.
class Failures {
 public:
  void expect(double actual, double value, double bound, const Argument& a, int64_t i,
              const char* whose) {
    if (a.floats) value = in_range_of_float(value);
    const bool exact = bound == 0.0;  // then a zero has its sign
    const bool good =
        std::isnan(value)   ? std::isnan(actual)
        : std::isinf(value) ? actual == value
        : exact ? actual == value && (!a.floats || std::signbit(actual) == std::signbit(value))
                : std::abs(actual - value) <= bound;
    if (good) return;
    if (++count_ <= 5) {
      ADD_FAILURE() << a.name << "[" << i << "]: " << actual << " instead of " << whose << " "
                    << value << ", off by " << std::abs(actual - value) << ", bound " << bound;
    }
  }

 private:
  int count_ = 0;
};

double bound_of(double value, double ulps, double magnitude, double slack) {
  const double smallest = std::numeric_limits<float>::denorm_min();
  return ulps * (kEpsilon * std::max(std::abs(value), magnitude) + smallest) + slack;
}

template <class Predicate>
bool any_argument(const Case& c, const Predicate& predicate) {
  return std::any_of(c.arguments.begin(), c.arguments.end(), predicate);
}
bool adds(const Case& c) {
  return any_argument(c, [](const Argument& a) { return a.role == Role::accumulated; });
}
bool shares(const Case& c) {
  return !c.in_place.empty();
}
bool has_options(const Case& c) {
  return !c.optional.empty();
}
bool has_gradient(const Case& c) {
  return any_argument(c, [](const Argument& a) { return bool(a.loss); });
}

int64_t elements_of(const Host& host) {
  int64_t elements = 0;
  for (const Values& v : host.arguments) elements += v.count();
  return elements;
}

class Room : public TwinTest, public testing::WithParamInterface<const Case*> {
 protected:
  const Case& room() const { return *GetParam(); }

  // f(host, placement, accumulate) for all there is. Of the large, on a device that may be the
  // software GPU, each part once.
  template <class F>
  void for_each_run(const F& f) const {
    const bool accumulates = adds(room());
    for (const Dims& d : room().dims) {
      for (const bool extreme : {false, true}) {
        if (extreme && !room().extreme) continue;
        const Host host = room().host(d, extreme);
        const bool large = kTestsCuda && elements_of(host) > 50000;
        for (size_t p = 0; p < std::size(kPlacements); ++p) {
          if (large && p != (extreme ? 2 : accumulates ? 1 : 0)) continue;
          for (const bool accumulate : {false, true}) {
            if (accumulate && (!accumulates || p == 0)) continue;
            SCOPED_TRACE(to_string(d) + (extreme ? ", extreme values" : "") + ", placement " +
                         std::to_string(p) + (accumulate ? ", accumulated" : ""));
            f(host, kPlacements[p], accumulate);
          }
        }
      }
    }
  }
};

class RoomThatAdds : public Room {};
class RoomThatShares : public Room {};
class RoomWithOptions : public Room {};
class RoomWithGradient : public Room {};

// The oracle's value, within its bound.
void expect_oracle(const Case& room, const Host& host, const Arguments& x, bool accumulate) {
  Failures failures;
  for (size_t k = 0; k < room.arguments.size(); ++k) {
    const Argument& a = room.arguments[k];
    if (a.role == Role::input) expect_same(a, x.values(k), host.arguments[k], "was written to");
    if (!a.want) continue;
    const Values actual = x.values(k);
    for (int64_t i = 0; i < actual.count(); ++i) {
      const Want want = a.want(host, i);
      if (want.any) continue;
      double value = want.value, magnitude = want.magnitude;
      if (accumulate && a.role == Role::accumulated) {
        const double before = element(a, host.arguments[k], i);
        magnitude = std::max({magnitude, std::abs(value), std::abs(before)});
        value += before;
      }
      failures.expect(element(a, actual, i), value,
                      bound_of(value, want.ulps + (accumulate ? 1 : 0), magnitude, want.slack), a,
                      i, "the oracle's");
    }
  }
}

// The CPU twin's bits, or where an argument says so what is near them.
void expect_cpu_twin(const Case& room, const Host& host, const Arguments& x, bool accumulate) {
  const std::vector<Values> expected = reference(room, host, accumulate);
  Failures failures;
  for (size_t k = 0; k < room.arguments.size(); ++k) {
    const Argument& a = room.arguments[k];
    if (!is_written(a) || !a.compared) continue;
    const Values actual = x.values(k);
    if (a.twin_ulps < 0) {
      expect_same(a, actual, expected[k], "not the CPU twin's");
      continue;
    }
    for (int64_t i = 0; i < actual.count(); ++i) {
      const double value = element(a, expected[k], i);
      const double slack = a.want ? a.want(host, i).slack : 0.0;
      failures.expect(element(a, actual, i), value,
                      bound_of(value, a.twin_ulps, a.twin_magnitude, slack), a, i,
                      "the CPU twin's");
    }
  }
}

TEST_P(Room, GivesWhatItShould) {
  ASSERT_TRUE(any_argument(room(), [](const Argument& a) { return bool(a.want); })) << "no oracle";
  for_each_run([&](const Host& host, const Placement& at, bool accumulate) {
    Arguments x(room(), host, at, accumulate);
    x.run();
    expect_oracle(room(), host, x, accumulate);
    if (kTestsCuda) expect_cpu_twin(room(), host, x, accumulate);
  });
}

// Sum and terms are rounded apart: to the bit what was there plus what is written without.
TEST_P(RoomThatAdds, AddsToWhatIsThereWhenAsked) {
  for_each_run([&](const Host& host, const Placement& at, bool accumulate) {
    if (!accumulate) return;
    Arguments fresh(room(), host, at, false), added(room(), host, at, true);
    fresh.run();
    added.run();
    for (size_t k = 0; k < room().arguments.size(); ++k) {
      if (room().arguments[k].role != Role::accumulated) continue;
      const Values once = fresh.values(k);
      std::vector<float> expected;
      for (int64_t i = 0; i < once.count(); ++i) {
        expected.push_back(host[k][i] + once.as<float>()[i]);
      }
      expect_same(room().arguments[k], added.values(k), expected, "not added");
    }
  });
}

TEST_P(RoomThatShares, WorksInPlace) {
  for (const Sharing& sharing : room().in_place) {
    for_each_run([&](const Host& host, const Placement& at, bool accumulate) {
      if (accumulate) return;
      Arguments apart(room(), host, at, false), shared(room(), host, at, false);
      for (const auto& [written, read] : sharing) shared.share(written, read);
      apart.run();
      shared.run();
      for (size_t k = 0; k < room().arguments.size(); ++k) {
        if (!is_written(room().arguments[k])) continue;
        size_t place = k;
        for (const auto& [written, read] : sharing) place = written == k ? read : place;
        expect_same(room().arguments[k], shared.values(place), apart.values(k), "in place");
      }
    });
  }
}

TEST_P(RoomWithOptions, LeavesOutWhatIsNotWanted) {
  for (const std::vector<size_t>& absent : room().optional) {
    for_each_run([&](const Host& host, const Placement& at, bool accumulate) {
      Arguments all(room(), host, at, accumulate), some(room(), host, at, accumulate);
      for (const size_t k : absent) some.leave_out(k);
      all.run();
      some.run();
      for (size_t k = 0; k < room().arguments.size(); ++k) {
        if (!is_written(room().arguments[k])) continue;
        if (std::find(absent.begin(), absent.end(), k) != absent.end()) continue;
        expect_same(room().arguments[k], some.values(k), all.values(k), "without the optional");
      }
    });
  }
}

// Threads of the CPU; on a device the same call again.
TEST_P(Room, HasTheSameBitsAgain) {
  std::vector<Dims> all = kTestsCuda && room().flops ? room().dims : room().measured;
  all.insert(all.end(), room().repeated.begin(), room().repeated.end());
  for (Dims d : std::vector<Dims>(kTestsCuda ? std::vector<Dims>{} : all)) {
    d[0] -= 3;  // threads that get unequal parts
    all.push_back(std::move(d));
  }
  for (const Dims& d : all) {
    const Host host = room().host(d, false);
    Arguments first(room(), host, kPlacements[1], false);
    Arguments second(room(), host, kPlacements[1], false);
    cpu::set_threads(1);
    first.run();
    cpu::set_threads(3);
    second.run();
    cpu::set_threads(1);
    for (size_t k = 0; k < room().arguments.size(); ++k) {
      if (!is_written(room().arguments[k])) continue;
      expect_same(room().arguments[k], second.values(k), first.values(k), "with three threads");
    }
  }
}

TEST_P(RoomWithGradient, GradientIsTheFiniteDifference) {
  for_each_run([&](const Host& host, const Placement& at, bool accumulate) {
    if (accumulate) return;
    Arguments x(room(), host, at, false);
    x.run();
    Failures failures;
    for (size_t k = 0; k < room().arguments.size(); ++k) {
      const Argument& a = room().arguments[k];
      if (!a.loss) continue;
      const Values actual = x.values(k);
      for (int64_t i = 0; i < std::min<int64_t>(actual.count(), 300); ++i) {
        const double here = host[a.loss_at][i];
        // Where a difference of the formula means something.
        if (!(std::abs(here) >= a.kink && std::abs(here) < 50)) continue;
        const auto loss = [&](double v) { return a.loss(host, i, v); };
        const double slope = numeric_derivative(loss, here);
        if (!std::isfinite(slope)) continue;
        const Want want = a.want(host, i);
        // The difference's own: its step squared, and double's rounding of the loss by 1 / step.
        const double noise = 1e-9 + 1e-10 * (std::abs(slope) + std::abs(loss(here)));
        failures.expect(actual.as<float>()[i], slope,
                        bound_of(slope, want.ulps, want.magnitude, want.slack) + noise, a, i,
                        "the slope");
      }
    }
  });
}

auto cases(bool (*wanted)(const Case&)) {
  std::vector<const Case*> all;
  for (const Case& c : declared_cases()) {
    if (wanted(c)) all.push_back(&c);
  }
  return testing::ValuesIn(all);
}
bool any(const Case&) {
  return true;
}
INSTANTIATE_TEST_SUITE_P(Case, Room, cases(any), case_name);
INSTANTIATE_TEST_SUITE_P(Case, RoomThatAdds, cases(adds), case_name);
INSTANTIATE_TEST_SUITE_P(Case, RoomThatShares, cases(shares), case_name);
INSTANTIATE_TEST_SUITE_P(Case, RoomWithOptions, cases(has_options), case_name);
INSTANTIATE_TEST_SUITE_P(Case, RoomWithGradient, cases(has_gradient), case_name);

}  // namespace
}  // namespace burin::test
