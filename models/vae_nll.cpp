// The likelihood of a VAE by importance sampling.
#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/bce_logits/bce_logits.h"
#include "kernels/gather/gather.h"
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

  // Of the sums of weights of `count` images: sum of log(1/k sum w).
  double log_likelihoods(Device device, int64_t count, int64_t k) {
    copy_to_host(device, host_exponents.data(), exponents.data(), bytes_of(count, sizeof(double)));
    copy_to_host(device, host_sums.data(), sums.data(), bytes_of(count, sizeof(double)));
    double total = 0;
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
      total += std::log(host_sums[i]) + host_exponents[i] * std::log(2.0) -
               std::log(static_cast<double>(k));
    }
    return total;
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
  if (rows == 0) rows = decoder_rows();
  const int64_t latent = config_.latent;
  if (k < 1 || rows < 1 || k > (int64_t{1} << 32) / importance_blocks(latent)) {
    throw std::invalid_argument("nll: " + std::to_string(k) + " samples an image, " +
                                std::to_string(rows) + " at a time; expected at least 1, and of " +
                                std::to_string(latent) + " latents no more than 2^32 / " +
                                std::to_string(importance_blocks(latent)));
  }
  // All samples of some images at a time, or an image's in parts of about the same size.
  const int64_t parts = (k + rows - 1) / rows;
  const int64_t samples_at_once = (k + parts - 1) / parts;
  const int64_t images_at_once = std::clamp<int64_t>(rows / samples_at_once, 1, kEvaluationBatch);

  const auto key_at = [&](RandomStream stream, int64_t step) {
    const uint64_t number = static_cast<uint64_t>(step);
    copy_to_device_async(device_, evaluation_step_.data(), &number, sizeof number, tape_.stream());
    return RandomKey{kEvaluationSeed, stream_of(stream), evaluation_step_.as<uint64_t>()};
  };
  EncodedImages encoded(device_, std::min(kEvaluationBatch, set.count()), pixels(), latent);

  const auto encode_batch = [&](int64_t first, int64_t batch) {
    tape_.reset();
    const Tensor images(encoded.pixels_memory.as<float>(), {batch, pixels()}, device_);
    const RandomKey key = key_at(RandomStream::test_binarize, first / kEvaluationBatch);
    BURIN_DISPATCH(device_, gather_binarize, set.images() + first * pixels(), nullptr, batch,
                   pixels(), key, images.data(), tape_.stream());
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
    const RandomKey key = key_at(RandomStream::test_importance, number);
    BURIN_DISPATCH(device_, importance_sample,
                   encoded.heads_memory.as<float>() + begin * 2 * latent, images, samples, latent,
                   first_sample, key, z.data(), log_ratio.data(), tape_.stream());
    const Variable logits = decoder_net_.forward(tape_, decoder_, tape_.constant(z), false);
    BURIN_DISPATCH(device_, bce_logits_rows, logits.value().data(),
                   encoded.pixels_memory.as<float>() + begin * pixels(), count, pixels(), samples,
                   row_loss.data(), tape_.stream());
    BURIN_DISPATCH(device_, importance_sum, row_loss.data(), log_ratio.data(), images, samples,
                   first_sample == 0, encoded.exponents.as<double>() + begin,
                   encoded.sums.as<double>() + begin, tape_.stream());
  };

  double total = 0;
  int64_t done = 0;
  for (int64_t first = 0; first < set.count(); first += kEvaluationBatch) {
    const int64_t batch = std::min(kEvaluationBatch, set.count() - first);
    encode_batch(first, batch);
    for (int64_t begin = 0; begin < batch; begin += images_at_once) {
      const int64_t images = std::min(images_at_once, batch - begin);
      for (int64_t sample = 0; sample < k; sample += samples_at_once) {
        const int64_t samples = std::min(samples_at_once, k - sample);
        add_samples(begin, images, first + begin, sample, samples);
        done += images * samples;
        if (progress) progress(done, set.count() * k);
      }
    }
    total += encoded.log_likelihoods(device_, batch, k);
  }
  return -total / static_cast<double>(set.count());
}

}  // namespace burin
