// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/point_store.hpp"

#include <algorithm>
#include <cstring>

#include "fastrcf/tree_arrays.hpp"

namespace fastrcf {

PointStore::PointStore(std::uint32_t n_columns, std::uint32_t shingle_size)
    : n_columns_(n_columns), shingle_size_(shingle_size) {
    reserve(shingle_size);
}

std::uint64_t PointStore::arrival(std::uint32_t row) const noexcept {
    const auto after = std::upper_bound(runs_.begin(), runs_.end(), row,
                                        [](std::uint32_t value, const Run& run) { return value < run.first_row; });
    const Run& run = *(after - 1);
    return run.arrival + (row - run.first_row);
}

void PointStore::append(const float* row, std::uint64_t arrival) {
    const bool continues = !runs_.empty() && runs_.back().arrival + (n_rows_ - runs_.back().first_row) == arrival;
    if (!continues) {
        runs_.push_back({n_rows_, arrival});
    }
    std::memcpy(values_.data() + static_cast<std::size_t>(n_rows_) * n_columns_, row, n_columns_ * sizeof(float));
    ++n_rows_;
}

std::vector<std::int32_t> PointStore::plan_compaction(const std::vector<std::uint8_t>& marks,
                                                      std::uint32_t tail) const {
    std::vector<std::int32_t> plan(n_rows_, kDropped);
    std::int32_t kept = 0;
    std::uint32_t covered_until = 0;
    const std::uint32_t tail_begins = n_rows_ - tail;
    for (std::uint32_t row = 0; row < n_rows_; ++row) {
        if (marks[row] != 0) {
            covered_until = row + shingle_size_;
        }
        if (row < covered_until || row >= tail_begins) {
            plan[row] = kept++;
        }
    }
    return plan;
}

void PointStore::compact(const std::vector<std::int32_t>& plan, std::size_t n_rows) {
    std::vector<Run> old_runs;
    old_runs.swap(runs_);
    const std::uint32_t old_rows = n_rows_;
    n_rows_ = 0;
    std::size_t run = 0;
    for (std::uint32_t row = 0; row < old_rows; ++row) {
        while (run + 1 < old_runs.size() && old_runs[run + 1].first_row <= row) ++run;
        if (plan[row] != kDropped) {
            append(values_.data() + static_cast<std::size_t>(row) * n_columns_,
                   old_runs[run].arrival + (row - old_runs[run].first_row));
        }
    }
    reserve(n_rows_ + n_rows);
}

// Half as much again as what stays makes compactions rare; memory above that is given back. Little more than that:
// forests of short series are many.
void PointStore::reserve(std::size_t n_rows) {
    const std::size_t wanted = n_rows + n_rows / 2 + 16;
    if (n_rows <= capacity_ && wanted * 2 > capacity_) {
        return;
    }
    capacity_ = wanted;
    std::vector<float> values(capacity_ * n_columns_ + kReadAhead, 0.0F);
    std::copy_n(values_.begin(), static_cast<std::size_t>(n_rows_) * n_columns_, values.begin());
    values_.swap(values);
}

std::size_t PointStore::memory_bytes() const noexcept {
    return values_.capacity() * sizeof(float) + runs_.capacity() * sizeof(Run);
}

}  // namespace fastrcf
