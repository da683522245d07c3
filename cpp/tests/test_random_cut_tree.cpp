// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>

#include "tree_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

/// Inserts and erases at random, and keeps count in a map.
class Churn {
public:
    Churn(std::uint32_t dimensions, std::uint32_t sample_size, std::uint64_t seed)
        : bench(dimensions, sample_size, seed), rng_(seed, 1), sample_size_(sample_size) {}

    void insert(const Point& point) {
        const NodeId leaf = bench.insert(point);
        CHECK(bench.point_of(leaf) == point);
        held_.push_back(leaf);
        ++model[point];
    }
    void erase(std::size_t which) {
        const NodeId leaf = held_[which];
        held_[which] = held_.back();
        held_.pop_back();
        const auto found = model.find(bench.point_of(leaf));
        REQUIRE(found != model.end());
        if (--found->second == 0) model.erase(found);
        bench.erase(leaf);
    }
    void erase_any() { erase(rng_.below(held_.size())); }
    /// One step: more inserts than erases until the tree is full. Every fourth point has come before.
    void step(double scale, double offset) {
        const bool full = held_.size() > sample_size_;
        if (!held_.empty() && (full || rng_.uniform() < 0.4)) return erase_any();
        if (!held_.empty() && rng_.uniform() < 0.25)
            return insert(bench.point_of(held_[rng_.below(held_.size())]));
        insert(random_point(bench.geometry.dimensions, rng_, scale, offset));
    }
    void check() const {
        TreeCheck check(bench.tree, bench.geometry, bench.stored(), sample_size_);
        REQUIRE(check.defect() == "");
        REQUIRE(check.points() == model);
        REQUIRE(bench.tree.mass() == held_.size());
    }
    [[nodiscard]] std::size_t size() const { return held_.size(); }

    TreeBench bench;
    std::map<Point, unsigned> model;

private:
    Rng rng_;
    std::uint32_t sample_size_;
    std::vector<NodeId> held_;
};

constexpr std::uint32_t kDimensions[] = {1, 2, 3, 4, 5, 8, 10, 16, 24, 33, 48, 70};

}  // namespace

TEST_CASE("a tree stays a tree through inserts and deletes") {
    for (const KernelLevel level : available_kernels()) {
        const KernelScope scope(level);
        for (const std::uint32_t dimensions : kDimensions) {
            CAPTURE(dimensions);
            Churn churn(dimensions, 32, dimensions);
            for (int i = 0; i < 400; ++i) {
                churn.step(1.0, i < 200 ? 0.0 : 50.0);
                if (i % 8 == 0) churn.check();
            }
            while (churn.size() > 0) {
                churn.erase_any();
                if (churn.size() % 8 == 0) churn.check();
            }
            CHECK(churn.bench.tree.is_bare());
            CHECK(churn.bench.tree.arrays().root == kNoNode);
            churn.insert(Point(dimensions, 1.0F));
            churn.check();
        }
    }
}

TEST_CASE("a tree stays a tree on coarse grids, where points share coordinates") {
    for (const std::uint32_t dimensions : {1U, 2U, 3U, 8U, 10U}) {
        Churn churn(dimensions, 64, dimensions);
        Rng rng(3, dimensions);
        for (int i = 0; i < 3000; ++i) {
            if (churn.size() > 64 || (churn.size() > 0 && rng.uniform() < 0.4)) {
                churn.erase_any();
            } else {
                Point point(dimensions);
                for (float& value : point) value = static_cast<float>(rng.below(3));
                churn.insert(point);
            }
            if (i % 16 == 0) churn.check();
        }
    }
}

TEST_CASE("a tree stays a tree at the edges of float") {
    constexpr float kTiny = std::numeric_limits<float>::denorm_min();
    const std::vector<float> values = {
        -1e30F, -1.0F, -kTiny, 0.0F, kTiny, 2.0F * kTiny, 1.0F, std::nextafter(1.0F, 2.0F), 1e30F};
    for (const std::uint32_t dimensions : {1U, 3U, 8U, 17U}) {
        for (std::uint64_t seed = 0; seed < 20; ++seed) {
            Churn churn(dimensions, 64, seed);
            Rng rng(seed, 2);
            for (int i = 0; i < 200; ++i) {
                if (churn.size() > 64 || (churn.size() > 0 && rng.uniform() < 0.3)) {
                    churn.erase_any();
                } else {
                    Point point(dimensions, 1.0F);
                    for (float& value : point) {
                        if (rng.below(4) == 0) value = values[rng.below(values.size())];
                    }
                    churn.insert(point);
                }
                if (i % 10 == 0) churn.check();
            }
        }
    }
}

TEST_CASE("points far from the origin and close together keep exact boxes") {
    for (const std::uint32_t dimensions : {2U, 8U, 16U, 24U}) {
        Churn churn(dimensions, 64, 8);
        for (int i = 0; i < 400; ++i) {
            churn.step(1e-1, 1e6);
            if (i % 10 == 0) churn.check();
        }
    }
}

