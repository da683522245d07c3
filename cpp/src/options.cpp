// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/options.hpp"

#include <cmath>
#include <string>

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

}  // namespace

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
}

}  // namespace fastrcf
