// The GAN's step against its formulas in double, for a network small enough.
#include "models/gan.h"

#include <gtest/gtest.h>

#include "kernels/gather/gather.h"
#include "tests/support/model_case.h"

namespace burin::test {
namespace {

constexpr int64_t kBatchSize = 6, kLatent = 3;
constexpr uint64_t kSeed = 5;

// A learning rate that is zero in single precision: the gradients of a step are left to be looked
// at.
constexpr double kStandstill = 1e-60;

Config tiny() {
  Config config;
  config.model = ModelKind::gan;
  config.seed = kSeed;
  config.batch = kBatchSize;
  config.latent = kLatent;
  config.generator_hidden = {5, 4};
  config.discriminator_hidden = {6, 5};
  config.optimizer = "sgd";
  config.lr = kStandstill;
  config.real_label = 0.9;
  return config;
}

std::vector<double> noise(RandomStream stream, uint64_t step,
                          int64_t count = kBatchSize * kLatent) {
  std::vector<double> z;
  for (int64_t i = 0; i < count; ++i) {
    z.push_back(oracle::normal({kSeed, stream_of(stream), step}, i).value);
  }
  return z;
}

// The batch of `step`, scaled to the range of the generator's output.
std::vector<double> real_images(const ImageSet& set, uint64_t step, bool tanh) {
  std::vector<int32_t> indices(kBatchSize);
  cpu::batch_indices(set.count, kBatchSize, {kSeed, stream_of(RandomStream::batch_order), &step},
                     indices.data(), {});
  std::vector<double> images;
  for (const int32_t index : indices) {
    for (int64_t p = 0; p < set.pixels(); ++p) {
      const double grey = set.images[size_t(index * set.pixels() + p)] / 255.0;
      images.push_back(tanh ? 2.0 * grey - 1.0 : grey);
    }
  }
  return images;
}

struct DoubleGan {
  const Config& config;
  char output() const { return config.generator_output == "tanh" ? 't' : 's'; }

