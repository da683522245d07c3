// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/options.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "fastrcf/rows.hpp"
#include "fastrcf/types.hpp"

namespace fastrcf {
namespace {

/// A cut names its dimension with 16 bits.
constexpr std::uint64_t kMaxDimensions = 65535;

template <class T>
void check_range(const char* name, T value, T low, T high) {
    check_argument(value >= low && value <= high, std::string(name) + " must lie in [" + std::to_string(low) + ", " +
                                                      std::to_string(high) + "], got " + std::to_string(value));
}

void check_per_column(const char* name, const std::vector<double>& values, std::uint32_t n_columns) {
    check_argument(values.empty() || values.size() == n_columns,
                   std::string(name) + " must have one value per column (" + std::to_string(n_columns) + "), got " +
                       std::to_string(values.size()));
    for (const double value : values) {
        check_argument(std::abs(value) <= static_cast<double>(kLargestValue),
                       std::string(name) + " must lie within -1e30 and 1e30, got " + std::to_string(value));
    }
}

}  // namespace

void PreparationOptions::check(std::uint32_t n_columns) const {
    check_argument(transformation <= Transformation::kNormalizeDifference, "transformation is not known");
    check_argument(missing <= Missing::kConstant, "missing is not known");
    check_argument(irregular <= Irregular::kAugment, "irregular is not known");
    check_argument(irregular != Irregular::kAugment || n_columns > 1,
                   "irregular='augment' takes a column of intervals beside the others");
    check_argument(irregular != Irregular::kAugment || !differences(),
                   "irregular='augment' cannot be combined with differences: a long interval would make two jumps");
    check_per_column("weights", weights, n_columns);
    check_per_column("fill_value", fill_value, n_columns);
    for (const double weight : weights) {
        check_argument(weight >= 0.0, "weights must not be negative, got " + std::to_string(weight));
    }
    check_argument(weights.empty() || *std::max_element(weights.begin(), weights.end()) > 0.0,
                   "weights must not all be 0");
    check_argument(fill_value.empty() || missing == Missing::kConstant, "fill_value is for missing='constant' alone");
    check_argument(missing != Missing::kConstant || !differences(),
                   "missing='constant' cannot be combined with differences: a constant would make two jumps");
    check_argument(noise_floor >= 0.0 && noise_floor <= 1.0,
                   "noise_floor must lie in [0, 1], got " + std::to_string(noise_floor));
    check_argument(max_missing >= 0.0 && max_missing <= 1.0,
                   "max_missing must lie in [0, 1], got " + std::to_string(max_missing));
}

void ForestOptions::check() const {
    check_range<std::uint32_t>("n_columns", n_columns, 1, kMaxDimensions);
    check_range<std::uint32_t>("shingle_size", shingle_size, 1, kMaxDimensions);
    const std::uint64_t dimensions = static_cast<std::uint64_t>(n_columns) * shingle_size;
    check_range<std::uint64_t>("n_columns * shingle_size", dimensions, 1, kMaxDimensions);
    check_range<std::uint32_t>("n_trees", n_trees, 1, 100000);
    check_range<std::uint32_t>("sample_size", sample_size, 1, kMaxSampleSize);
    check_argument(std::isfinite(time_decay) && time_decay >= 0.0,
                   "time_decay must be finite and not negative, got " + std::to_string(time_decay));
    check_argument(initial_accept_fraction > 0.0 && initial_accept_fraction <= 1.0,
                   "initial_accept_fraction must lie in (0, 1], got " + std::to_string(initial_accept_fraction));
    check_range<std::uint64_t>("output_after", output_after, 1, UINT64_MAX);
    check_argument(scoring == Scoring::kStandard || scoring == Scoring::kKinesis, "scoring is not known");
    check_range<std::uint32_t>("n_jobs", n_jobs, 1, 4096);
    preparation.check(n_columns);
}

}  // namespace fastrcf
