#include "core/counters.h"

#include <algorithm>
#include <ostream>

#include "core/kernel.h"

namespace burin::softgpu {
namespace {

// Distinct values among the first n.
size_t distinct(uint64_t* v, size_t n) {
  std::sort(v, v + n);
  return static_cast<size_t>(std::unique(v, v + n) - v);
}

// Passes that lanes [first, last) need: the most distinct words that fall into one bank.
uint64_t passes(const uint64_t* address, uint32_t lanes, uint32_t size, uint32_t first,
                uint32_t last) {
  std::vector<uint64_t> words;
  for (uint32_t lane = first; lane < last; ++lane) {
    if ((lanes >> lane & 1) == 0) continue;
    for (uint32_t k = 0; k < std::max(size / 4, 1u); ++k) words.push_back(address[lane] / 4 + k);
  }
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  uint64_t in_bank[32] = {}, most = 0;
  for (const uint64_t w : words) most = std::max(most, ++in_bank[w % 32]);
  return most;
}

std::string quoted(const std::string& s) {
  std::string q = "\"";
  for (const char c : s) {
    if (c == '"' || c == '\\') q += '\\';
    q += c;
  }
  return q + "\"";
}

}  // namespace

void AccessGatherer::start_block(uint32_t threads, uint32_t sites) {
  sites_ = sites;
  occurrences_.assign(size_t{threads} * sites, 0);
}

void AccessGatherer::note(const Thread* t, uint32_t site, uint64_t address, uint32_t size,
                          Space space, Access access, uint32_t existing_lanes,
                          KernelCounters& counters) {
  if (site >= sites_) return;
  const uint32_t occurrence = occurrences_[size_t{t->linear} * sites_ + site]++;
  const uint64_t key = uint64_t{t->warp} << 59 | uint64_t{site} << 36 | occurrence;
  Group& g = groups_[key];
  g.address[t->lane] = address;
  g.lanes |= 1u << t->lane;
  g.size = size, g.space = space, g.access = access;
  if (g.lanes == existing_lanes) {
    account(g, counters);
    groups_.erase(key);
  }
}

void AccessGatherer::finish_block(KernelCounters& counters) {
  for (const auto& [key, g] : groups_) account(g, counters);
  groups_.clear();
}

void AccessGatherer::account(const Group& g, KernelCounters& c) {
  if (g.space == Space::kShared) {
    // Wide accesses go by half or quarter warps.
    const uint32_t step = g.size == 16 ? 8 : g.size == 8 ? 16 : 32;
    ++c.shared_requests;
    for (uint32_t first = 0; first < 32; first += step) {
      const uint64_t p = passes(g.address, g.lanes, g.size, first, first + step);
      c.shared_passes += p;
      c.shared_conflicts += p > 1 ? p - 1 : 0;
    }
    return;
  }
  if (g.space != Space::kGlobal) return;
  uint64_t address[32], sector[32];
  size_t n = 0;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    if ((g.lanes >> lane & 1) == 0) continue;
    address[n] = g.address[lane];
    sector[n++] = g.address[lane] / 32;
  }
  const size_t sectors = distinct(sector, n);
  const size_t least = (distinct(address, n) * g.size + 31) / 32;
  if (g.access == Access::kRead)
    ++c.load_requests, c.load_sectors += sectors, c.load_least += least;
  if (g.access == Access::kWrite)
    ++c.store_requests, c.store_sectors += sectors, c.store_least += least;
  if (g.access == Access::kAtomic) ++c.atomic_requests, c.atomic_sectors += sectors;
}

namespace {

void write_json(std::ostream& out, const std::string& kernel, const std::string& mangled,
                const KernelCounters& c) {
  out << "{\"kernel\": " << quoted(kernel) << ", \"mangled\": " << quoted(mangled)
      << ", \"launches\": " << c.launches << ", \"blocks\": " << c.blocks
      << ", \"threads\": " << c.threads << ",\n \"instructions\": {";
  uint64_t total = 0;
  for (uint32_t i = 0; i < 12; ++i) {
    out << quoted(class_name(static_cast<Class>(i))) << ": " << c.instructions[i] << ", ";
    total += c.instructions[i];
  }
  out << "\"all\": " << total << "},\n \"global_load\": {\"requests\": " << c.load_requests
      << ", \"sectors\": " << c.load_sectors << ", \"least\": " << c.load_least
      << "},\n \"global_store\": {\"requests\": " << c.store_requests
      << ", \"sectors\": " << c.store_sectors << ", \"least\": " << c.store_least
      << "},\n \"global_atomic\": {\"requests\": " << c.atomic_requests
      << ", \"sectors\": " << c.atomic_sectors
      << "},\n \"shared\": {\"requests\": " << c.shared_requests
      << ", \"passes\": " << c.shared_passes << ", \"bank_conflicts\": " << c.shared_conflicts
      << "},\n \"barriers\": " << c.barriers << ", \"warp_operations\": " << c.warp_operations
      << ", \"matrix_products\": " << c.matrix_products << "}";
}

}  // namespace

void write_counters_json(std::ostream& out, const std::vector<Kernel*>& kernels,
                         const std::map<std::string, KernelCounters>& library_calls,
                         const std::map<std::string, uint64_t>& api_calls) {
  out << "{\"kernels\": [";
  const char* before = "\n";
  for (const Kernel* k : kernels) {
    if (k->counters.launches == 0) continue;
    out << before;
    write_json(out, k->name, k->function->name, k->counters);
    before = ",\n";
  }
  for (const auto& [name, counters] : library_calls) {
    out << before;
    write_json(out, name, name, counters);
    before = ",\n";
  }
  out << "\n],\n\"api\": {";
  before = "";
  for (const auto& [name, calls] : api_calls) {
    out << before << quoted(name) << ": " << calls;
    before = ", ";
  }
  out << "}}\n";
}

}  // namespace burin::softgpu
