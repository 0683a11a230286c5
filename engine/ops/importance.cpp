#include "kernels/importance/importance.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "kernels/bce_logits/bce_logits.h"
#include "kernels/fill/fill.h"
#include "kernels/reduce/reduce.h"
#include "kernels/resample/resample.h"

namespace burin::ops {
namespace {

// The gradient of z, and what its density adds, to heads.
void record_sample(Tape& tape, Variable heads, const ImportanceSample& sample) {
  tape.record(sample.z, [=](Tape& t) {
    const Tape::Target d_heads = t.gradient_of(heads);
    if (d_heads.accumulate) {
      throw std::invalid_argument("importance sample: its heads must have no other reader");
    }
    BURIN_DISPATCH(t.device(), importance_backward, sample.estimator, heads.value().data(),
                   sample.z.value().data(), sample.z->gradient.data(), sample.weights.data(),
                   sample.shares.data(), heads.shape()[0], sample.samples, heads.shape()[1] / 2,
                   sample.scale, sample.l1_scale, d_heads.data, t.stream());
  });
}

void check_logits(const char* what, Variable logits, const Tensor& target,
                  const ImportanceSample& sample) {
  if (logits.shape().rank() != 2 || target.shape().rank() != 2 ||
      logits.shape()[0] != sample.samples * target.shape()[0] ||
      logits.shape()[1] != target.shape()[1] || logits.shape()[0] != sample.weights.elements()) {
    throw std::invalid_argument(std::string(what) + ": logits have shape " +
                                logits.shape().to_string() + ", target " +
                                target.shape().to_string() + ", samples are " +
                                std::to_string(sample.samples) + " an image");
  }
}

void record_loss(Tape& tape, Variable loss, Variable logits, const Tensor& target,
                 const ImportanceSample& sample) {
  tape.record(loss, [=, weights = sample.weights, samples = sample.samples](Tape& t) {
    if (loss->scalar_gradient != 1.0f) {
      throw std::invalid_argument("importance_loss: it must be a loss itself, not part of a sum");
    }
    const Tensor d_logits = t.temporary(logits.shape());
    BURIN_DISPATCH(t.device(), bce_logits_rows_backward, logits.value().data(), target.data(),
                   weights.data(), logits.shape()[0], logits.shape()[1], samples, d_logits.data(),
                   t.stream());
    t.give_gradient(logits, d_logits, 1.0f);
  });
}

}  // namespace

ImportanceSample importance_sample(Tape& tape, Variable heads, int64_t samples,
                                   ImportanceEstimator estimator, float scale, float l1_scale,
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
  sample.estimator = estimator;
  sample.scale = scale;
  sample.l1_scale = l1_scale;
  sample.z = tape.result({images * samples, latent}, {heads});
  sample.log_ratio = tape.temporary({images * samples});
  sample.weights = tape.temporary({images * samples});
  sample.shares = sample.weights;
  BURIN_DISPATCH(tape.device(), importance_sample, heads.value().data(), images, samples, latent, 0,
                 key, static_cast<uint64_t>(images), sample.z.value().data(),
                 sample.log_ratio.data(), tape.stream());
  record_sample(tape, heads, sample);
  return sample;
}

Variable importance_loss(Tape& tape, Variable logits, const Tensor& target,
                         const ImportanceSample& sample) {
  check_logits("importance_loss", logits, target, sample);
  const int64_t images = target.shape()[0];
  const int64_t rows = logits.shape()[0];
  Variable loss = tape.result({}, {logits});
  const Tensor row_loss = tape.temporary({rows});
  const Tensor image_loss = tape.temporary({images});
  BURIN_DISPATCH(tape.device(), bce_logits_rows, logits.value().data(), target.data(), rows,
                 logits.shape()[1], sample.samples, row_loss.data(), tape.stream());
  BURIN_DISPATCH(tape.device(), importance_weights, row_loss.data(), sample.log_ratio.data(),
                 images, sample.samples, sample.scale, image_loss.data(), sample.weights.data(),
                 tape.stream());
  BURIN_DISPATCH(tape.device(), sum, image_loss.data(), images, sample.scale, loss.value().data(),
                 tape.stream());
  record_loss(tape, loss, logits, target, sample);
  return loss;
}

ImportanceSample importance_resample(Tape& tape, Variable heads, const ImportanceSample& all,
                                     int64_t draws, const RandomKey& key) {
  const int64_t images = heads.shape()[0];
  if (draws < 1 || all.z.shape()[0] != images * all.samples ||
      2 * all.z.shape()[1] != heads.shape()[1] || all.z->needs_gradient) {
    throw std::invalid_argument("importance_resample: heads have shape " +
                                heads.shape().to_string() + ", z " + all.z.shape().to_string() +
                                ", draws are " + std::to_string(draws) +
                                ", expected z of the same images, without a gradient, and 1 draw "
                                "or more");
  }
  const int64_t latent = all.z.shape()[1];
  ImportanceSample drawn = all;
  drawn.samples = draws;
  drawn.z = tape.result({images * draws, latent}, {heads});
  drawn.log_ratio = {};
  drawn.weights = tape.temporary({images * draws});
  drawn.shares = tape.temporary({images * draws});
  BURIN_DISPATCH(tape.device(), fill, drawn.weights.data(), images * draws,
                 all.scale / static_cast<float>(draws), tape.stream());
  BURIN_DISPATCH(tape.device(), resample, all.z.value().data(), all.weights.data(), images,
                 all.samples, latent, draws, key, drawn.z.value().data(), drawn.shares.data(),
                 tape.stream());
  record_sample(tape, heads, drawn);
  return drawn;
}

Variable resampled_loss(Tape& tape, Variable logits, const Tensor& target,
                        const ImportanceSample& drawn, Variable bound) {
  check_logits("resampled_loss", logits, target, drawn);
  const Variable loss = tape.result({}, {logits}, bound.value());
  record_loss(tape, loss, logits, target, drawn);
  return loss;
}

}  // namespace burin::ops
