// Variational auto-encoder (Kingma & Welling 2013) of dense layers with a Bernoulli decoder.
#pragma once

#include "models/model.h"

namespace burin {

// The loss of a step is the negative evidence lower bound in nats, a mean over the batch: cross
// entropy of the reconstruction, summed over pixels, plus KL, summed over latents (appendix B).
class Vae : public Model {
 public:
  Vae(const Config& config, int64_t pixels, int64_t data_count, Device device);

  void initialize(const ImageSet& set) override;
  // Pixel probabilities [rows, pixels] from the latent means of images [rows, pixels] in [0, 1].
  std::vector<float> reconstruct(const std::vector<float>& images);

  // The evidence lower bound in nats: mean over `set`, dynamically binarised with a seed that never
  // changes, one latent sample an image. -cross entropy - KL.
  double elbo(const DeviceImages& set);

 protected:
  void forward_backward_update(const DeviceImages& data) override;
  void generate_batch(const Tensor& z, const Tensor& out) override;
  StepScalars scalars_at(int64_t step) const override;

 private:
  // [B, 2 latent]: means, then log-variances.
  Variable encode(Variable x, bool trainable);

  Parameters encoder_;
  Parameters decoder_;
  Mlp encoder_net_;  // hidden layers
  Linear heads_;     // mean and log-variance
  Mlp decoder_net_;
  Memory evaluation_step_;  // uint64_t: which batch of elbo()
  std::unique_ptr<Optimizer> encoder_optimizer_;
  std::unique_ptr<Optimizer> decoder_optimizer_;
};

}  // namespace burin
