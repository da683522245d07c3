// SPDX-License-Identifier: Apache-2.0
// What the forest puts in the place of values: imputed and expected ones.
#include <algorithm>
#include <cmath>
#include <limits>

#include "fastrcf/conditional.hpp"
#include "forest_call.hpp"

namespace fastrcf {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();

/// A completion costs about as much as this many scores.
constexpr std::size_t kCostliness = 4;

/// Points that are completed together: a tree that is in the cache serves them all.
constexpr std::size_t kTogether = 16;

class Completions {
public:
    Completions(const ForestView& forest, std::span<const SampledTree> trees)
        : forest_(forest), trees_(trees), slots_(kTogether, Slot(forest.geometry)) {}

    [[nodiscard]] bool empty() const noexcept { return n_ == 0; }
    [[nodiscard]] bool full() const noexcept { return n_ == kTogether; }

    /// Adds a point, whose missing coordinates are NaN, under a name.
    void add(std::size_t name, const float* point) {
        Slot& slot = slots_[n_++];
        slot.name = name;
        std::copy_n(point, slot.point.size(), slot.point.begin());
        missing_.clear();
        for (std::uint32_t i = 0; i < slot.point.size(); ++i) {
            if (std::isnan(point[i])) missing_.push_back(i);
        }
        slot.sampler.begin(point, missing_);
    }

    /// Completes what was added, calls write(name, point) for each and forgets them.
    template <class Write>
    void finish(Write write) {
        for (const SampledTree& sampled : trees_) {
            for (std::size_t i = 0; i < n_; ++i) slots_[i].sampler.hear(forest_, sampled.tree());
        }
        for (std::size_t i = 0; i < n_; ++i) {
            slots_[i].sampler.finish(forest_, trees_, slots_[i].point.data());
            write(slots_[i].name, slots_[i].point.data());
        }
        n_ = 0;
    }

private:
    struct Slot {
        explicit Slot(const Geometry& geometry) : sampler(geometry), point(geometry.dimensions) {}
        std::size_t name = 0;
        ConditionalSampler sampler;
        std::vector<float> point;
    };
    const ForestView& forest_;
    std::span<const SampledTree> trees_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> missing_;
    std::size_t n_ = 0;
};

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
        Completions together(forest, trees_);
        const std::size_t last = gaps.n_groups() * (part + 1) / n_parts;
        for (std::size_t first = gaps.n_groups() * part / n_parts; first < last; first += kTogether) {
            const std::size_t n = std::min(kTogether, last - first);
            // The next row of every group that has one: within a group, rows wait for those before them.
            for (std::size_t next = 0;; ++next) {
                for (std::size_t group = first; group < first + n; ++group) {
                    const std::size_t at = gaps.starts[group] + next;
                    if (at >= gaps.starts[group + 1]) continue;
                    together.add(gaps.rows[at], series.data() + gaps.rows[at] * columns);
                }
                if (together.empty()) break;
                together.finish([&](std::size_t row, const float* point) {
                    float* newest = series.data() + (row + options_.shingle_size - 1) * columns;
                    for (std::size_t k = 0; k < columns; ++k) {
                        if (!std::isnan(newest[k])) continue;
                        newest[k] = point[geometry_.dimensions - columns + k];
                        values[row * columns + k] = static_cast<double>(newest[k]);
                    }
                });
            }
        }
    });
    if (!preparation_) return;
    const Rows restored = Rows::of(values.data(), rows.n_rows, columns);  // row after row: a change follows a value
    for (const std::size_t row : gaps.rows) {
        for (std::size_t k = 0; k < columns; ++k) {
            double& value = values[row * columns + k];
            const double given = rows.at(row, k);  // its change may not have been known all the same
            value = std::isnan(given) ? in_units_of(restored, row, k, static_cast<float>(value)) : given;
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
    const std::uint32_t before = dimensions - columns;
    const std::uint32_t step = options_.shingle_size > 1 ? columns : 1;
    const std::size_t per_row = columns / step;
    const std::size_t work = rows.n_rows * per_row * trees_.size() * kCostliness;
    run_parts(work, rows.n_rows, n_jobs_, [&](std::size_t part, std::size_t n_parts) {
        Completions together(forest, trees_);
        std::vector<float> point(dimensions);
        const auto write = [&](std::size_t question, const float* answer) {
            const std::size_t first = question % per_row * step;
            const std::size_t row = question / per_row;
            double* into = values.data() + row * columns;
            for (std::size_t k = first; k < first + step; ++k) into[k] = in_units_of(rows, row, k, answer[before + k]);
        };
        const std::size_t last = rows.n_rows * (part + 1) / n_parts * per_row;
        for (std::size_t question = rows.n_rows * part / n_parts * per_row; question < last; ++question) {
            std::copy_n(series.data() + question / per_row * columns, dimensions, point.data());
            std::fill_n(point.data() + before + question % per_row * step, step, kMissing);
            const auto n_missing = std::count_if(point.begin(), point.end(), [](float x) { return std::isnan(x); });
            if (static_cast<std::uint32_t>(n_missing) > step) continue;
            together.add(question, point.data());
            if (together.full()) together.finish(write);
        }
        together.finish(write);
    });
}

}  // namespace fastrcf
