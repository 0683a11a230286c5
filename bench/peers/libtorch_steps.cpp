// libtorch's side of peers/run: the steps of torch_models.py and the update of torch_updates.py's
// ProxAdam in C++, so that no Python stands between two operations.
//   libtorch_steps THREADS DATA
// Standard input: first the settings, one line of JSON as burin_steps prints it; then the protocol
// of served.h.
#include <torch/torch.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/peers/served.h"
#include "engine/data/image_set.h"

#ifdef BURIN_BENCH_OPENBLAS
extern "C" char* openblas_get_corename();
#endif

namespace {

using nlohmann::json;
using torch::Tensor;
namespace F = torch::nn::functional;

struct Config {
  explicit Config(const json& c) : all(c) {}
  double number(const char* key) const { return all.at(key); }
  int64_t whole(const char* key) const { return all.at(key); }
  std::string word(const char* key) const { return all.at(key); }
  std::vector<int64_t> sizes(int64_t first, const char* hidden, int64_t last) const {
    std::vector<int64_t> chain = {first};
    for (const int64_t size : all.at(hidden)) chain.push_back(size);
    if (last > 0) chain.push_back(last);
    return chain;
  }
  const json& all;
};

Tensor activate(const std::string& name, double slope, const Tensor& x) {
  if (name == "leaky_relu") return torch::leaky_relu(x, slope);
  if (name == "tanh") return torch::tanh(x);
  if (name == "sigmoid") return torch::sigmoid(x);
  return x;
}

class Mlp {
 public:
  Mlp(const std::vector<int64_t>& sizes, const Config& config, const std::string& output,
      double dropout = 0)
      : hidden_(config.word("activation")),
        output_(output),
        slope_(config.number("slope")),
        dropout_(dropout) {
    for (size_t i = 0; i + 1 < sizes.size(); ++i) {
      Tensor weight = torch::empty({sizes[i + 1], sizes[i]});
      if (config.word("init") == "he") {
        torch::nn::init::kaiming_normal_(weight, hidden_ == "leaky_relu" ? slope_ : 1.0);
      } else {
        torch::nn::init::xavier_uniform_(weight);
      }
      weights.push_back(weight.requires_grad_());
      biases.push_back(torch::zeros({sizes[i + 1]}).requires_grad_());
    }
  }

  Tensor operator()(Tensor x) const {
    for (size_t i = 0; i < weights.size(); ++i) {
      x = torch::linear(x, weights[i], biases[i]);
      if (i + 1 == weights.size()) return activate(output_, slope_, x);
      x = activate(hidden_, slope_, x);
      if (dropout_ > 0) x = torch::dropout(x, dropout_, true);
    }
    return x;
  }

  void trainable(bool on) {
    for (Tensor& p : weights) p.requires_grad_(on);
    for (Tensor& p : biases) p.requires_grad_(on);
  }

  std::vector<Tensor> weights, biases;

 private:
  std::string hidden_, output_;
  double slope_, dropout_;
};

class ProxAdam {
 public:
  ProxAdam(std::vector<Tensor> weights, const std::vector<Tensor>& biases, const Config& config,
           double penalty)
      : penalised_(penalty > 0 ? weights.size() : 0),
        parameters_(std::move(weights)),
        lr_(config.number("lr")),
        beta1_(config.number("beta1")),
        beta2_(config.number("beta2")),
        epsilon_(config.number("epsilon")),
        penalty_(penalty) {
    parameters_.insert(parameters_.end(), biases.begin(), biases.end());
    for (const Tensor& p : parameters_) {
      m_.push_back(torch::zeros_like(p));
      v_.push_back(torch::zeros_like(p));
    }
  }

  void step() {
    const torch::NoGradGuard no_gradients;
    ++t_;
    const double rate = lr_ / (1 - std::pow(beta1_, t_));
    const double root = std::sqrt(1 - std::pow(beta2_, t_));
    for (size_t i = 0; i < parameters_.size(); ++i) {
      Tensor& p = parameters_[i];
      const Tensor g = p.grad();
      m_[i].mul_(beta1_).add_(g, 1 - beta1_);
      v_[i].mul_(beta2_).addcmul_(g, g, 1 - beta2_);
      Tensor d = v_[i].sqrt().div_(root).add_(epsilon_);
      p.addcdiv_(m_[i], d, -rate);
      if (i < penalised_) {
        const Tensor threshold = d.reciprocal_().mul_(lr_ * penalty_);
        p.sub_(torch::clamp(p, -threshold, threshold));
      }
      p.mutable_grad().reset();
    }
  }

 private:
  size_t penalised_;
  std::vector<Tensor> parameters_, m_, v_;
  double lr_, beta1_, beta2_, epsilon_, penalty_;
  int64_t t_ = 0;
};

// Batches of an order that is shuffled every epoch.
class Order {
 public:
  Order(int64_t count, int64_t batch) : count_(count), batch_(batch), position_(count) {}

