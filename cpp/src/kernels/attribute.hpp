// SPDX-License-Identifier: Apache-2.0
// What each coordinate adds to the score, from below and from above.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include "kernels/score.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// The recursion of the score for each lane of a box: with the gaps g_i of the point to a box, which sum to G, and
// the sides of the box, which sum to R, a_i <- g_i/(R+G)/(k+1) + (1-P)·a_i. Lane lo of a coordinate gets what lies
// below the box, lane -hi what lies above; all lanes together give the score. The score is made first and leaves
// behind the factors of the gaps; then one pass over the same boxes makes the lanes. (Attribution of the open
// reference implementation of Guha et al. 2016.)

/// Smaller boxes would give factors without end. Beside them shares are off, but their sum is mended.
constexpr float kSmallest = 0x1.0p-126F;

/// What an attribution keeps of the way up.
class ClimbTrace {
public:
    static constexpr bool kKeeps = true;

    FASTRCF_INLINE ClimbTrace(const TreeScratch& scratch, const Geometry& geometry)
        : fours_(scratch.climbed), step_(scratch.climbed_step), boxes_(scratch.boxes), stride_(geometry.box_stride()) {}

    /// compare() with the i-th of the next four; remembers where its box is. That of a node above two leaves is
    /// nowhere, so that of the first of all is copied.
    template <bool First, class S>
    FASTRCF_INLINE GapAndSides<S> compare(const S& shape, const TreeArrays& tree, const Geometry& geometry,
                                       const float* stored, int i, NodeId node, const float* point, int lane) {
        const float*& kept = of(lane)[n_[lane]].box[i];
        if (First && i == 0) {
            float* copy = boxes_ + static_cast<std::size_t>(lane) * stride_;
            kept = copy;
            return compare_node(shape, tree, geometry, stored, node, point,
                                [&](int b, const auto& block) { block.store(copy + S::kBlockFloats * b); });
        }
        const float* box = box_of(shape, tree, node);
        kept = box;
        return fastrcf::FASTRCF_ISA::compare(shape, box, point);
    }

    FASTRCF_INLINE void keep(int lane, F4 grown, F4 inverse_depth, F4 miss_above) {
        ClimbedFour& four = of(lane)[n_[lane]];
        (inverse_depth * shift_in_ones<1>(miss_above) / max(grown, F4::all(kSmallest))).store(four.weight);
        miss_above.store(four.miss);
        ++n_[lane];
    }

    [[nodiscard]] FASTRCF_INLINE int n(int lane) const { return n_[lane]; }
    [[nodiscard]] FASTRCF_INLINE ClimbedFour* of(int lane) const {
        return fours_ + static_cast<std::size_t>(lane) * step_;
    }

private:
    ClimbedFour* fours_;
    std::size_t step_;
    float* boxes_;
    std::size_t stride_;
    int n_[kLanes] = {};
};

/// Sum of the gaps between two points.
template <class S>
FASTRCF_INLINE float distance(const S& shape, const float* a, const float* b) {
    using Block = typename S::Block;
    const auto gap = [&](int block) {
        return fold(max(shape.point(a, block) - shape.point(b, block), Block::all(0.F)));
    };
    auto total = gap(0);
    for (int block = 1; block < shape.blocks(); ++block) total = total + gap(block);
    return sum(total);
}

/// Where one lane stands: a point at its leaf, and where the cells of the point are.
struct Foot {
    const float* point;
    const float* leaf;  ///< its point
    float weight;       ///< of the gap between both
    float unit;         ///< of the cells
    std::int32_t* cells;
};

