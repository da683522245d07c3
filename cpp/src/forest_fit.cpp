// SPDX-License-Identifier: Apache-2.0
// The batch sample: every tree draws its own distinct points of a table.
#include <algorithm>
#include <unordered_set>

#include "forest_call.hpp"

namespace fastrcf {
namespace {

/// First rows of all points of the table that have no missing value.
std::vector<std::uint32_t> complete_points(const Rows& rows, std::uint32_t shingle_size) {
    std::vector<float> row(rows.n_columns);
    std::vector<std::uint32_t> starts;
    std::size_t run = 0;
    for (std::size_t i = 0; i < rows.n_rows; ++i) {
        run = rows.read(i, row.data()) ? run + 1 : 0;
        if (run >= shingle_size) starts.push_back(static_cast<std::uint32_t>(i + 1 - shingle_size));
    }
    return starts;
}

/// `n` distinct numbers below `bound` in random order (Floyd 1987, then a shuffle).
std::vector<std::uint32_t> distinct(std::uint32_t n, std::uint32_t bound, Rng& rng) {
    std::unordered_set<std::uint32_t> taken;
    std::vector<std::uint32_t> drawn;
    for (std::uint32_t last = bound - n; last < bound; ++last) {
        auto number = static_cast<std::uint32_t>(rng.below(static_cast<std::uint64_t>(last) + 1));
        if (!taken.insert(number).second) {
            number = last;
            taken.insert(number);
        }
        drawn.push_back(number);
    }
    for (std::uint32_t i = n; i > 1; --i) {
        std::swap(drawn[i - 1], drawn[rng.below(i)]);
    }
    return drawn;
}

}  // namespace

void RandomCutForest::fit(const Rows& given) {
    given.check(options_.n_columns);
    const std::lock_guard lock(mutex_);
    check_argument(n_rows_ == 0, "fit: this forest has learned rows already; fit needs a new one");
    check_argument(given.n_rows <= INT32_MAX, "X: at most 2147483647 rows can be fitted at once");
    std::vector<float> table;
    const std::vector<std::uint32_t> starts =
        preparation_ ? prepare_table(given, table) : complete_points(given, options_.shingle_size);
    const Rows rows = preparation_ ? Rows::of(table.data(), given.n_rows, given.n_columns) : given;
    check_argument(!starts.empty(), "X: no " + std::to_string(options_.shingle_size) +
                                        " consecutive rows without missing values to fit on");

    const auto n_points = static_cast<std::uint32_t>(starts.size());
    const std::uint32_t sample = std::min(options_.sample_size, n_points);
    std::vector<std::vector<std::uint32_t>> samples;
    std::vector<std::uint8_t> held(rows.n_rows, 0);
    for (SampledTree& tree : trees_) {
        samples.push_back(distinct(sample, n_points, tree.rng()));
        for (const std::uint32_t point : samples.back()) held[starts[point]] = 1;
    }
    const std::vector<std::int32_t> stored_at = store_rows(rows, held);

    const auto lease = common_->calls.lease();
    (*lease).prepare(1, 0, 0, options_);
    Nursery nursery;
    for (std::size_t i = 0; i < trees_.size(); ++i) {
        for (std::uint32_t& point : samples[i]) point = static_cast<std::uint32_t>(stored_at[starts[point]]);
        fit_tree(trees_[i], samples[i], n_points, (*lease).workers.front().workspace.scratch(), nursery);
    }
    std::vector<float> row(rows.n_columns);
    for (std::size_t i = 0; i < rows.n_rows; ++i) n_skipped_ += rows.read(i, row.data()) ? 0 : 1;
    n_rows_ = rows.n_rows;
    n_points_ = n_points;
    fitted_ = true;
    weigh_rows(given, 0, given.n_rows, n_skipped_ == 0);
}

/// Stores the rows of all held points; returns the stored row of every input row.
std::vector<std::int32_t> RandomCutForest::store_rows(const Rows& rows, const std::vector<std::uint8_t>& held) {
    std::vector<std::int32_t> stored_at(rows.n_rows, PointStore::kDropped);
    std::vector<float> row(rows.n_columns);
    std::size_t n_kept = 0;
    std::size_t covered_until = 0;
    for (std::size_t i = 0; i < rows.n_rows; ++i) {
        if (held[i] != 0) covered_until = i + options_.shingle_size;
        if (i < covered_until) stored_at[i] = static_cast<std::int32_t>(n_kept++);
    }
    store_.compact({}, n_kept);
    for (std::size_t i = 0; i < rows.n_rows; ++i) {
        if (stored_at[i] == PointStore::kDropped) continue;
        rows.read(i, row.data());
        store_.append(row.data(), i);
    }
    return stored_at;
}

// The sample counts as the winners of one instant: its keys are the smallest of n_points exponentials, drawn
// as their order statistics, all decayed to the last row. A stream may go on from there.
void RandomCutForest::fit_tree(SampledTree& tree, const std::vector<std::uint32_t>& points, std::uint64_t n_points,
                               TreeScratch& scratch, Nursery& nursery) {
    const double shift = options_.time_decay * static_cast<double>(n_points - 1);
    tree.enter(nursery, points.size(), true);
    double waited = 0.0;
    for (std::size_t i = 0; i < points.size(); ++i) {
        waited += tree.rng().exponential() / static_cast<double>(n_points - i);
        tree.put(static_cast<std::int32_t>(points[i]), portable::log(waited) - shift);
    }
    tree.grow(view(), scratch);
    tree.leave(nursery);
    tree.sampler().plan(n_points, tree.rng());
}

}  // namespace fastrcf
