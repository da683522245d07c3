// SPDX-License-Identifier: Apache-2.0
// A stretch of the caller's rows as float32, led by the rows that complete its first points.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/preparation.hpp"
#include "fastrcf/rows.hpp"

namespace fastrcf {

/// Consecutive points of a block; each belongs to the input row that completes it.
struct Segment {
    std::size_t first_row;   ///< row of the block where the first point starts
    std::size_t first_input; ///< input row that the first point belongs to
    std::size_t n;           ///< points
    bool open;               ///< it is one point, whose last row is still to be completed
};

class SeriesBlock {
public:
    SeriesBlock(std::uint32_t n_columns, std::uint32_t shingle_size)
        : n_columns_(n_columns), shingle_size_(shingle_size) {}

    /// Starts with the newest `n` rows before the block, all complete and consecutive.
    void begin(const float* newest_rows, std::uint32_t n);

    /// Starts with the newest rows of the block itself, as if it had been learned.
    void begin_after_itself();

    /// Takes input rows [from, to). A row with NaN is left out and no point spans it.
    void take(const Rows& input, std::size_t from, std::size_t to);

    /// The same through a preparation, if there is one. A row that cannot be used is left out; so is a row without
    /// any value of its own where it would lead a point or be one too many. No point has more filled-in values than
    /// is allowed.
    void take(const Rows& input, std::size_t from, std::size_t to, Preparation* preparation, bool learn) {
        if (preparation == nullptr) take(input, from, to);
        else take(input, from, to, *preparation, learn);
    }

    /// Marks the leading rows' values that were filled in: one byte for each; none: all were given.
    void mark_leading(const std::vector<std::uint8_t>& marks);

    /// Overwrites coordinate `i` of the point that starts at a row.
    void set(std::size_t row, std::size_t i, float value) noexcept;

    [[nodiscard]] const float* values(std::size_t row) const noexcept { return values_.data() + row * n_columns_; }
    [[nodiscard]] const std::int32_t* keys(std::size_t row) const noexcept { return keys_.data() + row * n_columns_; }
    /// 1 for every value that was filled in; only where rows came through a preparation.
    [[nodiscard]] const std::uint8_t* filled(std::size_t row) const noexcept { return filled_.data() + row * n_columns_; }
    [[nodiscard]] const std::vector<Segment>& segments() const noexcept { return segments_; }
    [[nodiscard]] std::size_t n_rows() const noexcept { return n_rows_; }
    [[nodiscard]] std::size_t n_leading() const noexcept { return n_leading_; }

    /// Input row of every block row after the leading ones.
    [[nodiscard]] const std::vector<std::size_t>& inputs() const noexcept { return inputs_; }

    /// Complete rows at the end, counted up to the length of a point.
    [[nodiscard]] std::uint32_t run_length() const noexcept { return run_length_; }

    /// Marks of the rows that lead the next point: 1 for every value that was filled in.
    [[nodiscard]] std::span<const std::uint8_t> newest_filled() const noexcept {
        const std::size_t n = std::min(run_length_, shingle_size_ - 1);
        return {filled(n_rows_ - n), n * n_columns_};
    }

private:
    void take(const Rows& input, std::size_t from, std::size_t to, Preparation& preparation, bool learn);
    void reserve(std::size_t n_rows);
    void count_leading() noexcept;
    bool push(const PreparedRow& row, std::size_t most_filled);
    [[nodiscard]] std::size_t count_filled(std::size_t row) const noexcept;

    std::uint32_t n_columns_;
    std::uint32_t shingle_size_;
    std::vector<float> values_;
    std::vector<std::int32_t> keys_;
    std::vector<std::uint8_t> filled_;
    std::size_t n_filled_ = 0;  ///< values of the newest run_length_ rows
    std::vector<std::size_t> inputs_;
    std::vector<Segment> segments_;
    std::size_t n_rows_ = 0;
    std::size_t n_leading_ = 0;
    std::uint32_t run_length_ = 0;
};

}  // namespace fastrcf