  std::vector<double> fake(const DoubleParameters& g, const std::vector<double>& z) const {
    return double_mlp(z, g, 0, 3, 'l', output());
  }
  // Discriminator's logits, with dropout of its hidden layers.
  std::vector<double> logits(const DoubleParameters& d, std::vector<double> x, RandomStream stream,
                             uint64_t step) const {
    for (int layer = 0; layer < 3; ++layer) {
      const size_t i = size_t(2 * layer);
      x = double_dense(x, d[i], d[i + 1], layer == 2 ? 'n' : 'l');
      if (layer == 2 || config.dropout == 0) continue;
      const oracle::Draw draw{kSeed, stream_of(stream, layer), step};
      for (size_t j = 0; j < x.size(); ++j) {
        x[j] = oracle::dropout(x[j], draw, int64_t(j), config.dropout);
      }
    }
    return x;
  }
  double discriminator_loss(const DoubleParameters& d, const DoubleParameters& g,
                            const ImageSet& set, uint64_t step, double* plain = nullptr) const {
    std::vector<double> images = real_images(set, step, output() == 't');
    const std::vector<double> fakes = fake(g, noise(RandomStream::noise_for_discriminator, step));
    images.insert(images.end(), fakes.begin(), fakes.end());
    const auto scores = logits(d, images, RandomStream::dropout_discriminator_turn, step);
    double loss = 0, l1 = 0;
    for (size_t i = 0; i < scores.size(); ++i) {
      const double target = i < size_t(kBatchSize) ? config.real_label : 0.0;
      loss += oracle::bce_logits(scores[i], target) / double(kBatchSize);
      l1 += std::abs(scores[i]) / double(kBatchSize);
    }
    if (plain != nullptr) *plain = loss;
    return loss + config.l1_discriminator_output * l1;
  }
  double generator_loss(const DoubleParameters& d, const DoubleParameters& g, uint64_t step,
                        double* plain = nullptr) const {
    const RandomStream stream = config.fakes == "reuse" ? RandomStream::noise_for_discriminator
                                                        : RandomStream::noise_for_generator;
    const std::vector<double> images = fake(g, noise(stream, step));
    double loss = 0, l1 = 0;
    for (const double x : logits(d, images, RandomStream::dropout_generator_turn, step)) {
      const double s = oracle::sigmoid(x);
      loss +=
          (config.gan_loss == "minimax" ? std::log(1.0 - s) : -std::log(s)) / double(kBatchSize);
    }
    for (const double pixel : images) l1 += std::abs(pixel) / double(kBatchSize);
    if (plain != nullptr) *plain = loss;
    return loss + config.l1_generator_output * l1;
  }
};

// Both turns: losses, and gradients of every parameter. The generator's gradient would be another
// if the discriminator's turn wrote to it, and the other way round.
TEST(Gan, GradientsOfBothTurnsAreTheFormulas) {
  for (const bool extras : {false, true}) {
    for (const char* loss : {"non_saturating", "minimax"}) {
      Config config = tiny();
      config.gan_loss = loss;
      if (extras) {
        config.fakes = "reuse";
        config.generator_output = "sigmoid";
        config.dropout = 0.3;
        config.l1_generator_output = 0.01;
        config.l1_discriminator_output = 0.02;
      }
      ModelCase test(config, 40);
      const auto before = bits_of(*test.model);
      test.train(2);
      EXPECT_TRUE(bits_of(*test.model) == before);
      test.model->take_losses();
      test.train(1);  // step 2
      const DoubleGan gan{config};
      const Parameters& g = *test.network("generator").parameters;
      const Parameters& d = *test.network("discriminator").parameters;
      const DoubleParameters g_values = in_double(g), d_values = in_double(d);
      // The longest chain: 784 pixels, and the batch.
      constexpr double kRoundings = 300;
      check_network_gradient(
          d,
          [&](const DoubleParameters& v) {
            return gan.discriminator_loss(v, g_values, test.set, 2);
          },
          kRoundings);
      check_network_gradient(
          g, [&](const DoubleParameters& v) { return gan.generator_loss(d_values, v, 2); },
          kRoundings);
      double d_loss = 0, g_loss = 0;  // without the penalties
      gan.discriminator_loss(d_values, g_values, test.set, 2, &d_loss);
      gan.generator_loss(d_values, g_values, 2, &g_loss);
      const std::vector<double> losses = test.model->take_losses();
      expect_close(losses[0], d_loss, kRoundings, 1.0, "discriminator");
      expect_close(losses[1], g_loss, kRoundings, 1.0, "generator");
    }
  }
}

TEST(Gan, EachTurnUpdatesItsOwnNetwork) {
  for (const bool generator_stands : {true, false}) {
    Config config = tiny();
    config.lr = generator_stands ? kStandstill : 0.1;
    config.lr_discriminator = generator_stands ? 0.1 : kStandstill;
    ModelCase test(config, 40);
    const auto bits = [&](const char* name) {
      return bits_of(test.network(name).parameters->values());
    };
    const auto generator = bits("generator"), discriminator = bits("discriminator");
    test.train(3);
    EXPECT_EQ(bits("generator") == generator, generator_stands);
    EXPECT_EQ(bits("discriminator") == discriminator, !generator_stands);
  }
}

// With one image, d/dlogit is -s (minimax) and -(1 - s) (non-saturating): the gradients of all
// weights are parallel, of the same direction, and their ratio is (1 - s) / s.
TEST(Gan, MinimaxAndNonSaturatingPullTheSameWay) {
  std::vector<float> gradients[2];
  double losses[2];
  for (const bool minimax : {false, true}) {
    Config config = tiny();
    config.batch = 1;
    config.gan_loss = minimax ? "minimax" : "non_saturating";
    ModelCase test(config, 40);
    test.train(1);
    losses[minimax] = test.model->take_losses()[1];
    const Parameters& g = *test.network("generator").parameters;
    for (int i = 0; i < g.count(); ++i) {
      for (const float v : g.gradient(i).to_host()) gradients[minimax].push_back(v);
    }
  }
  const double s = std::exp(-losses[0]);
  EXPECT_NEAR(std::exp(losses[1]), 1.0 - s, 1e-6);
  int compared = 0;
  for (size_t i = 0; i < gradients[0].size(); ++i) {
    const double expected = double{gradients[1][i]} * (1.0 - s) / s;
    EXPECT_NEAR(double{gradients[0][i]}, expected, 1e-5 * std::abs(expected) + 1e-12);
    compared += std::abs(expected) > 1e-6;
  }
  EXPECT_GT(compared, 100);
}

TEST(Gan, AverageFollowsItsFormula) {
  Config config = tiny();
  config.lr = 0.05;
  config.ema = 0.15;
  ModelCase test(config, 40);
  const Model::Network generator = test.network("generator");
  DoubleParameters expected = in_double(*generator.parameters);
  EXPECT_EQ(in_double(*generator.parameters, *generator.average), expected);
  for (int step = 0; step < 4; ++step) {
    test.train(1);
    const double decay = std::min(0.15, (1.0 + step) / (10.0 + step));  // 0.1, then 0.15
    const DoubleParameters now = in_double(*generator.parameters);
    const DoubleParameters average = in_double(*generator.parameters, *generator.average);
    for (size_t i = 0; i < now.size(); ++i) {
      for (size_t j = 0; j < now[i].size(); ++j) {
        expected[i][j] = decay * expected[i][j] + (1.0 - decay) * now[i][j];
        EXPECT_NEAR(average[i][j], expected[i][j], 1e-6);
      }
    }
  }
}

TEST(Gan, PicturesComeFromTheMaskedAverage) {
  for (const double ema : {0.0, 0.9}) {
    for (const char* output : {"tanh", "sigmoid"}) {
      Config config = tiny();
      config.optimizer = "adam";
      config.lr = 0.01;
      config.ema = ema;
      config.generator_output = output;
      config.l1_generator = 0.1;
      ModelCase test(config, 40);
      test.train(10);
      const Model::Network generator = test.network("generator");
      EXPECT_GT(generator.optimizer->zero_fraction(), 0.05);
      DoubleParameters used = in_double(*generator.parameters);
      if (ema > 0) {
        const DoubleParameters average = in_double(*generator.parameters, *generator.average);
        for (size_t i = 0; i < used.size(); ++i) {
          for (size_t j = 0; j < used[i].size(); ++j) {
            used[i][j] = used[i][j] == 0.0 ? 0.0 : average[i][j];
          }
        }
      }
      // More than one batch of pictures, and a part of one.
      const int64_t count = 300;
      const std::vector<float> z = test.model->latent_noise(count, 9);
      const std::vector<float> pictures = test.model->generate(z);
      ASSERT_EQ(int64_t(pictures.size()), count * 784);
      const DoubleGan gan{config};
      const std::vector<double> expected = gan.fake(used, {z.begin(), z.end()});
      for (size_t i = 0; i < pictures.size(); i += 7) {
        const double pixel = gan.output() == 't' ? 0.5 * (expected[i] + 1.0) : expected[i];
        ASSERT_NEAR(double{pictures[i]}, pixel, 1e-5);
      }
    }
  }
}

TEST(Gan, LatentNoiseIsTheOracles) {
  ModelCase test(tiny(), 40);
  const std::vector<float> z = test.model->latent_noise(4, 77);
  for (int64_t i = 0; i < 4 * kLatent; ++i) {
    const oracle::Normal n = oracle::normal({77, stream_of(RandomStream::sample_noise), 0}, i);
    expect_close(double{z[size_t(i)]}, n.value, 8, n.radius, "z");
  }
}

}  // namespace
}  // namespace burin::test
