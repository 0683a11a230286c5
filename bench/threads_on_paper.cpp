// What more threads could bring, reckoned from a run with one.
//   threads_on_paper [ROUNDS [STEP ...]]
// This program has parallel_for of its own in the place of kernels/common/parallel.cpp: work is cut
// as for N threads, but one thread does it all, and the time of every chunk is taken down. From the
// median of each chunk over the rounds, in which all N take turns, follow for N threads:
//   regions with several chunks, for 16 threads
//   share   of the step's time outside of regions with several chunks: one thread does it, however
//           many there are
//   Amdahl  1 / (share + (1 - share) / N), the bound if regions were divided evenly (Amdahl 1967)
//   as cut  time with one thread over time with N, if each free thread takes the next chunk at once
// Neither knows what waking a thread costs (see the number of regions), nor that caches and memory
// are shared.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "bench/peers/made_up_images.h"
#include "bench/peers/steps.h"
#include "kernels/common/parallel.h"
#include "kernels/gemm/gemm.h"
#include "models/model.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

double microseconds(Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

int assumed_threads = 1;
bool inside_region = false;

// Of one step, in microseconds: each chunk of regions with several, and where each region begins.
struct Ledger {
  std::vector<double> chunks;
  std::vector<size_t> begins;
} ledger;

// How long threads take that fetch the next chunk whenever they are free.
double shared_time(const double* chunks, size_t count, int threads) {
  std::vector<double> busy_until(static_cast<size_t>(threads), 0.0);
  for (size_t i = 0; i < count; ++i) {
    *std::min_element(busy_until.begin(), busy_until.end()) += chunks[i];
  }
  return *std::max_element(busy_until.begin(), busy_until.end());
}

}  // namespace

namespace cpu {

int threads() {
  return assumed_threads;
}
void set_threads(int threads) {
  assumed_threads = std::max(1, threads);
}
int available_processors() {
  return 1;
}

namespace detail {

void run_chunks(int64_t count, int64_t grain, ChunkFunction function, const void* body) {
  const bool measured = count > grain && !inside_region;
  if (!measured) {
    for (int64_t begin = 0; begin < count; begin += grain) {
      function(body, begin, std::min(begin + grain, count));
    }
    return;
  }
  inside_region = true;
  ledger.begins.push_back(ledger.chunks.size());
  Clock::time_point before = Clock::now();
  for (int64_t begin = 0; begin < count; begin += grain) {
    function(body, begin, std::min(begin + grain, count));
    const Clock::time_point after = Clock::now();
    ledger.chunks.push_back(microseconds(after - before));
    before = after;
  }
  inside_region = false;
}

}  // namespace detail
}  // namespace cpu

namespace {

constexpr int kThreads[] = {1, 2, 4, 8, 16};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// What is known of the step as it is cut for a number of threads.
struct Cut {
  std::vector<std::vector<double>> chunks;  // of each round
  std::vector<double> outside;              // of each round: time that is in no chunk
  std::vector<size_t> begins;

  double serial() const { return median(outside); }

  std::vector<double> chunk_medians() const {
    std::vector<double> medians;
    for (size_t i = 0; i < chunks[0].size(); ++i) {
      std::vector<double> times;
      for (const std::vector<double>& round : chunks) times.push_back(round[i]);
      medians.push_back(median(std::move(times)));
    }
    return medians;
  }

  double time_with(int threads) const {
    const std::vector<double> medians = chunk_medians();
    double time = serial();
    for (size_t i = 0; i < begins.size(); ++i) {
      const size_t end = i + 1 < begins.size() ? begins[i + 1] : medians.size();
      time += shared_time(medians.data() + begins[i], end - begins[i], threads);
    }
    return time;
  }
};

void measure(const bench::NamedStep& step, int rounds) {
  static const ImageSet images = bench::made_up_images();
  static const DeviceImages data(images, Device::cpu);
  const std::unique_ptr<Model> model =
      make_model(step.config, images.pixels(), images.count, Device::cpu);
  model->initialize(images);
  cpu::set_threads(1);
  model->train_step(data);  // allocates the temporaries

  constexpr size_t kCounts = std::size(kThreads);
  Cut cuts[kCounts];
  for (int round = 0; round < rounds; ++round) {
    for (size_t i = 0; i < kCounts; ++i) {
      cpu::set_threads(kThreads[i]);
      ledger.chunks.clear();
      ledger.begins.clear();
      const Clock::time_point before = Clock::now();
      model->train_step(data);
      double outside = microseconds(Clock::now() - before);
      for (const double chunk : ledger.chunks) outside -= chunk;
      cuts[i].outside.push_back(outside);
      cuts[i].chunks.push_back(ledger.chunks);
      cuts[i].begins = ledger.begins;
    }
  }
  const double alone = cuts[0].time_with(1);
  std::printf("| `%s` | %.0f | %zu |", step.name.c_str(), alone, cuts[kCounts - 1].begins.size());
  for (size_t i = 1; i < kCounts; ++i) {
    const double share = cuts[i].serial() / cuts[i].time_with(1);
    std::printf(" %.1f %%, %.1f, %.1f |", 100.0 * share,
                1.0 / (share + (1.0 - share) / kThreads[i]),
                alone / cuts[i].time_with(kThreads[i]));
  }
  std::printf("\n");
}

int run(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 51;
  if (rounds < 1) throw UsageError("ROUNDS is to be a number, at least 1");
  const std::vector<bench::NamedStep> known = bench::named_steps();
  std::vector<bench::NamedStep> chosen;
  for (int i = 2; i < argc; ++i) {
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](const auto& step) { return step.name == argv[i]; });
    if (found == known.end()) throw UsageError(std::string("no step is called ") + argv[i]);
    chosen.push_back(*found);
  }
  if (chosen.empty()) chosen = known;
  std::printf("%s, %d rounds; in a cell: share, Amdahl, as cut\n\n", cpu::gemm_instruction_set(),
              rounds);
  std::printf("| step | us, 1 thread | regions |");
  for (const int threads : kThreads) {
    if (threads > 1) std::printf(" %d threads |", threads);
  }
  std::printf("\n|---|---|---|---|---|---|---|\n");
  for (const bench::NamedStep& step : chosen) measure(step, rounds);
  return 0;
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  try {
    return burin::run(argc, argv);
  } catch (const std::exception& fault) {
    std::cerr << "threads_on_paper: " << fault.what() << "\n";
    return 1;
  }
}
