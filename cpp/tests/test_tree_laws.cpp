// SPDX-License-Identifier: Apache-2.0
// A tree that points entered and left has the law of a tree cut at once from the points that remain.
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <doctest/doctest.h>

#include "statistics.hpp"
#include "tree_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

constexpr std::size_t kTrees = 6000;

/// Points with sides of different lengths, in clusters so that depths differ from point to point.
std::vector<Point> lopsided_points(std::uint32_t dimensions, std::size_t n, std::uint64_t seed) {
    Rng rng(seed, 0);
    std::vector<Point> points;
    for (std::size_t i = 0; i < n; ++i) {
        Point point = random_point(dimensions, rng, i % 3 == 0 ? 1.0 : 0.1, i % 3 == 1 ? 0.5 : 0.0);
        for (std::uint32_t k = 0; k < dimensions; ++k) point[k] *= static_cast<float>(1 + k % 4);
        points.push_back(point);
    }
    return points;
}

struct Sides {
    explicit Sides(const std::vector<Point>& points) : low(points.front()), high(points.front()) {
        for (const Point& point : points) {
            for (std::size_t i = 0; i < low.size(); ++i) {
                low[i] = std::min(low[i], point[i]);
                high[i] = std::max(high[i], point[i]);
            }
        }
    }
    [[nodiscard]] double length(std::size_t i) const {
        return static_cast<double>(high[i]) - static_cast<double>(low[i]);
    }
    [[nodiscard]] double sum() const {
        double sum = 0.0;
        for (std::size_t i = 0; i < low.size(); ++i) sum += length(i);
        return sum;
    }
    Point low;
    Point high;
};

/// Depth of points[which] in a tree cut at once: a uniform place on the sides of the box, again and again.
std::size_t depth_by_cutting(std::vector<Point> points, const Point& wanted, Rng& rng) {
    for (std::size_t depth = 0;; ++depth) {
        const Sides sides(points);
        if (sides.sum() == 0.0) return depth;
        double offset = rng.uniform() * sides.sum();
        std::size_t i = 0;
        while (i + 1 < wanted.size() && offset >= sides.length(i)) offset -= sides.length(i++);
        const double cut = static_cast<double>(sides.low[i]) + offset;
        const bool is_left = static_cast<double>(wanted[i]) <= cut;
        std::erase_if(points,
                      [&](const Point& point) { return (static_cast<double>(point[i]) <= cut) != is_left; });
    }
}

/// A tree grown from `points` at once.
TreeBench tree_of(const std::vector<Point>& points, std::uint64_t seed, std::vector<NodeId>& leaves) {
    TreeBench bench(static_cast<std::uint32_t>(points.front().size()), static_cast<std::uint32_t>(points.size()), seed);
    leaves = bench.grow(points);
    return bench;
}

/// A tree on `points`, which enter in another order for every seed; with `passing`, other points come and go.
TreeBench tree_on(const std::vector<Point>& points, const std::vector<Point>& passing, std::uint64_t seed,
                  std::vector<NodeId>& leaves) {
    TreeBench bench(static_cast<std::uint32_t>(points.front().size()),
                    static_cast<std::uint32_t>(points.size() + passing.size()), seed);
    std::vector<NodeId> to_go;
    leaves.assign(points.size(), kNoNode);
    const std::size_t shift = seed % points.size();
    for (std::size_t k = 0; k < std::max(points.size(), passing.size()); ++k) {
        if (k < passing.size()) to_go.push_back(bench.insert(passing[k]));
        const std::size_t i = (k + shift) % points.size();
        if (k < points.size()) leaves[i] = bench.insert(points[i]);
        if (k % 3 == 2 && !to_go.empty()) {
            bench.erase(to_go.front());
            to_go.erase(to_go.begin());
        }
    }
    for (const NodeId leaf : to_go) bench.erase(leaf);
    return bench;
}

