// SPDX-License-Identifier: Apache-2.0
// Density: how many points there are near a point, in which direction, and how far. One visit gives all of it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/ascent.hpp"
#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf {

struct DensityOptions {
    double smoothing = 0.001;  ///< densities lie below its inverse
    double dimension = 1.0;    ///< power of distance that a volume grows with
};

/// What the trees say of the surroundings of one point, for each coordinate and direction: "high" where the point
/// lies above its surroundings, "low" where below. The cut that would separate the point is random; it falls on
/// one side of the box of some node. Weighted with the chances of that:
///   chance    that the cut falls in this direction; they sum to 1,
///   share     of the tree's points that the node holds, the point and its copies counted with them,
///   distance  from the point to the far side of the box.
/// As the open reference implementation (aws/random-cut-forest-by-aws) interpolates, but for two things: a share is
/// of the points that a tree holds, not of those that it may hold, and copies of the point are counted once.
class Surroundings {
public:
    explicit Surroundings(std::uint32_t dimensions);

    /// Forgets all trees.
    void clear() noexcept;
    /// Takes in a tree of `tree_mass` points. The ascent stands at the leaf.
    void add(std::uint32_t tree_mass, Ascent& ascent) noexcept;
    /// From sums over n trees to means.
    void divide(std::size_t n_trees) noexcept;

    /// Points, as a share of all, for each unit of volume.
    [[nodiscard]] double density(const DensityOptions& options) const noexcept;
    /// The same, divided over the directions in proportion to the shares.
    void directional_density(const DensityOptions& options, std::span<double> high, std::span<double> low) const noexcept;

    /// One value per coordinate: high ones, then low ones.
    [[nodiscard]] std::span<const double> chance() const noexcept { return total(0); }
    [[nodiscard]] std::span<const double> share() const noexcept { return total(1); }
    [[nodiscard]] std::span<const double> distance() const noexcept { return total(2); }

private:
    void start(const Ascent& ascent) noexcept;
    void take(const Ascent& ascent, double chance, double points) noexcept;
    [[nodiscard]] std::span<const double> total(std::size_t which) const noexcept {
        return std::span(totals_).subspan(which * 2 * dimensions_, 2 * dimensions_);
    }

    std::size_t dimensions_;
    std::vector<double> tree_;    ///< chance, points and distance in the tree at hand: high and low of each
    std::vector<double> totals_;  ///< chance, share and distance, summed over trees
};

/// A value per coordinate and direction for the point that each row completes: n_rows x dimensions each.
struct DirectionalSpans {
    std::span<double> high;
    std::span<double> low;
};

/// Density at the point that each row completes; NaN where there is none.
void density(const RandomCutForest& forest, const Rows& rows, const DensityOptions& options, std::span<double> values);
void directional_density(const RandomCutForest& forest, const Rows& rows, const DensityOptions& options,
                         const DirectionalSpans& values);
/// Mean over the trees of Surroundings' distances.
void distances(const RandomCutForest& forest, const Rows& rows, const DirectionalSpans& values);

}  // namespace fastrcf
