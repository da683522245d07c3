// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/visitors/codisp.hpp"

#include <algorithm>
#include <limits>

#include "fastrcf/visitors/visit.hpp"

namespace fastrcf {
namespace {

/// Points beside a node for each point of the node, which may have been joined by `joined` more.
double ratio_at(const TreeArrays& arrays, NodeId node, unsigned joined) noexcept {
    const double own = arrays.mass[node];
    return (arrays.mass[arrays.parent[node]] - own) / (own + joined);
}

/// Greatest ratio of the nodes from the root down to the one at each depth of the ascent's leaf, once the point
/// has joined them all. Nothing stands beside the root: its ratio is 0.
void find_ratios(const TreeArrays& arrays, NodeId leaf, int depth, std::vector<double>& ratios) {
    ratios.assign(static_cast<std::size_t>(depth) + 1, 0.0);
    NodeId node = leaf;
    for (std::size_t k = ratios.size() - 1; k > 0; --k, node = arrays.parent[node]) ratios[k] = ratio_at(arrays, node, 1);
    for (std::size_t k = 1; k < ratios.size(); ++k) ratios[k] = std::max(ratios[k], ratios[k - 1]);
}

}  // namespace

std::optional<double> codisp_held(const RandomCutTree& tree, const Ascent& ascent) noexcept {
    if (!ascent.at_copy()) return std::nullopt;
    const TreeArrays& arrays = tree.arrays();
    double greatest = 0.0;
    for (NodeId node = ascent.node(); node != arrays.root; node = arrays.parent[node]) {
        greatest = std::max(greatest, ratio_at(arrays, node, 0));
    }
    return greatest;
}

// A point that is cut off from the node at depth k stands beside that node, alone, and has joined all nodes above.
double codisp_inserted(const RandomCutTree& tree, Ascent& ascent, std::vector<double>& ratios) {
    find_ratios(tree.arrays(), ascent.node(), ascent.depth(), ratios);
    if (ascent.at_copy()) return ratios.back();
    const auto cut_off_here = [&] {
        return std::max(static_cast<double>(ascent.mass()), ratios[static_cast<std::size_t>(ascent.depth())]);
    };
    double value = cut_off_here();
    while (ascent.up() && ascent.gap() > 0.0) {
        const double chance = ascent.chance();
        value = chance * cut_off_here() + (1.0 - chance) * value;
    }
    return value;
}

void codisp_inserted(const RandomCutForest& forest, const Rows& rows, std::span<double> values) {
    check_argument(values.size() == rows.n_rows, "values: one place per row is needed");
    std::fill(values.begin(), values.end(), 0.0);
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        std::vector<double> ratios;
        double sum = 0.0;
        visit_trees(forest, view, question, [&](const RandomCutTree& tree, Ascent& ascent) {
            sum += codisp_inserted(tree, ascent, ratios);
        });
        values[question.row] = sum / forest.options().n_trees;
    });
}

void codisp_held(const RandomCutForest& forest, const Rows& rows, std::span<double> values) {
    check_argument(values.size() == rows.n_rows, "values: one place per row is needed");
    std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        double sum = 0.0;
        unsigned holders = 0;
        visit_trees(forest, view, question, [&](const RandomCutTree& tree, Ascent& ascent) {
            const std::optional<double> held = codisp_held(tree, ascent);
            sum += held.value_or(0.0);
            holders += held ? 1U : 0U;
        });
        if (holders > 0) values[question.row] = sum / holders;
    });
}

}  // namespace fastrcf
