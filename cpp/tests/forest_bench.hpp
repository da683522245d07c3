// SPDX-License-Identifier: Apache-2.0
// Series and calls for the tests of whole forests.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/random_cut_forest.hpp"
#include "tree_bench.hpp"

namespace fastrcf::testing {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// Rows of doubles, contiguous.
struct Table {
    std::size_t n_columns = 1;
    std::vector<double> values;

    [[nodiscard]] std::size_t n_rows() const { return values.size() / n_columns; }
    [[nodiscard]] Rows rows() const { return rows(0, n_rows()); }
    [[nodiscard]] Rows rows(std::size_t from, std::size_t to) const {
        return Rows::of(values.data() + from * n_columns, to - from, n_columns);
    }
    double& at(std::size_t row, std::size_t column) { return values[row * n_columns + column]; }
};

/// Waves with noise, a few spikes and some rows that repeat.
inline Table wave(std::size_t n_rows, std::size_t n_columns, std::uint64_t seed, double scale = 1.0,
                  double offset = 0.0) {
    Rng rng(seed, 17);
    Table table{n_columns, {}};
    for (std::size_t row = 0; row < n_rows; ++row) {
        const bool spike = rng.below(50) == 0;
        const bool repeats = rng.below(20) == 0 && row > 0;
        for (std::size_t column = 0; column < n_columns; ++column) {
            const double phase = static_cast<double>(row) * 0.1 + static_cast<double>(column);
            const double fresh = std::sin(phase) + 0.2 * rng.uniform() + (spike ? 3.0 * rng.uniform() : 0.0);
            const double value =
                repeats ? table.values[table.values.size() - n_columns] : offset + scale * fresh;
            table.values.push_back(value);
        }
    }
    return table;
}

/// Rows of which some miss a value.
inline Table gappy(std::size_t n_rows, std::size_t n_columns, std::uint64_t seed) {
    Table table = wave(n_rows, n_columns, seed);
    Rng rng(seed, 5);
    for (std::size_t row = 0; row < n_rows; ++row) {
        if (rng.below(40) == 0) table.at(row, rng.below(n_columns)) = kMissing;
    }
    return table;
}

inline ForestOptions options_of(std::uint32_t n_columns, std::uint32_t shingle_size, std::uint32_t n_trees,
                                std::uint32_t sample_size) {
    ForestOptions options;
    options.n_columns = n_columns;
    options.shingle_size = shingle_size;
    options.n_trees = n_trees;
    options.sample_size = sample_size;
    options.time_decay = 0.1 / sample_size;
    options.output_after = 1 + sample_size / 4;
    options.random_state = 42;
    return options;
}

inline std::vector<double> score(const RandomCutForest& forest, const Rows& rows) {
    std::vector<double> scores(rows.n_rows, -1.0);
    forest.score(rows, scores);
    return scores;
}

inline std::vector<double> score_update(RandomCutForest& forest, const Rows& rows) {
    std::vector<double> scores(rows.n_rows, -1.0);
    forest.score_update(rows, scores);
    return scores;
}

/// The same, in calls of `chunk` rows.
inline std::vector<double> score_update_in_chunks(RandomCutForest& forest, const Table& table,
                                                  std::size_t chunk) {
    std::vector<double> scores(table.n_rows(), -1.0);
    for (std::size_t from = 0; from < table.n_rows(); from += chunk) {
        const std::size_t to = std::min(table.n_rows(), from + chunk);
        forest.score_update(table.rows(from, to), std::span(scores).subspan(from, to - from));
    }
    return scores;
}

/// Every tree is sound, holds what its sample says, and its points are windows of the series.
inline void check_trees(const RandomCutForest& forest, const Table& series) {
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) {
        const SampledTree& sampled = forest.tree(i);
        TreeCheck check(sampled.tree(), forest.geometry(), forest.store().values(),
                        forest.options().sample_size);
        REQUIRE(check.defect() == "");
        std::vector<unsigned> entries(2 * forest.options().sample_size + 1, 0);
        for (const StreamSampler::Entry& entry : sampled.sampler().entries()) ++entries[entry.leaf];
        std::size_t held = 0;
        sampled.tree().for_each_leaf([&](NodeId leaf) {
            REQUIRE(entries[leaf] == sampled.tree().arrays().mass[leaf]);
            held += entries[leaf];
            const auto row = static_cast<std::uint32_t>(sampled.tree().arrays().payload[leaf]);
            const std::uint64_t first = forest.store().arrival(row) * series.n_columns;
            for (std::uint32_t k = 0; k < forest.geometry().dimensions; ++k) {
                const float stored = forest.store().values()[row * forest.geometry().columns + k];
                REQUIRE(stored == static_cast<float>(series.values.at(first + k)));
            }
        });
        REQUIRE(held == sampled.sampler().entries().size());
    }
}

}  // namespace fastrcf::testing
