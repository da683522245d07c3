// SPDX-License-Identifier: Apache-2.0
// A view of the caller's table, whatever its type and strides.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace fastrcf {

/// Sides of boxes are summed over up to 65,535 coordinates in float32.
inline constexpr float kLargestValue = 1e30F;

struct Rows {
    enum class Type : std::uint8_t { kFloat32, kFloat64 };

    const std::byte* data = nullptr;
    std::size_t n_rows = 0;
    std::size_t n_columns = 0;
    std::ptrdiff_t row_step = 0;     ///< bytes from a row to the next, may be negative
    std::ptrdiff_t column_step = 0;  ///< bytes from a column to the next
    Type type = Type::kFloat64;

    /// A view of n_rows x n_columns contiguous values.
    static Rows of(const float* values, std::size_t n_rows, std::size_t n_columns) noexcept {
        return {reinterpret_cast<const std::byte*>(values), n_rows, n_columns,
                static_cast<std::ptrdiff_t>(n_columns * sizeof(float)), sizeof(float), Type::kFloat32};
    }
    static Rows of(const double* values, std::size_t n_rows, std::size_t n_columns) noexcept {
        return {reinterpret_cast<const std::byte*>(values), n_rows, n_columns,
                static_cast<std::ptrdiff_t>(n_columns * sizeof(double)), sizeof(double), Type::kFloat64};
    }

    [[nodiscard]] double at(std::size_t row, std::size_t column) const noexcept {
        const std::byte* where = data + static_cast<std::ptrdiff_t>(row) * row_step +
                                 static_cast<std::ptrdiff_t>(column) * column_step;
        if (type == Type::kFloat32) {
            float value;
            std::memcpy(&value, where, sizeof value);
            return static_cast<double>(value);
        }
        double value;
        std::memcpy(&value, where, sizeof value);
        return value;
    }

    /// Throws std::invalid_argument that names row and column of the first value that is infinite or too large
    /// for the core's float32 arithmetic, or the width if it is not `n_columns`. NaN passes.
    void check(std::size_t n_columns_expected) const;

    /// Writes row `row` as float32, -0.0 as +0.0. Returns false when a value is NaN, which is written as NaN.
    bool read(std::size_t row, float* into) const noexcept;
};

}  // namespace fastrcf
