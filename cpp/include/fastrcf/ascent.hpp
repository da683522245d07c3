// SPDX-License-Identifier: Apache-2.0
// The way of one point up a tree, from the leaf that it is led to up to the root: what most visitors look at.
#pragma once

#include <cstdint>
#include <vector>

#include "fastrcf/random_cut_tree.hpp"
#include "fastrcf/sampled_tree.hpp"

namespace fastrcf {

struct PointRows;

/// Working memory of an Ascent, kept from tree to tree.
struct AscentBuffers {
    explicit AscentBuffers(std::uint32_t dimensions)
        : low(dimensions),
          high(dimensions),
          above(dimensions),
          below(dimensions),
          other_low(dimensions),
          other_high(dimensions) {}

    std::vector<float> low;     ///< box of the node
    std::vector<float> high;
    std::vector<double> above;  ///< by how much each coordinate of the point exceeds the box
    std::vector<double> below;  ///< by how much the box exceeds each coordinate of the point
    std::vector<float> other_low;  ///< box that is being merged into that of the node
    std::vector<float> other_high;
};

/// Starts at the leaf; up() goes on to the parent. Arithmetic is in double precision.
class Ascent {
public:
    /// Which points the boxes hold: all of a node's, or all but those of the leaf that the way started at. The
    /// latter tells how the point would stand if its copy were not there.
    enum class Boxes : std::uint8_t { kWhole, kWithoutLeaf };

    /// Leads `point.values` (keys: `point.keys`) down a tree that is not empty.
    Ascent(const ForestView& forest, const RandomCutTree& tree, const PointRows& point, TreeScratch& scratch,
           AscentBuffers& buffers, Boxes boxes = Boxes::kWhole);

    /// Goes up one level; false when the root has been passed.
    bool up();

    /// Starts again at the same leaf.
    void restart(Boxes boxes);

    [[nodiscard]] NodeId node() const noexcept { return node_; }
    [[nodiscard]] int depth() const noexcept { return depth_; }         ///< of the node; 0 is the root
    [[nodiscard]] std::uint32_t mass() const noexcept;                  ///< points in the box
    [[nodiscard]] std::uint32_t sibling_mass() const noexcept;          ///< points beside the node; 0 at the root
    [[nodiscard]] bool at_copy() const noexcept { return at_copy_; }    ///< the leaf's point equals the point
    [[nodiscard]] double gap() const noexcept { return gap_; }          ///< L1 distance from the point to the box
    [[nodiscard]] double range() const noexcept { return range_; }      ///< sum of the sides of the box

    /// Chance that a random cut of the box grown by the point separates the point from it.
    [[nodiscard]] double chance() const noexcept { return gap_ > 0.0 ? gap_ / (gap_ + range_) : 0.0; }

    [[nodiscard]] const AscentBuffers& box() const noexcept { return buffers_; }

private:
    void take_box(NodeId node, bool merge);
    void measure();

    const ForestView& forest_;
    const RandomCutTree& tree_;
    const float* point_;
    AscentBuffers& buffers_;
    Boxes boxes_;
    NodeId leaf_ = kNoNode;
    NodeId node_ = kNoNode;
    int leaf_depth_ = 0;
    int depth_ = 0;
    bool at_copy_ = false;
    double gap_ = 0.0;
    double range_ = 0.0;
};

}  // namespace fastrcf
