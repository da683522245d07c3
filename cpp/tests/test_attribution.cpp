// SPDX-License-Identifier: Apache-2.0
// Attributions add up to scores before anything makes them, and every way to ask for them gives the same bits.
#include <cmath>
#include <vector>

#include <doctest/doctest.h>

#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

constexpr std::uint32_t kDimensions[] = {1, 3, 4, 5, 8, 10, 16, 24, 33, 48, 70};

struct Attributed {
    explicit Attributed(const RandomCutForest& forest, std::size_t n)
        : scores(n, -1.0), high(n * forest.geometry().dimensions, -1.0), low(high) {}

    [[nodiscard]] AttributionSpans spans() { return {scores, high, low}; }
    bool operator==(const Attributed&) const = default;

    std::vector<double> scores;
    std::vector<double> high;
    std::vector<double> low;
};

Attributed attribution(const RandomCutForest& forest, const Rows& rows) {
    Attributed result(forest, rows.n_rows);
    forest.attribution(rows, result.spans());
    return result;
}

Attributed score_update_attributed(RandomCutForest& forest, const Rows& rows) {
    Attributed result(forest, rows.n_rows);
    forest.score_update(rows, result.spans());
    return result;
}

/// By how much the cells of a point, as the kernels sum them, miss its score; the worst of the rows, relatively.
double worst_sum(const RandomCutForest& forest, const Rows& rows) {
    const std::size_t n_lanes = forest.geometry().box_stride();
    const std::size_t step = forest.options().sample_size / 4 + 2;
    std::vector<ClimbedFour> climbed(kLanes * step);
    std::vector<float> boxes((kLanes + 2) * n_lanes);
    std::vector<const TreeArrays*> trees;
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) trees.push_back(&forest.tree(i).tree().arrays());
    double worst = 0.0;
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        TreeScratch scratch = question.scratch;
        scratch.climbed = climbed.data();
        scratch.climbed_step = step;
        scratch.boxes = boxes.data();
        std::vector<std::int32_t> cells(n_lanes, 0);
        const std::int64_t sum = view.kernels.attribute_across(trees.data(), trees.size(), view.geometry, view.tables,
                                                               question.point, cells.data(), scratch);
        const double expected = static_cast<double>(sum) / static_cast<double>(kScoreScale);
        double got = 0.0;
        for (const std::int32_t cell : cells) got += cell;
        const double miss = std::abs(got / static_cast<double>(view.tables.cell_scale) / expected - 1.0);
        if (!(miss <= worst)) worst = miss;
    });
    return worst;
}

}  // namespace

TEST_CASE("attributions add up to the score in single precision") {
    for (const KernelLevel level : available_kernels()) {
        const KernelScope scope(level);
        for (const Scoring scoring : {Scoring::kStandard, Scoring::kKinesis}) {
            for (const std::uint32_t dimensions : kDimensions) {
                CAPTURE(dimensions);
                ForestOptions options = options_of(dimensions, 1, 20, 48);
                options.scoring = scoring;
                RandomCutForest forest(options);
                const Table table = wave(400, dimensions, 1);
                forest.update(table.rows());
                CHECK(worst_sum(forest, table.rows(370, 400)) < 2e-6);
                CHECK(worst_sum(forest, wave(60, dimensions, 2, 3.0).rows()) < 2e-6);
            }
        }
    }
}

TEST_CASE("all kernels give the same attributions, bit for bit") {
    for (const std::uint32_t dimensions : kDimensions) {
        CAPTURE(dimensions);
        const Table table = wave(400, dimensions, dimensions);
        const KernelScope reference_scope(KernelLevel::kBaseline);
        RandomCutForest reference(options_of(dimensions, 1, 7, 64));
        const Attributed expected = score_update_attributed(reference, table.rows());
        const Attributed later = attribution(reference, table.rows(300, 400));
        for (const KernelLevel level : available_kernels()) {
            const KernelScope scope(level);
            RandomCutForest forest(options_of(dimensions, 1, 7, 64));
            REQUIRE(score_update_attributed(forest, table.rows()) == expected);
            REQUIRE(attribution(forest, table.rows(300, 400)) == later);
            REQUIRE(forest.to_bytes() == reference.to_bytes());
        }
    }
}

TEST_CASE("scores and trees are those of a forest that is asked for scores alone") {
    const Table table = gappy(1500, 2, 3);
    RandomCutForest plain(options_of(2, 4, 9, 32));
    RandomCutForest attributed(options_of(2, 4, 9, 32));
    CHECK(score_update_attributed(attributed, table.rows()).scores == score_update(plain, table.rows()));
    CHECK(attributed.to_bytes() == plain.to_bytes());
    CHECK(attribution(attributed, table.rows()).scores == score(plain, table.rows()));
    CHECK(attributed.to_bytes() == plain.to_bytes());
}

TEST_CASE("blocks of many and of few rows give the same attributions") {
    // 512 coordinates: the rows go through in blocks of 64.
    const Table table = wave(150, 64, 5);
    RandomCutForest whole(options_of(64, 8, 5, 32));
    RandomCutForest parts(options_of(64, 8, 5, 32));
    const Attributed expected = score_update_attributed(whole, table.rows());
    for (std::size_t row = 0; row < table.n_rows(); ++row) {
        const Attributed one = score_update_attributed(parts, table.rows(row, row + 1));
        const auto at = static_cast<std::ptrdiff_t>(512 * row);
        REQUIRE(one.scores.front() == expected.scores[row]);
        REQUIRE(std::equal(one.high.begin(), one.high.end(), expected.high.begin() + at));
        REQUIRE(std::equal(one.low.begin(), one.low.end(), expected.low.begin() + at));
    }
}

TEST_CASE("places that do not fit the rows are refused and nothing is learned") {
    RandomCutForest forest(options_of(2, 2, 3, 16));
    const Table table = wave(50, 2, 1);
    const std::vector<std::byte> before = forest.to_bytes();
    Attributed into(forest, 50);
    into.low.pop_back();
    CHECK_THROWS_AS(forest.score_update(table.rows(), into.spans()), std::invalid_argument);
    CHECK_THROWS_AS(forest.attribution(table.rows(), into.spans()), std::invalid_argument);
    CHECK(forest.to_bytes() == before);
}
