#include "kernels/gaussian_latent/gaussian_latent.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"

namespace burin::ops {

GaussianLatent gaussian_latent(Tape& tape, Variable heads, float scale, float l1_scale,
                               const RandomKey& key, float kl_weight) {
  if (heads.shape().rank() != 2 || heads.shape()[1] % 2 != 0) {
    throw std::invalid_argument("gaussian_latent: heads have shape " + heads.shape().to_string() +
                                ", expected [B, 2 latent]");
  }
  const int64_t rows = heads.shape()[0];
  const int64_t latent = heads.shape()[1] / 2;
  Variable z = tape.result({rows, latent}, {heads});
  Variable kl = tape.result({}, {});  // its gradient goes with that of z
  kl->needs_gradient = heads->needs_gradient;
  const Tensor noise = tape.temporary(z.shape());  // saved for the backward
  BURIN_DISPATCH(tape.device(), gaussian_latent_forward, heads.value().data(), rows, latent, scale,
                 key, noise.data(), z.value().data(), kl.value().data(), tape.stream());
  tape.record(z, [=](Tape& t) {
    const Tape::Target d_heads = t.gradient_of(heads);
    if (d_heads.accumulate) {
      throw std::invalid_argument("gaussian_latent: its input must have no other reader");
    }
    const float factor = kl->scalar_gradient;
    BURIN_DISPATCH(t.device(), gaussian_latent_backward, heads.value().data(), noise.data(),
                   z->gradient.data(), rows, latent, factor * scale * kl_weight, factor * l1_scale,
                   d_heads.data, t.stream());
  });
  return {z, kl};
}

}  // namespace burin::ops
