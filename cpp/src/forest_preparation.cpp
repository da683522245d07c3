// SPDX-License-Identifier: Apache-2.0
// The forest's side of prepared rows: points with values that were filled in, and how good the data are.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "forest_call.hpp"

namespace fastrcf {

/// Rows that are only asked about go through a copy: the next row that is learned finds everything as it was.
std::unique_ptr<Preparation> RandomCutForest::look_ahead() const {
    return preparation_ ? std::make_unique<Preparation>(*preparation_) : nullptr;
}

// ---- rows that the forest completes ---------------------------------------------------------------------

/// Completes the row that ends an open segment, in the block, from all that is known of its window. What was filled
/// in before is not known. Before the forest is ready, the row keeps what stands in for it.
void RandomCutForest::complete_row(Call& call, const Segment& segment) const {
    if (!segment.open || !ready_at(n_points_)) return;
    if (!call.completion) call.completion.emplace(geometry_);
    Call::Completion& completion = *call.completion;
    const float* values = call.block.values(segment.first_row);
    const std::uint8_t* filled = call.block.filled(segment.first_row);
    completion.point.assign(values, values + geometry_.dimensions);
    completion.missing.clear();
    for (std::uint32_t i = 0; i < geometry_.dimensions; ++i) {
        if (filled[i] != 0) completion.missing.push_back(i);
    }
    completion.sampler.complete(view(), trees_, completion.point.data(), completion.missing);
    for (std::uint32_t i = geometry_.dimensions - options_.n_columns; i < geometry_.dimensions; ++i) {
        if (filled[i] != 0) call.block.set(segment.first_row, i, completion.point[i]);
    }
}

/// Puts the last row of a segment into the store, where it still is as it came.
void RandomCutForest::keep_last_row(const SeriesBlock& block, const Segment& segment, std::int64_t block_starts) {
    const std::size_t row = segment.first_row + options_.shingle_size - 1;
    store_.set(static_cast<std::uint32_t>(block_starts + static_cast<std::int64_t>(row)), block.values(row));
}

/// Prepares all rows of a table with the statistics of the whole, NaN where a row is left out; returns where points
/// start.
std::vector<std::uint32_t> RandomCutForest::prepare_table(const Rows& rows, std::vector<float>& table) {
    auto fresh = std::make_unique<Preparation>(options_);
    fresh->fit(rows);
    SeriesBlock block(options_.n_columns, options_.shingle_size);
    block.begin(store_.values(), 0);
    block.mark_leading({});
    block.take(rows, 0, rows.n_rows, fresh.get(), false);
    table.assign(rows.n_rows * rows.n_columns, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < block.inputs().size(); ++i) {
        std::copy_n(block.values(i), rows.n_columns, table.data() + block.inputs()[i] * rows.n_columns);
    }
    std::vector<std::uint32_t> starts;
    for (const Segment& segment : block.segments()) {
        for (std::size_t i = 0; i < segment.n; ++i) {
            starts.push_back(static_cast<std::uint32_t>(segment.first_input + i + 1 - options_.shingle_size));
        }
    }
    if (starts.empty()) return starts;
    fresh->forget_rows();
    preparation_ = std::move(fresh);
    return starts;
}

void RandomCutForest::restore(const Rows& rows, std::span<double> restored) const {
    rows.check(options_.n_columns);
    check_argument(restored.size() == rows.n_rows * rows.n_columns, "restored: one place per value is needed");
    const std::shared_lock lock(mutex_);
    restore_rows(rows, restored.data());
}

void RandomCutForest::restore_rows(const Rows& rows, double* restored) const {
    std::vector<float> row(rows.n_columns);
    std::optional<Restorer> restorer;
    if (preparation_) restorer.emplace(*preparation_, rows.n_columns);
    for (std::size_t i = 0; i < rows.n_rows; ++i) {
        double* into = restored + i * rows.n_columns;
        rows.read(i, row.data());
        if (restorer) restorer->restore(row.data(), into);
        else std::copy(row.begin(), row.end(), into);
    }
}

// ---- how good the data are ------------------------------------------------------------------------------

void RandomCutForest::weigh_rows(const Rows& rows, std::size_t from, std::size_t to, bool all_taken) {
    if (!preparation_ && all_taken && quality_ == 1.0) return;
    const double width = static_cast<double>(rows.n_columns);
    const double rate = 1.0 / static_cast<double>(options_.sample_size);
    for (std::size_t row = from; row < to; ++row) {
        std::size_t n_known = 0;
        for (std::size_t column = 0; column < rows.n_columns; ++column) n_known += std::isnan(rows.at(row, column)) ? 0 : 1;
        quality_ += (static_cast<double>(n_known) / width - quality_) * rate;
    }
}

double RandomCutForest::data_quality() const {
    const std::shared_lock lock(mutex_);
    return quality_;
}

double RandomCutForest::confidence() const {
    constexpr double kGrown = 20.0;
    const std::shared_lock lock(mutex_);
    const auto n = static_cast<double>(n_points_);
    const double age = options_.time_decay * n;
    if (fitted_ || age >= kGrown) return quality_;
    const double young = std::min(n, static_cast<double>(options_.output_after));
    if (young == n) return 0.0;
    if (age == 0.0) return quality_ * (1.0 - young / n);
    return quality_ * (1.0 - std::expm1(options_.time_decay * young) / std::expm1(age));
}

}  // namespace fastrcf