/// Blocks [from, from + Count) of the attribution of a point that differs from its leaf.
template <int Count, class S>
FASTRCF_INLINE void spread_blocks(const S& shape, const Foot& foot, const ClimbedFour* four, int n, int from) {
    using Wide = decltype(wide(typename S::Block{}));
    const Wide zero = Wide::all(0.F);
    Wide point[Count];
    Wide cells[Count];
#pragma GCC unroll 8
    for (int b = 0; b < Count; ++b) {
        point[b] = wide(shape.point(foot.point, from + b));
        cells[b] = max(wide(shape.point(foot.leaf, from + b)) - point[b], zero) * Wide::all(foot.weight);
    }
    const std::size_t at = static_cast<std::size_t>(S::kBlockFloats) * static_cast<std::size_t>(from);
    for (int k = 0; k < n; ++k) {
#pragma GCC unroll 8
        for (int b = 0; b < Count; ++b) cells[b] = cells[b] * Wide::all(four[k].miss[0]);
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
#pragma GCC unroll 8
            for (int b = 0; b < Count; ++b) {
                const Wide gap = max(Wide::load(four[k].box[i] + at + S::kBlockFloats * b) - point[b], zero);
                cells[b] = cells[b] + gap * Wide::all(four[k].weight[i]);
            }
        }
    }
#pragma GCC unroll 8
    for (int b = 0; b < Count; ++b) {
        (cells[b] * Wide::all(foot.unit)).add_rounded(foot.cells + at + S::kBlockFloats * b);
    }
}

/// Adds the attribution of a point that differs from its leaf.
template <class S>
FASTRCF_INLINE void spread(const S& shape, const Foot& foot, const ClimbedFour* four, int n) {
    constexpr int kTogether = S::kBlocks == 0 ? 2 : S::kBlocks < 3 ? S::kBlocks : 3;
    int b = 0;
    for (; b + kTogether <= shape.blocks(); b += kTogether) spread_blocks<kTogether>(shape, foot, four, n, b);
    for (; b < shape.blocks(); ++b) spread_blocks<1>(shape, foot, four, n, b);
}

/// Adds the attribution of a point that equals its leaf, `at` in the path. Its score has no directions; they are
/// those that the point would have if the leaf were not there, so boxes are merged from the siblings on the way up.
/// The score starts evenly spread, and in the end the sum is made equal to it.
template <class S>
void spread_copy(const S& shape, const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables,
                 const float* stored, const Foot& foot, const NodeId* at, int depth, float score, float* cells) {
    using Block = typename S::Block;
    const Block zero = Block::all(0.F);
    float* box = cells + shape.stride();
    const float even = score / (2.F * static_cast<float>(geometry.dimensions));
    for (std::uint32_t i = 0; i < geometry.box_stride(); ++i) cells[i] = 0.F;
    for (std::uint32_t i = 0; i < geometry.dimensions; ++i) {
        cells[geometry.lane(i)] = cells[geometry.lane(i) + geometry.side_step()] = even;
    }
    for (bool first = true; depth > 0; first = false) {
        const NodeId below = *at;
        at -= kLanes;
        --depth;
        const NodeId sibling = tree.child[2 * *at + (tree.child[2 * *at] == below ? 1 : 0)];
        typename S::Sum gap{};
        typename S::Sum sides{};
        for (int b = 0; b < shape.blocks(); ++b) {
            Block side = node_block(shape, tree, geometry, stored, sibling, b);
            if (!first) side = min(side, S::box(box, b));
            side.store(box + S::kBlockFloats * b);
            gap = gap + fold(max(side - shape.point(foot.point, b), zero));
            sides = sides + minus_sides(side);
        }
        const float out = sum(gap);
        if (!(out > 0.F)) break;
        const float grown = out - sum(sides);
        const Block weight = Block::all(tables.inverse_depth[-depth] / (grown > kSmallest ? grown : kSmallest));
        const Block miss = Block::all(1.F - out / grown);
        for (int b = 0; b < shape.blocks(); ++b) {
            const Block part = max(S::box(box, b) - shape.point(foot.point, b), zero) * weight;
            (S::box(cells, b) * miss + part).store(cells + S::kBlockFloats * b);
        }
    }
    auto total = fold(S::box(cells, 0));
    for (int b = 1; b < shape.blocks(); ++b) total = total + fold(S::box(cells, b));
    const Block unit = Block::all(score / sum(total) * foot.unit);
    for (int b = 0; b < shape.blocks(); ++b) (S::box(cells, b) * unit).add_rounded(foot.cells + S::kBlockFloats * b);
}

