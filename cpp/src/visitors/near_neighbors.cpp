// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/visitors/near_neighbors.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include "fastrcf/visitors/visit.hpp"
#include "kernels/kernels.hpp"

namespace fastrcf {
namespace {

/// Rows of the point store where the points start that the trees lead to; one for each tree.
void find_rows(const RandomCutForest& forest, const ForestView& view, const RandomCutForest::Question& question,
               std::vector<std::uint32_t>& rows) {
    rows.clear();
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) {
        const RandomCutTree& tree = forest.tree(i).tree();
        if (tree.is_bare()) continue;
        view.kernels.find_path(tree.arrays(), question.point, question.scratch);
        const NodeId leaf = question.scratch.path[question.scratch.depth[0] * kLanes];
        rows.push_back(static_cast<std::uint32_t>(tree.arrays().payload[leaf]));
    }
}

double distance_between(const float* a, const float* b, std::uint32_t dimensions) noexcept {
    double sum = 0.0;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        const double apart = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += apart * apart;
    }
    return std::sqrt(sum);
}

/// Puts copies of one point, which came as different rows, together as one neighbour.
void merge_copies(std::vector<Neighbor>& neighbors, std::uint32_t dimensions) {
    const auto same = [&](const Neighbor& a, const Neighbor& b) {
        return std::equal(a.point, a.point + dimensions, b.point);
    };
    std::sort(neighbors.begin(), neighbors.end(), [&](const Neighbor& a, const Neighbor& b) {
        if (a.distance != b.distance) return a.distance < b.distance;
        if (same(a, b)) return a.arrival < b.arrival;
        return std::lexicographical_compare(a.point, a.point + dimensions, b.point, b.point + dimensions);
    });
    std::size_t kept = 0;
    for (const Neighbor& next : neighbors) {
        if (kept > 0 && same(neighbors[kept - 1], next)) neighbors[kept - 1].n_trees += next.n_trees;
        else neighbors[kept++] = next;
    }
    neighbors.resize(kept);
}

}  // namespace

void find_neighbors(const RandomCutForest& forest, const ForestView& view, const RandomCutForest::Question& question,
                    double max_distance, std::vector<Neighbor>& neighbors) {
    const std::uint32_t d = view.geometry.dimensions;
    std::vector<std::uint32_t> rows;
    find_rows(forest, view, question, rows);
    std::sort(rows.begin(), rows.end());
    neighbors.clear();
    for (auto row = rows.begin(); row != rows.end();) {
        const auto end = std::find_if(row, rows.end(), [&](std::uint32_t other) { return other != *row; });
        const float* point = view.stored + static_cast<std::size_t>(*row) * view.geometry.columns;
        const double distance = distance_between(question.point.values, point, d);
        if (distance <= max_distance) {
            neighbors.push_back({distance, forest.store().arrival(*row), point, static_cast<std::uint32_t>(end - row)});
        }
        row = end;
    }
    merge_copies(neighbors, d);
    std::sort(neighbors.begin(), neighbors.end(), [](const Neighbor& a, const Neighbor& b) {
        return std::tie(a.distance, a.arrival) < std::tie(b.distance, b.arrival);
    });
}

void near_neighbors(const RandomCutForest& forest, const Rows& rows, double max_distance, const NeighborSpans& into) {
    const std::size_t d = forest.geometry().dimensions;
    const std::size_t places = rows.n_rows * into.k;
    check_argument(into.distance.size() == places && into.arrival.size() == places && into.n_trees.size() == places &&
                       into.point.size() == places * d,
                   "into: k places per row are needed");
    std::fill(into.distance.begin(), into.distance.end(), std::numeric_limits<double>::quiet_NaN());
    std::fill(into.arrival.begin(), into.arrival.end(), -1);
    std::fill(into.n_trees.begin(), into.n_trees.end(), 0);
    std::fill(into.point.begin(), into.point.end(), std::numeric_limits<float>::quiet_NaN());
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        std::vector<Neighbor> neighbors;
        find_neighbors(forest, view, question, max_distance, neighbors);
        for (std::size_t i = 0; i < std::min(into.k, neighbors.size()); ++i) {
            const Neighbor& neighbor = neighbors[i];
            const std::size_t at = question.row * into.k + i;
            into.distance[at] = neighbor.distance;
            into.arrival[at] = static_cast<std::int64_t>(neighbor.arrival + forest.options().shingle_size - 1);
            into.n_trees[at] = neighbor.n_trees;
            std::copy_n(neighbor.point, d, into.point.begin() + static_cast<std::ptrdiff_t>(at * d));
        }
    });
}

}  // namespace fastrcf
