// After the first step, training allocates nothing: counted where memory is asked for. C++ comes
// through operator new; std::aligned_alloc (Memory) and the rest of C through the linker's --wrap,
// see tests/CMakeLists.txt.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "kernels/common/parallel.h"
#include "models/vae.h"
#include "tests/support/model_case.h"

namespace {

std::atomic<bool> counting{false};
std::atomic<int64_t> allocations{0};

void note() {
  if (counting.load(std::memory_order_relaxed)) ++allocations;
}

}  // namespace

extern "C" {
void* __real_malloc(size_t bytes);
void* __real_calloc(size_t count, size_t bytes);
void* __real_realloc(void* memory, size_t bytes);
void* __real_aligned_alloc(size_t alignment, size_t bytes);

void* __wrap_malloc(size_t bytes) {
  note();
  return __real_malloc(bytes);
}
void* __wrap_calloc(size_t count, size_t bytes) {
  note();
  return __real_calloc(count, bytes);
}
void* __wrap_realloc(void* memory, size_t bytes) {
  note();
  return __real_realloc(memory, bytes);
}
void* __wrap_aligned_alloc(size_t alignment, size_t bytes) {
  note();
  return __real_aligned_alloc(alignment, bytes);
}
}

void* operator new(size_t bytes) {
  note();
  void* memory = __real_malloc(bytes > 0 ? bytes : 1);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// Of std::stable_partition and its kin, which do with less memory where there is none.
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  note();
  return __real_malloc(bytes > 0 ? bytes : 1);
}
void* operator new(size_t bytes, std::align_val_t alignment) {
  note();
  const size_t step = static_cast<size_t>(alignment);
  void* memory = __real_aligned_alloc(step, (bytes + step - 1) / step * step);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
// Not inlined: GCC would see a free for what came from operator new, and warn.
[[gnu::noinline]] void operator delete(void* memory) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace burin::test {
namespace {

template <class F>
int64_t count_allocations(const F& f) {
  allocations = 0;
  counting = true;
  f();
  counting = false;
  return allocations;
}

// Kept where the compiler cannot leave the allocation out.
void* volatile sink;

TEST(Allocations, TheCounterSeesThemAll) {
  EXPECT_EQ(count_allocations([] {}), 0);
  EXPECT_EQ(count_allocations([] {
              int* number = new int(1);
              sink = number;
              delete number;
            }),
            1);
  EXPECT_EQ(count_allocations([] {
              sink = std::malloc(8);
              std::free(sink);
            }),
            1);
  EXPECT_EQ(count_allocations([] { const Memory memory(Device::cpu, 64); }), 1);
  EXPECT_EQ(count_allocations([] {
              const std::vector<float> v(100, 1.0f);
              sink = nullptr;
            }),
            1);
  Arena arena(Device::cpu);
  EXPECT_GE(count_allocations([&] { arena.allocate(64); }), 1);
  EXPECT_EQ(count_allocations([&] { arena.allocate(64); }), 0);
}

// Large enough that the first step needs several arena blocks.
Config config_of(ModelKind kind) {
  Config config;
  config.model = kind;
  config.batch = BURIN_SLOW_BUILD ? 128 : 200;
  config.generator_hidden = config.decoder_hidden = {33};
  config.discriminator_hidden = config.encoder_hidden = {65, 17};
  config.latent = 9;
  config.dropout = 0.3;
  config.ema = 0.9;
  config.l1_epochs = 0.75;  // ends within the steps that are counted
  config.l1_generator = config.l1_encoder = config.l1_decoder = 1e-3;
  config.l1_discriminator = 1e-3;
  config.l1_generator_output = config.l1_discriminator_output = 1e-3;
  config.l1_mean = config.l1_reconstruction = 1e-3;
  config.lr_schedule = "cosine";
  config.decay_until = 1;
  return config;
}

TEST(Allocations, NoneAfterTheFirstStep) {
  for (const ModelKind kind : {ModelKind::gan, ModelKind::vae}) {
    for (const int threads : {1, 2}) {
      SCOPED_TRACE(std::string(model_name(kind)) + ", threads: " + std::to_string(threads));
      cpu::set_threads(threads);
      const Config config = config_of(kind);
      ModelCase test(config, config.batch * 4);
      EXPECT_GT(count_allocations([&] { test.train(1); }), 0);
      EXPECT_GT(test.model->peak_step_bytes(), size_t{1} << 20);
      for (int step = 2; step <= 6; ++step) {
        EXPECT_EQ(count_allocations([&] { test.train(1); }), 0) << "step " << step;
      }
    }
  }
  cpu::set_threads(1);
}

// Pictures and evaluation in between need memory of their own; training goes on without.
TEST(Allocations, AtMostOneStepAllocatesAfterPictures) {
  const Config config = config_of(ModelKind::gan);
  ModelCase test(config, config.batch * 4);
  test.train(2);
  test.model->generate(test.model->latent_noise(256, 1));
  test.train(1);
  EXPECT_EQ(count_allocations([&] { test.train(3); }), 0);
}

// The likelihood takes what its first chunks of samples need, and no more for the others.
TEST(Allocations, NoneAfterTheFirstSamplesOfALikelihood) {
  const Config config = config_of(ModelKind::vae);
  ModelCase test(config, config.batch);
  Vae& vae = static_cast<Vae&>(*test.model);
  vae.nll(test.data, 3, {}, 256);
  const int64_t few = count_allocations([&] { vae.nll(test.data, 3, {}, 256); });
  EXPECT_LT(few, 20);
  EXPECT_EQ(count_allocations([&] { vae.nll(test.data, 30, {}, 256); }), few);
}

}  // namespace
}  // namespace burin::test
