// SPDX-License-Identifier: Apache-2.0
// What the forest puts in the place of values: imputed and expected ones.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fastrcf/conditional.hpp"
#include "forest_call.hpp"

namespace fastrcf {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

/// A completion costs about as much as this many scores.
constexpr std::size_t kCostliness = 4;

bool is_complete(const float* values, std::size_t n) {
    return std::none_of(values, values + n, [](float value) { return std::isnan(value); });
}

/// The positions from `first` to `last`, without the latter.
std::vector<std::uint32_t> positions(std::uint32_t first, std::uint32_t last) {
    std::vector<std::uint32_t> all(last - first);
    std::iota(all.begin(), all.end(), first);
    return all;
}

/// Rows with a missing value, in groups that do not look at each other: between the last row of a group and the first
/// of the next one, the window of the latter is complete.
struct Gaps {
    std::vector<std::size_t> rows;
    std::vector<std::size_t> starts;  ///< of the groups, among `rows`; and the end of the last one

    Gaps(const Rows& input, std::size_t shingle_size) {
        std::vector<float> row(input.n_columns);
        for (std::size_t i = 0; i < input.n_rows; ++i) {
            if (input.read(i, row.data())) continue;
            if (rows.empty() || i - rows.back() >= shingle_size) starts.push_back(rows.size());
            rows.push_back(i);
        }
        starts.push_back(rows.size());
    }
    [[nodiscard]] std::size_t n_groups() const noexcept { return starts.size() - 1; }
};

}  // namespace

/// The rows that lead the first window, then the input, as the trees see them; NaN where a value is not known.
std::vector<float> RandomCutForest::after_newest(const Rows& rows) const {
    const std::size_t columns = options_.n_columns;
    const std::size_t n_before = options_.shingle_size - 1;
    std::vector<float> series((n_before + rows.n_rows) * columns, kMissing);
    const std::size_t n_known = n_leading() * columns;
    const float* newest = store_.values() + store_.n_rows() * columns - n_known;
    std::copy_n(newest, n_known, series.begin() + static_cast<std::ptrdiff_t>(n_before * columns - n_known));
    const auto ahead = look_ahead();
    for (std::size_t i = 0; i < rows.n_rows; ++i) {
        float* into = series.data() + (n_before + i) * columns;
        if (ahead) ahead->next_known(rows, i, into);
        else rows.read(i, into);
    }
    return series;
}

/// What a value of the trees stands for in a column of row `i` that follows `rows` in the caller's units.
double RandomCutForest::in_units_of(const Rows& rows, std::size_t i, std::size_t column, float value) const {
    if (!preparation_) return static_cast<double>(value);
    const double restored = preparation_->restore(column, static_cast<double>(value));
    if (!preparation_->options().differences()) return restored;
    return restored + (i > 0 ? rows.at(i - 1, column) : preparation_->newest(column));
}

void RandomCutForest::impute(const Rows& rows, std::span<double> values) const {
    rows.check(options_.n_columns);
    const std::size_t columns = options_.n_columns;
    check_argument(values.size() == rows.n_rows * columns, "values: one place per value is needed");
    const std::shared_lock lock(mutex_);
    check_argument(ready_at(n_points_), "impute: the forest is not ready");
    const Gaps gaps(rows, options_.shingle_size);
    if (gaps.n_groups() == 0) return;
    std::vector<float> series = after_newest(rows);
    const ForestView forest = view();
    const std::size_t work = gaps.rows.size() * trees_.size() * kCostliness;
    run_parts(work, gaps.n_groups(), n_jobs_, [&](std::size_t part, std::size_t n_parts) {
        ConditionalSampler sampler(geometry_);
        std::vector<float> point(geometry_.dimensions);
        std::vector<std::uint32_t> missing;
        const std::size_t first = gaps.starts[gaps.n_groups() * part / n_parts];
        const std::size_t last = gaps.starts[gaps.n_groups() * (part + 1) / n_parts];
        for (std::size_t i = first; i < last; ++i) {
            float* window = series.data() + gaps.rows[i] * columns;
            std::copy_n(window, point.size(), point.begin());
            missing.clear();
            for (std::uint32_t k = 0; k < point.size(); ++k) {
                if (std::isnan(point[k])) missing.push_back(k);
            }
            sampler.complete(forest, trees_, point.data(), missing);
            const std::size_t before = point.size() - columns;
            for (std::size_t k = 0; k < columns; ++k) {
                if (!std::isnan(window[before + k])) continue;
                window[before + k] = point[before + k];
                values[gaps.rows[i] * columns + k] = static_cast<double>(point[before + k]);
            }
        }
    });
    if (!preparation_) return;
    const Rows restored = Rows::of(values.data(), rows.n_rows, columns);  // row after row: a change follows a value
    for (const std::size_t row : gaps.rows) {
        for (std::size_t k = 0; k < columns; ++k) {
            double& value = values[row * columns + k];
            if (std::isnan(rows.at(row, k))) value = in_units_of(restored, row, k, static_cast<float>(value));
        }
    }
}

void RandomCutForest::expect(const Rows& rows, std::span<double> values) const {
    rows.check(options_.n_columns);
    const std::uint32_t columns = options_.n_columns;
    check_argument(values.size() == rows.n_rows * columns, "values: one place per value is needed");
    const std::shared_lock lock(mutex_);
    std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    if (!ready_at(n_points_)) return;
    const std::vector<float> series = after_newest(rows);
    const ForestView forest = view();
    // What is left out of a point at a time: the newest row, or where a point is one row, one column of it.
    const std::uint32_t dimensions = geometry_.dimensions;
    const std::uint32_t step = options_.shingle_size > 1 ? columns : 1;
    const std::size_t work = rows.n_rows * (columns / step) * trees_.size() * kCostliness;
    run_parts(work, rows.n_rows, n_jobs_, [&](std::size_t part, std::size_t n_parts) {
        ConditionalSampler sampler(geometry_);
        std::vector<float> point(dimensions);
        for (std::size_t i = rows.n_rows * part / n_parts; i < rows.n_rows * (part + 1) / n_parts; ++i) {
            for (std::uint32_t first = dimensions - columns; first < dimensions; first += step) {
                std::copy_n(series.begin() + static_cast<std::ptrdiff_t>(i * columns), dimensions, point.begin());
                const std::vector<std::uint32_t> missing = positions(first, first + step);
                for (const std::uint32_t k : missing) point[k] = 0.F;
                if (!is_complete(point.data(), dimensions)) continue;
                sampler.complete(forest, trees_, point.data(), missing);
                for (const std::uint32_t k : missing) {
                    const std::uint32_t column = k - (dimensions - columns);
                    values[i * columns + column] = in_units_of(rows, i, column, point[k]);
                }
            }
        }
    });
}

}  // namespace fastrcf
