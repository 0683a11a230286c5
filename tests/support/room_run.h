// A case's arguments in memory, and its calls.
#pragma once

#include <algorithm>
#include <memory>

#include "tests/support/room_case.h"

namespace burin::test {

// Where arguments begin, in elements past a border: on it, all one off, each elsewhere.
using Placement = std::vector<int64_t>;
inline const Placement kPlacements[] = {{0, 0, 0, 0, 0}, {1, 1, 1, 1, 1}, {3, 1, 0, 0, 5}};

inline bool is_written(const Argument& a) {
  return a.role == Argument::Role::output || a.role == Argument::Role::accumulated ||
         a.role == Argument::Role::updated;
}

// The arguments of a case in buffers of the twin.
class Arguments {
  using Bytes = BufferOf<unsigned char>;

 public:
  Arguments(const Case& c, const Host& host, const Placement& at, bool accumulate)
      : case_(c), host_(host), accumulate_(accumulate) {
    for (size_t k = 0; k < c.arguments.size(); ++k) {
      const Argument& a = c.arguments[k];
      const std::vector<unsigned char>& bytes = host.arguments[k].bytes;
      const int64_t offset = at[k % at.size()] * int64_t(a.element_size);
      buffers_.push_back(a.role == Argument::Role::hidden
                             ? nullptr
                             : std::make_unique<Bytes>(int64_t(bytes.size()), offset));
      // What is only written comes poisoned.
      if (a.role == Argument::Role::input || a.role == Argument::Role::updated ||
          (a.role == Argument::Role::accumulated && accumulate)) {
        std::copy(bytes.begin(), bytes.end(), bytes.empty() ? nullptr : &(*buffers_.back())[0]);
      }
      addresses_.push_back(buffers_.back() ? buffers_.back()->data() : nullptr);
    }
  }

  void share(size_t written, size_t read) { addresses_[written] = buffers_[read]->data(); }
  void leave_out(size_t k) { addresses_[k] = nullptr; }
  void run() { case_.run.tested(Call{host_.dims, addresses_, accumulate_}); }
  Values values(size_t k) const {
    Values v;
    v.element_size = case_.arguments[k].element_size;
    v.bytes = buffers_[k]->values();
    return v;
  }

 private:
  const Case& case_;
  const Host& host_;
  bool accumulate_;
  std::vector<std::unique_ptr<Bytes>> buffers_;
  std::vector<void*> addresses_;
};

// As a test's name: "sigmoid_backward".
inline std::string case_name(const testing::TestParamInfo<const Case*>& info) {
  std::string name = info.param->name;
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

// The CPU twin's results of the same call.
inline std::vector<Values> reference(const Case& c, const Host& host, bool accumulate) {
  std::vector<Values> arguments = host.arguments;
  std::vector<void*> addresses;
  for (size_t k = 0; k < arguments.size(); ++k) {
    const Argument::Role role = c.arguments[k].role;
    if (role == Argument::Role::accumulated && !accumulate) {
      std::fill(arguments[k].bytes.begin(), arguments[k].bytes.end(), 0xff);
    }
    addresses.push_back(role == Argument::Role::hidden ? nullptr : arguments[k].bytes.data());
  }
  c.run.reference(Call{host.dims, addresses, accumulate});
  return arguments;
}

}  // namespace burin::test