struct Seen {
    Histogram dimension;
    std::vector<Histogram> place;  ///< of the root's cut, per dimension
    Histogram depth{60};           ///< of one point per tree
};

/// Makes tree number i of a test, and says which leaf holds which point.
using Maker = std::function<TreeBench(std::uint64_t i, std::vector<NodeId>& leaves)>;

Seen look_at_trees(const std::vector<Point>& points, const Maker& make) {
    const std::size_t dimensions = points.front().size();
    const Sides sides(points);
    Seen seen{Histogram(dimensions), std::vector<Histogram>(dimensions, Histogram(10))};
    std::vector<NodeId> leaves;
    for (std::uint64_t i = 0; i < kTrees; ++i) {
        const TreeBench bench = make(i, leaves);
        const TreeArrays& arrays = bench.tree.arrays();
        const std::uint16_t dimension = arrays.dimension[arrays.root];
        const double cut = static_cast<double>(from_order_key(arrays.payload[arrays.root]));
        seen.dimension.add(dimension);
        seen.place[dimension].add_share((cut - static_cast<double>(sides.low[dimension])) /
                                        sides.length(dimension));
        // Which point is looked at must not hang together with the order of insertion.
        seen.depth.add(bench.depth_of(leaves[(i / points.size()) % points.size()]));
    }
    return seen;
}

Seen look_at_trees(const std::vector<Point>& points, const std::vector<Point>& passing,
                   std::uint64_t first_seed) {
    return look_at_trees(points, [&](std::uint64_t i, std::vector<NodeId>& leaves) {
        return tree_on(points, passing, first_seed + i, leaves);
    });
}

Seen look_at_grown_trees(const std::vector<Point>& points) {
    return look_at_trees(points, [&](std::uint64_t i, std::vector<NodeId>& leaves) {
        return tree_of(points, i, leaves);
    });
}

Histogram depths_by_cutting(const std::vector<Point>& points) {
    Histogram depth(60);
    Rng rng(99, 0);
    for (std::size_t i = 0; i < kTrees; ++i) {
        depth.add(depth_by_cutting(points, points[(i / points.size()) % points.size()], rng));
    }
    return depth;
}

void check_root_cuts(const Seen& seen, const std::vector<Point>& points) {
    const Sides sides(points);
    std::vector<double> shares;
    for (std::size_t i = 0; i < sides.low.size(); ++i) shares.push_back(sides.length(i) / sides.sum());
    if (shares.size() > 1) CHECK(fit_p(seen.dimension.counts(), shares) > kUnlikely);
    for (const Histogram& place : seen.place) CHECK(uniform_p(place.counts()) > kUnlikely);
}

}  // namespace

TEST_CASE(
    "the root cuts a side in proportion to its length, anywhere on it, and depths are those of the law") {
    for (const std::uint32_t dimensions : {1U, 3U, 5U, 10U}) {
        CAPTURE(dimensions);
        const std::vector<Point> points = lopsided_points(dimensions, 15, dimensions);
        const std::vector<Point> passing = lopsided_points(dimensions, 12, 1000 + dimensions);
        const Seen built = look_at_trees(points, {}, 0);
        const Seen churned = look_at_trees(points, passing, 1000000);
        const Histogram cut = depths_by_cutting(points);
        const Seen grown = look_at_grown_trees(points);
        check_root_cuts(built, points);
        check_root_cuts(churned, points);
        check_root_cuts(grown, points);
        CHECK(same_law_p(built.depth.counts(), cut.counts()) > kUnlikely);
        CHECK(same_law_p(churned.depth.counts(), cut.counts()) > kUnlikely);
        CHECK(same_law_p(churned.depth.counts(), built.depth.counts()) > kUnlikely);
        CHECK(same_law_p(grown.depth.counts(), cut.counts()) > kUnlikely);
        CHECK(same_law_p(grown.depth.counts(), built.depth.counts()) > kUnlikely);
    }
}

