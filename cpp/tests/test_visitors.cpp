// SPDX-License-Identifier: Apache-2.0
// Visitors on trees so small that the answers can be worked out by hand, and on forests.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <stdexcept>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/ascent.hpp"
#include "fastrcf/visitors/codisp.hpp"
#include "fastrcf/visitors/density.hpp"
#include "fastrcf/visitors/displacement.hpp"
#include "fastrcf/visitors/near_neighbors.hpp"
#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;
using doctest::Approx;

namespace {

constexpr double kHuge = std::numeric_limits<double>::infinity();

/// One tree, and ways up it.
class Asker {
public:
    explicit Asker(TreeBench& bench)
        : bench_(bench), workspace_(bench.tree.arrays().first_leaf), buffers_(bench.geometry.dimensions) {}

    /// Calls ask(ascent) for the way of the point.
    template <class Ask>
    auto operator()(Point point, Ask ask) {
        std::vector<std::int32_t> keys;
        for (const float value : point) keys.push_back(order_key(value));
        point.resize(point.size() + kReadAhead, 3e29F);
        const ForestView view{kernels_for(bench_.geometry), bench_.geometry, {}, bench_.stored()};
        Ascent ascent(view, bench_.tree, {point.data(), keys.data(), bench_.stored()}, workspace_.scratch(), buffers_);
        return ask(ascent);
    }

    double displacement_of(const Point& point) {
        return (*this)(point, [](Ascent& ascent) { return displacement(ascent); });
    }
    double inserted(const Point& point) {
        std::vector<double> ratios;
        return (*this)(point, [&](Ascent& ascent) { return codisp_inserted(bench_.tree, ascent, ratios); });
    }
    std::optional<double> held(const Point& point) {
        return (*this)(point, [&](Ascent& ascent) { return codisp_held(bench_.tree, ascent); });
    }
    Surroundings surroundings(const Point& point) {
        Surroundings result(bench_.geometry.dimensions);
        (*this)(point, [&](Ascent& ascent) { result.add(bench_.tree.mass(), ascent); });
        return result;
    }

private:
    TreeBench& bench_;
    TreeWorkspace workspace_;
    AscentBuffers buffers_;
};

TreeBench line(const std::vector<float>& points) {
    TreeBench bench(1, 16, 7);
    for (const float point : points) bench.insert({point});
    return bench;
}

}  // namespace

TEST_CASE("boxes are read as they are, side by side or all at once") {
    for (const std::uint32_t dimensions : {1U, 3U, 4U, 5U, 8U, 9U, 16U, 19U}) {
        CAPTURE(dimensions);
        TreeBench bench(dimensions, 40, dimensions);
        for (int i = 0; i < 40; ++i) bench.insert(random_point(dimensions, bench.rng));
        std::vector<NodeId> open{bench.tree.arrays().root};
        while (!open.empty()) {
            const NodeId node = open.back();
            open.pop_back();
            if (!bench.tree.is_leaf(node)) {
                open.insert(open.end(), {bench.tree.arrays().child[2 * node], bench.tree.arrays().child[2 * node + 1]});
            }
            std::vector<float> low(dimensions, 3e29F);
            std::vector<float> high(dimensions, 3e29F);
            bench.tree.read_box(bench.geometry, bench.stored(), node, low.data(), high.data());
            for (std::uint32_t i = 0; i < dimensions; ++i) {
                const RandomCutTree::Sides sides = bench.tree.sides(bench.geometry, bench.stored(), node, i);
                REQUIRE((low[i] == sides.low && high[i] == sides.high));
            }
        }
    }
}

TEST_CASE("on the way up boxes hold all points, or all but the copies at the leaf") {
    TreeBench bench(3, 30, 11);
    for (int i = 0; i < 30; ++i) bench.insert(random_point(3, bench.rng));
    const TreeArrays& arrays = bench.tree.arrays();
    const auto below = [&](NodeId leaf, NodeId node) {
        while (leaf != node && arrays.parent[leaf] != kNoNode) leaf = arrays.parent[leaf];
        return leaf == node;
    };
    Asker ask(bench);
    bench.tree.for_each_leaf([&](NodeId start) {
        const auto check = [&](const Ascent& ascent, bool with_start) {
            std::vector<float> low(3, 3e29F);
            std::vector<float> high(3, -3e29F);
            bench.tree.for_each_leaf([&](NodeId leaf) {
                if (!below(leaf, ascent.node()) || (leaf == start && !with_start)) return;
                const Point point = bench.point_of(leaf);
                for (std::size_t i = 0; i < 3; ++i) {
                    low[i] = std::min(low[i], point[i]);
                    high[i] = std::max(high[i], point[i]);
                }
            });
            REQUIRE((ascent.box().low == low && ascent.box().high == high));
        };
        ask(bench.point_of(start), [&](Ascent& ascent) {
            REQUIRE((ascent.at_copy() && ascent.node() == start));
            while (ascent.up()) check(ascent, true);
            ascent.restart(Ascent::Boxes::kWithoutLeaf);
            while (ascent.up()) check(ascent, false);
        });
    });
}