TEST_CASE("equal points share a leaf and are counted exactly") {
    for (const std::uint32_t dimensions : {1U, 5U, 8U, 33U}) {
        Churn churn(dimensions, 64, 4);
        Rng rng(6, 0);
        const Point repeated = random_point(dimensions, rng);
        for (int i = 0; i < 10; ++i) churn.insert(random_point(dimensions, rng));
        for (int i = 0; i < 50; ++i) churn.insert(repeated);
        churn.check();
        CHECK(churn.model.at(repeated) == 50);
        CHECK(churn.size() == 60);
        for (int i = 0; i < 55; ++i) churn.erase(churn.size() - 1);
        churn.check();
    }
}

TEST_CASE("a tree of equal points only is one leaf") {
    Churn churn(3, 16, 1);
    for (int i = 0; i < 17; ++i) churn.insert(Point(3, 4.0F));
    churn.check();
    CHECK(churn.bench.tree.is_leaf(churn.bench.tree.arrays().root));
    while (churn.size() > 0) churn.erase_any();
    CHECK(churn.bench.tree.is_bare());
    CHECK(defect_of(churn.bench) == "");
}

TEST_CASE("points that differ in the last coordinate only are told apart") {
    for (const std::uint32_t dimensions : kDimensions) {
        CAPTURE(dimensions);
        Churn churn(dimensions, 8, 2);
        Point point(dimensions, 7.0F);
        for (int i = 0; i < 5; ++i) {
            point.back() = std::nextafter(point.back(), 100.0F);
            churn.insert(point);
        }
        churn.check();
        CHECK(churn.model.size() == 5);
        const TreeArrays& arrays = churn.bench.tree.arrays();
        CHECK(arrays.dimension[arrays.root] == dimensions - 1);
    }
}

TEST_CASE("a chain of points makes a tree of any depth") {
    Churn churn(1, 100, 3);
    for (int i = 0; i < 101; ++i) churn.insert(Point(1, std::ldexp(1.0F, i - 50)));
    churn.check();
    std::uint32_t deepest = 0;
    churn.bench.tree.for_each_leaf(
        [&](NodeId leaf) { deepest = std::max(deepest, churn.bench.depth_of(leaf)); });
    CHECK(deepest > 40);
}

TEST_CASE("the order key keeps the order of floats and comes back") {
    Rng rng(1, 1);
    std::vector<float> values = {-1e30F,
                                 -1.0F,
                                 -std::numeric_limits<float>::denorm_min(),
                                 0.0F,
                                 std::numeric_limits<float>::denorm_min(),
                                 1.0F,
                                 1e30F};
    for (int i = 0; i < 1000; ++i)
        values.push_back(
            static_cast<float>(std::ldexp(rng.uniform() - 0.5, static_cast<int>(rng.below(200)) - 100)));
    std::sort(values.begin(), values.end());
    for (std::size_t i = 0; i + 1 < values.size(); ++i) {
        REQUIRE((order_key(values[i]) < order_key(values[i + 1])) == (values[i] < values[i + 1]));
        REQUIRE(from_order_key(order_key(values[i])) == values[i]);
    }
}

TEST_CASE("a copied tree lives its own life") {
    Churn churn(3, 16, 5);
    for (int i = 0; i < 60; ++i) churn.step(1.0, 0.0);
    const RandomCutTree copy(churn.bench.tree);
    TreeCheck before(copy, churn.bench.geometry, churn.bench.stored(), 16);
    REQUIRE(before.defect() == "");
    const std::map<Point, unsigned> points = before.points();
    while (churn.size() > 0) churn.erase_any();
    TreeCheck after(copy, churn.bench.geometry, churn.bench.stored(), 16);
    CHECK(after.defect() == "");
    CHECK(after.points() == points);
}

TEST_CASE("the memory of a tree grows with its points, and numbers of nodes stay") {
    constexpr std::uint32_t kSampleSize = 200;
    TreeBench bench(3, kSampleSize, 5);
    CHECK(bench.tree.memory_bytes() == 0);
    CHECK(defect_of(bench) == "");
    Rng rng(6, 0);
    std::vector<std::pair<NodeId, Point>> leaves;
    std::size_t memory = 0;
    int growths = 0;
    for (std::uint32_t n = 1; n <= kSampleSize + 1; ++n) {
        const Point point = random_point(3, rng);
        leaves.emplace_back(bench.insert(point), point);
        CHECK(bench.tree.room() + 1 >= n);
        CHECK(bench.tree.room() <= n + n / 8 + 8);
        CHECK(bench.tree.memory_bytes() >= memory);
        growths += bench.tree.memory_bytes() > memory ? 1 : 0;
        memory = bench.tree.memory_bytes();
        if (n % 10 == 1) REQUIRE(defect_of(bench) == "");
        for (const auto& [leaf, its_point] : leaves) REQUIRE(bench.point_of(leaf) == its_point);
    }
    CHECK(bench.tree.room() == kSampleSize);
    CHECK(growths < 80);
    bench.tree.reserve_nodes(kSampleSize);
    CHECK(bench.tree.memory_bytes() == memory);
}

