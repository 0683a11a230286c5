#include "engine/ops/ops.h"
#include "kernels/gemm/gemm_ones.h"

namespace burin::ops {

Variable binary_input(Tape& tape, const Tensor& x) {
  Variable variable = tape.constant(x);
  const int64_t rows = x.rows(), cols = x.cols();
  // Too wide a row gets no index, nor memory for one.
  if (tape.device() != Device::cpu || cols > cpu::OnesIndex::kMaxCols) return variable;
  auto* const columns = static_cast<uint16_t*>(
      tape.host_temporary(static_cast<size_t>(rows * cpu::OnesIndex::stride_of(cols)) * 2));
  auto* const counts =
      static_cast<int32_t*>(tape.host_temporary(static_cast<size_t>(rows) * sizeof(int32_t)));
  auto* const ones = static_cast<cpu::OnesIndex*>(tape.host_temporary(sizeof(cpu::OnesIndex)));
  *ones = {rows, cols, columns, counts};
  if (cpu::index_ones(x.data(), *ones)) variable->ones = ones;
  return variable;
}

}  // namespace burin::ops
