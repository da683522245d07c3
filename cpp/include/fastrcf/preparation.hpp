// SPDX-License-Identifier: Apache-2.0
// What happens to a row between the caller and the trees: differences, scales, weights, missing values.
//
// Causal: a row is prepared with what the rows before it told, then tells its own. Every step is one row's, so
// results do not depend on how the rows are divided over calls.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/column_scale.hpp"
#include "fastrcf/options.hpp"
#include "fastrcf/rows.hpp"

namespace fastrcf {

/// A row as the trees see it, and which of its values were filled in.
struct PreparedRow {
    std::vector<float> values;
    std::vector<std::uint8_t> filled;  ///< 1 for a value that the caller did not give
    std::uint32_t n_filled = 0;
    bool usable = false;               ///< false: the row cannot be completed and is left out
};

class Preparation {
public:
    explicit Preparation(const ForestOptions& options);

    /// Prepares the next row. `learn` is false for rows that are only asked about: differences and previous values
    /// go on with them, statistics do not. The result is overwritten by the next call.
    const PreparedRow& next(const Rows& rows, std::size_t row, bool learn);

    /// The same for a row that is only asked about; NaN where a value is not known.
    void next_known(const Rows& rows, std::size_t row, float* into);

    /// Takes the statistics of a whole table. There is no row before the next one.
    void fit(const Rows& rows);

    /// There is no row before the next one any more.
    void forget_rows();

    [[nodiscard]] const PreparationOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
        return sizeof(*this) + columns_.capacity() * sizeof(Column) + marks_.capacity() +
               row_.values.capacity() * sizeof(float) + row_.filled.capacity();
    }

    /// Most values of a point that may be filled in.
    [[nodiscard]] std::size_t most_filled() const noexcept { return most_filled_; }

    /// Which values of the newest rows were filled in, oldest row first; set by whoever keeps these rows.
    [[nodiscard]] const std::vector<std::uint8_t>& marks() const noexcept { return marks_; }
    void set_marks(std::span<const std::uint8_t> marks) { marks_.assign(marks.begin(), marks.end()); }

    /// A prepared value in the caller's units, as of the newest statistics: a value, or with differences a change.
    /// NaN for a column of weight 0 or without statistics.
    [[nodiscard]] double restore(std::size_t column, double prepared) const noexcept;

    /// Newest known value of a column in the caller's units; NaN where none is known.
    [[nodiscard]] double newest(std::size_t column) const noexcept { return columns_[column].known; }

    /// Whether what was read can have come about.
    [[nodiscard]] bool is_sound() const noexcept;

    template <class Archive>
    void visit(Archive&& archive) {
        archive(n_rows_);
        for (Column& column : columns_) {
            archive(column.last);
            archive(column.known);
            if (options_.normalizes()) column.scale.visit(archive);
        }
    }

private:
    struct Column {
        double last;   ///< value of the row before; NaN if it is not known
        double known;  ///< newest value that is known, or NaN
        ColumnScale scale;
    };

    void prepare(std::size_t column, double value, bool learn);
    [[nodiscard]] double noise(std::size_t column) const noexcept;

    PreparationOptions options_;
    double rate_;
    std::uint64_t seed_;
    std::size_t most_filled_;
    std::uint64_t n_rows_ = 0;
    std::vector<Column> columns_;
    std::vector<std::uint8_t> marks_;
    PreparedRow row_;
};

/// Turns prepared rows that follow the newest one back into the caller's units, one after the other.
class Restorer {
public:
    explicit Restorer(const Preparation& preparation, std::size_t n_columns);

    void restore(const float* prepared, double* into);

private:
    const Preparation& preparation_;
    std::vector<double> before_;  ///< the row before, with differences
};

}  // namespace fastrcf
