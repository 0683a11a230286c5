// The same bits at any order of threads and blocks. One process runs in one order; the digest that
// it prints is compared with that of others by any_order.sh.
#include <cinttypes>
#include <cstdio>

#include "tests/support/room_run.h"

namespace burin::test {
namespace {

class AnyOrder : public TwinTest {};

TEST_F(AnyOrder, DigestOfEveryCase) {
  uint64_t digest = 14695981039346656037u;  // Fowler, Noll & Vo's
  for (const Case& room : declared_cases()) {
    // Products at their small sizes: they have no sums over blocks but those of split ones.
    for (const Dims& d : room.flops ? room.dims : room.measured) {
      const Host host = room.host(d, false);
      Arguments x(room, host, kPlacements[1], false);
      x.run();
      for (size_t k = 0; k < room.arguments.size(); ++k) {
        if (!is_written(room.arguments[k])) continue;
        for (const unsigned char byte : x.values(k).bytes)
          digest = (digest ^ byte) * 1099511628211u;
      }
    }
  }
  std::printf("digest %016" PRIx64 "\n", digest);
}

}  // namespace
}  // namespace burin::test
