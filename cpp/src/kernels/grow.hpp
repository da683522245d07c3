// SPDX-License-Identifier: Apache-2.0
// A whole tree from its points at once.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/change.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// The definition of a random cut tree (Guha et al. 2016): cut the box of the points at a place that is uniform over
// the sum of its sides, then go on with the points of either half. One insertion after the other gives the same law.
// Random numbers are drawn depth first, left before right: one for each node above leaves.

struct Cut {
    std::uint16_t dimension;
    std::int32_t key;
};

struct Bounds {
    float low;
    float high;
};

/// The cut of a box at a share of the sum of its sides; side(i) gives low and high of coordinate i. False when the
/// box is a point.
template <class Side>
FASTRCF_INLINE bool cut_box(std::uint32_t dimensions, const Side& side, Rng& rng, Cut& cut) {
    double total = 0.0;
    for (std::uint32_t i = 0; i < dimensions; ++i) {
        const auto [low, high] = side(i);
        total += static_cast<double>(high) - static_cast<double>(low);
    }
    if (!(total > 0.0)) return false;
    const double offset = rng.uniform() * total;
    double passed = 0.0;
    float from = 0.F;
    float to = 0.F;
    double into = 0.0;
    for (std::uint32_t i = 0; i < dimensions && passed <= offset; ++i) {
        const auto [low, high] = side(i);
        const double length = static_cast<double>(high) - static_cast<double>(low);
        if (!(length > 0.0)) continue;
        cut.dimension = static_cast<std::uint16_t>(i);
        from = low;
        to = high;
        into = offset - passed;
        passed += length;
    }
    // The cut lies in [from, to): rounding may not carry it to the far side.
    const std::int32_t last = order_key(to) - 1;
    cut.key = order_key(static_cast<float>(static_cast<double>(from) + into));
    cut.key = cut.key > last ? last : cut.key;
    return true;
}

/// The points of a tree while it grows.
template <class S>
struct Grower {
    const S& shape;
    TreeArrays& tree;
    const Geometry& geometry;
    const float* stored;
    Rng& rng;
    NodeId* leaves;  ///< grouped by the cuts so far
    NodeId* spare;
    bool merged = false;

    FASTRCF_INLINE const float* point(NodeId leaf) const { return leaf_point<S>(tree, geometry, stored, leaf); }

    void write_box(float* box, unsigned begin, unsigned end) const {
        for (int b = 0; b < shape.blocks(); ++b) {
            auto sides = shape.point(point(leaves[begin]), b);
            for (unsigned i = begin + 1; i < end; ++i) sides = min(sides, shape.point(point(leaves[i]), b));
            sides.store(box + S::kBlockFloats * b);
        }
    }

    /// Cuts a group of three points or more; gives the node its box.
    bool cut_many(NodeId node, unsigned begin, unsigned end, Cut& cut) {
        take_box(shape, tree, node);
        float* box = box_of(shape, tree, node);
        write_box(box, begin, end);
        const bool found = cut_box(
            geometry.dimensions,
            [&](std::uint32_t i) {
                const float* side = box + geometry.lane(i);
                return Bounds{side[0], 0.F - side[geometry.side_step()]};
            },
            rng, cut);
        if (!found) drop_box(shape, tree, node);
        return found;
    }

    bool cut_two(unsigned begin, Cut& cut) {
        const float* a = point(leaves[begin]);
        const float* b = point(leaves[begin + 1]);
        return cut_box(
            geometry.dimensions,
            [&](std::uint32_t i) { return a[i] < b[i] ? Bounds{a[i], b[i]} : Bounds{b[i], a[i]}; }, rng, cut);
    }

    /// Moves the points left of the cut to the front and returns where the others begin.
    unsigned part(unsigned begin, unsigned end, const Cut& cut) {
        unsigned left = begin;
        unsigned right = 0;
        for (unsigned i = begin; i < end; ++i) {
            const NodeId leaf = leaves[i];
            const bool is_right = order_key(point(leaf)[cut.dimension]) > cut.key;
            leaves[left] = leaf;
            spare[right] = leaf;
            left += is_right ? 0U : 1U;
            right += is_right ? 1U : 0U;
        }
        for (unsigned i = 0; i < right; ++i) leaves[left + i] = spare[i];
        return left;
    }

    /// One leaf for equal points: that of the earliest row.
    NodeId merge(unsigned begin, unsigned end) {
        NodeId kept = leaves[begin];
        for (unsigned i = begin + 1; i < end; ++i) {
            if (tree.payload[leaves[i]] < tree.payload[kept]) kept = leaves[i];
        }
        for (unsigned i = begin; i < end; ++i) {
            const NodeId leaf = leaves[i];
            if (leaf == kept) continue;
            tree.mass[kept] = static_cast<std::uint16_t>(tree.mass[kept] + tree.mass[leaf]);
            tree.mass[leaf] = 0;
            tree.parent[leaf] = kept;
            merged = true;
        }
        return kept;
    }

    FASTRCF_INLINE void link(NodeId above, unsigned side, NodeId node) {
        tree.parent[node] = above;
        if (above == kNoNode) tree.root = node;
        else tree.child[2 * above + side] = node;
    }
};

/// Masses, and no box for a node that turned out to stand above two leaves of several equal points.
template <class S>
void finish_nodes(const S& shape, TreeArrays& tree, const NodeId* nodes, unsigned n) {
    for (unsigned i = n; i-- > 0;) {
        const NodeId node = nodes[i];
        const NodeId left = tree.child[2 * node];
        const NodeId right = tree.child[2 * node + 1];
        tree.mass[node] = static_cast<std::uint16_t>(tree.mass[left] + tree.mass[right]);
        if (is_leaf(tree, left) && is_leaf(tree, right)) drop_box(shape, tree, node);
    }
}

template <class S>
bool grow(TreeArrays& tree, const Geometry& geometry, const float* stored, std::uint32_t n_leaves,
          TreeScratch& scratch, Rng& rng) {
    const S shape(geometry);
    NodeId* const leaves = scratch.path;
    NodeId* const spare = leaves + n_leaves;
    NodeId* const nodes = spare + n_leaves;
    NodeId* const open_end = nodes + n_leaves;     // groups right of a cut that wait: where they end,
    NodeId* const open_above = open_end + n_leaves;  // and the node of the cut; they begin where what is done ends
    Grower<S> grower{shape, tree, geometry, stored, rng, leaves, spare};
    unsigned n_nodes = 0;
    unsigned n_open = 0;
    unsigned end = n_leaves;
    NodeId above = kNoNode;
    for (unsigned begin = 0, side = 0;;) {
        Cut cut;
        const NodeId node = tree.free_internal;  // not yet taken
        const unsigned size = end - begin;
        if (size > 1 && (size == 2 ? grower.cut_two(begin, cut) : grower.cut_many(node, begin, end, cut))) {
            tree.free_internal = tree.parent[node];
            nodes[n_nodes++] = node;
            tree.payload[node] = cut.key;
            tree.dimension[node] = cut.dimension;
            grower.link(above, side, node);
            open_end[n_open] = static_cast<NodeId>(end);
            open_above[n_open++] = node;
            end = grower.part(begin, end, cut);
            above = node;
            side = 0;
            continue;
        }
        grower.link(above, side, size > 1 ? grower.merge(begin, end) : leaves[begin]);
        begin = end;
        if (n_open == 0) break;
        end = open_end[--n_open];
        above = open_above[n_open];
        side = 1;
    }
    finish_nodes(shape, tree, nodes, n_nodes);
    return grower.merged;
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
