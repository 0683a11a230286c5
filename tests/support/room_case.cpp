#include "tests/support/room_case.h"

#include <algorithm>

namespace burin::test {
namespace {

std::vector<Case>& registry() {
  static std::vector<Case> cases;
  return cases;
}

Argument argument(std::string name, Argument::Role role, Argument::Fill fill = {}) {
  Argument a;
  a.name = std::move(name);
  a.role = role;
  a.fill = std::move(fill);
  return a;
}

}  // namespace

std::string to_string(const Dims& dims) {
  std::string text;
  for (const int64_t d : dims) {
    if (!text.empty()) text += 'x';
    text += std::to_string(d);
  }
  return text;
}

std::vector<Dims> every_size() {
  std::vector<Dims> all = {{0}};
  for (const int64_t n : kSizes) all.push_back({n});
  return all;
}

Want wanted_sum(double value, int64_t terms, double magnitude, double ulps) {
  const double slack = double(terms) * 0x1p-53 * magnitude + ulps * kEpsilon * magnitude +
                       std::numeric_limits<float>::denorm_min();
  return {value, 1.0, 0.0, slack};
}

Argument::Fill normal(double deviation, bool never_extreme) {
  return [=](int64_t n, const Host& before, const Dims&, bool extreme) {
    const auto seed = uint32_t(before.arguments.size()) + 1;
    return Values(extreme && !never_extreme ? mixed_values(n, deviation, seed)
                                            : random_values(n, deviation, seed));
  };
}

Argument::Fill each(std::function<float(const Host&, int64_t)> f) {
  return [f = std::move(f)](int64_t n, const Host& before, const Dims&, bool) {
    std::vector<float> values;
    for (int64_t i = 0; i < n; ++i) values.push_back(f(before, i));
    return Values(values);
  };
}

Argument input(std::string name, Argument::Fill fill) {
  return argument(std::move(name), Argument::Role::input, std::move(fill));
}
Argument hidden(std::string name, Argument::Fill fill) {
  return argument(std::move(name), Argument::Role::hidden, std::move(fill));
}
Argument output(std::string name) {
  return argument(std::move(name), Argument::Role::output);
}
Argument accumulated(std::string name) {
  return argument(std::move(name), Argument::Role::accumulated, normal(1.0, true));
}
Argument updated(std::string name, Argument::Fill fill) {
  return argument(std::move(name), Argument::Role::updated, std::move(fill));
}

Host Case::host(const Dims& d, bool extreme_values) const {
  Host host{d, {}};
  for (const Argument& a : arguments) {
    const int64_t n = a.elements(d);
    if (a.fill) {
      host.arguments.push_back(a.fill(n, host, d, extreme_values));
    } else {
      Values poison;
      poison.element_size = a.element_size;
      poison.bytes.assign(size_t(n) * a.element_size, 0xff);
      host.arguments.push_back(std::move(poison));
    }
  }
  return host;
}

std::pair<int64_t, int64_t> Case::bytes(const Dims& d) const {
  int64_t read = 0, written = 0;
  for (const Argument& a : arguments) {
    const int64_t bytes = a.moved ? a.moved(d) : a.elements(d) * int64_t(a.element_size);
    const Argument::Role role = a.role;
    if (role == Argument::Role::input || role == Argument::Role::updated) read += bytes;
    if (role == Argument::Role::output || role == Argument::Role::accumulated ||
        role == Argument::Role::updated) {
      written += bytes;
    }
  }
  return {read, written};
}

bool declare(Case c) {
  registry().push_back(std::move(c));
  return true;
}

const std::vector<Case>& declared_cases() {
  return registry();
}

}  // namespace burin::test
