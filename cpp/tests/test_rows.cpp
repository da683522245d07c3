// SPDX-License-Identifier: Apache-2.0
// What a forest promises about rows: types, strides, missing values, errors.
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

std::string message_of(RandomCutForest& forest, const Rows& rows) {
    std::vector<double> scores(rows.n_rows);
    const auto before = forest.to_bytes();
    std::string message;
    CHECK_THROWS_AS(forest.update(rows), std::invalid_argument);
    CHECK_THROWS_AS(forest.score(rows, scores), std::invalid_argument);
    try {
        forest.score_update(rows, scores);
    } catch (const std::invalid_argument& error) {
        message = error.what();
    }
    CHECK(forest.to_bytes() == before);
    return message;
}

}  // namespace

TEST_CASE("a row with a missing value is not learned, scores 0 and no window spans it") {
    for (const std::uint32_t shingle_size : {1U, 4U}) {
        Table table = wave(600, 2, 6);
        const std::vector<std::size_t> missing = {0, 3, 200, 202, 203, 300, 599};
        for (const std::size_t row : missing) table.at(row, row % 2) = kMissing;
        RandomCutForest forest(options_of(2, shingle_size, 5, 16));
        const std::vector<double> scores = score_update(forest, table.rows());
        CHECK(forest.n_skipped() == missing.size());
        CHECK(forest.n_seen() == 600 - missing.size());
        check_trees(forest, table);
        for (std::size_t row = 100; row < 600; ++row) {
            bool whole = true;
            for (const std::size_t gap : missing) whole = whole && !(gap <= row && row < gap + shingle_size);
            CHECK((scores[row] > 0.0) == whole);
        }
        // Scoring applies the same rule, beginning with the last row taken, and counts nothing.
        const std::vector<double> next = score(forest, table.rows(100, 110));
        for (std::size_t row = 0; row < 10; ++row) CHECK((next[row] > 0.0) == (row + 1 >= shingle_size));
        CHECK(forest.n_skipped() == missing.size());
    }
}

TEST_CASE("single rows with a gap leave the trees as if the rows were not there") {
    const Table clean = wave(500, 3, 7);
    Table holed{3, {}};
    for (std::size_t row = 0; row < 500; ++row) {
        if (row % 9 == 4) holed.values.insert(holed.values.end(), {1.0, kMissing, 2.0});
        holed.values.insert(holed.values.end(), &clean.values[3 * row], &clean.values[3 * row] + 3);
    }
    RandomCutForest without(options_of(3, 1, 5, 16));
    RandomCutForest with(options_of(3, 1, 5, 16));
    std::vector<double> scores = score_update(with, holed.rows());
    for (std::size_t row = holed.n_rows(); row-- > 0;) {
        if (!std::isnan(holed.at(row, 1))) continue;
        CHECK(scores[row] == 0.0);
        scores.erase(scores.begin() + static_cast<std::ptrdiff_t>(row));
    }
    CHECK(scores == score_update(without, clean.rows()));
}

TEST_CASE("types and strides do not matter") {
    Table table = gappy(700, 3, 8);
    for (double& value : table.values) value = static_cast<double>(static_cast<float>(value));
    const ForestOptions options = options_of(3, 2, 5, 16);
    RandomCutForest reference(options);
    const std::vector<double> expected = score_update(reference, table.rows());
    const std::size_t n = table.n_rows();
    const auto check = [&](const Rows& rows) {
        RandomCutForest forest(options);
        CHECK(score_update(forest, rows) == expected);
        CHECK(forest.to_bytes() == reference.to_bytes());
    };
    const std::vector<float> narrow(table.values.begin(), table.values.end());
    check(Rows::of(narrow.data(), n, 3));

    std::vector<double> by_column(3 * n);
    std::vector<double> backwards(3 * n);
    std::vector<std::byte> crooked(3 * n * 12 + 1);
    for (std::size_t row = 0; row < n; ++row) {
        for (std::size_t column = 0; column < 3; ++column) {
            const double value = table.at(row, column);
            by_column[column * n + row] = value;
            backwards[3 * n - 1 - (row * 3 + column)] = value;
            std::memcpy(crooked.data() + 1 + (row * 3 + column) * 12, &value, sizeof value);
        }
    }
    const auto bytes = [](const double* values) { return reinterpret_cast<const std::byte*>(values); };
    check({bytes(by_column.data()), n, 3, 8, static_cast<std::ptrdiff_t>(8 * n), Rows::Type::kFloat64});
    check({bytes(backwards.data() + 3 * n - 1), n, 3, -24, -8, Rows::Type::kFloat64});
    check({crooked.data() + 1, n, 3, 36, 12, Rows::Type::kFloat64});
}

