// Generative adversarial network (Goodfellow et al. 2014) of dense layers.
#pragma once

#include "models/model.h"

namespace burin {

// A step is two turns. The discriminator's: real and fake images in one batch of 2B, the generator
// only runs forward. The generator's: fresh noise, gradients flow through the discriminator, whose
// weights get none. The generator does not change between the turns, so it makes the fake images of
// both in one forward pass.
class Gan : public Model {
 public:
  Gan(const Config& config, int64_t pixels, int64_t data_count, Device device);

  void initialize(const ImageSet& set) override;

 protected:
  void forward_backward_update(const DeviceImages& data) override;
  // Pictures are made with the running average of the generator's weights, masked to their zeros,
  // if there is one.
  void prepare_generating() override;
  void generate_batch(const Tensor& z, const Tensor& out) override;
  bool signed_pixels() const override { return config_.generator_output == "tanh"; }
  StepScalars scalars_at(int64_t step) const override;

 private:
  void discriminator_turn(const Tensor& images);
  void generator_turn(Variable fake);
  Variable discriminator_loss(Variable x, bool trainable, const Tensor& targets, float scale,
                              float l1_scale, RandomStream dropout);

  Parameters generator_;
  Parameters discriminator_;
  Mlp generator_net_;
  Mlp discriminator_net_;
  Memory average_;                // of the generator, flat
  Parameters sampling_;           // the generator that generate() runs: averaged, masked
  Memory discriminator_targets_;  // [2B]: real_label, then 0
  Memory generator_targets_;      // [B]: what the generator wants the discriminator to say
  std::unique_ptr<Optimizer> generator_optimizer_;
  std::unique_ptr<Optimizer> discriminator_optimizer_;
};

}  // namespace burin
