// Softmax, and its cross entropy with integer labels, value and gradient in one pass. A row x:
//   p_j = e^(x_j - m) / sum_k e^(x_k - m),  m = max_k x_k
//   loss(x, label) = m + log sum_k e^(x_k - m) - x_label       d loss / d x_j = p_j - [j = label]
// (Bishop 2006, equations 4.104 to 4.109.)
// docs/maths.md#softmax_cross_entropy
#pragma once

#include <cstdint>

#include "kernels/common/stream.h"

namespace burin {

// Contract of both twins: finite logits, classes >= 1, 0 <= label < classes (the caller checks);
// no overflow for any finite logits whose differences are finite; the same bits for any thread
// count or block order.
namespace cpu {

// *loss = scale * sum over rows of loss(logits[rows, classes], labels[rows]);
// d_logits[rows, classes] = scale * (softmax - onehot).
// Overwrites both. d_logits may be nullptr (value only) or logits. rows = 0 gives 0.
void softmax_cross_entropy(const float* logits, const int32_t* labels, int64_t rows,
                           int64_t classes, float scale, float* loss, float* d_logits,
                           Stream stream);

// probabilities[rows, classes] = softmax of each row. Overwrites; may be logits.
void softmax(const float* logits, int64_t rows, int64_t classes, float* probabilities,
             Stream stream);

}  // namespace cpu

namespace cuda {
// The same signatures, by construction.
decltype(cpu::softmax_cross_entropy) softmax_cross_entropy;
decltype(cpu::softmax) softmax;
}  // namespace cuda

}  // namespace burin
