// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/ascent.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"

namespace fastrcf {

Ascent::Ascent(const ForestView& forest, const RandomCutTree& tree, const PointRows& point, TreeScratch& scratch,
               AscentBuffers& buffers, Boxes boxes)
    : forest_(forest), tree_(tree), point_(point.values), buffers_(buffers), boxes_(boxes) {
    forest.kernels.find_path(tree.arrays(), point, scratch);
    leaf_depth_ = scratch.depth[0];
    leaf_ = scratch.path[leaf_depth_ * kLanes];
    restart(boxes);
}

void Ascent::restart(Boxes boxes) {
    boxes_ = boxes;
    node_ = leaf_;
    depth_ = leaf_depth_;
    take_box(leaf_, false);
    measure();
    at_copy_ = gap_ == 0.0;
}

bool Ascent::up() {
    const TreeArrays& arrays = tree_.arrays();
    if (depth_ == 0) return false;
    const NodeId parent = arrays.parent[node_];
    if (boxes_ == Boxes::kWhole) {
        take_box(parent, false);
    } else {
        const bool was_left = arrays.child[2 * parent] == node_;
        take_box(arrays.child[2 * parent + (was_left ? 1 : 0)], depth_ != leaf_depth_);
    }
    node_ = parent;
    --depth_;
    measure();
    return true;
}

std::uint32_t Ascent::mass() const noexcept {
    const TreeArrays& arrays = tree_.arrays();
    const std::uint32_t all = arrays.mass[node_];
    return boxes_ == Boxes::kWhole ? all : all - arrays.mass[leaf_];
}

std::uint32_t Ascent::sibling_mass() const noexcept {
    const TreeArrays& arrays = tree_.arrays();
    return depth_ == 0 ? 0U : static_cast<std::uint32_t>(arrays.mass[arrays.parent[node_]] - arrays.mass[node_]);
}

void Ascent::take_box(NodeId node, bool merge) {
    if (!merge) {
        tree_.read_box(forest_.geometry, forest_.stored, node, buffers_.low.data(), buffers_.high.data());
        return;
    }
    tree_.read_box(forest_.geometry, forest_.stored, node, buffers_.other_low.data(), buffers_.other_high.data());
    for (std::uint32_t i = 0; i < forest_.geometry.dimensions; ++i) {
        buffers_.low[i] = std::min(buffers_.low[i], buffers_.other_low[i]);
        buffers_.high[i] = std::max(buffers_.high[i], buffers_.other_high[i]);
    }
}

// The first loop has no sums and becomes vectors; the second one's sums have one order on every machine.
void Ascent::measure() {
    const std::uint32_t n = forest_.geometry.dimensions;
    const float* low = buffers_.low.data();
    const float* high = buffers_.high.data();
    double* above = buffers_.above.data();
    double* below = buffers_.below.data();
    for (std::uint32_t i = 0; i < n; ++i) {
        const double value = point_[i];
        above[i] = std::max(value - static_cast<double>(high[i]), 0.0);
        below[i] = std::max(static_cast<double>(low[i]) - value, 0.0);
    }
    double gap = 0.0;
    double range = 0.0;
    for (std::uint32_t i = 0; i < n; ++i) {
        gap += above[i] + below[i];
        range += static_cast<double>(high[i]) - static_cast<double>(low[i]);
    }
    gap_ = gap;
    range_ = range;
}

}  // namespace fastrcf
