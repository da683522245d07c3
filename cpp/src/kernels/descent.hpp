// SPDX-License-Identifier: Apache-2.0
// Points on their way from the root to a leaf, many at a time, and what a change does to their paths.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/shape.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// Compilers keep lane pointers in vector registers and fetch them from there at every step, which costs more than
// the step itself. The descent is integer work.
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__)
#define FASTRCF_INTEGER_ONLY __attribute__((target("general-regs-only")))
#else
#define FASTRCF_INTEGER_ONLY
#endif

// Nor have they registers for the nodes of all lanes: the path is a better place for them than a copy on the stack.
#if defined(__GNUC__)
#define FASTRCF_READ_AGAIN asm volatile("" ::: "memory")
#else
#define FASTRCF_READ_AGAIN
#endif

/// Leads W lanes down together and returns the number of steps: rows 0 … steps of the path hold nodes. Lanes that
/// have arrived at a leaf go on to the first leaf and wait there for the others. With `Across` every lane has its own
/// tree and all have the same point; otherwise points lie `Columns` keys apart (0: known at run time).
template <int W, int Columns, bool Across>
FASTRCF_INTEGER_ONLY int walk(const TreeArrays* const* trees, const std::int32_t* keys, std::size_t stride, int width,
                              NodeId* path) {
    constexpr int kStepsBetweenChecks = 3;
    const std::int32_t* key[W];
    const TreeArrays* own[W];
    for (int l = 0; l < W; ++l) {
        const int lane = l < width ? l : width - 1;  // lanes past the width repeat the last one
        own[l] = trees[Across ? lane : 0];
        key[l] = keys + (Across ? 0 : static_cast<std::size_t>(lane) * stride);
        path[l] = own[l]->root;
    }
    const TreeArrays& one = *trees[0];
    const std::uint16_t* dimensions = one.dimension;
    const std::int32_t* payloads = one.payload;
    const NodeId* children = one.child;
    const std::ptrdiff_t first_leaf = one.first_leaf;
    int steps = 0;
    for (std::ptrdiff_t lowest = 0; lowest < first_leaf;) {
        for (int step = 0; step < kStepsBetweenChecks; ++step) {
            lowest = kNoNode;
#pragma GCC unroll 16
            for (int l = 0; l < W; ++l) {
                const std::ptrdiff_t at = path[l] < first_leaf ? path[l] : first_leaf;
                if constexpr (Across) {
                    dimensions = own[l]->dimension;
                    payloads = own[l]->payload;
                    children = own[l]->child;
                }
                const std::int32_t* mine = Columns > 0 ? keys + l * Columns : key[l];
                const std::ptrdiff_t right = mine[dimensions[at]] > payloads[at] ? 1 : 0;
                path[kLanes + l] = children[2 * at + right];
            }
            path += kLanes;
            ++steps;
            FASTRCF_READ_AGAIN;
        }
        for (int l = 0; l < W; ++l) lowest = path[l] < lowest ? path[l] : lowest;
    }
    return steps;
}

template <int W, int Columns, bool Across>
void descend(const TreeArrays* const* trees, const std::int32_t* keys, std::size_t stride, int width,
             TreeScratch& scratch) {
    const int steps = walk<W, Columns, Across>(trees, keys, stride, width, scratch.path);
    const unsigned first_leaf = trees[0]->first_leaf;
    std::uint16_t depth[kLanes] = {};
    for (const NodeId* at = scratch.path; at != scratch.path + steps * kLanes; at += kLanes) {
        for (int l = 0; l < kLanes; ++l) {
            depth[l] = static_cast<std::uint16_t>(depth[l] + (at[l] < first_leaf ? 1 : 0));
        }
    }
    for (int l = 0; l < kLanes; ++l) scratch.depth[l] = depth[l];
}

void find_path(const TreeArrays& tree, const PointRows& rows, TreeScratch& scratch) {
    const TreeArrays* one = &tree;
    descend<1, 0, false>(&one, rows.keys, 0, 1, scratch);
}

void descend_run(const TreeArrays& tree, const Geometry& geometry, const PointRows& rows, int width,
                 TreeScratch& scratch) {
    const TreeArrays* one = &tree;
    if (width < kLanes) {
        (width <= 4 ? descend<4, 0, false> : descend<16, 0, false>)(&one, rows.keys, geometry.columns, width, scratch);
    } else {
        (geometry.columns == 1 ? descend<16, 1, false> : descend<16, 0, false>)(&one, rows.keys, geometry.columns,
                                                                                width, scratch);
    }
}

// ---- paths after a change -------------------------------------------------------------------------------
// Points that follow in the same group have walked down before the change. Only those whose path runs through
// the changed place need another path, and nearly all of it is right.

FASTRCF_INLINE NodeId* step_of(TreeScratch& scratch, unsigned level, unsigned lane) {
    return scratch.path + level * kLanes + lane;
}

/// A node has been put in at `level`, above `sibling`, with the new leaf `fresh` on its other side.
FASTRCF_INLINE void mend_after_insert(const TreeArrays& tree, const Geometry& geometry, const std::int32_t* keys,
                                      unsigned level, NodeId sibling, NodeId node, NodeId fresh, Following lanes,
                                      TreeScratch& scratch) {
    for (auto l = static_cast<unsigned>(lanes.from); l < static_cast<unsigned>(lanes.to); ++l) {
        if (scratch.depth[l] < level || *step_of(scratch, level, l) != sibling) continue;
        const bool right = keys[l * geometry.columns + tree.dimension[node]] > tree.payload[node];
        if (tree.child[2 * node + (right ? 1 : 0)] == fresh) {
            scratch.depth[l] = static_cast<std::uint16_t>(level + 1);
            *step_of(scratch, level + 1, l) = fresh;
        } else {
            for (unsigned k = scratch.depth[l] + 1U; k > level; --k) {
                *step_of(scratch, k, l) = *step_of(scratch, k - 1, l);
            }
            ++scratch.depth[l];
        }
        *step_of(scratch, level, l) = node;
    }
}

/// `node`, which stood at `level`, has gone together with its child `leaf`; `sibling` took its place.
FASTRCF_INLINE void mend_after_erase(const TreeArrays& tree, const Geometry& geometry, const std::int32_t* keys,
                                     unsigned level, NodeId node, NodeId leaf, NodeId sibling, Following lanes,
                                     TreeScratch& scratch) {
    for (auto l = static_cast<unsigned>(lanes.from); l < static_cast<unsigned>(lanes.to); ++l) {
        if (scratch.depth[l] <= level || *step_of(scratch, level, l) != node) continue;
        unsigned k = level;
        if (*step_of(scratch, level + 1, l) == leaf) {
            NodeId at = sibling;
            for (; !is_leaf(tree, at); ++k) {
                *step_of(scratch, k, l) = at;
                const bool right = keys[l * geometry.columns + tree.dimension[at]] > tree.payload[at];
                at = tree.child[2 * at + (right ? 1 : 0)];
            }
            *step_of(scratch, k, l) = at;
        } else {
            for (; k < scratch.depth[l]; ++k) *step_of(scratch, k, l) = *step_of(scratch, k + 1, l);
            --k;
        }
        scratch.depth[l] = static_cast<std::uint16_t>(k);
    }
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
