// SPDX-License-Identifier: Apache-2.0
// The rows of the stream that some tree still holds, and the newest ones.
//
// A point is `shingle_size` consecutive rows and is named by its first row: overlapping points share their rows.
// Rows are appended; nobody counts who uses them. When room runs out, the trees mark the points they hold, rows
// that no marked point covers are dropped, and the rest moves together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastrcf/types.hpp"

namespace fastrcf {

class PointStore {
public:
    /// Consecutive rows of the store that were also consecutive in the stream.
    struct Run {
        std::uint32_t first_row;
        std::uint64_t arrival;  ///< number, in the stream, of its first row
    };

    PointStore(std::uint32_t n_columns, std::uint32_t shingle_size);

    [[nodiscard]] const float* values() const noexcept { return values_.data(); }
    [[nodiscard]] std::uint32_t n_rows() const noexcept { return n_rows_; }
    [[nodiscard]] const std::vector<Run>& runs() const noexcept { return runs_; }

    /// Number in the stream of a stored row.
    [[nodiscard]] std::uint64_t arrival(std::uint32_t row) const noexcept;

    [[nodiscard]] bool has_room(std::size_t n_rows) const noexcept { return n_rows_ + n_rows <= capacity_; }

    /// Appends one row, which came as number `arrival` of the stream. There must be room.
    void append(const float* row, std::uint64_t arrival);

    /// Overwrites a stored row, which no tree may hold yet.
    void set(std::uint32_t row, const float* values) noexcept {
        std::copy_n(values, n_columns_, values_.begin() + static_cast<std::ptrdiff_t>(std::size_t{row} * n_columns_));
    }

    /// Where each row goes when only the marked points and the last `tail` rows stay: new row of every old row
    /// (kDropped for rows that go). `marks[row]` is not 0 where a held point starts.
    [[nodiscard]] std::vector<std::int32_t> plan_compaction(const std::vector<std::uint8_t>& marks,
                                                            std::uint32_t tail) const;

    /// Carries out such a plan and makes room for `n_rows` more.
    void compact(const std::vector<std::int32_t>& plan, std::size_t n_rows);

    [[nodiscard]] std::size_t memory_bytes() const noexcept;

    static constexpr std::int32_t kDropped = -1;

private:
    void reserve(std::size_t n_rows);

    std::uint32_t n_columns_;
    std::uint32_t shingle_size_;
    std::uint32_t n_rows_ = 0;
    std::size_t capacity_ = 0;  ///< rows
    std::vector<float> values_;
    std::vector<Run> runs_;
};

}  // namespace fastrcf
