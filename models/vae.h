// Variational auto-encoder (Kingma & Welling 2013) of dense layers with a Bernoulli decoder.
#pragma once

#include <functional>

#include "models/model.h"

namespace burin {

// The loss of a step is the negative evidence lower bound in nats, a mean over the batch: cross
// entropy of the reconstruction, summed over pixels, plus KL, summed over latents (appendix B),
// times beta (Higgins et al. 2017). Or minus the importance-weighted bound of k samples (Burda et
// al. 2016).
class Vae : public Model {
 public:
  Vae(const Config& config, int64_t pixels, int64_t data_count, Device device);

  void initialize(const ImageSet& set) override;
  // What the encoder says of images [rows, pixels] in [0, 1]: [rows, 2 latent], means, then
  // log-variances.
  std::vector<float> heads(const std::vector<float>& images);
  // Pixel probabilities [rows, pixels] from the latent means of images [rows, pixels] in [0, 1].
  std::vector<float> reconstruct(const std::vector<float>& images);

  // The evidence lower bound in nats: mean over `set`, dynamically binarised with a seed that never
  // changes, one latent sample an image. -cross entropy - KL.
  double elbo(const DeviceImages& set);

  static constexpr uint64_t kEvaluationSeed = 20080101;  // fixed: figures of different runs compare

  // Called with the evaluations (an image with a sample each) that are done, and all there will be.
  using EvaluationProgress = std::function<void(int64_t done, int64_t total)>;

  // Minus the log-likelihood in nats by importance sampling with k >= 1 samples an image (Burda et
  // al. 2016): mean over `set`, its pixels those of elbo(). An upper bound on the true one in the
  // mean, which falls with k; at k = 1 its mean is that of -elbo(). At most `rows` samples go
  // through the decoder at a time, 0: decoder_rows(), and memory grows with neither k nor the set;
  // on the CPU the bits do not depend on `rows`. docs/maths.md#importance
  double nll(const DeviceImages& set, int64_t k, const EvaluationProgress& progress = {},
             int64_t rows = 0);
  // The same of each image, at every k of `ks` (at least one, rising): [ks][images]. One walk
  // through the samples of the largest k: those of a smaller one are its first.
  std::vector<std::vector<double>> nll_curve(const DeviceImages& set,
                                             const std::vector<int64_t>& ks,
                                             const EvaluationProgress& progress = {},
                                             int64_t rows = 0);
  // What the encoder says of each image, its pixels those of elbo(): [images, 2 latent], means,
  // then log-variances.
  std::vector<float> posteriors(const DeviceImages& set);
  // Enough for the products; on the CPU few enough that what a layer puts out is still in the
  // second level cache when it is read.
  int64_t decoder_rows() const;

 protected:
  void forward_backward_update(const DeviceImages& data) override;
  void generate_batch(const Tensor& z, const Tensor& out) override;
  StepScalars scalars_at(int64_t step) const override;

 private:
  static constexpr int64_t kEvaluationBatch = 250;

  // Images [first, first + B) of `set`, binarised as elbo() and nll() do: images[B, pixels], B at
  // most kEvaluationBatch and `first` a multiple of it.
  void binarize_for_evaluation(const DeviceImages& set, int64_t first, const Tensor& images);
  RandomKey evaluation_key(RandomStream stream, int64_t step);
  void evidence_lower_bound(Variable x, const Tensor& images);
  void importance_weighted(Variable x, const Tensor& images);
  // [B, 2 latent]: means, then log-variances.
  Variable encode(Variable x, bool trainable);
  // Logits [B, pixels] of z[B, latent].
  Variable decode(Variable z, bool trainable, const ops::DenseOptions& options = {});

  Parameters encoder_;
  Parameters decoder_;
  Mlp encoder_net_;  // hidden layers
  Linear heads_;     // mean and log-variance
  Mlp decoder_net_;
  // int32_t[2 latent], of a compact model: what of its heads is where; -1 for a latent unit that
  // went, whose posterior is the prior: mean and log-variance 0.
  Memory spread_heads_;
  Memory evaluation_step_;  // uint64_t: which batch of elbo() and nll(), or image of nll()
  std::unique_ptr<Optimizer> encoder_optimizer_;
  std::unique_ptr<Optimizer> decoder_optimizer_;
};

}  // namespace burin
