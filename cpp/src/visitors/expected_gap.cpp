// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/visitors/expected_gap.hpp"

#include <algorithm>
#include <vector>

namespace fastrcf {
namespace {

/// One level up: the cut falls into a gap of this box, or everything stays as further down.
void take_box(const Ascent& ascent, std::vector<double>& high, std::vector<double>& low) {
    const AscentBuffers& box = ascent.box();
    const double per_gap = 1.0 / (ascent.gap() + ascent.range());
    const double miss = 1.0 - ascent.chance();
    for (std::size_t i = 0; i < high.size(); ++i) {
        high[i] = box.above[i] * box.above[i] * per_gap + miss * high[i];
        low[i] = box.below[i] * box.below[i] * per_gap + miss * low[i];
    }
}

void climb(Ascent& ascent, std::vector<double>& high, std::vector<double>& low) {
    std::fill(high.begin(), high.end(), 0.0);
    std::fill(low.begin(), low.end(), 0.0);
    if (ascent.at_copy()) ascent.restart(Ascent::Boxes::kWithoutLeaf);
    else take_box(ascent, high, low);
    while (ascent.up() && ascent.gap() > 0.0) take_box(ascent, high, low);
}

}  // namespace

void expected_gaps(const RandomCutForest& forest, const Rows& rows, std::span<double> high, std::span<double> low) {
    const std::size_t d = forest.options().dimensions();
    check_argument(high.size() == rows.n_rows * d && low.size() == high.size(), "one place per row and coordinate");
    std::fill(high.begin(), high.end(), 0.0);
    std::fill(low.begin(), low.end(), 0.0);
    const std::uint32_t n_trees = forest.options().n_trees;
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        std::vector<double> above(d);
        std::vector<double> below(d);
        const std::span<double> row_high = high.subspan(question.row * d, d);
        const std::span<double> row_low = low.subspan(question.row * d, d);
        for (std::uint32_t t = 0; t < n_trees; ++t) {
            const RandomCutTree& tree = forest.tree(t).tree();
            if (tree.empty()) continue;
            Ascent ascent(view, tree, question.point, question.scratch, question.buffers);
            climb(ascent, above, below);
            for (std::size_t i = 0; i < d; ++i) {
                row_high[i] += above[i] / n_trees;
                row_low[i] += below[i] / n_trees;
            }
        }
    });
}

}  // namespace fastrcf