TEST_CASE("a tree of one point: everything stands beside it") {
    TreeBench bench = line({3.F, 3.F, 3.F});
    Asker ask(bench);
    CHECK(ask.displacement_of({3.F}) == 1.0);
    CHECK(ask.displacement_of({5.F}) == 3.0);
    CHECK(ask.inserted({3.F}) == 0.0);
    CHECK(ask.inserted({5.F}) == 3.0);
    CHECK(ask.held({3.F}) == 0.0);
    CHECK(!ask.held({5.F}));
    const Surroundings there = ask.surroundings({3.F});
    CHECK(there.chance()[0] == 0.5);
    CHECK(there.share()[0] + there.share()[1] == Approx(4.0 / 3.0));
    CHECK(there.distance()[0] + there.distance()[1] == 0.0);
    CHECK(there.density({0.001, 1.0}) == Approx(1000.0));
    const Surroundings below = ask.surroundings({1.F});
    CHECK(below.chance()[0] == 0.0);
    CHECK(below.chance()[1] == 1.0);
    CHECK(below.distance()[1] == 2.0);
}

// Points 0 and 10. The point 20 is led to the leaf of 10; a cut of the root's box grown to [0, 20] separates it
// with chance 1/2.
TEST_CASE("two points and one beyond them") {
    TreeBench bench = line({0.F, 10.F});
    Asker ask(bench);
    CHECK(ask.displacement_of({20.F}) == 0.5 * 2 + 0.5 * 1);
    CHECK(ask.inserted({20.F}) == 0.5 * 2 + 0.5 * 1);
    const Surroundings around = ask.surroundings({20.F});
    CHECK(around.chance()[0] == 1.0);
    CHECK(around.chance()[1] == 0.0);
    CHECK(around.share()[0] == (0.5 * 3 + 0.5 * 2) / 2);
    CHECK(around.distance()[0] == 0.5 * 20 + 0.5 * 10);
    CHECK(around.density({0.1, 2.0}) == Approx(1.25 / (0.1 * 1.25 + 15.0 * 15.0)));
    double high = 0.0;
    double low = 0.0;
    around.directional_density({0.1, 2.0}, {&high, 1}, {&low, 1});
    CHECK(high == Approx(around.density({0.1, 2.0})));
    CHECK(low == 0.0);
}

// A point between them is inside the root's box: what the leaf says stands.
TEST_CASE("two points and one between them") {
    TreeBench bench = line({0.F, 10.F});
    Asker ask(bench);
    CHECK(ask.displacement_of({4.F}) == 1.0);
    const Surroundings around = ask.surroundings({4.F});
    CHECK(around.chance()[0] + around.chance()[1] == 1.0);
    CHECK(around.distance()[0] + around.distance()[1] == (around.chance()[0] == 1.0 ? 4.0 : 6.0));
    CHECK(around.share()[0] + around.share()[1] == 1.0);
}

// Were it not for its copies, 10 would be cut off from 0 alone, above it and 10 away; all four points count.
TEST_CASE("a copy is seen from where it would stand") {
    TreeBench bench = line({0.F, 10.F, 10.F, 10.F});
    Asker ask(bench);
    CHECK(ask.displacement_of({10.F}) == 1.0);
    CHECK(ask.held({10.F}) == Approx(1.0 / 3.0));
    CHECK(ask.held({0.F}) == 3.0);
    CHECK(ask.inserted({10.F}) == Approx(1.0 / 4.0));
    CHECK(ask.inserted({0.F}) == Approx(3.0 / 2.0));
    const Surroundings around = ask.surroundings({10.F});
    CHECK(around.chance()[0] == 1.0);
    CHECK(around.chance()[1] == 0.0);
    CHECK(around.share()[0] == 5.0 / 4.0);
    CHECK(around.distance()[0] == 10.0);
}

// Seven copies of 0 beside a pair at 100 and 101: to take out one of the pair frees one point, to take out both
// frees seven, three and a half for each. The point 102 is cut off from 101 or from the pair with chance 1/2 each,
// unless the root, with chance 1/102, does it; it leaves the pair as a third.
TEST_CASE("a pair far away is in collusion") {
    TreeBench bench = line({0.F, 0.F, 0.F, 0.F, 0.F, 0.F, 0.F, 100.F, 101.F});
    Asker ask(bench);
    REQUIRE(ask.held({101.F}) == 3.5);  // the first cut parted the pair from the others, as 100 times in 101
    CHECK(ask.held({100.F}) == 3.5);
    CHECK(ask.held({0.F}) == Approx(2.0 / 7.0));
    CHECK(ask.inserted({102.F}) == Approx(1.0 / 102 * 9 + 101.0 / 102 * (7.0 / 3)));
    CHECK(ask.displacement_of({102.F}) == Approx(1.0 / 102 * 9 + 101.0 / 102 * (0.5 * 2 + 0.5 * 1)));
}

