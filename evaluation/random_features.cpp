#include "evaluation/random_features.h"

#include "engine/random_streams.h"
#include "evaluation/batches.h"

namespace burin {
namespace {

MlpOptions layers(int64_t pixels) {
  MlpOptions options;
  options.sizes = {pixels, 256, RandomFeatures::kFeatures};
  options.output_activation = options.hidden_activation;
  return options;
}

}  // namespace

RandomFeatures::RandomFeatures(int64_t pixels, uint64_t seed)
    : pixels_(pixels), tape_(Device::cpu), net_(parameters_, layers(pixels)) {
  parameters_.allocate(Device::cpu);
  int layer = 0;
  for (const Linear& linear : net_.layers()) {
    linear.initialize(parameters_, Initialization::he, seed,
                      stream_of(RandomStream::feature_weights, layer++));
  }
}

Points RandomFeatures::features(const std::vector<float>& images) {
  return Points(kFeatures, outputs_of(tape_, images, pixels_, [&](Variable x) {
                  return net_.forward(tape_, parameters_, x, false).value();
                }));
}

}  // namespace burin