/// Scores lanes [from, to) of a descent and spreads the scores over the cells of the points.
template <class S, class TreeOf, class PointOf, class CellsOf, class Take>
FASTRCF_INLINE void attribute_lanes(const S& shape, const Geometry& geometry, const ScoreTables& tables,
                                    const float* stored, int from, int to, const TreeScratch& scratch,
                                    const TreeOf& tree_of, const PointOf& point_of, const CellsOf& cells_of,
                                    const Take& take) {
    Climb climbs[kLanes];
    ClimbTrace trace(scratch, geometry);
    const unsigned open =
        climb_lanes(shape, geometry, tables, stored, from, to, scratch, tree_of, point_of, climbs, trace);
    const auto leaf_of = [&](int l) { return scratch.path + scratch.depth[l] * kLanes + l; };
    const auto foot_of = [&](int l) {
        const TreeArrays& tree = tree_of(l);
        const float* leaf = leaf_point<S>(tree, geometry, stored, *leaf_of(l));
        const float grown = distance(shape, leaf, point_of(l));
        const float weight = tables.inverse_depth[-scratch.depth[l]] / (grown > kSmallest ? grown : kSmallest);
        return Foot{point_of(l), leaf, weight,
                    tables.normaliser[tree.mass[tree.root]] * tables.cell_scale, cells_of(l)};
    };
    for (int l = from; l < to; ++l) {  // no branch on how far they went
        if (trace.n(l) == 1) spread(shape, foot_of(l), trace.of(l), 1);
        take(l, climbs[l].score);
    }
    for (unsigned rest = open; rest != 0; rest &= rest - 1) {
        const int l = std::countr_zero(rest);
        if (trace.n(l) > 1) spread(shape, foot_of(l), trace.of(l), trace.n(l));
    }
    for (int l = from; l < to; ++l) {
        if (trace.n(l) > 0) continue;
        spread_copy(shape, tree_of(l), geometry, tables, stored, foot_of(l), leaf_of(l), scratch.depth[l],
                    climbs[l].score, scratch.boxes + kLanes * shape.stride());
    }
}

template <class S>
void attribute_run(const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables, const PointRows& rows,
                   int from, int to, std::int64_t* sums, std::int32_t* cells, TreeScratch& scratch) {
    const S shape(geometry);
    const std::size_t stride = geometry.columns;
    const float norm = normaliser(tree, tables);
    attribute_lanes(
        shape, geometry, tables, rows.stored, from, to, scratch, [&](int) -> const TreeArrays& { return tree; },
        [&](int l) { return rows.values + static_cast<std::size_t>(l) * stride; },
        [&](int l) { return cells + static_cast<std::size_t>(l) * shape.stride(); },
        [&](int l, float score) { sums[l] += fixed_point(score * norm); });
}

template <class S>
std::int64_t attribute_across(const TreeArrays* const* trees, std::size_t n, const Geometry& geometry,
                              const ScoreTables& tables, const PointRows& rows, std::int32_t* cells,
                              TreeScratch& scratch) {
    const S shape(geometry);
    std::int64_t total = 0;
    for (std::size_t start = 0; start < n; start += kLanes) {
        const int width = n - start < kLanes ? static_cast<int>(n - start) : kLanes;
        const TreeArrays* const* group = trees + start;
        descend<kLanes, 0, true>(group, rows.keys, 0, width, scratch);
        attribute_lanes(
            shape, geometry, tables, rows.stored, 0, width, scratch,
            [&](int l) -> const TreeArrays& { return *group[l]; }, [&](int) { return rows.values; },
            [&](int) { return cells; },
            [&](int l, float score) { total += fixed_point(score * normaliser(*group[l], tables)); });
    }
    return total;
}

}  // namespace
}  // namespace fastrcf::FASTRCF_ISA