TEST_CASE("a forest answers for the points that the rows complete, and for no others") {
    const Table past = wave(300, 2, 3);
    Table next = wave(30, 2, 4);
    next.at(10, 1) = kMissing;
    RandomCutForest forest(options_of(2, 3, 5, 16));
    forest.update(past.rows());
    const auto before = forest.to_bytes();
    const std::size_t d = forest.geometry().dimensions;
    std::vector<double> moved(30, -1.0), colluding(30, -1.0), held(30, -1.0), dense(30, -1.0);
    std::vector<double> high(30 * d, -1.0), low(30 * d, -1.0);
    const DensityOptions options{0.001, 6.0};
    displacement(forest, next.rows(), moved);
    codisp_inserted(forest, next.rows(), colluding);
    codisp_held(forest, next.rows(), held);
    density(forest, next.rows(), options, dense);
    directional_density(forest, next.rows(), options, {high, low});
    CHECK(forest.to_bytes() == before);
    for (std::size_t row = 0; row < 30; ++row) {
        CAPTURE(row);
        const bool complete = row < 10 || row > 12;
        CHECK((moved[row] >= 1.0) == complete);
        CHECK((moved[row] == 0.0) != complete);
        CHECK((colluding[row] > 0.0) == complete);
        CHECK(std::isnan(held[row]));
        CHECK(std::isnan(dense[row]) != complete);
        CHECK(std::isnan(high[row * d]) != complete);
        double sum = 0.0;
        for (std::size_t i = 0; i < d; ++i) sum += high[row * d + i] + low[row * d + i];
        if (complete) CHECK(sum == Approx(dense[row]));
    }
    held.resize(300);
    codisp_held(forest, past.rows(), held);
    CHECK(std::any_of(held.begin(), held.end(), [](double value) { return value > 0.0; }));
}

TEST_CASE("neighbours: nearest first, copies together, as many as there are") {
    const Table past{1, {10.0, 0.0, 10.0, 0.0, 4.0}};
    ForestOptions options = options_of(1, 1, 8, 8);
    options.output_after = 1;
    RandomCutForest forest(options);
    forest.fit(past.rows());
    const Table next{1, {11.0, kMissing, 4.0}};
    const std::size_t k = 3;
    std::vector<double> distance(3 * k);
    std::vector<std::int64_t> arrival(3 * k), n_trees(3 * k);
    std::vector<float> point(3 * k);
    const NeighborSpans into{k, distance, arrival, n_trees, point};
    near_neighbors(forest, next.rows(), kHuge, into);
    CHECK(distance[0] == 1.0);
    CHECK(point[0] == 10.F);
    CHECK((arrival[0] == 0 || arrival[0] == 2));
    CHECK(n_trees[0] == 8);
    CHECK(distance[2 * k] == 0.0);
    CHECK(arrival[2 * k] == 4);
    for (const std::size_t empty : {1U, 2U, 3U, 4U, 5U, 7U, 8U}) {
        CAPTURE(empty);
        CHECK(std::isnan(distance[empty]));
        CHECK(arrival[empty] == -1);
        CHECK(n_trees[empty] == 0);
        CHECK(std::isnan(point[empty]));
    }
    near_neighbors(forest, next.rows(), 0.5, into);
    CHECK(arrival[0] == -1);
    CHECK(arrival[2 * k] == 4);
}

TEST_CASE("answers need one place each") {
    RandomCutForest forest(options_of(1, 2, 3, 8));
    const Table table = wave(20, 1, 5);
    forest.update(table.rows());
    std::vector<double> few(19), enough(40);
    const std::vector<double> untouched = few;
    CHECK_THROWS_AS(displacement(forest, table.rows(), few), std::invalid_argument);
    CHECK_THROWS_AS(codisp_inserted(forest, table.rows(), few), std::invalid_argument);
    CHECK_THROWS_AS(codisp_held(forest, table.rows(), few), std::invalid_argument);
    CHECK_THROWS_AS(density(forest, table.rows(), {}, few), std::invalid_argument);
    CHECK_THROWS_AS(distances(forest, table.rows(), {enough, few}), std::invalid_argument);
    CHECK_THROWS_AS(near_neighbors(forest, table.rows(), kHuge, {1, few, {}, {}, {}}), std::invalid_argument);
    CHECK(few == untouched);
}
