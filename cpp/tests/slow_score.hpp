// SPDX-License-Identifier: Apache-2.0
// The score of a point, written so that it can be seen to be right.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "tree_bench.hpp"

namespace fastrcf::testing {

/// The expected inverse depth of a point in one tree, slowly: every box is that of the points below the node,
/// everything is double, a point seen before ends the recursion at its leaf.
class SlowScore {
public:
    SlowScore(const RandomCutTree& tree, const Geometry& geometry, const float* stored)
        : tree_(tree), arrays_(tree.arrays()), geometry_(geometry), stored_(stored) {}

    [[nodiscard]] double operator()(const Point& point) const {
        const Result result = at(arrays_.root, 0, point);
        return result.score * std::log2(1.0 + tree_.mass());
    }

private:
    struct Result {
        double score;
        std::vector<double> low;
        std::vector<double> high;
        bool settled;
    };

    [[nodiscard]] Result at(NodeId node, double depth, const Point& point) const {
        if (tree_.is_leaf(node)) {
            const float* first =
                stored_ + static_cast<std::size_t>(arrays_.payload[node]) * geometry_.columns;
            const std::vector<double> here(first, first + geometry_.dimensions);
            if (!std::equal(point.begin(), point.end(), first))
                return {1.0 / (depth + 1.0), here, here, false};
            const double mass = arrays_.mass[node];
            const double damp = 1.0 - mass / (2.0 * tree_.mass());
            return {damp / (depth + std::log2(1.0 + mass)), here, here, true};
        }
        const std::uint16_t cut = arrays_.dimension[node];
        const NodeId left = arrays_.child[2 * node];
        const NodeId right = arrays_.child[2 * node + 1];
        const bool goes_right = order_key(point[cut]) > arrays_.payload[node];
        Result result = at(goes_right ? right : left, depth + 1.0, point);
        join(goes_right ? left : right, result);
        double sides = 0.0;
        double gap = 0.0;
        for (std::size_t i = 0; i < point.size(); ++i) {
            const double x = static_cast<double>(point[i]);
            sides += result.high[i] - result.low[i];
            gap += std::max(0.0, result.low[i] - x) + std::max(0.0, x - result.high[i]);
        }
        if (!result.settled) {
            const double chance = gap / (sides + gap);
            result.score = chance / (depth + 1.0) + (1.0 - chance) * result.score;
        }
        return result;
    }

    /// Widens a box by the points below a node.
    void join(NodeId node, Result& result) const {
        if (!tree_.is_leaf(node)) {
            join(arrays_.child[2 * node], result);
            join(arrays_.child[2 * node + 1], result);
            return;
        }
        const float* first = stored_ + static_cast<std::size_t>(arrays_.payload[node]) * geometry_.columns;
        for (std::size_t i = 0; i < result.low.size(); ++i) {
            result.low[i] = std::min(result.low[i], static_cast<double>(first[i]));
            result.high[i] = std::max(result.high[i], static_cast<double>(first[i]));
        }
    }

    const RandomCutTree& tree_;
    const TreeArrays& arrays_;
    const Geometry& geometry_;
    const float* stored_;
};

}  // namespace fastrcf::testing
