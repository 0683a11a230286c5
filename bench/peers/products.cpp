#include "bench/peers/products.h"

namespace burin::bench {
namespace {

// Rows [first, first + rows) of a buffer with rows of `cols` floats.
struct Rows {
  size_t buffer = 0;
  int64_t first = 0, rows = 0, cols = 0;

  Operand operand() const { return {buffer, first * cols}; }
  Rows range(int64_t begin, int64_t count) const { return {buffer, first + begin, count, cols}; }
};

class Writer {
 public:
  Rows rows(int64_t count, int64_t cols) {
    step.buffers.push_back(count * cols);
    return {step.buffers.size() - 1, 0, count, cols};
  }

  // y = x W^T
  void forward(const Rows& x, const Rows& weight, const Rows& y) {
    add(false, true, x.rows, weight.rows, x.cols, x, weight, y);
  }
  // dW = dy^T x
  void weights(const Rows& d_y, const Rows& x, const Rows& d_weight) {
    add(true, false, d_y.cols, x.cols, x.rows, d_y, x, d_weight);
  }
  // dx = dy W
  void backward(const Rows& d_y, const Rows& weight, const Rows& d_x) {
    add(false, false, d_y.rows, weight.cols, d_y.cols, d_y, weight, d_x);
  }

  StepProducts step;

 private:
  void add(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, const Rows& a,
           const Rows& b, const Rows& c) {
    step.products.push_back(
        {transpose_a, transpose_b, m, n, k, a.operand(), b.operand(), c.operand()});
  }
};

// A chain of dense layers: its weights, their gradients, and passes through it.
class Chain {
 public:
  Chain(Writer& writer, int64_t input, const std::vector<int64_t>& hidden, int64_t output)
      : writer_(writer) {
    int64_t in = input;
    for (const int64_t out : hidden) in = add(in, out);
    add(in, output);
  }

  // Activations of a pass: x first. `y`: where the output goes, or a buffer of its own.
  std::vector<Rows> forward(const Rows& x, const Rows* y = nullptr) {
    std::vector<Rows> all = {x};
    for (size_t i = 0; i < weights_.size(); ++i) {
      const bool to_y = y != nullptr && i + 1 == weights_.size();
      all.push_back(to_y ? *y : writer_.rows(x.rows, weights_[i].rows));
      writer_.forward(all[i], weights_[i], all.back());
    }
    return all;
  }

  // Back through `pass`; returns the gradient of its input, where that is wanted. Rows of d_y that
  // are not the pass's own are for the caller to cut.
  Rows backward(const std::vector<Rows>& pass, Rows d_y, bool weights, bool input) {
    for (size_t i = weights_.size(); i-- > 0;) {
      if (weights) writer_.weights(d_y, pass[i], gradients_[i]);
      if (i == 0 && !input) break;
      const Rows d_x = writer_.rows(d_y.rows, weights_[i].cols);
      writer_.backward(d_y, weights_[i], d_x);
      d_y = d_x;
    }
    return d_y;
  }

 private:
  int64_t add(int64_t in, int64_t out) {
    weights_.push_back(writer_.rows(out, in));
    gradients_.push_back(writer_.rows(out, in));
    return out;
  }

  Writer& writer_;
  std::vector<Rows> weights_, gradients_;
};

// Burin's turns share one pass forwards through the generator, for the fake images of both.
void gan(Writer& writer, const Config& config, int64_t pixels, Work work) {
  const int64_t batch = config.batch;
  Chain generator(writer, config.latent, config.generator_hidden, pixels);
  if (work == Work::sample) {
    generator.forward(writer.rows(batch, config.latent));
    return;
  }
  Chain discriminator(writer, pixels, config.discriminator_hidden, 1);
  const Rows images = writer.rows(3 * batch, pixels);  // real, fake, fake
  const Rows fake = images.range(batch, 2 * batch);
  std::vector<Rows> made = generator.forward(writer.rows(2 * batch, config.latent), &fake);

  const std::vector<Rows> both = discriminator.forward(images.range(0, 2 * batch));
  discriminator.backward(both, writer.rows(2 * batch, 1), true, false);

  const std::vector<Rows> judged = discriminator.forward(images.range(2 * batch, batch));
  const Rows d_fake = discriminator.backward(judged, writer.rows(batch, 1), false, true);
  for (Rows& rows : made) rows = rows.range(batch, batch);
  generator.backward(made, d_fake, true, false);
}

void vae(Writer& writer, const Config& config, int64_t pixels, Work work) {
  const int64_t batch = config.batch;
  // Mean and log-variance are one layer of twice the size.
  Chain encoder(writer, pixels, config.encoder_hidden, 2 * config.latent);
  Chain decoder(writer, config.latent, config.decoder_hidden, pixels);
  const std::vector<Rows> encoded = encoder.forward(writer.rows(batch, pixels));
  const std::vector<Rows> decoded = decoder.forward(writer.rows(batch, config.latent));
  if (work == Work::evaluate) return;
  decoder.backward(decoded, writer.rows(batch, pixels), true, true);
  encoder.backward(encoded, writer.rows(batch, 2 * config.latent), true, false);
}

}  // namespace

double StepProducts::mflop() const {
  double sum = 0;
  for (const Product& p : products) sum += 2e-6 * static_cast<double>(p.m * p.n * p.k);
  return sum;
}

StepProducts step_products(const NamedStep& step, int64_t pixels) {
  Writer writer;
  if (step.config.model == ModelKind::gan) {
    gan(writer, step.config, pixels, step.work);
  } else {
    vae(writer, step.config, pixels, step.work);
  }
  return writer.step;
}

}  // namespace burin::bench
