// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/preparation.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fastrcf {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// Statistics never rest on fewer rows than about 20, however fast the forest forgets.
constexpr double kFastestRate = 0.05;

/// A mixture of all bits (Steele, Lea & Flood 2014, the finaliser of SplitMix64).
std::uint64_t mixed(std::uint64_t bits) noexcept {
    bits += 0x9E3779B97F4A7C15U;
    bits = (bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9U;
    bits = (bits ^ (bits >> 27)) * 0x94D049BB133111EBU;
    return bits ^ (bits >> 31);
}

}  // namespace

Preparation::Preparation(const ForestOptions& options)
    : options_(options.preparation),
      rate_(std::min(options.time_decay, kFastestRate)),
      seed_(mixed(options.random_state)),
      most_filled_(static_cast<std::size_t>(options_.max_missing * static_cast<double>(options.dimensions()))),
      columns_(options.n_columns, Column{kUnknown, kUnknown, {}}) {
    row_.values.assign(options.n_columns, 0.0F);
    row_.filled.assign(options.n_columns, 0);
}

void Preparation::forget_rows() {
    for (Column& column : columns_) column.last = column.known = kUnknown;
    marks_.clear();
}

// The sum of four uniform numbers is nearly normal. It depends on the row's number alone.
double Preparation::noise(std::size_t column) const noexcept {
    const std::uint64_t bits = mixed(mixed(seed_ ^ n_rows_) ^ column);
    const std::uint64_t sum = (bits & 0xFFFF) + (bits >> 16 & 0xFFFF) + (bits >> 32 & 0xFFFF) + (bits >> 48);
    constexpr double kDeviation = 37837.226969;  // 65536 / sqrt(3)
    return (static_cast<double>(sum) - 131070.0) / kDeviation;
}

void Preparation::prepare(std::size_t index, double value, bool learn) {
    Column& column = columns_[index];
    const double told = options_.differences() ? value - column.last : value;
    const bool missing = std::isnan(told);
    double taken = told;
    if (missing) {
        ++row_.n_filled;
        if (options_.missing == Missing::kSkip) row_.usable = false;
        if (options_.missing == Missing::kConstant) {
            taken = options_.fill_value.empty() ? 0.0 : options_.fill_value[index];
        } else if (options_.differences()) {
            taken = 0.0;
        } else {
            taken = column.known;
        }
    }
    row_.filled[index] = missing ? 1 : 0;
    column.last = value;
    if (!std::isnan(value)) column.known = value;
    if (options_.normalizes()) {
        const double raw = taken;
        taken = column.scale.started() ? column.scale.normalize(raw, noise(index), options_.noise_floor) : kUnknown;
        if (learn && !missing) column.scale.add(raw, rate_, options_.noise_floor);
    }
    if (!options_.weights.empty()) taken *= options_.weights[index];
    if (std::isnan(taken)) {
        row_.usable = false;
        taken = 0.0;
    }
    constexpr double kLargest = kLargestValue;
    row_.values[index] = static_cast<float>(std::clamp(taken, -kLargest, kLargest)) + 0.0F;
}

const PreparedRow& Preparation::next(const Rows& rows, std::size_t row, bool learn) {
    row_.n_filled = 0;
    row_.usable = true;
    for (std::size_t column = 0; column < columns_.size(); ++column) prepare(column, rows.at(row, column), learn);
    ++n_rows_;
    return row_;
}

void Preparation::next_known(const Rows& rows, std::size_t row, float* into) {
    next(rows, row, false);
    for (std::size_t column = 0; column < columns_.size(); ++column) {
        const bool scaled = !options_.normalizes() || columns_[column].scale.started();
        const bool known = row_.filled[column] == 0 && scaled;
        into[column] = known ? row_.values[column] : std::numeric_limits<float>::quiet_NaN();
    }
}

void Preparation::fit(const Rows& rows) {
    std::vector<double> values;
    for (std::size_t column = 0; options_.normalizes() && column < columns_.size(); ++column) {
        values.clear();
        for (std::size_t row = options_.differences() ? 1 : 0; row < rows.n_rows; ++row) {
            const double value = rows.at(row, column) - (options_.differences() ? rows.at(row - 1, column) : 0.0);
            if (!std::isnan(value)) values.push_back(value);
        }
        if (!values.empty()) columns_[column].scale = ColumnScale::of(values, options_.noise_floor);
    }
}

bool Preparation::is_sound() const noexcept {
    const auto sound = [](double value) { return std::isnan(value) || std::abs(value) <= static_cast<double>(kLargestValue); };
    return n_rows_ < 1ULL << 62 && std::all_of(columns_.begin(), columns_.end(), [&](const Column& column) {
               return sound(column.last) && sound(column.known) && column.scale.is_sound();
           });
}

double Preparation::restore(std::size_t column, double prepared) const noexcept {
    const double weight = options_.weights.empty() ? 1.0 : options_.weights[column];
    if (weight == 0.0) return kUnknown;
    const double value = prepared / weight;
    if (!options_.normalizes()) return value;
    const ColumnScale& scale = columns_[column].scale;
    return scale.started() ? scale.restore(value, options_.noise_floor) : kUnknown;
}

Restorer::Restorer(const Preparation& preparation, std::size_t n_columns) : preparation_(preparation) {
    for (std::size_t column = 0; column < n_columns; ++column) before_.push_back(preparation.newest(column));
}

void Restorer::restore(const float* prepared, double* into) {
    for (std::size_t column = 0; column < before_.size(); ++column) {
        into[column] = preparation_.restore(column, static_cast<double>(prepared[column]));
        if (preparation_.options().differences()) before_[column] = into[column] += before_[column];
    }
}

}  // namespace fastrcf
