// Which layers of a compact model are multiplied without their zeros: those that are faster so.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/compact.h"
#include "models/spread.h"

namespace burin {

struct ProductTiming {
  std::string layer;  // "generator.0"
  int64_t out = 0, in = 0, nonzeros = 0;
  bool measured = false;  // not if there is no zero, or the layer is too wide
  Alternation times;      // dense, sparse
  bool sparse = false;
};

// Measures both products of each layer on a batch as Model::generate takes it, and sets
// CompactNetwork::sparse of the networks that are named where the sparse one has the smaller
// median. Either gives the same bits. rounds >= 1.
std::vector<ProductTiming> choose_products(CompactModel& model,
                                           const std::vector<std::string>& networks, int rounds);

}  // namespace burin
