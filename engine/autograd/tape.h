// Reverse-mode automatic differentiation.
#pragma once

#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/backend/arena.h"
#include "engine/backend/products.h"
#include "engine/tensor/tensor.h"
#include "kernels/common/stream.h"
#include "kernels/gemm/activation.h"

namespace burin {

namespace cpu {
struct OnesIndex;  // kernels/gemm/gemm_ones.h
}
class SparseWeights;  // engine/tensor/sparse_weights.h

// Rows [first, first + count) of a matrix.
struct RowRange {
  int64_t first = 0;
  int64_t count = -1;  // all of them
};

// The value that an operation made, and its gradient. Lives in the tape's arena.
struct Node {
  Tensor value;
  Tensor gradient;              // of the loss with respect to value; see Tape::gradient_of
  float scalar_gradient = 0;    // instead of `gradient` where value is a scalar (rank 0)
  bool needs_gradient = false;  // something that it depends on is being trained
  bool has_gradient = false;    // written to in this backward pass
  int uses = 0;                 // operations that read it
  // Set by `dense`, whose value is activation(pre-activation). The one operation that reads it may
  // then write the gradient of the *pre-activation*, fused into its own kernel, and say so.
  Activation activation = Activation::none;
  float slope = 0;
  bool gradient_is_of_preactivation = false;
  // The rows of value that take part in the backward pass: of the others, nobody writes or reads a
  // gradient.
  RowRange trained_rows;
  // Of a constant of zeros and ones, where the ones are; null where that is of no use.
  const cpu::OnesIndex* ones = nullptr;
  // Of a weight that is a constant, the same without its zeros; null where that is of no use.
  const SparseWeights* sparse = nullptr;
};

// A handle on a node. Cheap to copy, valid until the tape is reset.
class Variable {
 public:
  Variable() = default;
  explicit Variable(Node* node) : node_(node) {}
  Node* operator->() const { return node_; }
  Node& operator*() const { return *node_; }
  bool empty() const { return node_ == nullptr; }
  const Tensor& value() const { return node_->value; }
  const Shape& shape() const { return node_->value.shape(); }
  // Rows that take part in the backward pass, of a matrix.
  RowRange trained_rows() const {
    const RowRange& rows = node_->trained_rows;
    return rows.count < 0 ? RowRange{0, node_->value.rows()} : rows;
  }

 private:
  Node* node_ = nullptr;
};

// Records what the forward pass did, and plays it backwards. Scalars (losses) combine linearly
// (`add`, `scale`), so their gradients are plain numbers known to the host; nothing waits for the
// device. After the first step of a fixed computation no memory is allocated.
class Tape {
 public:
  explicit Tape(Device device, Stream stream = {}, const GemmSettings& products = {})
      : arena_(device), stream_(stream), products_(device, products) {}
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // A value without a gradient.
  Variable constant(const Tensor& value);
  // A value whose gradient backward() leaves in `gradient` (overwritten; zeros if the loss does not
  // depend on it). Shapes must agree and have a rank of at least 1. The same
  // gradient memory again, as where a layer is applied twice, gives the same variable.
  Variable parameter(const Tensor& value, const Tensor& gradient);
  // A new value of an operation that reads `inputs`. Its memory is `out` if given (the shape must
  // agree), else the arena's, uninitialised.
  Variable result(const Shape& shape, std::initializer_list<Variable> inputs, Tensor out = {});

  // Records how the gradient of `output` flows to the inputs, if it does. `backward` is called as
  // backward(tape) when output's gradient is complete. It is kept in the arena: trivially
  // destructible, so it captures variables, tensors and numbers only.
  template <class Backward>
  void record(Variable output, Backward backward) {
    static_assert(std::is_trivially_destructible_v<Backward>);
    if (!output->needs_gradient) return;
    void* place = host_arena_.allocate(sizeof(Backward));
    auto* stored = new (place) Backward(std::move(backward));
    entries_.push_back({output, stored, [](void* function, Tape& tape) {
                          (*static_cast<Backward*>(function))(tape);
                        }});
  }

  // Gradients of the sum of `losses`, scalars, for all parameters. Once for each forward pass.
  void backward(std::initializer_list<Variable> losses);
  void backward(Variable loss) { backward({loss}); }
  // The same for one of several losses of a step that train different parameters: what the losses
  // do not depend on stays on the tape for the next call, and no gradient is set to zero.
  void backward_part(std::initializer_list<Variable> losses);

  // For a backward function: where to write the gradient of `variable`, and whether to add to what
  // is there. Marks it as written. Throws std::invalid_argument for scalars.
  struct Target {
    float* data;
    bool accumulate;
  };
  Target gradient_of(Variable variable);
  // Hands over `gradient`, of the shape of the variable, which nobody else uses: kept without a
  // copy where that is possible, else added.
  void give_gradient(Variable variable, const Tensor& gradient, float factor);
  void add_scalar_gradient(Variable variable, float gradient);

  // Fills n floats on the device with zeros.
  void zero(float* data, int64_t n);

  // Uninitialised memory until reset().
  Tensor temporary(const Shape& shape) { return Tensor::in(arena_, shape); }

  // The same of the host's memory.
  void* host_temporary(size_t bytes) { return host_arena_.allocate(bytes); }

  // Forgets everything; all variables become invalid.
  void reset();
  // Makes room for steps that take up to `bytes` on the device.
  void reserve(size_t bytes) { arena_.reserve(bytes); }

  Products& products() { return products_; }
  const Products& products() const { return products_; }

  Device device() const { return arena_.device(); }
  Stream stream() const { return stream_; }
  size_t peak_bytes() const { return arena_.peak_bytes(); }
  // Arena::version and Products::version.
  int64_t memory_version() const { return arena_.version() + products_.version(); }

 private:
  struct Entry {
    Variable output;
    void* function;
    void (*call)(void* function, Tape& tape);
    bool played = false;
  };

  Variable make_node();
  void play(std::initializer_list<Variable> losses);

  Arena arena_;                    // values and gradients, on the device
  Arena host_arena_{Device::cpu};  // nodes and backward functions
  Stream stream_;
  Products products_;
  std::vector<Entry> entries_;
  std::vector<Variable> parameters_;
};

}  // namespace burin
