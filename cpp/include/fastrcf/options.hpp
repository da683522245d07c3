// SPDX-License-Identifier: Apache-2.0
// What a forest is made with. Written once; every layer above derives its options from these.
#pragma once

#include <cstdint>

namespace fastrcf {

/// How a score is made from the depths in the trees.
enum class Scoring : std::uint8_t {
    kStandard,  ///< the open reference: damped for copies, normalised by log2(1 + points of the tree)
    kKinesis,   ///< the withdrawn stream-SQL function: undamped, m copies log2(m) deeper, scaled by log2(sample_size)
};

struct ForestOptions {
    std::uint32_t n_columns = 1;       ///< values per row
    std::uint32_t shingle_size = 1;    ///< consecutive rows per point
    std::uint32_t n_trees = 100;
    std::uint32_t sample_size = 256;   ///< points kept per tree
    double time_decay = 1.0 / 2560.0;  ///< lambda per learned point; 0 keeps a uniform sample
    std::uint64_t output_after = 64;   ///< points learned before scores are given
    double initial_accept_fraction = 0.125;  ///< share of the sample that every tree fills without a coin
    std::uint64_t random_state = 0;
    Scoring scoring = Scoring::kStandard;
    std::uint32_t n_jobs = 1;          ///< threads over trees; never changes a result

    /// Coordinates of a point.
    [[nodiscard]] std::uint32_t dimensions() const noexcept { return n_columns * shingle_size; }

    bool operator==(const ForestOptions&) const = default;

    /// Throws std::invalid_argument that names the option, what was expected and what came.
    void check() const;
};

}  // namespace fastrcf
