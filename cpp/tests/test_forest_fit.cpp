// SPDX-License-Identifier: Apache-2.0
// The batch sample, and what becomes of it when a stream goes on from there.
#include <cmath>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "forest_bench.hpp"
#include "statistics.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

/// Numbers of the first rows of the points that a tree holds. The points must differ.
std::set<std::uint64_t> held_by(const RandomCutForest& forest, std::size_t tree) {
    std::set<std::uint64_t> held;
    const RandomCutTree& of = forest.tree(tree).tree();
    of.for_each_leaf([&](NodeId leaf) {
        held.insert(forest.store().arrival(static_cast<std::uint32_t>(of.arrays().payload[leaf])));
    });
    return held;
}

Table distinct_rows(std::size_t n_rows, std::size_t n_columns, std::uint64_t seed) {
    Rng rng(seed, 0);
    Table table{n_columns, {}};
    for (std::size_t i = 0; i < n_rows * n_columns; ++i) table.values.push_back(rng.uniform());
    return table;
}

}  // namespace

TEST_CASE("every tree draws its own distinct points, any point as likely as any other") {
    const Table table = distinct_rows(403, 2, 1);
    RandomCutForest forest(options_of(2, 4, 600, 32));
    forest.fit(table.rows());
    check_trees(forest, table);
    Histogram drawn(400);
    std::set<std::set<std::uint64_t>> samples;
    for (std::size_t i = 0; i < 600; ++i) {
        const std::set<std::uint64_t> held = held_by(forest, i);
        CHECK(held.size() == 32);
        CHECK(*held.rbegin() < 400);
        for (const std::uint64_t point : held) drawn.add(point);
        samples.insert(held);
    }
    CHECK(samples.size() == 600);
    CHECK(uniform_p(drawn.counts()) > kUnlikely);
}

TEST_CASE("a table smaller than the sample is taken whole") {
    const Table table = distinct_rows(20, 1, 2);
    RandomCutForest forest(options_of(1, 3, 10, 32));
    forest.fit(table.rows());
    for (std::size_t i = 0; i < 10; ++i) CHECK(held_by(forest, i).size() == 18);
    check_trees(forest, table);
    forest.update(table.rows());
    CHECK(forest.n_seen() == 40);
}

TEST_CASE("a fitted forest is ready, has an empty window and counts its rows") {
    Table table = wave(300, 2, 3);
    table.at(100, 0) = table.at(101, 1) = kMissing;
    RandomCutForest forest(options_of(2, 3, 10, 32));
    CHECK(!forest.is_ready());
    forest.fit(table.rows());
    CHECK(forest.is_ready());
    CHECK(forest.n_seen() == 298);
    CHECK(forest.n_skipped() == 2);
    for (std::size_t i = 0; i < 10; ++i) {
        for (const std::uint64_t first : held_by(forest, i)) CHECK((first <= 97 || first >= 102));
    }
    const std::vector<double> scores = score(forest, table.rows(200, 210));
    for (std::size_t row = 0; row < 10; ++row) CHECK((scores[row] > 0.0) == (row >= 2));
}

TEST_CASE("a fit that cannot be leaves the forest as it was") {
    RandomCutForest forest(options_of(1, 4, 3, 16));
    const auto before = forest.to_bytes();
    CHECK_THROWS_AS(forest.fit(wave(3, 1, 1).rows()), std::invalid_argument);
    CHECK_THROWS_AS(forest.fit(Table{1, std::vector<double>(50, kMissing)}.rows()), std::invalid_argument);
    CHECK_THROWS_AS(forest.fit(wave(50, 2, 1).rows()), std::invalid_argument);
    Table infinite = wave(50, 1, 1);
    infinite.at(49, 0) = HUGE_VAL;
    CHECK_THROWS_AS(forest.fit(infinite.rows()), std::invalid_argument);
    CHECK(forest.to_bytes() == before);
    forest.fit(wave(50, 1, 1).rows());
    const auto fitted = forest.to_bytes();
    CHECK_THROWS_AS(forest.fit(wave(50, 1, 1).rows()), std::invalid_argument);
    CHECK(forest.to_bytes() == fitted);
}

TEST_CASE("fit does not depend on threads and is drawn by the seed") {
    const Table table = wave(2000, 1, 4);
    ForestOptions options = options_of(1, 4, 20, 64);
    RandomCutForest one(options);
    one.fit(table.rows());
    options.n_jobs = 4;
    RandomCutForest four(options);
    four.fit(table.rows());
    CHECK(four.to_bytes() == one.to_bytes());
    options.random_state = 7;
    RandomCutForest other(options);
    other.fit(table.rows());
    CHECK(score(other, table.rows()) != score(one, table.rows()));
}

TEST_CASE("a stream goes on from a fitted sample, which counts as come in one instant") {
    for (const double decay : {0.0, 1e-3, 5e-3}) {
        CAPTURE(decay);
        constexpr int kFitted = 1000;
        constexpr int kNew = 600;
        constexpr int kTrees = 400;
        constexpr int kSample = 32;
        ForestOptions options = options_of(1, 1, kTrees, kSample);
        options.time_decay = decay;
        RandomCutForest forest(options);
        const Table table = distinct_rows(kFitted + kNew, 1, 5);
        forest.fit(table.rows(0, kFitted));
        forest.update(table.rows(kFitted, kFitted + kNew));

        // Chance to be held: 1 - exp(-c·weight), weight 1 for the fitted ones and e^(decay·t) after them.
        double low = 0.0;
        double high = 10.0;
        std::vector<double> expected(7, 0.0);
        for (int step = 0; step < 60; ++step) {
            const double c = (low + high) / 2.0;
            expected.assign(7, 0.0);
            expected[0] = -kFitted * std::expm1(-c);
            for (int t = 1; t <= kNew; ++t)
                expected[static_cast<std::size_t>(1 + (t - 1) / 100)] -= std::expm1(-c * std::exp(decay * t));
            double size = 0.0;
            for (const double part : expected) size += part;
            (size < kSample ? low : high) = c;
        }
        for (double& part : expected) part /= kSample;
        Histogram ages(7);
        for (std::size_t tree = 0; tree < kTrees; ++tree) {
            for (const std::uint64_t number : held_by(forest, tree))
                ages.add(number < kFitted ? 0 : 1 + (number - kFitted) / 100);
        }
        CHECK(fit_p(ages.counts(), expected) > kUnlikely);
    }
}
