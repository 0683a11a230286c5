// tiny-dnn's side of peers/run. It cannot express the GAN's step: its public interface trains one
// network towards given outputs, so the generator's turn, through a frozen discriminator, is out of
// reach. What is trained here is the discriminator's turn alone: real images and noise pictures as
// one batch, leaky ReLU (its slope, 0.01, is fixed), sigmoid with cross entropy, its Adam, no L1.
//   tiny_dnn_steps THREADS DATA
// Standard input: first the settings, one line of JSON as burin_steps prints it; then the protocol
// of served.h. One thread: its own are started anew for each call of a layer.
#define CNN_USE_AVX
#define CNN_SINGLE_THREAD
#define CNN_NO_SERIALIZATION
#include <tiny_dnn/tiny_dnn.h>

#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "bench/peers/served.h"
#include "engine/data/image_set.h"

namespace {

using nlohmann::json;
using tiny_dnn::vec_t;

void run(const std::string& directory) {
  std::string line;
  std::getline(std::cin, line);
  const json settings = json::parse(line);
  const json& config = settings.at("config");
  const burin::ImageSet set = burin::load_image_set(directory, burin::Split::train);
  const size_t pixels = static_cast<size_t>(set.pixels());
  const size_t batch = config.at("batch");

  tiny_dnn::network<tiny_dnn::sequential> net;
  size_t in = pixels;
  double all = 0;
  for (const size_t out : config.at("discriminator_hidden")) {
    net << tiny_dnn::fully_connected_layer<tiny_dnn::activation::leaky_relu>(
        static_cast<tiny_dnn::serial_size_t>(in), static_cast<tiny_dnn::serial_size_t>(out));
    all += static_cast<double>(in * out);
    in = out;
  }
  net << tiny_dnn::fully_connected_layer<tiny_dnn::activation::sigmoid>(
      static_cast<tiny_dnn::serial_size_t>(in), 1);
  all += static_cast<double>(in);
  tiny_dnn::adam adam;
  adam.alpha = config.at("lr");
  adam.b1 = adam.b1_t = config.at("beta1");
  adam.b2 = adam.b2_t = config.at("beta2");

  std::mt19937 engine(1);
  std::uniform_int_distribution<size_t> image(0, static_cast<size_t>(set.count) - 1);
  std::uniform_real_distribution<float> noise(-1.0f, 1.0f);
  std::vector<vec_t> inputs(2 * batch, vec_t(pixels));
  std::vector<vec_t> wanted(2 * batch, vec_t(1, 0.0f));
  for (size_t i = 0; i < batch; ++i) wanted[i][0] = config.at("real_label");
  for (size_t i = batch; i < 2 * batch; ++i) {
    for (float& x : inputs[i]) x = noise(engine);
  }
  bool first = true;
  const auto step = [&] {
    for (size_t i = 0; i < batch; ++i) {
      const uint8_t* bytes = set.images.data() + image(engine) * pixels;
      for (size_t p = 0; p < pixels; ++p) inputs[i][p] = 2.0f / 255.0f * bytes[p] - 1.0f;
    }
    const auto nothing = [] {};
    net.fit<tiny_dnn::cross_entropy>(adam, inputs, wanted, 2 * batch, 1, nothing, nothing, first,
                                     1);
    first = false;
    return int64_t{1};
  };
  // As step_mflop: forwards, weights, and gradients of all inputs; tiny-dnn makes that of the
  // images too, which nobody needs, so it is not counted.
  const double first_layer =
      static_cast<double>(pixels * config.at("discriminator_hidden")[0].get<size_t>());
  const double mflop = 2e-6 * static_cast<double>(2 * batch) * (3 * all - first_layer);
  burin::bench::serve(
      {{"version", "tiny-dnn, AVX"},
       {"images", batch},
       {"mflop", mflop},
       {"note", "the discriminator's turn alone, without L1"}},
      step, [&](json& answer) { answer["losses"]["output_for_real"] = net.predict(inputs[0])[0]; });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: tiny_dnn_steps 1 DATA\n";
    return 2;
  }
  try {
    run(argv[2]);
  } catch (const std::exception& fault) {
    std::cerr << "tiny_dnn_steps: " << fault.what() << "\n";
    return 1;
  }
}
