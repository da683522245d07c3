// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/rows.hpp"

#include <cmath>
#include <sstream>
#include <stdexcept>

#include "fastrcf/types.hpp"

namespace fastrcf {
namespace {

template <class T>
void check_values(const Rows& rows) {
    for (std::size_t row = 0; row < rows.n_rows; ++row) {
        const std::byte* where = rows.data + static_cast<std::ptrdiff_t>(row) * rows.row_step;
        for (std::size_t column = 0; column < rows.n_columns; ++column, where += rows.column_step) {
            T value;
            std::memcpy(&value, where, sizeof value);
            if (std::abs(value) > static_cast<T>(kLargestValue)) {
                std::ostringstream message;
                message << "X: row " << row << ", column " << column << " is " << value;
                message << (std::isinf(value) ? "; infinity is not a value, use NaN for missing ones"
                                              : "; values must lie within -1e30 and 1e30");
                throw std::invalid_argument(message.str());
            }
        }
    }
}

template <class T>
bool read_row(const Rows& rows, std::size_t row, float* into) noexcept {
    const std::byte* where = rows.data + static_cast<std::ptrdiff_t>(row) * rows.row_step;
    bool complete = true;
    for (std::size_t column = 0; column < rows.n_columns; ++column, where += rows.column_step) {
        T value;
        std::memcpy(&value, where, sizeof value);
        const float narrow = static_cast<float>(value) + 0.0F;  // -0.0 + 0.0 is +0.0
        complete = complete && narrow == narrow;
        into[column] = narrow;
    }
    return complete;
}

}  // namespace

void Rows::check(std::size_t n_columns_expected) const {
    if (n_columns != n_columns_expected) {
        std::ostringstream message;
        message << "X: rows have " << n_columns << " columns, the forest expects " << n_columns_expected;
        throw std::invalid_argument(message.str());
    }
    if (type == Type::kFloat32) {
        check_values<float>(*this);
    } else {
        check_values<double>(*this);
    }
}

bool Rows::read(std::size_t row, float* into) const noexcept {
    return type == Type::kFloat32 ? read_row<float>(*this, row, into) : read_row<double>(*this, row, into);
}

}  // namespace fastrcf