TEST_CASE("minus zero is zero") {
    ForestOptions options = options_of(2, 1, 3, 16);
    RandomCutForest plus(options);
    RandomCutForest minus(options);
    Table table{2, {}};
    Rng rng(1, 1);
    for (int i = 0; i < 400; ++i) table.values.push_back(static_cast<double>(rng.below(3)) - 1.0);
    plus.update(table.rows());
    for (double& value : table.values) value = value == 0.0 ? -0.0 : value;
    minus.update(table.rows());
    CHECK(plus.to_bytes() == minus.to_bytes());
    const Table zero{2, {0.0, -0.0}};
    CHECK(score(plus, zero.rows()) == score(plus, Table{2, {-0.0, 0.0}}.rows()));
    check_trees(plus, table);
}

TEST_CASE("bad values are errors that name the place and leave the forest alone") {
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    RandomCutForest forest(options_of(2, 3, 3, 16));
    forest.update(wave(200, 2, 1).rows());
    for (const double bad : {kInfinity, -kInfinity, 2e30, -1e300}) {
        Table table = wave(50, 2, 2);
        table.at(17, 1) = bad;
        const std::string message = message_of(forest, table.rows());
        CHECK(message.find("X: row 17, column 1 is") == 0);
    }
    std::vector<float> narrow(20, 1.0F);
    narrow[5] = std::numeric_limits<float>::infinity();
    CHECK(message_of(forest, Rows::of(narrow.data(), 10, 2)).find("X: row 2, column 1 is inf") == 0);
    const std::string width = message_of(forest, wave(10, 3, 1).rows());
    CHECK(width.find('3') != std::string::npos);
    CHECK(width.find('2') != std::string::npos);
    const Table largest{2, {1e30, -1e30, -1e30, 1e30}};
    CHECK_NOTHROW(forest.update(largest.rows()));
}

TEST_CASE("bad options are errors that name the option") {
    const auto message = [](auto change) {
        ForestOptions options;
        change(options);
        try {
            RandomCutForest forest(options);
        } catch (const std::invalid_argument& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    CHECK(message([](ForestOptions& o) { o.n_columns = 0; }).find("n_columns") == 0);
    CHECK(message([](ForestOptions& o) { o.shingle_size = 0; }).find("shingle_size") == 0);
    CHECK(message([](ForestOptions& o) {
              o.n_columns = o.shingle_size = 300;
          }).find("n_columns * shingle_size") == 0);
    CHECK(message([](ForestOptions& o) { o.n_trees = 0; }).find("n_trees") == 0);
    CHECK(message([](ForestOptions& o) { o.sample_size = 0; }).find("sample_size") == 0);
    CHECK(message([](ForestOptions& o) { o.sample_size = 32001; }).find("sample_size") == 0);
    CHECK(message([](ForestOptions& o) { o.output_after = 0; }).find("output_after") == 0);
    CHECK(message([](ForestOptions& o) { o.n_jobs = 0; }).find("n_jobs") == 0);
    for (const double bad : {-1e-9, kInfinity, kMissing}) {
        CHECK(message([bad](ForestOptions& o) { o.time_decay = bad; }).find("time_decay") == 0);
    }
    for (const double bad : {0.0, -0.5, 1.01, kMissing}) {
        CHECK(message([bad](ForestOptions& o) {
                  o.initial_accept_fraction = bad;
              }).find("initial_accept_fraction") == 0);
    }
    CHECK(message([](ForestOptions&) {}).empty());
}

TEST_CASE("no rows are fine") {
    RandomCutForest forest(options_of(2, 2, 3, 16));
    forest.update(wave(100, 2, 1).rows());
    const auto before = forest.to_bytes();
    CHECK(score(forest, Rows::of(static_cast<const double*>(nullptr), 0, 2)).empty());
    CHECK(score_update(forest, Rows::of(static_cast<const double*>(nullptr), 0, 2)).empty());
    CHECK(forest.to_bytes() == before);
}
