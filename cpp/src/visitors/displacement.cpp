// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/visitors/displacement.hpp"

#include <algorithm>

#include "fastrcf/visitors/visit.hpp"

namespace fastrcf {

double displacement(Ascent& ascent) noexcept {
    if (ascent.at_copy()) return 1.0;
    double value = ascent.mass();
    while (ascent.up() && ascent.gap() > 0.0) {
        const double chance = ascent.chance();
        value = chance * ascent.mass() + (1.0 - chance) * value;
    }
    return value;
}

void displacement(const RandomCutForest& forest, const Rows& rows, std::span<double> values) {
    check_argument(values.size() == rows.n_rows, "values: one place per row is needed");
    std::fill(values.begin(), values.end(), 0.0);
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        double sum = 0.0;
        visit_trees(forest, view, question,
                    [&](const RandomCutTree&, Ascent& ascent) { sum += displacement(ascent); });
        values[question.row] = sum / forest.options().n_trees;
    });
}

}  // namespace fastrcf
