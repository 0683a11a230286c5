#include "models/compact_proof.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "models/vae.h"

namespace burin {
namespace {

Bounded exact(const float* values, const std::vector<int64_t>& columns) {
  Bounded x;
  for (const int64_t column : columns) x.values.push_back(static_cast<double>(values[column]));
  x.errors.assign(x.values.size(), 0.0);
  return x;
}

Bounded part_of(const Bounded& x, size_t first, size_t count) {
  const auto cut = [&](const std::vector<double>& from) {
    const auto begin = from.begin() + static_cast<ptrdiff_t>(first);
    return std::vector<double>(begin, begin + static_cast<ptrdiff_t>(count));
  };
  return {cut(x.values), cut(x.errors)};
}

void compare(float of_whole, float of_compact, double bound, Proof* proof) {
  proof->same_bits = proof->same_bits && std::memcmp(&of_whole, &of_compact, sizeof of_whole) == 0;
  const double difference =
      std::abs(static_cast<double>(of_whole) - static_cast<double>(of_compact));
  proof->largest_difference = std::max(proof->largest_difference, difference);
  proof->largest_bound = std::max(proof->largest_bound, bound);
  // A NaN is no number to compare: it counts as a difference without bound.
  const double share = difference <= bound ? (bound > 0 ? difference / bound : 0.0)
                                           : (difference > bound ? difference / bound : INFINITY);
  proof->largest_share = std::max(proof->largest_share, share);
}

Proof begin_proof(const char* what, int64_t examples) {
  Proof proof;
  proof.what = what;
  proof.examples = examples;
  proof.same_bits = true;
  return proof;
}

// Pixels from what goes into the last network.
Bounded pixels_of(const CompactModel& model, const Bounded& latents) {
  const Bounded out = run_bounded(model.networks.back().chain, latents);
  if (model.config.model == ModelKind::vae) return logistic(out);
  return model.config.generator_output == "tanh" ? from_signed(out) : out;
}

void compare_rows(const std::vector<float>& of_whole, const std::vector<float>& of_compact,
                  size_t row, const Bounded& a, const Bounded& b, Proof* proof) {
  const size_t n = a.errors.size();
  for (size_t i = 0; i < n; ++i) {
    compare(of_whole[row * n + i], of_compact[row * n + i], a.errors[i] + b.errors[i], proof);
  }
}

// Posterior and reconstruction.
void prove_vae(const CompactModel& whole, const CompactModel& compact, Vae& of_whole,
               Vae& of_compact, int64_t count, const std::vector<float>& images,
               std::vector<Proof>* proofs) {
  const size_t pixels = static_cast<size_t>(of_whole.pixels());
  const size_t latent = static_cast<size_t>(whole.config.latent), left = compact.latents.size();
  const std::vector<float> heads = of_whole.heads(images), compact_heads = of_compact.heads(images);
  const std::vector<float> made = of_whole.reconstruct(images),
                           compact_made = of_compact.reconstruct(images);
  Proof posterior = begin_proof("posterior", count);
  Proof reconstruction = begin_proof("reconstruction", count);
  const CompactNetwork& encoder = whole.network("encoder");
  const CompactNetwork& compact_encoder = compact.network("encoder");
  for (size_t row = 0; row < static_cast<size_t>(count); ++row) {
    const float* image = images.data() + row * pixels;
    const Bounded a = run_bounded(encoder.chain, exact(image, encoder.chain.inputs));
    const Bounded b =
        run_bounded(compact_encoder.chain, exact(image, compact_encoder.chain.inputs));
    for (size_t i = 0; i < left; ++i) {
      for (size_t half = 0; half < 2; ++half) {
        const size_t place = half * latent + static_cast<size_t>(compact.latents[i]);
        compare(heads[row * 2 * latent + place], compact_heads[row * 2 * latent + place],
                a.errors[place] + b.errors[half * left + i], &posterior);
      }
    }
    compare_rows(made, compact_made, row, pixels_of(whole, part_of(a, 0, latent)),
                 pixels_of(compact, part_of(b, 0, left)), &reconstruction);
  }
  proofs->push_back(posterior);
  proofs->push_back(reconstruction);
}

}  // namespace

std::vector<Proof> prove(const CompactModel& whole, const CompactModel& compact, int64_t count,
                         uint64_t seed, const std::vector<float>& images) {
  const std::unique_ptr<Model> of_whole = build(whole, Device::cpu);
  const std::unique_ptr<Model> of_compact = build(compact, Device::cpu);
  const std::vector<float> z = of_whole->latent_noise(count, seed);
  const std::vector<float> made = of_whole->generate(z), compact_made = of_compact->generate(z);
  Proof pictures = begin_proof("pictures", count);
  for (size_t row = 0; row < static_cast<size_t>(count); ++row) {
    const float* latents = z.data() + row * static_cast<size_t>(whole.config.latent);
    compare_rows(made, compact_made, row, pixels_of(whole, exact(latents, whole.latents)),
                 pixels_of(compact, exact(latents, compact.latents)), &pictures);
  }
  std::vector<Proof> proofs = {pictures};
  if (whole.config.model == ModelKind::vae) {
    prove_vae(whole, compact, static_cast<Vae&>(*of_whole), static_cast<Vae&>(*of_compact), count,
              images, &proofs);
  }
  return proofs;
}

}  // namespace burin