  Tensor next() {
    if (position_ + batch_ > count_) {
      order_ = torch::randperm(count_);
      position_ = 0;
    }
    position_ += batch_;
    return order_.narrow(0, position_ - batch_, batch_);
  }

 private:
  int64_t count_, batch_, position_;
  Tensor order_;
};

class Worker {
 public:
  virtual ~Worker() = default;
  virtual int64_t train() = 0;
  virtual int64_t sample() { throw std::invalid_argument("only a GAN samples here"); }
  virtual int64_t evaluate() { throw std::invalid_argument("only a VAE is evaluated here"); }
  std::map<std::string, Tensor> losses;
  std::map<std::string, std::vector<Tensor>> networks;
};

Tensor mean_entropy(const Tensor& logits, const Tensor& targets) {
  return torch::binary_cross_entropy_with_logits(logits, targets, {}, {}, at::Reduction::Mean);
}

class Gan : public Worker {
 public:
  Gan(const Config& config, const Tensor& images)
      : batch_(config.whole("batch")),
        latent_(config.whole("latent")),
        ema_(config.number("ema")),
        range_(config.word("generator_output") == "tanh" ? 2.0 : 1.0),
        images_(images),
        order_(images.size(0), batch_),
        g_(config.sizes(latent_, "generator_hidden", images.size(1)), config,
           config.word("generator_output")),
        d_(config.sizes(images.size(1), "discriminator_hidden", 1), config, "none",
           config.number("dropout")),
        g_update_(g_.weights, g_.biases, config, config.number("l1_generator")),
        d_update_(d_.weights, d_.biases, config, config.number("l1_discriminator")),
        both_(torch::empty({2 * batch_, images.size(1)})),
        d_targets_(torch::zeros({2 * batch_, 1})),
        g_targets_(torch::ones({batch_, 1})) {
    d_targets_.narrow(0, 0, batch_).fill_(config.number("real_label"));
    for (const auto* group : {&g_.weights, &g_.biases}) {
      for (const Tensor& p : *group) {
        averaged_.push_back(p.detach());
        average_.push_back(p.detach().clone());
      }
    }
    networks = {{"generator", g_.weights}, {"discriminator", d_.weights}};
  }

  int64_t train() override {
    {
      const torch::NoGradGuard no_gradients;
      Tensor real = both_.narrow(0, 0, batch_);
      torch::mul_out(real, images_.index_select(0, order_.next()),
                     torch::scalar_tensor(range_ / 255.0));
      if (range_ == 2.0) real.sub_(1.0);
      both_.narrow(0, batch_, batch_).copy_(g_(torch::randn({batch_, latent_})));
    }
    const Tensor d_loss = 2 * mean_entropy(d_(both_), d_targets_);
    d_loss.backward();
    d_update_.step();
    d_.trainable(false);
    const Tensor g_loss = mean_entropy(d_(g_(torch::randn({batch_, latent_}))), g_targets_);
    g_loss.backward();
    d_.trainable(true);
    g_update_.step();
    if (ema_ > 0) {
      const torch::NoGradGuard no_gradients;
      torch::_foreach_mul_(average_, ema_);
      torch::_foreach_add_(average_, averaged_, 1 - ema_);
    }
    losses = {{"discriminator", d_loss.detach()}, {"generator", g_loss.detach()}};
    return 1;
  }

  int64_t sample() override {
    const torch::NoGradGuard no_gradients;
    Tensor pictures = g_(torch::randn({batch_, latent_}));
    if (range_ == 2.0) pictures.add_(1.0).mul_(0.5);
    losses["mean_pixel"] = pictures.clamp_(0.0, 1.0).mul_(255.0).add_(0.5).to(torch::kUInt8);
    return 1;
  }

