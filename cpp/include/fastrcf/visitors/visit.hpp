// SPDX-License-Identifier: Apache-2.0
// How a visitor gets around: from tree to tree, up the way of one point in each of them.
#pragma once

#include <cstdint>

#include "fastrcf/ascent.hpp"
#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf {

/// Calls visit(tree, ascent) for every tree that holds a point; the ascent stands at the leaf. To be called from
/// an answer to RandomCutForest::ask.
template <class Visit>
void visit_trees(const RandomCutForest& forest, const ForestView& view, const RandomCutForest::Question& question,
                 Visit visit) {
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) {
        const RandomCutTree& tree = forest.tree(i).tree();
        if (tree.is_bare()) continue;
        Ascent ascent(view, tree, question.point, question.scratch, question.buffers);
        visit(tree, ascent);
    }
}

}  // namespace fastrcf
