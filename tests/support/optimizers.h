// Every optimiser there is.
#pragma once

#include "kernels/l1_update/l1_update.h"

namespace burin::test {

inline constexpr OptimizerKind kOptimizers[] = {
    OptimizerKind::sgd,      OptimizerKind::momentum, OptimizerKind::adam,
    OptimizerKind::nesterov, OptimizerKind::adagrad,  OptimizerKind::rmsprop,
    OptimizerKind::adadelta, OptimizerKind::adamw,    OptimizerKind::adamax,
    OptimizerKind::nadam,    OptimizerKind::amsgrad};

}  // namespace burin::test
