// Differentiable operations. Each checks shapes once, runs its room's kernel, and records its
// backward beside its forward. Errors: std::invalid_argument naming the operation and the shapes.
// [..] are shapes; B is the batch. Formulas: docs/maths.md.
#pragma once

#include <cstdint>

#include "engine/autograd/tape.h"
#include "kernels/common/philox.h"
#include "kernels/gemm/activation.h"
#include "kernels/importance/importance.h"

namespace burin::ops {

// A constant x[B, in] whose elements are 0 or 1. On the CPU dense layers then walk its ones, if
// they are few (kernels/gemm/gemm_ones.h); the bits stay the same.
Variable binary_input(Tape& tape, const Tensor& x);

struct DenseOptions {
  Activation activation = Activation::none;
  float slope = 0.2f;  // of leaky_relu, > 0
  Tensor out;          // where to put the result; empty: in the arena
  // The rows that are trained on: gradients of the others are neither wanted nor made. The same as
  // those of x, if x is trained.
  RowRange trained_rows = {};
};

// y[B, out] = activation(x[B, in] weight[out, in]^T + bias[out]), in one kernel.
Variable dense(Tape& tape, Variable x, Variable weight, Variable bias,
               const DenseOptions& options = {});

// For the backward of a dense layer: the gradients of weight [out, in], which is d_y^T x, and bias
// [out], the column sums of d_y, where they are wanted; d_y[B, out], x[B, in]. They are made by the
// end of Tape::backward; d_y and x must stay as they are until then.
void weight_gradients(Tape& tape, const Tensor& d_y, const Tensor& x, Variable weight,
                      Variable bias);

// The trained rows of x (DenseOptions::trained_rows), sharing its memory. x has no other reader.
Variable rows(Tape& tape, Variable x);

// Columns of x[B, in], in the order of columns[n] on the device, as a constant: y[B, n]; a column
// of zeros for -1. No gradient goes through.
Variable select_columns(Tape& tape, Variable x, const int32_t* columns, int64_t n);

// Elementwise, any shape. slope > 0.
Variable leaky_relu(Tape& tape, Variable x, float slope);
Variable sigmoid(Tape& tape, Variable x);
Variable tanh(Tape& tape, Variable x);

// Inverted dropout, 0 <= rate < 1; the mask comes from `key` and is made again for the backward.
Variable dropout(Tape& tape, Variable x, float rate, const RandomKey& key);

// z[..] = mean[..] + exp(log_variance[..] / 2) * noise, noise ~ N(0, 1) from `key`.
Variable reparameterize(Tape& tape, Variable mean, Variable log_variance, const RandomKey& key);

// What stands between the encoder and the decoder of a VAE. heads[B, 2 latent]: means, then
// log-variances. z[B, latent] as by reparameterize; kl = scale * sum KL(N(mean, exp(log_variance))
// || N(0, 1)), a scalar that must be among the losses. l1_scale * sum |mean| is in the gradient,
// not in kl, and kl's gradient is kl_weight times its own. heads has no other reader.
struct GaussianLatent {
  Variable z;
  Variable kl;
};
GaussianLatent gaussian_latent(Tape& tape, Variable heads, float scale, float l1_scale,
                               const RandomKey& key, float kl_weight = 1.0f);

// The same for a loss of `samples` samples an image. heads[B, 2 latent]; z[B * samples, latent], an
// image's samples one after the other. `weights` is filled in by importance_loss, which must come
// of z and be a loss itself, times `scale`. `estimator` is of the gradient of heads, which has no
// other reader; l1_scale as above. The numbers are drawn at steps B * step, ..., B * step + B - 1
// of `key`.
struct ImportanceSample {
  int64_t samples = 1;
  ImportanceEstimator estimator = ImportanceEstimator::reparameterized;
  float scale = 1.0f;
  float l1_scale = 0.0f;
  Variable z;
  Tensor log_ratio;  // [B * samples]; none of drawn samples
  Tensor weights;    // [B * samples]: what each counts for in the gradient
  Tensor shares;     // [B * samples]: scale times the share of its image's weights
};
ImportanceSample importance_sample(Tape& tape, Variable heads, int64_t samples,
                                   ImportanceEstimator estimator, float scale, float l1_scale,
                                   const RandomKey& key);

// `draws` samples an image out of `all`, by their weights: what the gradient is made of in its
// mean, with fewer rows to go back through. `all` is of heads' value as a constant, and
// importance_loss has been called of it. With resampled_loss, of z, in importance_loss's place.
ImportanceSample importance_resample(Tape& tape, Variable heads, const ImportanceSample& all,
                                     int64_t draws, const RandomKey& key);

// Losses: scalars.

// sample.scale * sum over the images of minus the importance-weighted bound, -log 1/samples sum of
// w, of a Bernoulli decoder: logits[B * samples, pixels], target[B, pixels]. With its gradient
// through z (Burda et al. 2016, equations 8 and 14).
Variable importance_loss(Tape& tape, Variable logits, const Tensor& target,
                         const ImportanceSample& sample);

// `bound`, importance_loss of all samples, with its gradient through the logits of the drawn ones:
// its own in the mean over draws.
Variable resampled_loss(Tape& tape, Variable logits, const Tensor& target,
                        const ImportanceSample& drawn, Variable bound);

// scale * sum of the cross entropies of sigmoid(logits) against target, of the same shape, in [0,
// 1].
Variable bce_logits(Tape& tape, Variable logits, const Tensor& target, float scale);
// bce_logits of a dense layer with one output and no activation: x[B, in], weight[1, in], bias[1],
// target[B, 1]. l1_scale * sum |logits| is in the gradient, not in the value. x has no other
// reader.
Variable logistic_loss(Tape& tape, Variable x, Variable weight, Variable bias, const Tensor& target,
                       float scale, float l1_scale);
// scale * sum KL(N(mean, exp(log_variance)) || N(0, 1)).
Variable gaussian_kl(Tape& tape, Variable mean, Variable log_variance, float scale);
// scale * sum of the cross entropies of softmax(logits[B, classes]) against labels[B].
Variable softmax_cross_entropy(Tape& tape, Variable logits, const int32_t* labels, float scale);
// scale * sum |x|: L1 on activations.
Variable l1_activity(Tape& tape, Variable x, float scale);
Variable sum(Tape& tape, Variable x);
Variable mean(Tape& tape, Variable x);

// alpha * x and a + b, for tensors and scalars; a and b have the same shape.
Variable scale(Tape& tape, Variable x, float alpha);
Variable add(Tape& tape, Variable a, Variable b);

}  // namespace burin::ops
