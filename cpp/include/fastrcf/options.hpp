// SPDX-License-Identifier: Apache-2.0
// What a forest is made with. Written once; every layer above derives its options from these.
#pragma once

#include <cstdint>
#include <vector>

namespace fastrcf {

/// How a score is made from the depths in the trees.
enum class Scoring : std::uint8_t {
    kStandard,  ///< the open reference: damped for copies, normalised by log2(1 + points of the tree)
    kKinesis,   ///< the withdrawn stream-SQL function: undamped, m copies log2(m) deeper, scaled by log2(sample_size)
};

/// What is made of a value before the trees see it.
enum class Transformation : std::uint8_t {
    kNone,
    kNormalize,            ///< distance from the column's centre in units of its scale
    kDifference,           ///< change from the row before
    kNormalizeDifference,  ///< change from the row before, normalised
};

/// What becomes of a row with a missing value.
enum class Missing : std::uint8_t {
    kSkip,      ///< it is left out, and no point spans it
    kImpute,    ///< completed by what the forest knows; before it is ready, as kPrevious
    kPrevious,  ///< completed by the column's value before
    kConstant,  ///< completed by fill_value
};

/// What the times of the rows mean to whoever hands them in; the forest itself knows no times.
enum class Irregular : std::uint8_t {
    kRefuse,   ///< rows have no times
    kGap,      ///< a long interval stands for missing rows, which come as rows of NaN
    kAugment,  ///< the last column is the interval before the row, in mean intervals
};

/// How the caller's rows become those that the trees see.
struct PreparationOptions {
    Transformation transformation = Transformation::kNone;
    std::vector<double> weights;     ///< one per column; none: all 1
    double noise_floor = 0.001;      ///< least noise of a normalised column, as a share of its level
    Missing missing = Missing::kSkip;
    std::vector<double> fill_value;  ///< one per column; none: all 0
    double max_missing = 0.5;        ///< largest share of a point's values that may be filled in
    Irregular irregular = Irregular::kRefuse;

    [[nodiscard]] bool differences() const noexcept {
        return transformation == Transformation::kDifference || transformation == Transformation::kNormalizeDifference;
    }
    [[nodiscard]] bool normalizes() const noexcept {
        return transformation == Transformation::kNormalize || transformation == Transformation::kNormalizeDifference;
    }
    /// Whether rows reach the trees as they are.
    [[nodiscard]] bool does_nothing() const noexcept {
        return transformation == Transformation::kNone && weights.empty() && missing == Missing::kSkip &&
               irregular == Irregular::kRefuse;
    }
    void check(std::uint32_t n_columns) const;
    bool operator==(const PreparationOptions&) const = default;
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
    PreparationOptions preparation;

    /// Coordinates of a point.
    [[nodiscard]] std::uint32_t dimensions() const noexcept { return n_columns * shingle_size; }

    /// Whether two forests differ in nothing but their seed, their number of threads and what they learned.
    [[nodiscard]] bool same_shape(ForestOptions other) const noexcept {
        other.random_state = random_state;
        other.n_jobs = n_jobs;
        return *this == other;
    }

    [[nodiscard]] bool operator==(const ForestOptions&) const noexcept = default;

    /// Throws std::invalid_argument that names the option, what was expected and what came.
    void check() const;
};

}  // namespace fastrcf
