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

    explicit FASTRCF_INLINE ClimbTrace(const TreeScratch& scratch)
        : fours_(scratch.climbed), step_(scratch.climbed_step) {}

    FASTRCF_INLINE void keep(int lane, F4 grown, F4 share, F4 miss_above) {
        ClimbedFour& four = of(lane)[n_[lane]];
        (share / max(grown, F4::all(kSmallest))).store(four.weight);
        miss_above.store(four.miss);
        ++n_[lane];
    }
    FASTRCF_INLINE void keep_box(int lane, int i, const float* box) { of(lane)[n_[lane] - 1].box[i] = box; }

    [[nodiscard]] FASTRCF_INLINE int n(int lane) const { return n_[lane]; }
    [[nodiscard]] FASTRCF_INLINE ClimbedFour* of(int lane) const {
        return fours_ + static_cast<std::size_t>(lane) * step_;
    }

private:
    ClimbedFour* fours_;
    std::size_t step_;
    int n_[kLanes] = {};
};

/// Where one lane stands: a point at its leaf, and where the cells of the point are.
struct Foot {
    const float* point;
    const NodeId* at;  ///< the leaf, in the path
    int depth;
    float unit;        ///< of the cells
    std::int32_t* cells;
};

/// Adds the attribution of a point that differs from its leaf.
template <class S>
FASTRCF_INLINE void spread(const S& shape, const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables,
                           const float* stored, const Foot& foot, const ClimbedFour* four, int n) {
    using Block = typename S::Block;
    const Block zero = Block::all(0.F);
    const float* leaf = leaf_point<S>(tree, geometry, stored, *foot.at);
    const auto leaf_gap = [&](int b) { return max(shape.point(leaf, b) - shape.point(foot.point, b), zero); };
    F8 distance = fold(leaf_gap(0));
    for (int b = 1; b < shape.blocks(); ++b) distance = distance + fold(leaf_gap(b));
    const float grown = sum(distance);
    const Block leaf_weight = Block::all(tables.inverse_depth[-foot.depth] / (grown > kSmallest ? grown : kSmallest));
    const Halves first = halves_of(shape, tree, geometry, stored, foot.at[-kLanes]);
    for (int b = 0; b < shape.blocks(); ++b) {
        const Block point = shape.point(foot.point, b);
        const auto add = [&](Block box, float weight, Block to) {
            return to + max(box - point, zero) * Block::all(weight);
        };
        Block cells = leaf_gap(b) * leaf_weight * Block::all(four[0].miss[0]);
        cells = add(block_of(shape, first, b), four[0].weight[0], cells);
#pragma GCC unroll 3
        for (int i = 1; i < 4; ++i) cells = add(S::box(four[0].box[i], b), four[0].weight[i], cells);
        for (int k = 1; k < n; ++k) {
            cells = cells * Block::all(four[k].miss[0]);
#pragma GCC unroll 4
            for (int i = 0; i < 4; ++i) cells = add(S::box(four[k].box[i], b), four[k].weight[i], cells);
        }
        (cells * Block::all(foot.unit)).add_rounded(foot.cells + S::kBlockFloats * b);
    }
}

/// Adds the attribution of a point that equals its leaf. Its score has no directions; they are those that the
/// point would have if the leaf were not there, so boxes are merged from the siblings on the way up. The score
/// starts evenly spread, and in the end the sum is made equal to it.
template <class S>
void spread_copy(const S& shape, const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables,
                 const float* stored, const Foot& foot, float score, float* cells, float* box) {
    using Block = typename S::Block;
    const Block zero = Block::all(0.F);
    const float even = score / (2.F * static_cast<float>(geometry.dimensions));
    for (std::uint32_t i = 0; i < geometry.box_stride(); ++i) cells[i] = 0.F;
    for (std::uint32_t i = 0; i < geometry.dimensions; ++i) {
        cells[geometry.lane(i)] = cells[geometry.lane(i) + geometry.side_step()] = even;
    }
    for (int level = 1; level <= foot.depth; ++level) {
        const NodeId below = foot.at[-(level - 1) * kLanes];
        const NodeId node = foot.at[-level * kLanes];
        const NodeId sibling = tree.child[2 * node + (tree.child[2 * node] == below ? 1 : 0)];
        F8 gap = F8::all(0.F);
        F8 sides = F8::all(0.F);
        for (int b = 0; b < shape.blocks(); ++b) {
            Block side = node_block(shape, tree, geometry, stored, sibling, b);
            if (level > 1) side = min(side, S::box(box, b));
            side.store(box + S::kBlockFloats * b);
            gap = gap + fold(max(side - shape.point(foot.point, b), zero));
            sides = sides + minus_sides(side);
        }
        const float out = sum(gap);
        if (!(out > 0.F)) break;
        const float grown = out - sum(sides);
        const Block weight = Block::all(tables.inverse_depth[-(foot.depth - level)] /
                                        (grown > kSmallest ? grown : kSmallest));
        const Block miss = Block::all(1.F - out / grown);
        for (int b = 0; b < shape.blocks(); ++b) {
            const Block part = max(S::box(box, b) - shape.point(foot.point, b), zero) * weight;
            (S::box(cells, b) * miss + part).store(cells + S::kBlockFloats * b);
        }
    }
    F8 total = fold(S::box(cells, 0));
    for (int b = 1; b < shape.blocks(); ++b) total = total + fold(S::box(cells, b));
    const Block unit = Block::all(score / sum(total) * foot.unit);
    for (int b = 0; b < shape.blocks(); ++b) (S::box(cells, b) * unit).add_rounded(foot.cells + S::kBlockFloats * b);
}

/// score_lanes() that also spreads the scores over the cells of the points.
template <class S, class TreeOf, class PointOf, class CellsOf, class Take>
FASTRCF_INLINE void attribute_lanes(const S& shape, const Geometry& geometry, const ScoreTables& tables,
                                    const float* stored, int from, int to, const TreeScratch& scratch,
                                    const TreeOf& tree_of, const PointOf& point_of, const CellsOf& cells_of,
                                    const Take& take) {
    ClimbTrace trace(scratch);
    score_lanes(shape, geometry, tables, stored, from, to, scratch, tree_of, point_of, trace, [&](int l, float score) {
        const TreeArrays& tree = tree_of(l);
        const int depth = scratch.depth[l];
        const float unit = tables.normaliser[tree.mass[tree.root]] * tables.cell_scale;
        const Foot foot{point_of(l), scratch.path + depth * kLanes + l, depth, unit, cells_of(l)};
        if (trace.n(l) > 0) {
            spread(shape, tree, geometry, tables, stored, foot, trace.of(l), trace.n(l));
        } else {
            spread_copy(shape, tree, geometry, tables, stored, foot, score, scratch.apart,
                        scratch.apart + geometry.box_stride());
        }
        take(l, score);
    });
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
