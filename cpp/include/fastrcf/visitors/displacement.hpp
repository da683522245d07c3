// SPDX-License-Identifier: Apache-2.0
// Displacement: how many points would move one level down if the point were inserted.
#pragma once

#include <span>

#include "fastrcf/ascent.hpp"
#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf {

/// Expected displacement in one tree (Guha et al. 2016, section 3): a point that is cut off from a node pushes
/// down all points of that node, and the chances are those of the insertion. 1 for a copy of a leaf's point, as
/// the open reference implementation (aws/random-cut-forest-by-aws) has it. The ascent stands at the leaf.
[[nodiscard]] double displacement(Ascent& ascent) noexcept;

/// Mean over the trees for the point that each row completes; 0 where there is none.
void displacement(const RandomCutForest& forest, const Rows& rows, std::span<double> values);

}  // namespace fastrcf