 private:
  int64_t batch_, latent_;
  double ema_, range_;
  Tensor images_;
  Order order_;
  Mlp g_, d_;
  ProxAdam g_update_, d_update_;
  Tensor both_, d_targets_, g_targets_;
  std::vector<Tensor> averaged_, average_;
};

std::vector<Tensor> joined(std::vector<Tensor> a, const std::vector<Tensor>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

class Vae : public Worker {
 public:
  Vae(const Config& config, const Tensor& images)
      : batch_(config.whole("batch")),
        latent_(config.whole("latent")),
        binarize_(config.word("pixels") == "binarize"),
        images_(images),
        order_(images.size(0), batch_),
        encoder_(config.sizes(images.size(1), "encoder_hidden", 0), config,
                 config.word("activation")),
        // Mean and log-variance by one layer of twice the size.
        heads_({encoder_.weights.back().size(0), 2 * latent_}, config, "none"),
        decoder_(config.sizes(latent_, "decoder_hidden", images.size(1)), config, "none"),
        e_update_(joined(encoder_.weights, heads_.weights), joined(encoder_.biases, heads_.biases),
                  config, config.number("l1_encoder")),
        d_update_(decoder_.weights, decoder_.biases, config, config.number("l1_decoder")) {
    if (config.word("output_bias") == "data") {
      const torch::NoGradGuard no_gradients;
      Tensor mean = torch::zeros({images.size(1)});
      for (const Tensor& part : images.split(1000)) mean += part.to(torch::kFloat).sum(0);
      mean.div_(255.0 * static_cast<double>(images.size(0))).clamp_(0.001, 0.999);
      decoder_.biases.back().copy_(torch::logit(mean));
    }
    networks = {{"encoder", joined(encoder_.weights, heads_.weights)},
                {"decoder", decoder_.weights}};
  }

  int64_t train() override {
    const auto [reconstruction, kl] = parts(images_.index_select(0, order_.next()));
    (reconstruction + kl).backward();
    e_update_.step();
    d_update_.step();
    losses = {{"reconstruction", reconstruction.detach()}, {"kl", kl.detach()}};
    return 1;
  }

  int64_t evaluate() override {
    const torch::NoGradGuard no_gradients;
    double sum = 0;
    const int64_t batches = images_.size(0) / batch_;
    for (int64_t i = 0; i < batches; ++i) {
      const auto [reconstruction, kl] = parts(images_.narrow(0, i * batch_, batch_));
      sum -= (reconstruction + kl).item<double>();
    }
    losses["elbo"] = torch::scalar_tensor(sum / static_cast<double>(batches));
    return batches;
  }

 private:
  std::pair<Tensor, Tensor> parts(const Tensor& bytes) {
    Tensor x;
    {
      const torch::NoGradGuard no_gradients;
      x = bytes.to(torch::kFloat).mul_(1.0 / 255.0);
      if (binarize_) x = torch::rand_like(x).lt_(x);
    }
    const std::vector<Tensor> heads = heads_(encoder_(x)).split(latent_, 1);
    const Tensor z =
        torch::addcmul(heads[0], torch::exp(0.5 * heads[1]), torch::randn({x.size(0), latent_}));
    const double per_image = 1.0 / static_cast<double>(x.size(0));
    const Tensor reconstruction =
        torch::binary_cross_entropy_with_logits(decoder_(z), x, {}, {}, at::Reduction::Sum) *
        per_image;
    const Tensor kl =
        (-0.5 * per_image) * (1 + heads[1] - heads[0] * heads[0] - heads[1].exp()).sum();
    return {reconstruction, kl};
  }

  int64_t batch_, latent_;
  bool binarize_;
  Tensor images_;
  Order order_;
  Mlp encoder_, heads_, decoder_;
  ProxAdam e_update_, d_update_;
};

void run(int threads, const std::string& directory) {
  torch::set_num_threads(threads);
  torch::manual_seed(1);
  at::globalContext().setFlushDenormal(true);
  std::string line;
  std::getline(std::cin, line);
  const json settings = json::parse(line);
  const std::string work = settings.at("work");
  const burin::ImageSet set = burin::load_image_set(
      directory, work == "evaluate" ? burin::Split::test : burin::Split::train);
  const Tensor images = torch::from_blob(const_cast<uint8_t*>(set.images.data()),
                                         {set.count, set.pixels()}, torch::kUInt8);
  const Config config(settings.at("config"));
  std::unique_ptr<Worker> worker;
  if (config.word("model") == "gan") {
    worker = std::make_unique<Gan>(config, images);
  } else {
    worker = std::make_unique<Vae>(config, images);
  }
  std::string version = std::string("libtorch ") + TORCH_VERSION;
#ifdef BURIN_BENCH_OPENBLAS
  version += std::string(", OpenBLAS with kernels for ") + openblas_get_corename();
#endif
  burin::bench::serve(
      {{"version", version}},
      [&] {
        return work == "train"    ? worker->train()
               : work == "sample" ? worker->sample()
                                  : worker->evaluate();
      },
      [&](json& answer) {
        for (const auto& [name, loss] : worker->losses) {
          answer["losses"][name] = loss.to(torch::kFloat).mean().item<double>();
        }
        for (const auto& [name, weights] : worker->networks) {
          int64_t zeros = 0, all = 0;
          for (const Tensor& w : weights) {
            zeros += (w == 0).sum().item<int64_t>();
            all += w.numel();
          }
          answer["zeros"][name] = static_cast<double>(zeros) / static_cast<double>(all);
        }
      });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: libtorch_steps THREADS DATA\n";
    return 2;
  }
  try {
    run(std::stoi(argv[1]), argv[2]);
  } catch (const std::exception& fault) {
    std::cerr << "libtorch_steps: " << fault.what() << "\n";
    return 1;
  }
}
