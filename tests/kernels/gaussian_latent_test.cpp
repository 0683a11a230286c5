#include "kernels/gaussian_latent/gaussian_latent.h"

#include "kernels/random_fill/random_fill.h"
#include "kernels/scale/scale.h"
#include "tests/kernels/random_case.h"

namespace burin::test {
namespace {

class GaussianLatent : public TwinTest {};

struct Heads {
  int64_t rows, latent, offset;  // offset: of the buffers, in elements
  std::vector<float> both, mean, logvar;
  int64_t n() const { return rows * latent; }
};

Heads heads_of(int64_t rows, int64_t latent, int64_t offset, bool extreme) {
  Heads heads{rows, latent, offset, {}, {}, {}};
  heads.both = extreme ? mixed_values(2 * heads.n()) : random_values(2 * heads.n());
  for (auto row = heads.both.begin(); row != heads.both.end(); row += 2 * latent) {
    heads.mean.insert(heads.mean.end(), row, row + latent);
    heads.logvar.insert(heads.logvar.end(), row + latent, row + 2 * latent);
  }
  return heads;
}

// More elements than the CUDA grid has threads; rows that begin anywhere; the vector path.
template <class Check>
void for_each_heads(const Check& check) {
  for (const auto& [rows, latent] : std::vector<std::pair<int64_t, int64_t>>{
           {1, 1}, {127, 2}, {31, 33}, {129, 20}, {257, 64}, {1031, 1023}}) {
    for (const int64_t offset : {0, 1}) {
      if (rows > 1000 && offset == 1) continue;
      for (const bool extreme : {false, true}) {
        SCOPED_TRACE(to_string(Dims{rows, latent}) + " at " + std::to_string(offset));
        check(heads_of(rows, latent, offset, extreme));
      }
    }
  }
}

TEST_F(GaussianLatent, ForwardHasTheBitsOfTheSeparateRooms) {
  for_each_heads([](const Heads& h) {
    const float scale = 1.0f / 96.0f;
    const Buffer heads(h.both, h.offset), mean(h.mean), logvar(h.logvar);
    Buffer noise(h.n(), h.offset), z(h.n(), h.offset), kl(1);
    twin::gaussian_latent_forward(heads.data(), h.rows, h.latent, scale, Key(), noise.data(),
                                  z.data(), kl.data(), {});
    Buffer wanted_noise(h.n()), wanted_z(h.n()), wanted_kl(1), filled(h.n());
    twin::reparameterize_forward(mean.data(), logvar.data(), h.n(), Key(), wanted_noise.data(),
                                 wanted_z.data(), {});
    twin::gaussian_kl(mean.data(), logvar.data(), h.n(), scale, wanted_kl.data(), nullptr, nullptr,
                      {});
    twin::random_normal(filled.data(), h.n(), 1.0f, Key(), {});
    expect_same_bits(noise.values(), wanted_noise.values(), "noise");
    expect_same_bits(noise.values(), filled.values(), "noise");
    expect_same_bits(z.values(), wanted_z.values(), "z");
    expect_same_bits(kl.values(), wanted_kl.values(), "kl");
  });
}

// Terms 2^60 and 2^36 lie on a tie between two floats, and double has no room for a term of 100
// beside them: two of it tip the sum if they meet before, and vanish one by one if they do not. So
// the result shows the order, for three terms anywhere: in a thread's quad, in lanes, chunks and
// tasks of the CPU, in blocks.
TEST_F(GaussianLatent, SumsInTheOrderOfTheSeparateRoom) {
  const int64_t places[] = {0, 1, 2, 4, 128, 4096, 8192, 12288};
  const int64_t latent = 4, n = 12292;
  const float huge = 0x1p30f, tie = 0x1p18f, little = 10.0f;
  Buffer heads(std::vector<float>(2 * n), 0), mean(std::vector<float>(n), 0);
  const Buffer logvar(std::vector<float>(n), 0);
  Buffer noise(n, 0), z(n, 0), kl(1), wanted(1);
  const auto set_mean = [&](int64_t i, float value) {
    mean[i] = value;
    heads[i / latent * 2 * latent + i % latent] = value;
  };
  set_mean(n - 1, tie);
  int tipped = 0, vanished = 0;
  for (const int64_t a : places) {
    for (const int64_t b : places) {
      for (const int64_t c : places) {
        if (a == b || a == c || b >= c) continue;
        set_mean(a, huge), set_mean(b, little), set_mean(c, little);
        twin::gaussian_latent_forward(heads.data(), n / latent, latent, 2.0f, Key(), noise.data(),
                                      z.data(), kl.data(), {});
        twin::gaussian_kl(mean.data(), logvar.data(), n, 2.0f, wanted.data(), nullptr, nullptr, {});
        EXPECT_EQ(kl[0], wanted[0]) << huge << " at " << a << ", others at " << b << ", " << c;
        (kl[0] == 0x1p60f ? vanished : tipped) += 1;
        for (const int64_t i : {a, b, c}) set_mean(i, 0.0f);
      }
    }
  }
  EXPECT_GT(tipped, 0);
  EXPECT_GT(vanished, 0);
}

// The gradients in the order of the tape, which gives gaussian_kl's by adding it once.
TEST_F(GaussianLatent, BackwardHasTheBitsOfTheSeparateRooms) {
  for_each_heads([](const Heads& h) {
    const float scale = 1.0f / 96.0f;
    const int64_t n = h.n();
    const Buffer heads(h.both, h.offset), mean(h.mean), logvar(h.logvar);
    const Buffer noise(random_values(n, 1.0, 2), h.offset), d_z(random_values(n, 0.1, 3), h.offset);
    for (const float l1_scale : {0.0f, 0.01f, -0.5f}) {
      Buffer d_heads(2 * n, h.offset), d_mean(n), d_logvar(n);
      twin::gaussian_latent_backward(heads.data(), noise.data(), d_z.data(), h.rows, h.latent,
                                     scale, l1_scale, d_heads.data(), {});
      const bool penalty = l1_scale != 0.0f;
      if (penalty) twin::l1_activity_backward(mean.data(), d_mean.data(), n, l1_scale, false, {});
      Buffer kl(1), kl_mean(n), kl_logvar(n);
      twin::gaussian_kl(mean.data(), logvar.data(), n, scale, kl.data(), kl_mean.data(),
                        kl_logvar.data(), {});
      twin::scale(kl_mean.data(), 1.0f, d_mean.data(), n, penalty, {});
      twin::scale(kl_logvar.data(), 1.0f, d_logvar.data(), n, false, {});
      twin::reparameterize_backward(logvar.data(), noise.data(), d_z.data(), d_mean.data(),
                                    d_logvar.data(), n, true, {});
      std::vector<float> wanted;
      const std::vector<float> means = d_mean.values(), logvars = d_logvar.values();
      for (int64_t i = 0; i < n; i += h.latent) {
        wanted.insert(wanted.end(), means.begin() + i, means.begin() + i + h.latent);
        wanted.insert(wanted.end(), logvars.begin() + i, logvars.begin() + i + h.latent);
      }
      expect_same_bits(d_heads.values(), wanted, penalty ? "d_heads, penalty" : "d_heads");
    }
  });
}

TEST_F(GaussianLatent, AnotherStepGivesOtherNoise) {
  const Buffer heads(random_values(40));
  Buffer noise(20), z(20), kl(1);
  Key key(kSeed, kStream, 0);
  const auto at = [&](uint64_t step) {
    key.set_step(step);
    twin::gaussian_latent_forward(heads.data(), 2, 10, 1.0f, key, noise.data(), z.data(), kl.data(),
                                  {});
    return z.values();
  };
  const std::vector<float> first = at(0);
  EXPECT_NE(at(1), first);
  EXPECT_EQ(at(0), first);
}

}  // namespace
}  // namespace burin::test
