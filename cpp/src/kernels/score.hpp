// SPDX-License-Identifier: Apache-2.0
// Points on their way back up: the anomaly score.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/descent.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// From the leaf upwards, s <- P/(k+1) + (1-P)·s at depth k, where P = gap/(sides + gap) is the chance that a cut
// of the box grown by the point separates the point (Guha et al. 2016, section 3; forest score of the open
// reference implementation). Four ancestors are taken at once, without masks: once the point is inside a box it
// is inside all boxes above, where P = 0 changes nothing; above the root stand boxes without end.

/// A lane on its way up.
struct Climb {
    const NodeId* at;  ///< in the path; the next ancestor is kLanes before
    int depth;         ///< levels left
    float score;
};

/// Starts at the leaf; false when the point equals the leaf's, which is inside all boxes.
template <class S>
FASTRCF_INLINE bool start_at_leaf(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                  const ScoreTables& tables, const float* stored, const float* point, int lane,
                                  const TreeScratch& scratch, Climb& climb) {
    climb.depth = scratch.depth[lane];
    climb.at = scratch.path + climb.depth * kLanes + lane;
    const NodeId leaf = *climb.at;
    climb.score = tables.inverse_depth[-climb.depth];
    if (!same_point(shape, point, leaf_point<S>(tree, geometry, stored, leaf))) return true;
    const auto copies = tree.mass[leaf];
    const auto mass = static_cast<float>(copies);
    const auto depth = static_cast<float>(climb.depth);
    if (tables.scoring == Scoring::kStandard) {
        const float damp = 1.F - mass / (2.F * static_cast<float>(tree.mass[tree.root]));
        climb.score = damp / (depth + tables.log2_mass[copies]);
    } else {  // m copies stand log2(m) deeper, as in a balanced tree; alone in a tree they count one by one
        climb.score = 1.F / (climb.depth > 0 ? depth + tables.log2_mass[copies - 1] : 1.F + mass);
    }
    return false;
}

/// What a score keeps of the way up: nothing.
struct NoTrace {
    static constexpr bool kKeeps = false;
};

/// Takes four ancestors into the score; true when the point still stands out of the last one. Only the first one
/// of all, the parent of a leaf, may stand above two leaves.
template <bool First, class S, class Trace>
FASTRCF_INLINE bool climb_four(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                               const ScoreTables& tables, const float* stored, const float* point, int lane,
                               Climb& climb, Trace& trace) {
    typename S::Sum gaps[4];
    typename S::Sum sides[4];
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
        climb.at -= kLanes;
        GapAndSides<S> level;
        if constexpr (Trace::kKeeps) {
            level = trace.template compare<First>(shape, tree, geometry, stored, i, *climb.at, point, lane);
        } else {
            level = First && i == 0 ? compare_node(shape, tree, geometry, stored, *climb.at, point)
                                    : compare(shape, box_of(shape, tree, *climb.at), point);
        }
        gaps[i] = level.gap;
        sides[i] = level.sides;
    }
    const auto [gap, minus_range] = sum_rows(gaps, sides);
    const F4 chance = gap / (gap - minus_range);
    const F4 miss = F4::all(1.F) - chance;
    F4 miss_above = miss * shift_in_ones<1>(miss);
    miss_above = miss_above * shift_in_ones<2>(miss_above);  // lane i: nothing separates at i or higher up
    const F4 inverse_depth = F4::load(tables.inverse_depth - (climb.depth - 1));
    const F4 share = chance * inverse_depth;
    if constexpr (Trace::kKeeps) trace.keep(lane, gap - minus_range, inverse_depth, miss_above);
    climb.score = (share * shift_in_ones<1>(miss_above)).sum() + climb.score * miss_above.first();
    climb.depth -= 4;
    return gap.last() != 0.F;
}

/// The integer nearest to a score, ties to even: adding and taking away 1.5 * 2^52 rounds everywhere alike.
FASTRCF_INLINE std::int64_t fixed_point(float score) {
    constexpr double kMagic = 6755399441055744.0;
    return static_cast<std::int64_t>((static_cast<double>(score) + kMagic) - kMagic);
}

FASTRCF_INLINE float normaliser(const TreeArrays& tree, const ScoreTables& tables) {
    return tables.normaliser[tree.mass[tree.root]] * kScoreScale;
}

/// Leads lanes [from, to) of a descent up again. Most points stand out of at most four boxes; the others go on in
/// a second round, so that the first needs no branch. Returns the bits of the latter.
template <class S, class TreeOf, class PointOf, class Trace>
FASTRCF_INLINE unsigned climb_lanes(const S& shape, const Geometry& geometry, const ScoreTables& tables,
                                    const float* stored, int from, int to, const TreeScratch& scratch,
                                    const TreeOf& tree_of, const PointOf& point_of, Climb (&climbs)[kLanes],
                                    Trace& trace) {
    unsigned open = 0;
    for (int l = from; l < to; ++l) {
        const TreeArrays& tree = tree_of(l);
        const float* point = point_of(l);
        if (start_at_leaf(shape, tree, geometry, tables, stored, point, l, scratch, climbs[l])) {
            open |= (climb_four<true>(shape, tree, geometry, tables, stored, point, l, climbs[l], trace) ? 1U : 0U) << l;
        }
    }
    for (unsigned rest = open; rest != 0; rest &= rest - 1) {
        const int l = std::countr_zero(rest);
        while (climbs[l].depth > 0 && climb_four<false>(shape, tree_of(l), geometry, tables, stored, point_of(l), l,
                                                        climbs[l], trace)) {
        }
    }
    return open;
}

/// Scores lanes [from, to) of a descent.
template <class S, class TreeOf, class PointOf, class Take>
FASTRCF_INLINE void score_lanes(const S& shape, const Geometry& geometry, const ScoreTables& tables,
                                const float* stored, int from, int to, const TreeScratch& scratch,
                                const TreeOf& tree_of, const PointOf& point_of, const Take& take) {
    Climb climbs[kLanes];
    NoTrace none;
    climb_lanes(shape, geometry, tables, stored, from, to, scratch, tree_of, point_of, climbs, none);
    for (int l = from; l < to; ++l) take(l, climbs[l].score);
}

template <class S>
void score_run(const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables, const PointRows& rows,
               int from, int to, std::int64_t* sums, const TreeScratch& scratch) {
    const S shape(geometry);
    const std::size_t stride = geometry.columns;
    const float norm = normaliser(tree, tables);
    score_lanes(
        shape, geometry, tables, rows.stored, from, to, scratch, [&](int) -> const TreeArrays& { return tree; },
        [&](int l) { return rows.values + static_cast<std::size_t>(l) * stride; },
        [&](int l, float score) { sums[l] += fixed_point(score * norm); });
}

template <class S>
std::int64_t score_across(const TreeArrays* const* trees, std::size_t n, const Geometry& geometry,
                          const ScoreTables& tables, const PointRows& rows, TreeScratch& scratch) {
    const S shape(geometry);
    std::int64_t total = 0;
    for (std::size_t start = 0; start < n; start += kLanes) {
        const int width = n - start < kLanes ? static_cast<int>(n - start) : kLanes;
        const TreeArrays* const* group = trees + start;
        descend<kLanes, 0, true>(group, rows.keys, 0, width, scratch);
        score_lanes(
            shape, geometry, tables, rows.stored, 0, width, scratch,
            [&](int l) -> const TreeArrays& { return *group[l]; }, [&](int) { return rows.values; },
            [&](int l, float score) { total += fixed_point(score * normaliser(*group[l], tables)); });
    }
    return total;
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
