// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/visitors/expected_gap.hpp"

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "fastrcf/visitors/visit.hpp"

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

void expected_gaps(const RandomCutForest& forest, const Rows& rows, const DirectionalSpans& gaps) {
    const std::size_t d = forest.geometry().dimensions;
    for (const std::span<double> side : {gaps.high, gaps.low}) {
        check_argument(side.size() == rows.n_rows * d, "gaps: one place per row and coordinate is needed");
        std::fill(side.begin(), side.end(), 0.0);
    }
    const double share = 1.0 / forest.options().n_trees;
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        std::vector<double> above(d);
        std::vector<double> below(d);
        const std::span<double> high = gaps.high.subspan(question.row * d, d);
        const std::span<double> low = gaps.low.subspan(question.row * d, d);
        visit_trees(forest, view, question, [&](const RandomCutTree&, Ascent& ascent) {
            climb(ascent, above, below);
            for (std::size_t i = 0; i < d; ++i) {
                high[i] += above[i] * share;
                low[i] += below[i] * share;
            }
        });
    });
}

}  // namespace fastrcf
