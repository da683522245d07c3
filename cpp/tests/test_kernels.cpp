// SPDX-License-Identifier: Apache-2.0
// Every instruction set gives the bits of every other, and the scores of a slow and obvious recursion.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include <doctest/doctest.h>

#include "forest_bench.hpp"
#include "slow_score.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

constexpr std::uint32_t kDimensions[] = {1, 2, 3, 4, 5, 8, 10, 16, 24, 33, 48, 70};

/// Mean over the trees of the slow score.
double slow_score(const RandomCutForest& forest, const Point& point) {
    double sum = 0.0;
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) {
        sum += SlowScore(forest.tree(i).tree(), forest.geometry(), forest.store().values())(point);
    }
    return sum / forest.options().n_trees;
}

double largest_difference(const RandomCutForest& forest, const std::vector<Point>& points) {
    double largest = 0.0;
    for (const Point& point : points) {
        const double got = score(forest, Rows::of(point.data(), 1, point.size())).front();
        // Unlike std::max, this does not lose a NaN.
        const double difference = std::abs(got - slow_score(forest, point));
        if (!(difference <= largest)) largest = difference;
    }
    return largest;
}

/// Points like those of the forest, points between and far outside, and points that it holds.
std::vector<Point> probes(const RandomCutForest& forest, const Table& like) {
    const std::uint32_t dimensions = forest.geometry().dimensions;
    Rng rng(3, 3);
    std::vector<Point> points;
    for (std::size_t row = 0; row < like.n_rows(); ++row) {
        Point point(dimensions);
        for (std::uint32_t i = 0; i < dimensions; ++i)
            point[i] = static_cast<float>(like.values[row * dimensions + i]);
        points.push_back(point);
        point[rng.below(dimensions)] +=
            static_cast<float>(std::ldexp(rng.uniform(), static_cast<int>(rng.below(12))));
        points.push_back(point);
    }
    forest.tree(0).tree().for_each_leaf([&](NodeId leaf) {
        const float* first =
            forest.store().values() + static_cast<std::size_t>(forest.tree(0).tree().arrays().payload[leaf]) *
                                          forest.geometry().columns;
        points.emplace_back(first, first + dimensions);
    });
    return points;
}

bool same_bits(const RandomCutForest& a, const RandomCutForest& b) {
    for (std::uint32_t i = 0; i < a.options().n_trees; ++i) {
        const TreeArrays& x = a.tree(i).tree().arrays();
        const TreeArrays& y = b.tree(i).tree().arrays();
        const std::size_t n_internal = a.tree(i).tree().room();
        const std::size_t n_nodes = 2 * n_internal + 1;
        const std::size_t first = x.first_leaf - n_internal;
        const auto same = [first](const auto* p, const auto* q, std::size_t n, std::size_t per_node = 1) {
            return std::equal(p + first * per_node, p + (first + n) * per_node, q + first * per_node);
        };
        if (n_internal != b.tree(i).tree().room() || x.root != y.root || !same(x.payload, y.payload, n_nodes) ||
            !same(x.dimension, y.dimension, n_internal) || !same(x.child, y.child, n_internal, 2) ||
            !same(x.parent, y.parent, n_nodes) || !same(x.mass, y.mass, n_nodes) ||
            !same(x.box_slot, y.box_slot, n_internal)) {
            return false;
        }
        for (std::size_t node = first; node < x.first_leaf; ++node) {
            const std::uint32_t stride = a.geometry().box_stride();
            const std::size_t slot = x.box_slot[node];
            if (slot != kNoBox &&
                !std::equal(x.boxes + slot * stride, x.boxes + (slot + 1) * stride, y.boxes + slot * stride))
                return false;
        }
    }
    return a.to_bytes() == b.to_bytes();
}

}  // namespace

TEST_CASE("all kernels grow the same trees and give the same scores, bit for bit") {
    for (const std::uint32_t dimensions : kDimensions) {
        CAPTURE(dimensions);
        const Table table = wave(900, dimensions, dimensions);
        const KernelScope reference_scope(KernelLevel::kBaseline);
        RandomCutForest reference(options_of(dimensions, 1, 7, 64));
        const std::vector<double> expected = score_update(reference, table.rows());
        const std::vector<double> expected_later = score(reference, table.rows(0, 100));
        for (const KernelLevel level : available_kernels()) {
            const KernelScope scope(level);
            RandomCutForest forest(options_of(dimensions, 1, 7, 64));
            REQUIRE(score_update(forest, table.rows()) == expected);
            REQUIRE(score(forest, table.rows(0, 100)) == expected_later);
            for (std::size_t row = 0; row < 20; ++row) {
                REQUIRE(score(forest, table.rows(row, row + 1)).front() == expected_later[row]);
            }
            REQUIRE(same_bits(forest, reference));
        }
    }
}