TEST_CASE("a tree that goes into a nursery and out of it keeps its nodes and goes on") {
    TreeNursery nursery;  // for trees of all sizes in turn
    for (const std::uint32_t dimensions : {1U, 5U, 11U}) {
        Churn churn(dimensions, 64, dimensions);
        RandomCutTree& tree = churn.bench.tree;
        for (unsigned round = 0; round < 40; ++round) {
            tree.enter(nursery, round % 4 == 0 ? 0 : 64, true);  // without room to begin with, it outgrows the nursery
            CHECK(nursery.memory == nullptr);
            for (unsigned i = 0; i < 20; ++i) churn.step(1.0, 0.0);
            if (round % 5 == 4) {
                while (churn.size() > round % 3) churn.erase_any();
            }
            churn.check();
            const std::size_t before = tree.memory_bytes();
            tree.leave(nursery);
            churn.check();
            CHECK(tree.memory_bytes() <= before);
            CHECK(nursery.memory != nullptr);
        }
    }
}

TEST_CASE("a tree of points only has no more than their memory when it leaves a nursery") {
    TreeNursery nursery;
    TreeBench bench(3, 256, 7);
    bench.tree.enter(nursery, 200, true);
    Rng rng(1, 2);
    for (unsigned i = 0; i < 100; ++i) bench.insert(random_point(3, rng, 1.0, 0.0));
    CHECK(bench.tree.room() == 200);
    bench.tree.leave(nursery);
    CHECK(bench.tree.room() == 99);
    CHECK(bench.tree.arrays().n_free_boxes <= 2);
    CHECK(defect_of(bench) == "");
}

TEST_CASE("a bare tree needs no boxes, and all of its inner nodes are near when it grows") {
    TreeNursery nursery;
    TreeBench bench(2, 256, 7);
    Rng rng(1, 3);
    std::vector<Point> points;
    for (unsigned i = 0; i < 60; ++i) points.push_back(random_point(2, rng));
    std::vector<NodeId> leaves;
    for (const unsigned n : {20U, 25U}) {  // in steps
        bench.tree.enter(nursery, 60, false);
        CHECK(bench.tree.arrays().boxes == nullptr);
        for (unsigned i = 0; i < n; ++i) leaves.push_back(bench.tree.plant(bench.store(points[i])));
        bench.tree.leave(nursery);
        CHECK(bench.tree.room() + 1 == leaves.size());
    }
    bench.tree.enter(nursery, 200, true);
    for (; !leaves.empty(); leaves.pop_back()) bench.tree.uproot(leaves.back());
    bench.grow(points);
    bench.tree.leave(nursery);
    CHECK(bench.tree.room() == 59);
    CHECK(defect_of(bench) == "");
}

TEST_CASE("a tree grown at once is a tree, and goes on as one") {
    for (const KernelLevel level : available_kernels()) {
        const KernelScope scope(level);
        for (const std::uint32_t dimensions : {1U, 2U, 4U, 7U, 8U, 30U, 33U}) {
            for (const std::size_t n : {1U, 2U, 3U, 5U, 60U}) {
                CAPTURE(dimensions);
                CAPTURE(n);
                TreeBench bench(dimensions, 80, n);
                Rng rng(n, dimensions);
                std::vector<Point> points;
                for (std::size_t i = 0; i < n; ++i) {
                    const bool repeats = i > 0 && rng.uniform() < 0.4;
                    points.push_back(repeats ? points[rng.below(i)] : random_point(dimensions, rng));
                }
                const std::vector<NodeId> leaves = bench.grow(points);
                for (std::size_t i = 0; i < n; ++i) REQUIRE(bench.point_of(leaves[i]) == points[i]);
                REQUIRE(bench.tree.mass() == n);
                REQUIRE(defect_of(bench) == "");
                const NodeId later = bench.insert(random_point(dimensions, rng));
                REQUIRE(defect_of(bench) == "");
                bench.erase(leaves.front());
                bench.erase(later);
                REQUIRE(defect_of(bench) == "");
            }
        }
    }
}

TEST_CASE("neighbouring numbers are cut apart") {
    TreeBench bench(1, 8, 3);
    const float tiny = std::numeric_limits<float>::denorm_min();
    bench.grow(std::vector<Point>{{-tiny}, {0.0F}, {tiny}, {1.0F}, {std::nextafter(1.0F, 2.0F)}});
    CHECK(defect_of(bench) == "");
}
