// The metrics of a VAE's likelihood and latents, each beside its floor and ceiling: the test images
// ("test"), training images ("train"), and what a model knows that draws each pixel by a fair coin
// ("noise"). docs/evaluation.md
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "models/vae.h"

namespace burin {

struct LikelihoodOptions {
  std::vector<int64_t> ks;  // of nll: different ones, each at least 1
  // Called with the evaluations of nll that are done, and all there will be.
  Vae::EvaluationProgress progress;
};

// {"test", "train", "noise"}, nats an image, by elbo().
nlohmann::json elbo_report(Vae& vae, const DeviceImages& test, const DeviceImages& train);
// {"curve": [{"k", "test", "error", "train", "train_error"}, ...] by rising k, "noise"}: nats an
// image, errors those of the means over the images.
nlohmann::json nll_report(Vae& vae, const DeviceImages& test, const DeviceImages& train,
                          const LikelihoodOptions& options);
// {"test", "error", "train", "noise"}: nats an image.
nlohmann::json kl_report(Vae& vae, const DeviceImages& test, const DeviceImages& train);
// {"test", "train", "noise", "latent", "threshold"}: numbers of units.
nlohmann::json active_report(Vae& vae, const DeviceImages& test, const DeviceImages& train);

}  // namespace burin
