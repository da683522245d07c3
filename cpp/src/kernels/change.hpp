// SPDX-License-Identifier: Apache-2.0
// Insertion and deletion of points.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include <cstring>

#include "kernels/descent.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

/// Takes the head of a free list.
FASTRCF_INLINE NodeId take_free(NodeId& head, const NodeId* parent) {
    const NodeId node = head;
    head = parent[node];
    return node;
}

FASTRCF_INLINE void replace_child(TreeArrays& tree, NodeId parent, NodeId old_child, NodeId new_child) {
    if (parent == kNoNode) {
        tree.root = new_child;
    } else {
        tree.child[2 * parent + (tree.child[2 * parent + 1] == old_child ? 1 : 0)] = new_child;
    }
    tree.parent[new_child] = parent;
}

/// A cut that separates a point from a box, and the side of the point.
struct Separation {
    std::uint16_t dimension;
    std::int32_t key;
    bool point_is_left;
};

/// Where the running sum of the gaps between a box and a point passes an offset.
struct GapPlace {
    std::uint32_t dimension;
    double offset;  ///< into the gap of that dimension
};

template <class S>
FASTRCF_INLINE GapPlace find_gap(const S& shape, const TreeArrays& tree, const Geometry& geometry, const float* stored,
                                 NodeId node, const float* point, double offset) {
    using Block = typename S::Block;
    GapPlace place{0, 0.0};
    double before = 0.0;
    for (int b = 0; b < shape.blocks(); ++b) {
        float gap[8];
        fold(max(node_block(shape, tree, geometry, stored, node, b) - shape.point(point, b), Block::all(0.F))).store(gap);
        if constexpr (S::kBlockFloats == 8) {  // four coordinates: [lo | -hi] of each
            for (int i = 0; i < 4; ++i) {
                gap[i] = gap[i] + gap[i + 4];
                gap[i + 4] = 0.F;
            }
        }
        double passed[9];
        passed[0] = before;
        unsigned lane = 0;
        unsigned last = 8;
        for (unsigned i = 0; i < 8; ++i) {
            passed[i + 1] = passed[i] + static_cast<double>(gap[i]);
            lane += passed[i + 1] <= offset ? 1U : 0U;
            last = gap[i] > 0.F ? i : last;
        }
        const auto first = static_cast<std::uint32_t>(8 * b);
        if (lane < 8) return {first + lane, offset - passed[lane]};
        // Past the last gap by rounding: the last coordinate with a gap keeps the cut.
        if (last < 8) place = {first + last, offset - passed[last]};
        before = passed[8];
    }
    return place;
}

/// The cut at `offset` into the gaps between the box of a node and the point, taken coordinate by coordinate.
template <class S>
FASTRCF_INLINE Separation separate(const S& shape, const Geometry& geometry, const TreeArrays& tree,
                                   const float* stored, NodeId node, const float* point, double offset) {
    GapPlace place{0, offset};
    if constexpr (S::kBlockFloats > 2) place = find_gap(shape, tree, geometry, stored, node, point, offset);
    const std::uint32_t i = place.dimension;
    float low;
    float high;
    if (is_leaf(tree, node)) {
        low = high = leaf_point<S>(tree, geometry, stored, node)[i];
    } else if (has_box(tree, node)) {
        const float* box = box_of(shape, tree, node) + geometry.lane(i);
        low = box[0];
        high = -box[geometry.side_step()];
    } else {
        const float left = leaf_point<S>(tree, geometry, stored, tree.child[2 * node])[i];
        const float right = leaf_point<S>(tree, geometry, stored, tree.child[2 * node + 1])[i];
        low = left < right ? left : right;
        high = left < right ? right : left;
    }
    const bool below = point[i] < low;
    const float from = below ? point[i] : high;
    const float to = below ? low : point[i];
    // The cut lies in [from, to): rounding may not carry it to the far side.
    const std::int32_t last = order_key(to) - 1;
    std::int32_t key = order_key(static_cast<float>(static_cast<double>(from) + place.offset));
    key = key < order_key(from) ? order_key(from) : key;
    key = key > last ? last : key;
    return {static_cast<std::uint16_t>(i), key, below};
}

template <class S>
void grow_box(const S& shape, float* box, const float* point) {
    for (int b = 0; b < shape.blocks(); ++b) {
        min(S::box(box, b), shape.point(point, b)).store(box + S::kBlockFloats * b);
    }
}

template <class S>
void rebuild_box(const S& shape, TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId node) {
    float* box = box_of(shape, tree, node);
    const NodeId left = tree.child[2 * node];
    const NodeId right = tree.child[2 * node + 1];
    for (int b = 0; b < shape.blocks(); ++b) {
        min(node_block(shape, tree, geometry, stored, left, b), node_block(shape, tree, geometry, stored, right, b))
            .store(box + S::kBlockFloats * b);
    }
}

template <class S>
FASTRCF_INLINE void take_box(const S& shape, TreeArrays& tree, NodeId node) {
    tree.box_slot[node] = tree.free_box;
    std::uint32_t next;
    std::memcpy(&next, box_of(shape, tree, node), sizeof next);
    tree.free_box = static_cast<std::uint16_t>(next);
    --tree.n_free_boxes;
}

template <class S>
void make_box(TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId node) {
    const S shape(geometry);
    tree.box_slot[node] = kNoBox;
    if (is_leaf(tree, tree.child[2 * node]) && is_leaf(tree, tree.child[2 * node + 1])) return;
    take_box(shape, tree, node);
    rebuild_box(shape, tree, geometry, stored, node);
}

