// SPDX-License-Identifier: Apache-2.0
// Where a forest's answers to rows go.
#pragma once

#include <algorithm>
#include <cstddef>

namespace fastrcf {

/// Places of the answers from some row on.
struct Output {
    double* scores = nullptr;  ///< one a row; null: no answer is wanted
    double* high = nullptr;    ///< `dimensions` a row; null: no attributions
    double* low = nullptr;
    std::size_t dimensions = 0;

    [[nodiscard]] Output from_row(std::size_t row) const noexcept {
        if (scores == nullptr) return {};
        if (high == nullptr) return {scores + row};
        return {scores + row, high + row * dimensions, low + row * dimensions, dimensions};
    }

    void clear(std::size_t n_rows) const noexcept {
        if (scores != nullptr) std::fill_n(scores, n_rows, 0.0);
        if (high == nullptr) return;
        std::fill_n(high, n_rows * dimensions, 0.0);
        std::fill_n(low, n_rows * dimensions, 0.0);
    }
};

}  // namespace fastrcf
