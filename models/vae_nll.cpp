// The likelihood of a VAE by importance sampling.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/bce_logits/bce_logits.h"
#include "kernels/importance/importance.h"
#include "kernels/scale/scale.h"
#include "models/vae.h"

namespace burin {
namespace {

size_t bytes_of(int64_t count, size_t element) {
  return static_cast<size_t>(count) * element;
}

// What stays while the decoder's batches come and go on the tape.
struct EncodedImages {
  EncodedImages(Device device, int64_t count, int64_t pixels, int64_t latent)
      : pixels_memory(device, bytes_of(count * pixels, sizeof(float))),
        heads_memory(device, bytes_of(2 * count * latent, sizeof(float))),
        exponents(device, bytes_of(count, sizeof(double))),
        sums(device, bytes_of(count, sizeof(double))),
        host_exponents(static_cast<size_t>(count)),
        host_sums(static_cast<size_t>(count)) {}

  // Of the sums of weights of `count` images: -log(1/k sum w), put behind `all`.
  void append_nll(Device device, int64_t count, int64_t k, std::vector<double>& all) {
    copy_to_host(device, host_exponents.data(), exponents.data(), bytes_of(count, sizeof(double)));
    copy_to_host(device, host_sums.data(), sums.data(), bytes_of(count, sizeof(double)));
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      all.push_back(std::log(static_cast<double>(k)) - std::log(host_sums[i]) -
                    host_exponents[i] * std::log(2.0));
    }
  }

  Memory pixels_memory;  // [count, pixels], binarised
  Memory heads_memory;   // [count, 2 latent]
  Memory exponents;      // [count], importance_sum's
  Memory sums;           // [count]
  std::vector<double> host_exponents, host_sums;
};

}  // namespace

int64_t Vae::decoder_rows() const {
  if (device_ != Device::cpu) return 2048;
  constexpr int64_t kFloats = int64_t{1} << 18;  // 1 MiB
  int64_t widest = pixels();
  for (const int64_t width : config_.decoder_hidden) widest = std::max(widest, width);
  return std::clamp<int64_t>(kFloats / widest, 64, 2048);
}

double Vae::nll(const DeviceImages& set, int64_t k, const EvaluationProgress& progress,
                int64_t rows) {
  const std::vector<double> of_images = nll_curve(set, {k}, progress, rows)[0];
  double total = 0;
  for (const double nll : of_images) total += nll;
  return total / static_cast<double>(set.count());
}

std::vector<std::vector<double>> Vae::nll_curve(const DeviceImages& set,
                                                const std::vector<int64_t>& ks,
                                                const EvaluationProgress& progress, int64_t rows) {
  if (rows == 0) rows = decoder_rows();
  const int64_t latent = config_.latent;
  int64_t before = 0;
  for (const int64_t k : ks) {
    if (k > before && rows >= 1 && k <= (int64_t{1} << 32) / importance_blocks(latent)) {
      before = k;
      continue;
    }
    throw std::invalid_argument(
        "nll: " + std::to_string(k) + " samples an image, " + std::to_string(rows) +
        " at a time; expected at least 1, rising, " + "and of " + std::to_string(latent) +
        " latents no more than 2^32 / " + std::to_string(importance_blocks(latent)));
  }
  if (ks.empty()) throw std::invalid_argument("nll: no number of samples");
  EncodedImages encoded(device_, std::min(kEvaluationBatch, set.count()), pixels(), latent);

  const auto encode_batch = [&](int64_t first, int64_t batch) {
    tape_.reset();
    const Tensor images(encoded.pixels_memory.as<float>(), {batch, pixels()}, device_);
    binarize_for_evaluation(set, first, images);
    const Variable heads = encode(ops::binary_input(tape_, images), false);
    BURIN_DISPATCH(device_, scale, heads.value().data(), 1.0f, encoded.heads_memory.as<float>(),
                   heads.value().elements(), false, tape_.stream());
  };

  // Samples [first_sample, + samples) of the batch's images [begin, + images), the first of which
  // is image `number` of the set.
  const auto add_samples = [&](int64_t begin, int64_t images, int64_t number, int64_t first_sample,
                               int64_t samples) {
    tape_.reset();
    const int64_t count = images * samples;
    // A product with one row has another order of sums: so there are at least two.
    const Tensor z = tape_.temporary({std::max<int64_t>(count, 2), latent});
    if (count == 1) tape_.zero(z.data() + latent, latent);
    const Tensor log_ratio = tape_.temporary({count});
    const Tensor row_loss = tape_.temporary({count});
    const RandomKey key = evaluation_key(RandomStream::test_importance, number);
    BURIN_DISPATCH(device_, importance_sample,
                   encoded.heads_memory.as<float>() + begin * 2 * latent, images, samples, latent,
                   first_sample, key, 1, z.data(), log_ratio.data(), tape_.stream());
    const Variable logits = decode(tape_.constant(z), false);
    BURIN_DISPATCH(device_, bce_logits_rows, logits.value().data(),
                   encoded.pixels_memory.as<float>() + begin * pixels(), count, pixels(), samples,
                   row_loss.data(), tape_.stream());
    BURIN_DISPATCH(device_, importance_sum, row_loss.data(), log_ratio.data(), images, samples,
                   first_sample == 0, encoded.exponents.as<double>() + begin,
                   encoded.sums.as<double>() + begin, tape_.stream());
  };

  std::vector<std::vector<double>> curve(ks.size());
  for (std::vector<double>& of_images : curve) of_images.reserve(static_cast<size_t>(set.count()));
  int64_t done = 0;
  for (int64_t first = 0; first < set.count(); first += kEvaluationBatch) {
    const int64_t batch = std::min(kEvaluationBatch, set.count() - first);
    encode_batch(first, batch);
    int64_t begin_sample = 0;
    for (size_t i = 0; i < ks.size(); ++i) {
      // All samples up to the next k of some images at a time, or an image's in parts of about the
      // same size.
      const int64_t new_samples = ks[i] - begin_sample;
      const int64_t parts = (new_samples + rows - 1) / rows;
      const int64_t samples_at_once = (new_samples + parts - 1) / parts;
      const int64_t images_at_once = std::clamp<int64_t>(rows / samples_at_once, 1, batch);
      for (int64_t begin = 0; begin < batch; begin += images_at_once) {
        const int64_t images = std::min(images_at_once, batch - begin);
        for (int64_t sample = begin_sample; sample < ks[i]; sample += samples_at_once) {
          const int64_t samples = std::min(samples_at_once, ks[i] - sample);
          add_samples(begin, images, first + begin, sample, samples);
          done += images * samples;
          if (progress) progress(done, set.count() * ks.back());
        }
      }
      encoded.append_nll(device_, batch, ks[i], curve[i]);
      begin_sample = ks[i];
    }
  }
  return curve;
}

}  // namespace burin
