// SPDX-License-Identifier: Apache-2.0
#include "series_block.hpp"

#include <algorithm>

#include "fastrcf/tree_arrays.hpp"

namespace fastrcf {

void SeriesBlock::reserve(std::size_t n_rows) {
    const std::size_t floats = n_rows * n_columns_ + kReadAhead;
    if (values_.size() < floats) {
        values_.resize(floats, 0.0F);
        keys_.resize(floats, 0);
    }
}

void SeriesBlock::begin(const float* newest_rows, std::uint32_t n) {
    reserve(n);
    segments_.clear();
    inputs_.clear();
    n_rows_ = n_leading_ = run_length_ = n;
    const std::size_t floats = static_cast<std::size_t>(n) * n_columns_;
    for (std::size_t i = 0; i < floats; ++i) {
        values_[i] = newest_rows[i];
        keys_[i] = order_key(newest_rows[i]);
    }
}

void SeriesBlock::begin_after_itself() {
    const std::uint32_t n = std::min(run_length_, shingle_size_ - 1);
    const std::size_t from = (n_rows_ - n) * n_columns_;
    std::copy_n(values_.begin() + static_cast<std::ptrdiff_t>(from), static_cast<std::size_t>(n) * n_columns_,
                values_.begin());
    std::copy_n(keys_.begin() + static_cast<std::ptrdiff_t>(from), static_cast<std::size_t>(n) * n_columns_,
                keys_.begin());
    segments_.clear();
    inputs_.clear();
    n_rows_ = n_leading_ = run_length_ = n;
}

void SeriesBlock::take(const Rows& input, std::size_t from, std::size_t to) {
    reserve(n_rows_ + (to - from));
    bool continues = false;
    for (std::size_t row = from; row < to; ++row) {
        float* into = values_.data() + n_rows_ * n_columns_;
        if (!input.read(row, into)) {
            run_length_ = 0;
            continues = false;
            continue;
        }
        std::int32_t* keys = keys_.data() + n_rows_ * n_columns_;
        for (std::uint32_t column = 0; column < n_columns_; ++column) {
            keys[column] = order_key(into[column]);
        }
        inputs_.push_back(row);
        ++n_rows_;
        run_length_ = std::min(run_length_ + 1, shingle_size_);
        if (run_length_ < shingle_size_) continue;
        if (!continues) {
            segments_.push_back({n_rows_ - shingle_size_, row, 0});
            continues = true;
        }
        ++segments_.back().n;
    }
}

}  // namespace fastrcf
