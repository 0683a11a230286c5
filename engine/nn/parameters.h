// The parameters of one network, in flat buffers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "engine/autograd/tape.h"
#include "engine/backend/memory.h"
#include "engine/tensor/sparse_weights.h"
#include "engine/tensor/tensor.h"

namespace burin {

// What is known of one parameter tensor.
struct ParameterInfo {
  std::string name;  // "0.weight"; the network's name is put before it in files
  Shape shape;
  int64_t offset;  // floats into the flat buffers, a multiple of 16 (64 bytes) unless joined
  bool is_weight;  // weights are penalised by L1, biases are not
};

// Values and gradients of all parameters, each in one buffer with the same layout, so that one
// kernel can update them all; each parameter is a view. Between parameters there may be padding,
// which stays zero.
class Parameters {
 public:
  // Registers parameters first, then allocates them all. Returns the parameter's index. `joined`:
  // right behind the one before, without padding, so that both can be used as one (joined_value).
  int add(std::string name, const Shape& shape, bool is_weight, bool joined = false);
  void allocate(Device device);

  int count() const { return static_cast<int>(infos_.size()); }
  const ParameterInfo& info(int index) const { return infos_[static_cast<size_t>(index)]; }
  const std::vector<ParameterInfo>& infos() const { return infos_; }
  Tensor value(int index) const { return view(values_, index); }
  Tensor gradient(int index) const { return view(gradients_, index); }
  // Parameters [index, index + count), registered as joined, as one: their first sizes are added.
  Tensor joined_value(int index, int count) const { return view(values_, index, count); }
  Tensor joined_gradient(int index, int count) const { return view(gradients_, index, count); }
  // The view of parameter `index` in another buffer of the same layout (optimiser state, average).
  Tensor view(const Memory& buffer, int index, int count = 1) const;

  // On the tape, trainable or as a constant.
  Variable variable(Tape& tape, int index, bool trainable, int count = 1) const;

  // From now on products with parameters [index, index + count), a weight or joined ones, read them
  // without their zeros, where they are constants. Their values must not change any more.
  void keep_sparse(int index, int count = 1) {
    sparse_.insert_or_assign({index, count}, SparseWeights(joined_value(index, count)));
  }

  const Memory& values() const { return values_; }
  const Memory& gradients() const { return gradients_; }
  int64_t flat_size() const { return flat_size_; }  // floats, padding included
  int64_t elements() const;                         // without padding
  Device device() const { return values_.device(); }

 private:
  std::vector<ParameterInfo> infos_;
  int64_t flat_size_ = 0;
  Memory values_;
  Memory gradients_;
  std::map<std::pair<int, int>, SparseWeights> sparse_;  // by index and count
};

}  // namespace burin
