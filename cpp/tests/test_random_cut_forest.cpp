// SPDX-License-Identifier: Apache-2.0
// What a forest promises about calls: chunks, windows, readiness, seeds. Its rows, laws, state: see beside.
#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

struct Shape {
    std::uint32_t n_columns;
    std::uint32_t shingle_size;
};
constexpr Shape kShapes[] = {{1, 1}, {1, 8}, {3, 1}, {2, 3}, {5, 7}, {1, 100}};

}  // namespace

TEST_CASE("chunks do not matter, and one by one is the same as in bulk") {
    for (const Shape& shape : kShapes) {
        CAPTURE(shape.shingle_size);
        const Table table = gappy(2500, shape.n_columns, 1);
        RandomCutForest bulk(options_of(shape.n_columns, shape.shingle_size, 9, 32));
        const std::vector<double> expected = score_update(bulk, table.rows());
        CHECK(*std::max_element(expected.begin(), expected.end()) > 1.0);
        for (const std::size_t chunk : {1U, 2U, 7U, 8U, 9U, 64U, 1000U}) {
            RandomCutForest forest(options_of(shape.n_columns, shape.shingle_size, 9, 32));
            REQUIRE(score_update_in_chunks(forest, table, chunk) == expected);
            REQUIRE(forest.to_bytes() == bulk.to_bytes());
        }
    }
}

TEST_CASE("blocks inside a call do not matter") {
    const Table table = gappy(10000, 1, 2);
    for (const std::uint32_t shingle_size : {1U, 30U}) {
        RandomCutForest bulk(options_of(1, shingle_size, 5, 16));
        RandomCutForest chunked(options_of(1, shingle_size, 5, 16));
        CHECK(score_update(bulk, table.rows()) == score_update_in_chunks(chunked, table, 999));
        CHECK(bulk.to_bytes() == chunked.to_bytes());
        const std::vector<double> ahead = score(bulk, table.rows());
        CHECK(score(bulk, table.rows(0, 50)) == std::vector<double>(ahead.begin(), ahead.begin() + 50));
    }
}

TEST_CASE("score_update is score, then update; update alone learns the same") {
    for (const Shape& shape : kShapes) {
        const Table table = gappy(1200, shape.n_columns, 3);
        const ForestOptions options = options_of(shape.n_columns, shape.shingle_size, 5, 16);
        RandomCutForest both(options);
        RandomCutForest apart(options);
        RandomCutForest quiet(options);
        const std::vector<double> expected = score_update(both, table.rows());
        quiet.update(table.rows());
        for (std::size_t row = 0; row < table.n_rows(); ++row) {
            REQUIRE(score(apart, table.rows(row, row + 1)).front() == expected[row]);
            apart.update(table.rows(row, row + 1));
        }
        CHECK(apart.to_bytes() == both.to_bytes());
        CHECK(quiet.to_bytes() == both.to_bytes());
    }
}

TEST_CASE("a score changes nothing, and rows that are only scored follow each other") {
    for (const Shape& shape : kShapes) {
        CAPTURE(shape.shingle_size);
        const Table past = wave(800, shape.n_columns, 4);
        const Table next = gappy(300, shape.n_columns, 5);
        RandomCutForest forest(options_of(shape.n_columns, shape.shingle_size, 5, 16));
        forest.update(past.rows());
        const auto before = forest.to_bytes();
        const std::vector<double> scores = score(forest, next.rows());
        CHECK(score(forest, next.rows()) == scores);
        CHECK(forest.to_bytes() == before);
        CHECK(forest.n_skipped() == 0);
        // A row's score depends on the rows before it, not on those behind it.
        for (std::size_t k = 0; k + 1 < next.n_rows(); k += 37) {
            const std::vector<double> from_start = score(forest, next.rows(0, k + 1));
            CHECK(from_start.back() == scores[k]);
        }
    }
}

TEST_CASE("scores begin after exactly output_after points") {
    for (const std::uint64_t output_after : {1U, 2U, 50U}) {
        ForestOptions options = options_of(1, 3, 5, 16);
        options.output_after = output_after;
        RandomCutForest forest(options);
        const Table table = wave(200, 1, 9);
        const std::vector<double> scores = score_update(forest, table.rows());
        for (std::size_t row = 0; row < 200; ++row) CHECK((scores[row] > 0.0) == (row >= output_after + 2));
        RandomCutForest slow(options);
        for (std::size_t row = 0; row < output_after + 2; ++row) {
            CHECK(!slow.is_ready());
            CHECK(score(slow, table.rows(row, row + 1)).front() == 0.0);
            slow.update(table.rows(row, row + 1));
        }
        CHECK(slow.is_ready());
    }
}

TEST_CASE("trees and samples stay sound over a long stream") {
    for (const Shape& shape : kShapes) {
        CAPTURE(shape.shingle_size);
        const Table table = gappy(6000, shape.n_columns, 10);
        RandomCutForest forest(options_of(shape.n_columns, shape.shingle_size, 4, 24));
        for (std::size_t from = 0; from < 6000; from += 500) {
            forest.update(table.rows(from, from + 250));
            score_update(forest, table.rows(from + 250, from + 500));
            check_trees(forest, table);
        }
        CHECK(forest.n_seen() + forest.n_skipped() == 6000);
        CHECK(forest.memory_bytes() > 0);
    }
}

TEST_CASE("small samples work: one and two points a tree") {
    for (const std::uint32_t sample_size : {1U, 2U, 3U}) {
        for (const double decay : {0.0, 0.1, 10.0}) {
            ForestOptions options = options_of(2, 2, 20, sample_size);
            options.time_decay = decay;
            RandomCutForest forest(options);
            const Table table = gappy(1000, 2, 11);
            const std::vector<double> scores = score_update(forest, table.rows());
            check_trees(forest, table);
            for (const double value : scores)
                CHECK((value >= 0.0 && value <= std::log2(1.0 + sample_size) + 1e-6));
        }
    }
}

TEST_CASE("the seed decides, and trees of one forest differ") {
    const Table table = wave(800, 1, 12);
    ForestOptions options = options_of(1, 4, 6, 16);
    RandomCutForest a(options);
    RandomCutForest b(options);
    options.random_state = 43;
    RandomCutForest c(options);
    const std::vector<double> scores = score_update(a, table.rows());
    CHECK(score_update(b, table.rows()) == scores);
    CHECK(score_update(c, table.rows()) != scores);
    std::set<Rng::State> states;
    std::set<std::uint64_t> plans;
    for (std::size_t i = 0; i < 6; ++i) {
        states.insert(a.tree(i).rng().state());
        plans.insert(a.tree(i).sampler().next().index);
    }
    CHECK(states.size() == 6);
    CHECK(plans.size() > 1);
}
