#include "engine/backend/dispatch.h"
#include "engine/ops/ops.h"
#include "engine/tensor/sparse_weights.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_ones.h"
#include "kernels/leaky_relu/leaky_relu.h"
#include "kernels/reduce/reduce.h"
#include "kernels/sigmoid/sigmoid.h"
#include "kernels/sparse_gemm/sparse_gemm.h"
#include "kernels/tanh/tanh.h"

namespace burin::ops {
namespace {

void check_dense_shapes(const Shape& x, const Shape& weight, const Shape& bias) {
  const bool fits = x.rank() == 2 && weight.rank() == 2 && bias.rank() == 1 && x[1] == weight[1] &&
                    weight[0] == bias[0];
  if (fits) return;
  throw std::invalid_argument("dense: x " + x.to_string() + ", weight " + weight.to_string() +
                              " and bias " + bias.to_string() +
                              " do not fit; expected [B, in], [out, in] and [out]");
}

void check_rows(Variable x, const RowRange& rows, int64_t batch) {
  if (rows.first < 0 || rows.count < 0 || rows.first + rows.count > batch) {
    throw std::invalid_argument("dense: rows " + std::to_string(rows.first) + " to " +
                                std::to_string(rows.first + rows.count) + " of " +
                                std::to_string(batch) + " cannot be trained");
  }
  const RowRange of_x = x.trained_rows();
  if (x->needs_gradient && (of_x.first != rows.first || of_x.count != rows.count)) {
    throw std::invalid_argument("dense: rows [" + std::to_string(rows.first) + ", +" +
                                std::to_string(rows.count) +
                                ") are trained, but other rows of its input");
  }
}

// The same as weight_gradients, for an x of few ones. False if they must be added to what is there.
bool weight_gradients_of_ones(Tape& tape, const Tensor& d_y, const cpu::OnesIndex& x,
                              Variable weight, Variable bias) {
  if (!weight->needs_gradient || weight->has_gradient) return false;
  const Tape::Target d_weight = tape.gradient_of(weight);
  Tape::Target d_bias{};
  if (bias->needs_gradient) d_bias = tape.gradient_of(bias);
  cpu::gemm_ones_weights(x, d_y.data(), d_y.cols(), d_weight.data, d_bias.data, d_bias.accumulate);
  return true;
}

// Whether to walk the weights that are there. Where x has a list of its ones, which are an eighth
// of it or so, the shorter list is walked.
bool walks_weights(Variable x, Variable weight) {
  if (weight->sparse == nullptr) return false;
  return x->ones == nullptr || 8 * weight->sparse->nonzeros() < weight.value().elements();
}

// d_pre = d_y * activation'(y), in place of d_y.
void activation_backward(Tape& tape, Activation activation, float slope, const Tensor& y,
                         const Tensor& d_y) {
  const int64_t n = y.elements();
  switch (activation) {
    case Activation::none:
      break;
    case Activation::leaky_relu:
      BURIN_DISPATCH(tape.device(), leaky_relu_backward, y.data(), d_y.data(), d_y.data(), n, slope,
                     false, tape.stream());
      break;
    case Activation::sigmoid:
      BURIN_DISPATCH(tape.device(), sigmoid_backward, y.data(), d_y.data(), d_y.data(), n, false,
                     tape.stream());
      break;
    case Activation::tanh:
      BURIN_DISPATCH(tape.device(), tanh_backward, y.data(), d_y.data(), d_y.data(), n, false,
                     tape.stream());
      break;
  }
}

}  // namespace

void weight_gradients(Tape& tape, const Tensor& d_y, const Tensor& x, Variable weight,
                      Variable bias) {
  const int64_t out = d_y.cols(), in = x.cols(), batch = x.rows();
  if (weight->needs_gradient) {
    const Tape::Target d_weight = tape.gradient_of(weight);
    GemmEpilogue epilogue;
    epilogue.accumulate = d_weight.accumulate;
    if (bias->needs_gradient) {
      const Tape::Target d_bias = tape.gradient_of(bias);
      epilogue.row_sum = d_bias.data;
      epilogue.row_sum_accumulate = d_bias.accumulate;
    }
    tape.products().defer(
        {true, false, out, in, batch, d_y.data(), out, x.data(), in, d_weight.data, in, epilogue},
        tape.stream());
  } else if (bias->needs_gradient) {
    const Tape::Target d_bias = tape.gradient_of(bias);
    BURIN_DISPATCH(tape.device(), column_sum, d_y.data(), batch, out, out, d_bias.data,
                   d_bias.accumulate, tape.stream());
  }
}

Variable dense(Tape& tape, Variable x, Variable weight, Variable bias,
               const DenseOptions& options) {
  check_dense_shapes(x.shape(), weight.shape(), bias.shape());
  const int64_t batch = x.value().rows();
  const int64_t in = x.value().cols();
  const int64_t out = weight.value().rows();
  Variable y = tape.result({batch, out}, {x, weight, bias}, options.out);
  y->activation = options.activation;
  y->slope = options.slope;
  y->trained_rows = options.trained_rows;
  const RowRange rows = y.trained_rows();
  check_rows(x, rows, batch);

  GemmEpilogue forward;
  forward.bias = bias.value().data();
  forward.activation = options.activation;
  forward.slope = options.slope;
  if (walks_weights(x, weight)) {
    BURIN_DISPATCH(tape.device(), sparse_gemm, weight->sparse->matrix(), x.value().data(), in,
                   batch, y.value().data(), out, bias.value().data(), options.activation,
                   options.slope, tape.stream());
  } else if (x->ones != nullptr && batch > 1 && out > 1) {
    cpu::gemm_ones_forward(*x->ones, weight.value().data(), out, y.value().data(), forward);
  } else {
    tape.products().multiply({false, true, batch, out, in, x.value().data(), in,
                              weight.value().data(), in, y.value().data(), out, forward},
                             tape.stream());
  }

  tape.record(y, [=](Tape& t) {
    const Tensor d_y = y->gradient.row_range(rows.first, rows.count);
    const Tensor x_rows = x.value().row_range(rows.first, rows.count);
    if (!y->gradient_is_of_preactivation) {
      activation_backward(t, y->activation, y->slope, y.value().row_range(rows.first, rows.count),
                          d_y);
    }
    const bool made = x->ones != nullptr && rows.count == batch &&
                      weight_gradients_of_ones(t, d_y, *x->ones, weight, bias);
    if (!made) weight_gradients(t, d_y, x_rows, weight, bias);
    if (x->needs_gradient) {
      const Tape::Target d_x = t.gradient_of(x);
      GemmEpilogue epilogue;
      epilogue.accumulate = d_x.accumulate;
      if (x->activation != Activation::none && x->uses == 1) {
        // Nobody else adds to d_x: go straight to the gradient before x's own activation.
        epilogue.activation = x->activation;
        epilogue.slope = x->slope;
        epilogue.derivative_output = x_rows.data();
        epilogue.ld_derivative = in;
        x->gradient_is_of_preactivation = true;
      }
      t.products().multiply({false, false, rows.count, in, out, d_y.data(), out,
                             weight.value().data(), in, d_x.data + rows.first * in, in, epilogue},
                            t.stream());
    }
  });
  return y;
}

}  // namespace burin::ops
