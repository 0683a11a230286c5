#include "kernels/importance/importance.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/bce_logits/bce_logits.h"
#include "kernels/reduce/reduce.h"

namespace burin::ops {

ImportanceSample importance_sample(Tape& tape, Variable heads, int64_t samples, float l1_scale,
                                   const RandomKey& key) {
  if (heads.shape().rank() != 2 || heads.shape()[1] % 2 != 0 || samples < 1) {
    throw std::invalid_argument("importance_sample: heads have shape " + heads.shape().to_string() +
                                ", samples are " + std::to_string(samples) +
                                ", expected [B, 2 latent] and 1 or more");
  }
  const int64_t images = heads.shape()[0];
  const int64_t latent = heads.shape()[1] / 2;
  ImportanceSample sample;
  sample.samples = samples;
  sample.z = tape.result({images * samples, latent}, {heads});
  sample.log_ratio = tape.temporary({images * samples});
  sample.weights = tape.temporary({images * samples});
  BURIN_DISPATCH(tape.device(), importance_sample, heads.value().data(), images, samples, latent, 0,
                 key, static_cast<uint64_t>(images), sample.z.value().data(),
                 sample.log_ratio.data(), tape.stream());
  tape.record(sample.z, [=, z = sample.z, weights = sample.weights](Tape& t) {
    const Tape::Target d_heads = t.gradient_of(heads);
    if (d_heads.accumulate) {
      throw std::invalid_argument("importance_sample: its input must have no other reader");
    }
    BURIN_DISPATCH(t.device(), importance_backward, heads.value().data(), z.value().data(),
                   z->gradient.data(), weights.data(), images, samples, latent, l1_scale,
                   d_heads.data, t.stream());
  });
  return sample;
}

Variable importance_loss(Tape& tape, Variable logits, const Tensor& target,
                         const ImportanceSample& sample, float scale) {
  const int64_t samples = sample.samples;
  if (logits.shape().rank() != 2 || target.shape().rank() != 2 ||
      logits.shape()[0] != samples * target.shape()[0] || logits.shape()[1] != target.shape()[1] ||
      logits.shape()[0] != sample.log_ratio.elements()) {
    throw std::invalid_argument("importance_loss: logits have shape " + logits.shape().to_string() +
                                ", target " + target.shape().to_string() + ", samples are " +
                                std::to_string(samples) + " an image");
  }
  const int64_t images = target.shape()[0];
  const int64_t rows = images * samples;
  const int64_t cols = target.shape()[1];
  Variable loss = tape.result({}, {logits});
  const Tensor row_loss = tape.temporary({rows});
  const Tensor image_loss = tape.temporary({images});
  BURIN_DISPATCH(tape.device(), bce_logits_rows, logits.value().data(), target.data(), rows, cols,
                 samples, row_loss.data(), tape.stream());
  BURIN_DISPATCH(tape.device(), importance_weights, row_loss.data(), sample.log_ratio.data(),
                 images, samples, scale, image_loss.data(), sample.weights.data(), tape.stream());
  BURIN_DISPATCH(tape.device(), sum, image_loss.data(), images, scale, loss.value().data(),
                 tape.stream());
  tape.record(loss, [=, weights = sample.weights](Tape& t) {
    if (loss->scalar_gradient != 1.0f) {
      throw std::invalid_argument("importance_loss: it must be a loss itself, not part of a sum");
    }
    const Tensor d_logits = t.temporary(logits.shape());
    BURIN_DISPATCH(t.device(), bce_logits_rows_backward, logits.value().data(), target.data(),
                   weights.data(), rows, cols, samples, d_logits.data(), t.stream());
    t.give_gradient(logits, d_logits, 1.0f);
  });
  return loss;
}

}  // namespace burin::ops