TEST_CASE("scores are those of the recursion over the points") {
    for (const KernelLevel level : available_kernels()) {
        const KernelScope scope(level);
        for (const std::uint32_t dimensions : kDimensions) {
            CAPTURE(dimensions);
            RandomCutForest forest(options_of(dimensions, 1, 5, 48));
            forest.update(wave(400, dimensions, 1).rows());
            CHECK(largest_difference(forest, probes(forest, wave(40, dimensions, 2))) < 1e-5);
        }
    }
}

TEST_CASE("scores of shingles are those of the recursion over the points") {
    for (const std::uint32_t shingle_size : {2U, 4U, 5U, 9U}) {
        RandomCutForest forest(options_of(2, shingle_size, 5, 48));
        const Table past = wave(400, 2, 1);
        const Table next = wave(30, 2, 2);
        forest.update(past.rows());
        std::vector<double> all(past.values.end() - 2 * (static_cast<std::ptrdiff_t>(shingle_size) - 1),
                                past.values.end());
        all.insert(all.end(), next.values.begin(), next.values.end());
        const std::vector<double> scores = score(forest, next.rows());
        for (std::size_t row = 0; row < scores.size(); ++row) {
            const auto first = all.begin() + static_cast<std::ptrdiff_t>(2 * row);
            Point point(2 * static_cast<std::size_t>(shingle_size));
            std::transform(first, first + 2 * shingle_size, point.begin(),
                           [](double x) { return static_cast<float>(x); });
            CHECK(scores[row] == doctest::Approx(slow_score(forest, point)).epsilon(1e-5));
        }
    }
}

TEST_CASE("a tree of one leaf scores by the leaf alone") {
    for (const std::uint32_t dimensions : {1U, 8U, 17U}) {
        ForestOptions options = options_of(dimensions, 1, 3, 16);
        options.output_after = 1;
        RandomCutForest forest(options);
        const Table same{dimensions, std::vector<double>(400 * static_cast<std::size_t>(dimensions), 2.5)};
        forest.update(same.rows());
        // The point that is there: 1/2 as half its weight is damped. Any other: depth 0, log2(1 + 16).
        CHECK(score(forest, same.rows(0, 1)).front() == doctest::Approx(0.5).epsilon(1e-6));
        const Table other{dimensions, std::vector<double>(dimensions, 2.6)};
        CHECK(score(forest, other.rows()).front() == doctest::Approx(std::log2(17.0)).epsilon(1e-6));
    }
}

TEST_CASE("scores hold far from the origin") {
    // 100000 within 1: float keeps 7 bits of each coordinate's spread; sums of coordinates must not eat them.
    for (const KernelLevel level : available_kernels()) {
        const KernelScope scope(level);
        for (const std::uint32_t dimensions : kDimensions) {
            CAPTURE(dimensions);
            for (const double offset : {1e3, 1e5, -1e6}) {
                CAPTURE(offset);
                RandomCutForest forest(options_of(dimensions, 1, 5, 48));
                forest.update(wave(400, dimensions, 1, 1.0, offset).rows());
                CHECK(largest_difference(forest, probes(forest, wave(40, dimensions, 2, 1.0, offset))) <
                      1e-5);
            }
        }
    }
}

TEST_CASE("scores hold at the edges of the range of values") {
    for (const double scale : {1e-40, 1e-30, 1e-10, 1e10, 1e29}) {
        for (const std::uint32_t dimensions : {1U, 4U, 8U, 33U}) {
            CAPTURE(scale);
            CAPTURE(dimensions);
            RandomCutForest forest(options_of(dimensions, 1, 5, 48));
            forest.update(wave(400, dimensions, 1, scale).rows());
            CHECK(largest_difference(forest, probes(forest, wave(40, dimensions, 2, scale))) < 1e-5);
        }
    }
}

TEST_CASE("a level that is missing is refused") {
    CHECK(kernel_available(KernelLevel::kBaseline));
    for (const KernelLevel level : {KernelLevel::kAvx2, KernelLevel::kAvx512}) {
        if (!kernel_available(level)) CHECK_THROWS_AS(use_kernel(level), std::invalid_argument);
    }
    const KernelLevel best = kernel_level();
    use_kernel(KernelLevel::kBaseline);
    CHECK(kernel_level() == KernelLevel::kBaseline);
    use_kernel(std::nullopt);
    CHECK(kernel_level() == best);
}
