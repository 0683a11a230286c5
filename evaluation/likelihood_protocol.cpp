#include "evaluation/likelihood_protocol.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "evaluation/latents.h"
#include "evaluation/mean.h"

namespace burin {

using nlohmann::json;

namespace {

// Minus the log-likelihood of any image under fair coins.
double coins(const Vae& vae) {
  return static_cast<double>(vae.pixels()) * std::log(2.0);
}

int64_t units(Vae& vae, const DeviceImages& images) {
  return active_units(variances_of_means(vae.posteriors(images), vae.config().latent));
}

}  // namespace

json elbo_report(Vae& vae, const DeviceImages& test, const DeviceImages& train) {
  return {{"test", vae.elbo(test)}, {"train", vae.elbo(train)}, {"noise", -coins(vae)}};
}

json nll_report(Vae& vae, const DeviceImages& test, const DeviceImages& train,
                const LikelihoodOptions& options) {
  std::vector<int64_t> ks = options.ks;
  std::sort(ks.begin(), ks.end());
  const int64_t of_test = test.count() * ks.back();
  const int64_t of_all = of_test + train.count() * ks.back();
  const auto progress_from = [&](int64_t before) -> Vae::EvaluationProgress {
    if (!options.progress) return {};
    return [&options, before, of_all](int64_t done, int64_t) {
      options.progress(before + done, of_all);
    };
  };
  const auto test_curve = vae.nll_curve(test, ks, progress_from(0));
  const auto train_curve = vae.nll_curve(train, ks, progress_from(of_test));
  json curve = json::array();
  for (size_t i = 0; i < ks.size(); ++i) {
    const Mean on_test = mean_of(test_curve[i]), on_train = mean_of(train_curve[i]);
    curve.push_back({{"k", ks[i]},
                     {"test", on_test.value},
                     {"error", on_test.error},
                     {"train", on_train.value},
                     {"train_error", on_train.error}});
  }
  return {{"curve", curve}, {"noise", coins(vae)}};
}

json kl_report(Vae& vae, const DeviceImages& test, const DeviceImages& train) {
  const int64_t latent = vae.config().latent;
  const Mean on_test = kl_of_posteriors(vae.posteriors(test), latent);
  return {{"test", on_test.value},
          {"error", on_test.error},
          {"train", kl_of_posteriors(vae.posteriors(train), latent).value},
          {"noise", 0.0}};
}

json active_report(Vae& vae, const DeviceImages& test, const DeviceImages& train) {
  return {{"test", units(vae, test)},
          {"train", units(vae, train)},
          {"noise", 0},
          {"latent", vae.config().latent},
          {"threshold", kActiveVariance}};
}

}  // namespace burin
