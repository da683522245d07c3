// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/column_scale.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fastrcf {
namespace {

/// Distances beyond this many scales are outliers.
constexpr double kOrdinary = 4.0;

/// A column that is off its usual value in more than 1 / (kShareOfReach * kFar) = 5 % of the rows has a scale by that
/// alone; outliers that are fewer do not feed on the scale that they made.
constexpr double kShareOfReach = 0.1;
constexpr double kFar = 200.0;
constexpr double kLargestChange = 4e30;

double median(std::vector<double>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    if (values.size() % 2 == 1) return *middle;
    return *std::max_element(values.begin(), middle) * 0.5 + *middle * 0.5;
}

/// Without a scale nothing is an outlier.
double limit(double scales, double scale) {
    return scale > 0.0 ? scales * scale : std::numeric_limits<double>::infinity();
}

}  // namespace

double ColumnScale::own_scale() const noexcept { return std::max(spread_, kShareOfReach * reach_); }
double ColumnScale::floor(double noise_floor) const noexcept { return noise_floor * std::abs(centre_); }
double ColumnScale::scale(double noise_floor) const noexcept { return std::max(own_scale(), floor(noise_floor)); }

ColumnScale ColumnScale::of(std::vector<double>& values, double noise_floor) {
    ColumnScale result;
    result.n_ = std::max(values.size(), kStart);
    result.centre_ = median(values);
    std::vector<double> distances(values);
    for (double& value : distances) value = std::abs(value - result.centre_);
    const double middle = std::max(median(distances), result.floor(noise_floor));
    const double n = static_cast<double>(distances.size());
    std::sort(distances.begin(), distances.end());  // one order of summation for any order of the values
    for (const double distance : distances) {
        result.spread_ += std::min(distance, limit(kOrdinary, middle)) / n;
        result.reach_ += std::min(distance, limit(kFar, middle)) / n;
    }
    return result;
}

void ColumnScale::add(double value, double rate, double noise_floor) {
    if (!started()) {
        start_[n_++] = value;
        if (!started()) return;
        std::vector<double> values(start_.begin(), start_.end());
        *this = of(values, noise_floor);
        return;
    }
    const double share = std::max(1.0 / static_cast<double>(n_ + 1), rate);
    const double width = scale(noise_floor);
    const double ordinary = limit(kOrdinary, width);
    const double off = value - centre_;
    ++n_;
    centre_ += share * std::clamp(off, -ordinary, ordinary);
    spread_ += share * (std::min(std::abs(off), ordinary) - spread_);
    reach_ += share * (std::min(std::abs(off), limit(kFar, width)) - reach_);
}

double ColumnScale::normalize(double value, double noise, double noise_floor) const noexcept {
    const double off = value - centre_;
    const double width = scale(noise_floor);
    if (width == 0.0) return off == 0.0 ? 0.0 : std::copysign(kLargest, off);
    const double lacking = std::max(0.0, floor(noise_floor) - own_scale());
    return std::clamp((off + lacking * noise) / width, -kLargest, kLargest);
}

double ColumnScale::restore(double normalized, double noise_floor) const noexcept {
    return centre_ + normalized * scale(noise_floor);
}

bool ColumnScale::is_sound() const noexcept {
    // Twice the largest value, for differences; a comparison with NaN is false.
    const auto within = [](double value, double low) { return value >= low && value <= kLargestChange; };
    if (n_ >= 1ULL << 62) return false;
    if (started()) return within(centre_, -kLargestChange) && within(spread_, 0.0) && within(reach_, 0.0);
    return std::all_of(start_.begin(), start_.end(), [&](double value) { return within(value, -kLargestChange); });
}

}  // namespace fastrcf
