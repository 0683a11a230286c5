#include "kernels/gaussian_kl/gaussian_kl.h"

#include "engine/backend/dispatch.h"
#include "engine/ops/check.h"
#include "engine/ops/ops.h"

namespace burin::ops {

Variable gaussian_kl(Tape& tape, Variable mean, Variable log_variance, float scale) {
  check_same_shape("gaussian_kl", "mean", mean.shape(), "log_variance", log_variance.shape());
  Variable loss = tape.result({}, {mean, log_variance});
  const Tensor d_mean = loss->needs_gradient ? tape.temporary(mean.shape()) : Tensor();
  const Tensor d_log_variance = loss->needs_gradient ? tape.temporary(mean.shape()) : Tensor();
  BURIN_DISPATCH(tape.device(), gaussian_kl, mean.value().data(), log_variance.value().data(),
                 mean.value().elements(), scale, loss.value().data(), d_mean.data(),
                 d_log_variance.data(), tape.stream());
  tape.record(loss, [=](Tape& t) {
    t.give_gradient(mean, d_mean, loss->scalar_gradient);
    t.give_gradient(log_variance, d_log_variance, loss->scalar_gradient);
  });
  return loss;
}

}  // namespace burin::ops
