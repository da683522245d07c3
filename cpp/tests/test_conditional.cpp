// SPDX-License-Identifier: Apache-2.0
// Conditional sampling: what a tree offers, what chance has to do with it, and the median of a forest. The slow twin
// of the Python tests checks the values.
#include <cmath>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/conditional.hpp"
#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

/// Two clusters, around (-5, -5, -5) and (5, 5, 5).
Table clusters(std::size_t n_rows) {
    Rng rng(3, 1);
    Table table{3, {}};
    for (std::size_t row = 0; row < n_rows; ++row) {
        const double side = rng.below(2) == 0 ? -5.0 : 5.0;
        for (int column = 0; column < 3; ++column) table.values.push_back(side + 0.2 * (rng.uniform() - 0.5));
    }
    return table;
}

/// Calls look(view, trees) while the forest is held.
template <class Look>
void inside(const RandomCutForest& forest, Look look) {
    const std::vector<double> anything(forest.options().n_columns, 0.0);
    forest.ask(Rows::of(anything.data(), 1, anything.size()),
               [&](const ForestView& view, const RandomCutForest::Question&) {
                   look(view, std::span(&forest.tree(0), forest.options().n_trees));
               });
}

}  // namespace

TEST_CASE("a point is completed from the cluster that its known coordinates lie in") {
    RandomCutForest forest(options_of(3, 1, 20, 64));
    forest.update(clusters(500).rows());
    inside(forest, [](const ForestView& view, std::span<const SampledTree> trees) {
        ConditionalSampler sampler(view.geometry);
        for (const float side : {-5.F, 5.F}) {
            const std::uint32_t ends[] = {0, 2};
            float point[] = {NAN, side, NAN};
            sampler.complete(view, trees, point, ends);
            CHECK(point[0] == doctest::Approx(side).epsilon(0.03));
            CHECK(point[1] == side);
            CHECK(point[2] == doctest::Approx(side).epsilon(0.03));
        }
    });
}

TEST_CASE("where nothing is known the answer is the median of all that is stored") {
    RandomCutForest forest(options_of(1, 1, 3, 8));
    Table table{1, {}};
    for (int i = 0; i < 8; ++i) table.values.push_back(i < 5 ? 2.0 : 100.0 + i);
    forest.update(table.rows());
    inside(forest, [](const ForestView& view, std::span<const SampledTree> trees) {
        ConditionalSampler sampler(view.geometry);
        const std::uint32_t all[] = {0};
        float point[] = {NAN};
        sampler.complete(view, trees, point, all);
        CHECK(point[0] == 2.F);  // copies count
    });
}

TEST_CASE("chance has no say at centrality 1 and reaches other leaves at 0") {
    RandomCutForest forest(options_of(3, 1, 4, 64));
    forest.update(clusters(500).rows());
    inside(forest, [](const ForestView& view, std::span<const SampledTree> trees) {
        ConditionalSampler sampler(view.geometry);
        const std::uint32_t missing[] = {0, 1};
        const float point[] = {0.F, 0.F, 5.F};
        sampler.pose(point, missing);
        for (const SampledTree& sampled : trees) {
            Rng rng(1, 1);
            const Rng::State before = rng.state();
            const Completion ordinary = sampler.draw(view, sampled.tree(), 1.0, rng);
            CHECK(sampler.draw(view, sampled.tree(), 1.0, rng).point == ordinary.point);
            CHECK(rng.state() == before);
            std::set<const float*> drawn;
            for (int i = 0; i < 200; ++i) drawn.insert(sampler.draw(view, sampled.tree(), 0.0, rng).point);
            CHECK(drawn.size() > 3);
        }
    });
}
