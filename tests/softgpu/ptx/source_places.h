// .loc directives: which source line an instruction is of.
#pragma once

#include <array>
#include <cstdint>
#include <map>

#include "ptx/token_stream.h"

namespace burin::softgpu {

// Instructions inlined from elsewhere are said to be of the line in the kernel, with the innermost
// line beside it. nvcc writes the whole chain of callers before the instruction.
class SourcePlaces {
 public:
  using Place = std::array<uint32_t, 3>;  // file, line, column

  // Reads the operands of .loc.
  void read(TokenStream& in) {
    in.take();
    const Place here = place(in);
    inner_ = outer_ = here;
    while (in.accept(",")) {
      if (in.accept("function_name")) {
        in.take();
        if (in.accept("+")) in.take();
      } else if (in.accept("inlined_at")) {
        outer_ = callers_[here] = place(in);
        for (int depth = 0; depth < 64 && callers_.contains(outer_) && callers_[outer_] != outer_;
             ++depth) {
          outer_ = callers_[outer_];
        }
      } else {
        in.fail("unknown .loc attribute");
      }
    }
    if (outer_ == here) callers_.erase(here);
  }
  const Place& outer() const { return outer_; }
  const Place& inner() const { return inner_; }

 private:
  static Place place(TokenStream& in) {
    Place p;
    for (uint32_t& v : p) v = static_cast<uint32_t>(in.integer());
    return p;
  }

  Place inner_{}, outer_{};
  std::map<Place, Place> callers_;
};

}  // namespace burin::softgpu
