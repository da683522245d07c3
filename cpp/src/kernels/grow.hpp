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

/// The points of a tree while it grows: groups of neighbours, by the cuts so far.
template <class S>
struct Groups {
    const S& shape;
    TreeArrays& tree;
    const Geometry& geometry;
    const float* stored;
    Rng& rng;
    NodeId* leaves;
    NodeId* spare;

    Groups(const S& shape_, TreeArrays& tree_, const Geometry& geometry_, const float* stored_, Rng& rng_,
           std::uint32_t n_leaves, TreeScratch& scratch)
        : shape(shape_), tree(tree_), geometry(geometry_), stored(stored_), rng(rng_), leaves(scratch.path),
          spare(leaves + n_leaves) {}

    [[nodiscard]] FASTRCF_INLINE NodeId leaf(unsigned i) const { return leaves[i]; }

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

    bool cut(NodeId node, unsigned begin, unsigned end, Cut& cut) {
        return end - begin == 2 ? cut_two(begin, cut) : cut_many(node, begin, end, cut);
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
};

/// Points of one coordinate need no more than to be sorted once.
template <>
struct Groups<Shape<1, true>> {
    const Shape<1, true>& shape;
    TreeArrays& tree;
    Rng& rng;
    std::uint64_t* points;  ///< the key in unsigned order, then the leaf

    Groups(const Shape<1, true>& shape_, TreeArrays& tree_, const Geometry& geometry, const float* stored, Rng& rng_,
           std::uint32_t n_leaves, TreeScratch& scratch)
        : shape(shape_), tree(tree_), rng(rng_) {
        // Behind the leaves and what else is kept of them; a path has 16 places for each.
        points = reinterpret_cast<std::uint64_t*>(scratch.path + std::size_t{8} * n_leaves);
        for (std::uint32_t i = 0; i < n_leaves; ++i) {
            const NodeId leaf = scratch.path[i];
            const std::int32_t key = order_key(*leaf_point<Shape<1, true>>(tree, geometry, stored, leaf));
            points[i] = std::uint64_t{static_cast<std::uint32_t>(key) ^ kSign} << 32 | leaf;
        }
        sort(n_leaves);
    }

    [[nodiscard]] FASTRCF_INLINE NodeId leaf(unsigned i) const { return static_cast<NodeId>(points[i]); }

    bool cut(NodeId node, unsigned begin, unsigned end, Cut& cut) {
        const std::int32_t first = key(begin);
        const std::int32_t last = key(end - 1);
        if (first == last) return false;
        const float low = from_order_key(first);
        const float high = from_order_key(last);
        if (end - begin > 2) {
            take_box(shape, tree, node);
            F2{low, -0.F - high}.store(box_of(shape, tree, node));
        }
        const double offset = rng.uniform() * (static_cast<double>(high) - static_cast<double>(low));
        cut.dimension = 0;
        cut.key = order_key(static_cast<float>(static_cast<double>(low) + offset));
        cut.key = cut.key < last ? cut.key : last - 1;
        return true;
    }

    /// Where the points right of the cut begin.
    unsigned part(unsigned begin, unsigned end, const Cut& cut) {
        for (unsigned size = end - begin; size > 0;) {
            const unsigned half = size / 2;
            const bool is_left = key(begin + half) <= cut.key;
            begin += is_left ? half + 1 : 0;
            size = is_left ? size - half - 1 : half;
        }
        return begin;
    }

private:
    static constexpr std::uint32_t kSign = 0x80000000U;

    [[nodiscard]] FASTRCF_INLINE std::int32_t key(unsigned i) const {
        return static_cast<std::int32_t>(static_cast<std::uint32_t>(points[i] >> 32) ^ kSign);
    }

    /// Merges runs of 1, 2, 4 … points, without branches on their values.
    void sort(std::uint32_t n) {
        std::uint64_t* from = points;
        std::uint64_t* into = points + n;
        for (std::uint32_t run = 1; run < n; run *= 2) {
            for (std::uint32_t start = 0; start < n; start += 2 * run) {
                const std::uint32_t middle = start + run < n ? start + run : n;
                const std::uint32_t end = start + 2 * run < n ? start + 2 * run : n;
                std::uint32_t a = start;
                std::uint32_t b = middle;
                std::uint32_t at = start;
                while (a < middle && b < end) {
                    const bool takes_b = from[b] < from[a];
                    into[at++] = takes_b ? from[b] : from[a];
                    a += takes_b ? 0U : 1U;
                    b += takes_b ? 1U : 0U;
                }
                while (a < middle) into[at++] = from[a++];
                while (b < end) into[at++] = from[b++];
            }
            std::uint64_t* const done = into;
            into = from;
            from = done;
        }
        points = from;
    }
};

/// One leaf for the equal points of a group: that of the earliest row.
template <class G>
NodeId merge_leaves(const G& groups, TreeArrays& tree, unsigned begin, unsigned end) {
    NodeId kept = groups.leaf(begin);
    for (unsigned i = begin + 1; i < end; ++i) {
        if (tree.payload[groups.leaf(i)] < tree.payload[kept]) kept = groups.leaf(i);
    }
    for (unsigned i = begin; i < end; ++i) {
        const NodeId leaf = groups.leaf(i);
        if (leaf == kept) continue;
        tree.mass[kept] = static_cast<std::uint16_t>(tree.mass[kept] + tree.mass[leaf]);
        tree.mass[leaf] = 0;
        tree.parent[leaf] = kept;
    }
    return kept;
}

FASTRCF_INLINE void link(TreeArrays& tree, NodeId above, unsigned side, NodeId node) {
    tree.parent[node] = above;
    if (above == kNoNode) tree.root = node;
    else tree.child[2 * above + side] = node;
}

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
    Groups<S> groups(shape, tree, geometry, stored, rng, n_leaves, scratch);
    NodeId* const nodes = scratch.path + 2 * n_leaves;
    NodeId* const open_end = nodes + n_leaves;       // groups right of a cut that wait: where they end,
    NodeId* const open_above = open_end + n_leaves;  // and the node of the cut; they begin where what is done ends
    unsigned n_nodes = 0;
    unsigned n_open = 0;
    unsigned end = n_leaves;
    bool merged = false;
    NodeId above = kNoNode;
    for (unsigned begin = 0, side = 0;;) {
        Cut cut;
        const NodeId node = tree.free_internal;  // not yet taken
        if (end - begin > 1 && groups.cut(node, begin, end, cut)) {
            tree.free_internal = tree.parent[node];
            nodes[n_nodes++] = node;
            set_cut(shape, tree, node, cut.dimension, cut.key);
            link(tree, above, side, node);
            open_end[n_open] = static_cast<NodeId>(end);
            open_above[n_open++] = node;
            end = groups.part(begin, end, cut);
            above = node;
            side = 0;
            continue;
        }
        merged = merged || end - begin > 1;
        link(tree, above, side, end - begin > 1 ? merge_leaves(groups, tree, begin, end) : groups.leaf(begin));
        begin = end;
        if (n_open == 0) break;
        end = open_end[--n_open];
        above = open_above[n_open];
        side = 1;
    }
    finish_nodes(shape, tree, nodes, n_nodes);
    return merged;
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
