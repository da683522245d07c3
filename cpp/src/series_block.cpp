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
    if (filled_.empty()) return;
    std::copy_n(filled_.begin() + static_cast<std::ptrdiff_t>(from), static_cast<std::size_t>(n) * n_columns_,
                filled_.begin());
    count_leading();
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
            segments_.push_back({n_rows_ - shingle_size_, row, 0, false});
            continues = true;
        }
        ++segments_.back().n;
    }
}

// ---- through a preparation ------------------------------------------------------------------------------

void SeriesBlock::mark_leading(const std::vector<std::uint8_t>& marks) {
    filled_.resize(std::max(values_.size(), filled_.size()), 0);
    std::fill_n(filled_.begin(), n_leading_ * n_columns_, std::uint8_t{0});
    std::copy(marks.begin(), marks.end(), filled_.begin());
    count_leading();
}

void SeriesBlock::count_leading() noexcept {
    n_filled_ = 0;
    for (std::size_t row = 0; row < n_leading_; ++row) n_filled_ += count_filled(row);
}

std::size_t SeriesBlock::count_filled(std::size_t row) const noexcept {
    return static_cast<std::size_t>(std::count(filled(row), filled(row) + n_columns_, std::uint8_t{1}));
}

void SeriesBlock::set(std::size_t row, std::size_t i, float value) noexcept {
    values_[row * n_columns_ + i] = value;
    keys_[row * n_columns_ + i] = order_key(value);
}

/// Adds a row to the newest ones, or forgets them and returns false.
bool SeriesBlock::push(const PreparedRow& row, std::size_t most_filled) {
    const bool full = run_length_ == shingle_size_;
    const std::size_t n_filled = n_filled_ + row.n_filled - (full ? count_filled(n_rows_ - shingle_size_) : 0);
    const bool nothing_known = row.n_filled == n_columns_;
    const bool leads = std::min(run_length_, shingle_size_ - 1) == 0;
    if (!row.usable || (nothing_known && (leads || n_filled > most_filled))) {
        run_length_ = 0;
        n_filled_ = 0;
        return false;
    }
    const std::size_t at = n_rows_ * n_columns_;
    for (std::uint32_t column = 0; column < n_columns_; ++column) {
        values_[at + column] = row.values[column];
        keys_[at + column] = order_key(row.values[column]);
        filled_[at + column] = row.filled[column];
    }
    ++n_rows_;
    n_filled_ = n_filled;
    run_length_ = std::min(run_length_ + 1, shingle_size_);
    return true;
}

void SeriesBlock::take(const Rows& input, std::size_t from, std::size_t to, Preparation& preparation, bool learn) {
    reserve(n_rows_ + (to - from));
    filled_.resize(std::max(filled_.size(), values_.size()), 0);
    bool continues = false;
    for (std::size_t row = from; row < to; ++row) {
        const PreparedRow& prepared = preparation.next(input, row, learn);
        const bool open = prepared.n_filled > 0 && preparation.options().missing == Missing::kImpute;
        const bool taken = push(prepared, preparation.most_filled());
        if (taken) inputs_.push_back(row);
        if (!taken || run_length_ < shingle_size_ || n_filled_ > preparation.most_filled()) {
            continues = false;
            continue;
        }
        if (!continues || open) segments_.push_back({n_rows_ - shingle_size_, row, 0, open});
        continues = !open;
        ++segments_.back().n;
    }
}

}  // namespace fastrcf
