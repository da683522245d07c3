// SPDX-License-Identifier: Apache-2.0
// Near neighbours: the points that the trees lead a point to.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf {

struct Neighbor {
    double distance;        ///< L2
    std::uint64_t arrival;  ///< number, in the stream, of the first row of the point; of the oldest among its copies
    const float* point;     ///< its coordinates
    std::uint32_t n_trees;  ///< trees that led to it
};

/// The distinct points at the leaves that one point is led to, not further away than `max_distance`: the nearest
/// first, the older first among those equally near. Points are told apart by their coordinates.
void find_neighbors(const RandomCutForest& forest, const ForestView& view, const RandomCutForest::Question& question,
                    double max_distance, std::vector<Neighbor>& neighbors);

/// `k` places for each row.
struct NeighborSpans {
    std::size_t k;
    std::span<double> distance;      ///< NaN where there are fewer neighbours
    std::span<std::int64_t> arrival; ///< number of the row that completed the point; -1 likewise
    std::span<std::int64_t> n_trees; ///< 0 likewise
    std::span<float> point;          ///< k x dimensions for each row; NaN likewise
};

/// The nearest k for the point that each row completes; none before the forest is ready.
void near_neighbors(const RandomCutForest& forest, const Rows& rows, double max_distance, const NeighborSpans& into);

}  // namespace fastrcf