template <class S>
void drop_box(const S& shape, TreeArrays& tree, NodeId node) {
    if (!has_box(tree, node)) return;
    const std::uint32_t next = tree.free_box;
    std::memcpy(box_of(shape, tree, node), &next, sizeof next);
    tree.free_box = tree.box_slot[node];
    tree.box_slot[node] = kNoBox;
    ++tree.n_free_boxes;
}

template <class S>
NodeId insert(TreeArrays& tree, const Geometry& geometry, const PointRows& rows, std::int32_t row, int path_lane,
              Following following, TreeScratch& scratch, Rng& rng) {
    const S shape(geometry);
    const float* stored = rows.stored;
    const float* point = stored + static_cast<std::size_t>(row) * geometry.columns;
    const auto lane = static_cast<unsigned>(path_lane);
    const unsigned depth = scratch.depth[lane];
    const auto at = [&](unsigned k) { return scratch.path[k * kLanes + lane]; };
    const NodeId leaf = at(depth);
    const float* other = leaf_point<S>(tree, geometry, stored, leaf);
    if (same_point(shape, point, other)) {
        for (unsigned k = 0; k <= depth; ++k) ++tree.mass[at(k)];
        return leaf;
    }

    // Upwards: how far the point stands out of each box, until it stands inside.
    unsigned top = depth;
    while (top > 0) {
        const auto [gap, sides] = compare_node(shape, tree, geometry, stored, at(top - 1), point);
        const float distance = sum(gap);
        if (!(distance > 0.F)) break;
        --top;
        scratch.gap[top] = distance;
        scratch.range[top] = distance - sum(sides);
    }

    // Downwards: one draw a level says whether a cut of the grown box would separate the point there.
    unsigned level = top;
    double offset = 0.0;
    for (; level < depth; ++level) {
        offset = rng.uniform() * static_cast<double>(scratch.range[level]);
        if (offset < static_cast<double>(scratch.gap[level])) break;
        if (has_box(tree, at(level))) grow_box(shape, box_of(shape, tree, at(level)), point);
    }
    if (level == depth) {  // a leaf is a point: any cut separates
        double distance = 0.0;
        for (std::uint32_t i = 0; i < geometry.dimensions; ++i) {
            const double side = static_cast<double>(point[i]) - static_cast<double>(other[i]);
            distance += side < 0.0 ? -side : side;
        }
        offset = rng.uniform() * distance;
    }

    const NodeId sibling = at(level);
    const Separation cut = separate(shape, geometry, tree, stored, sibling, point, offset);
    const NodeId fresh = take_free(tree.free_leaf, tree.parent);
    const NodeId node = take_free(tree.free_internal, tree.parent);
    tree.payload[fresh] = row;
    tree.mass[fresh] = 1;
    set_cut(shape, tree, node, cut.dimension, cut.key);
    tree.mass[node] = static_cast<std::uint16_t>(tree.mass[sibling] + 1);
    const NodeId above = tree.parent[sibling];
    replace_child(tree, above, sibling, node);
    tree.child[2 * node] = cut.point_is_left ? fresh : sibling;
    tree.child[2 * node + 1] = cut.point_is_left ? sibling : fresh;
    tree.parent[sibling] = node;
    tree.parent[fresh] = node;
    make_box<S>(tree, geometry, stored, node);
    if (above != kNoNode && !has_box(tree, above)) make_box<S>(tree, geometry, stored, above);
    for (unsigned k = 0; k < level; ++k) ++tree.mass[at(k)];
    mend_after_insert(tree, geometry, rows.keys, level, sibling, node, fresh, following, scratch);
    return fresh;
}

template <class S>
bool touches(const S& shape, const float* box, const float* point) {
    for (int b = 0; b < shape.blocks(); ++b) {
        if ((equal(S::box(box, b), shape.point(point, b)) & shape.used_lanes(b)) != 0) return true;
    }
    return false;
}

template <class S>
void erase(TreeArrays& tree, const Geometry& geometry, const PointRows& rows, NodeId leaf, Following following,
           TreeScratch& scratch) {
    const float* stored = rows.stored;
    NodeId above = tree.parent[leaf];
    if (tree.mass[leaf] > 1) {
        --tree.mass[leaf];
        for (; above != kNoNode; above = tree.parent[above]) --tree.mass[above];
        return;
    }
    const S shape(geometry);
    const float* point = leaf_point<S>(tree, geometry, stored, leaf);
    const NodeId node = above;
    NodeId sibling = kNoNode;
    if (node != kNoNode) {
        sibling = tree.child[2 * node + (tree.child[2 * node] == leaf ? 1 : 0)];
        above = tree.parent[node];
        replace_child(tree, above, node, sibling);
        drop_box(shape, tree, node);
        if (above != kNoNode && is_leaf(tree, tree.child[2 * above]) && is_leaf(tree, tree.child[2 * above + 1])) {
            drop_box(shape, tree, above);
        }
        tree.parent[node] = tree.free_internal;
        tree.free_internal = node;
    } else {
        tree.root = kNoNode;
    }
    tree.mass[leaf] = 0;
    tree.parent[leaf] = tree.free_leaf;
    tree.free_leaf = leaf;

    // Boxes shrink as long as the point lay on their boundary; a point strictly inside lies inside all above.
    unsigned level = 0;
    for (; above != kNoNode; above = tree.parent[above]) {
        if (has_box(tree, above)) {
            if (!touches(shape, box_of(shape, tree, above), point)) break;
            rebuild_box(shape, tree, geometry, stored, above);
        }
        --tree.mass[above];
        ++level;
    }
    for (; above != kNoNode; above = tree.parent[above]) {
        --tree.mass[above];
        ++level;
    }
    if (node != kNoNode) mend_after_erase(tree, geometry, rows.keys, level, node, leaf, sibling, following, scratch);
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
