// SPDX-License-Identifier: Apache-2.0
// Collusive displacement: the most points that move up, per point taken away, when the point goes from a tree
// together with those nearest to it (Guha et al. 2016, section 3, as the rrcf package defines it): the greatest
// ratio of the points beside a node to the points of the node, over all nodes from the point's leaf upwards.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "fastrcf/ascent.hpp"
#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf {

/// Of a point that the tree holds; nothing if it does not. 0 in a tree of one leaf.
[[nodiscard]] std::optional<double> codisp_held(const RandomCutTree& tree, const Ascent& ascent) noexcept;

/// Expected value just after the insertion of the point, over the random cuts of the insertion; exact, no number
/// is drawn. `ratios` is working memory. The ascent stands at the leaf.
[[nodiscard]] double codisp_inserted(const RandomCutTree& tree, Ascent& ascent, std::vector<double>& ratios);

/// Mean over the trees for the point that each row completes, as if it were inserted; 0 where there is none.
void codisp_inserted(const RandomCutForest& forest, const Rows& rows, std::span<double> values);

/// Mean over the trees that hold the point; NaN where none does.
void codisp_held(const RandomCutForest& forest, const Rows& rows, std::span<double> values);

}  // namespace fastrcf
