#include "kernels/reparameterize/reparameterize.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/check.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable reparameterize(Tape& tape, Variable mean, Variable log_variance, const RandomKey& key) {
  check_same_shape("reparameterize", "mean", mean.shape(), "log_variance", log_variance.shape());
  Variable z = tape.result(mean.shape(), {mean, log_variance});
  const Tensor noise = tape.temporary(mean.shape());  // saved for the backward
  const int64_t n = z.value().elements();
  BURIN_DISPATCH(tape.device(), reparameterize_forward, mean.value().data(),
                 log_variance.value().data(), n, key, noise.data(), z.value().data(),
                 tape.stream());
  tape.record(z, [=](Tape& t) {
    const Tape::Target d_mean = t.gradient_of(mean);
    const Tape::Target d_log_variance = t.gradient_of(log_variance);
    // One flag for both in the kernel: an input with a first gradient starts from zero.
    const bool accumulate = d_mean.accumulate || d_log_variance.accumulate;
    if (accumulate && !d_mean.accumulate) t.zero(d_mean.data, n);
    if (accumulate && !d_log_variance.accumulate) t.zero(d_log_variance.data, n);
    BURIN_DISPATCH(t.device(), reparameterize_backward, log_variance.value().data(), noise.data(),
                   z->gradient.data(), d_mean.data, d_log_variance.data, n, accumulate, t.stream());
  });
  return z;
}

}  // namespace burin::ops
