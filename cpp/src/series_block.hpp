// SPDX-License-Identifier: Apache-2.0
// A stretch of the caller's rows as float32, led by the rows that complete its first points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastrcf/rows.hpp"

namespace fastrcf {

/// Consecutive points of a block; each belongs to the input row that completes it.
struct Segment {
    std::size_t first_row;   ///< row of the block where the first point starts
    std::size_t first_input; ///< input row that the first point belongs to
    std::size_t n;           ///< points
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

    [[nodiscard]] const float* values(std::size_t row) const noexcept { return values_.data() + row * n_columns_; }
    [[nodiscard]] const std::int32_t* keys(std::size_t row) const noexcept { return keys_.data() + row * n_columns_; }
    [[nodiscard]] const std::vector<Segment>& segments() const noexcept { return segments_; }
    [[nodiscard]] std::size_t n_rows() const noexcept { return n_rows_; }
    [[nodiscard]] std::size_t n_leading() const noexcept { return n_leading_; }

    /// Input row of every block row after the leading ones.
    [[nodiscard]] const std::vector<std::size_t>& inputs() const noexcept { return inputs_; }

    /// Complete rows at the end, counted up to the length of a point.
    [[nodiscard]] std::uint32_t run_length() const noexcept { return run_length_; }

private:
    void reserve(std::size_t n_rows);

    std::uint32_t n_columns_;
    std::uint32_t shingle_size_;
    std::vector<float> values_;
    std::vector<std::int32_t> keys_;
    std::vector<std::size_t> inputs_;
    std::vector<Segment> segments_;
    std::size_t n_rows_ = 0;
    std::size_t n_leading_ = 0;
    std::uint32_t run_length_ = 0;
};

}  // namespace fastrcf
