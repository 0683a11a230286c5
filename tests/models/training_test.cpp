// Bits that must not change: with the number of threads, by looking; and training that fails.
#include <gtest/gtest.h>

#include "kernels/common/parallel.h"
#include "models/vae.h"
#include "tests/support/training_case.h"

namespace burin::test {
namespace {

TEST(Training, TheSameBitsForAnyNumberOfThreads) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    SCOPED_TRACE(model_name(config.model));
    std::vector<std::vector<std::vector<uint32_t>>> bits;
    std::vector<std::vector<double>> losses;
    for (const int threads : {1, 2, 3, 4}) {
      cpu::set_threads(threads);
      ModelCase test = make_case(config);
      test.train(5);
      bits.push_back(bits_of(*test.model));
      losses.push_back(test.model->take_losses());
    }
    cpu::set_threads(1);
    for (size_t i = 1; i < bits.size(); ++i) {
      EXPECT_TRUE(bits[0] == bits[i]) << i + 1 << " threads";
      EXPECT_EQ(losses[0], losses[i]) << i + 1 << " threads";
    }
  }
}

TEST(Training, DependsOnTheSeed) {
  for (Config config : {sparse_gan(), sparse_vae()}) {
    ModelCase first = make_case(config);
    ModelCase again = make_case(config);
    config.seed = 2;
    ModelCase other = make_case(config);
    for (ModelCase* test : {&first, &again, &other}) test->train(1);
    EXPECT_TRUE(bits_of(*first.model) == bits_of(*again.model));
    EXPECT_FALSE(bits_of(*first.model) == bits_of(*other.model));
  }
}

// Pictures and evaluation leave training alone.
TEST(Training, LookingChangesNothing) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    ModelCase plain = make_case(config);
    plain.train(4);
    ModelCase watched = make_case(config);
    const std::vector<float> z = watched.model->latent_noise(70, 3);
    watched.train(2);
    const std::vector<float> pictures = watched.model->generate(z);
    EXPECT_EQ(watched.model->generate(z), pictures);
    if (Vae* vae = dynamic_cast<Vae*>(watched.model.get())) {
      const double elbo = vae->elbo(watched.data);
      EXPECT_EQ(vae->elbo(watched.data), elbo);
      vae->reconstruct(std::vector<float>(size_t(3 * vae->pixels()), 0.5f));
    }
    watched.train(2);
    EXPECT_TRUE(bits_of(*watched.model) == bits_of(*plain.model)) << model_name(config.model);
  }
}

TEST(Training, LossesAreMeansSinceTheyWereTaken) {
  for (const Config& config : {sparse_gan(), sparse_vae()}) {
    ModelCase one = make_case(config), three = make_case(config);
    std::vector<double> sums(2, 0.0);
    for (int step = 0; step < 3; ++step) {
      one.train(1);
      const std::vector<double> losses = one.model->take_losses();
      ASSERT_EQ(losses.size(), one.model->loss_names().size());
      for (size_t i = 0; i < 2; ++i) sums[i] += losses[i];
    }
    three.train(3);
    const std::vector<double> means = three.model->take_losses();
    for (size_t i = 0; i < 2; ++i) EXPECT_DOUBLE_EQ(means[i], sums[i] / 3.0);
    EXPECT_EQ(three.model->take_losses(), std::vector<double>(2, 0.0));
  }
}

TEST(Training, DivergenceIsReportedBeforeTheWeightsAreTouched) {
  for (const auto& [config, name] :
       {std::pair(sparse_gan(), "discriminator"), std::pair(sparse_vae(), "decoder")}) {
    ModelCase test = make_case(config);
    test.train(2);
    const Parameters& parameters = *test.network(name).parameters;
    // Of the last layer, so that the loss sees it.
    parameters.value(parameters.count() - 1).data()[0] = NAN;
    const auto before = bits_of(*test.model);
    try {
      test.train(1);
      ADD_FAILURE() << "not seen";
    } catch (const TrainingDiverged& fault) {
      EXPECT_NE(std::string(fault.what()).find("step 3"), std::string::npos) << fault.what();
      EXPECT_NE(std::string(fault.what()).find(name), std::string::npos) << fault.what();
    }
    EXPECT_TRUE(bits_of(*test.model) == before);
  }
}

}  // namespace
}  // namespace burin::test