TEST_CASE("a new point parts from all others with the chance of its gap, anywhere in the gap") {
    for (const std::uint32_t dimensions : {1U, 2U, 5U, 10U, 17U}) {
        CAPTURE(dimensions);
        const std::vector<Point> points = lopsided_points(dimensions, 5, dimensions);
        const Sides sides(points);
        // Out of the box above in the first dimension and, half as far, below in the last.
        Point fresh = points.front();
        fresh.front() = sides.high.front() + static_cast<float>(0.6 * sides.sum());
        if (dimensions > 1) fresh.back() = sides.low.back() - static_cast<float>(0.3 * sides.sum());
        const double above = static_cast<double>(fresh.front()) - static_cast<double>(sides.high.front());
        const double below =
            dimensions > 1 ? static_cast<double>(sides.low.back()) - static_cast<double>(fresh.back()) : 0.0;
        Histogram parted(3);  // by the first dimension, by the last, not at the root
        Histogram place_above(20);
        Histogram place_below(20);
        for (std::uint64_t seed = 0; seed < 40000; ++seed) {
            TreeBench bench(dimensions, 6, seed);
            for (const Point& point : points) bench.insert(point);
            const NodeId leaf = bench.insert(fresh);
            const TreeArrays& arrays = bench.tree.arrays();
            const double cut = static_cast<double>(from_order_key(arrays.payload[arrays.root]));
            if (bench.depth_of(leaf) > 1) {
                parted.add(2);
            } else if (arrays.child[2 * arrays.root + 1] == leaf) {
                parted.add(0);
                place_above.add_share((cut - static_cast<double>(sides.high.front())) / above);
            } else {
                parted.add(1);
                place_below.add_share((cut - static_cast<double>(fresh.back())) / below);
            }
        }
        const double range = sides.sum() + above + below;
        const std::vector<double> shares = {above / range, below / range, sides.sum() / range};
        CHECK(fit_p(parted.counts(), shares) > kUnlikely);
        CHECK(uniform_p(place_above.counts()) > kUnlikely);
        if (dimensions > 1) CHECK(uniform_p(place_below.counts()) > kUnlikely);
    }
}

TEST_CASE("the law does not depend on where the points lie") {
    // Sides of length 1 to 4 around 100000: the sums of coordinates are long, the sides are short.
    for (const std::uint32_t dimensions : {3U, 17U}) {
        CAPTURE(dimensions);
        std::vector<Point> points = lopsided_points(dimensions, 12, 5);
        for (Point& point : points) {
            for (float& value : point) value += 1e5F;
        }
        const Seen built = look_at_trees(points, {}, 0);
        const Seen grown = look_at_grown_trees(points);
        const Histogram cut = depths_by_cutting(points);
        CHECK(same_law_p(built.depth.counts(), cut.counts()) > kUnlikely);
        CHECK(same_law_p(grown.depth.counts(), cut.counts()) > kUnlikely);
        check_root_cuts(built, points);
        check_root_cuts(grown, points);
    }
}

TEST_CASE("equal points weigh nothing in the cuts") {
    std::vector<Point> points = lopsided_points(2, 12, 3);
    std::vector<Point> repeated = points;
    for (int i = 0; i < 3; ++i) repeated.insert(repeated.end(), points.begin(), points.begin() + 4);
    std::vector<NodeId> leaves;
    Histogram once(40);
    Histogram often(40);
    Histogram grown(40);
    for (std::uint64_t i = 0; i < kTrees; ++i) {
        once.add(tree_on(points, {}, i, leaves).depth_of(leaves[(i / 12) % 12]));
        const TreeBench bench = tree_on(repeated, {}, 500000 + i, leaves);
        often.add(bench.depth_of(leaves[(i / 24) % 12]));
        grown.add(tree_of(repeated, i, leaves).depth_of(leaves[(i / 24) % 12]));
    }
    CHECK(same_law_p(once.counts(), grown.counts()) > kUnlikely);
    CHECK(same_law_p(once.counts(), often.counts()) > kUnlikely);
}
