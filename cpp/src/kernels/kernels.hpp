// SPDX-License-Identifier: Apache-2.0
// The inner loops of a tree, one table of functions per instruction set and width of a point.
#pragma once

#include <cstddef>
#include <cstdint>

#include "fastrcf/rng.hpp"
#include "fastrcf/tree_arrays.hpp"

namespace fastrcf {

/// Points that go down a tree together.
inline constexpr int kLanes = 16;

/// Where the points of a call lie.
struct PointRows {
    const float* values;       ///< points to score, Geometry::columns floats apart
    const std::int32_t* keys;  ///< order keys of the same floats
    const float* stored;       ///< rows that leaves point into
};

/// Four ancestors of a leaf that a point has climbed past: what an attribution needs of them.
struct ClimbedFour {
    float weight[4];      ///< of the gap to each of their boxes
    float miss[4];        ///< [0]: chance that none of the four cuts separates the point
    const float* box[4];
};

/// Working memory of one thread. `path[step * kLanes + lane]` is the node of a lane after `step` steps.
struct TreeScratch {
    NodeId* path;
    float* gap;    ///< one per level of a path
    float* range;  ///< one per level of a path
    std::uint16_t depth[kLanes];
    // For attributions; null while none are asked for.
    ClimbedFour* climbed;  ///< `climbed_step` for each lane
    std::size_t climbed_step;
    float* boxes;          ///< one for each lane, and two more
};

/// Lanes whose points have walked down already and are still to be scored: a change mends their paths.
struct Following {
    int from = 0;
    int to = 0;
};

struct Kernels {
    /// Leads `width` consecutive points down a tree, one a lane.
    void (*descend_run)(const TreeArrays& tree, const Geometry& geometry, const PointRows& rows, int width,
                        TreeScratch& scratch);

    /// Adds the scaled scores of lanes [from, to) of such a descent to sums[from ... to - 1].
    void (*score_run)(const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables,
                      const PointRows& rows, int from, int to, std::int64_t* sums, const TreeScratch& scratch);

    /// The scaled score of one point, summed over n trees.
    std::int64_t (*score_across)(const TreeArrays* const* trees, std::size_t n, const Geometry& geometry,
                                 const ScoreTables& tables, const PointRows& rows, TreeScratch& scratch);

    /// score_run() that also adds the scaled attributions to cells, Geometry::box_stride() a lane in the order of
    /// a box: side lo is what the point lies below the others, side -hi what it lies above them.
    void (*attribute_run)(const TreeArrays& tree, const Geometry& geometry, const ScoreTables& tables,
                          const PointRows& rows, int from, int to, std::int64_t* sums, std::int32_t* cells,
                          TreeScratch& scratch);

    /// score_across() that also adds the scaled attributions to the cells of the point.
    std::int64_t (*attribute_across)(const TreeArrays* const* trees, std::size_t n, const Geometry& geometry,
                                     const ScoreTables& tables, const PointRows& rows, std::int32_t* cells,
                                     TreeScratch& scratch);

    /// Leads one point down a tree and leaves its path in lane 0 of the scratch.
    void (*find_path)(const TreeArrays& tree, const PointRows& rows, TreeScratch& scratch);

    /// Inserts the point at `row` of the stored rows along the path of `lane`; returns its leaf.
    NodeId (*insert)(TreeArrays& tree, const Geometry& geometry, const PointRows& rows, std::int32_t row, int lane,
                     Following following, TreeScratch& scratch, Rng& rng);

    /// Takes one point off a leaf.
    void (*erase)(TreeArrays& tree, const Geometry& geometry, const PointRows& rows, NodeId leaf, Following following,
                  TreeScratch& scratch);

    /// Makes the box of a linked node from its children; none for a node above two leaves.
    void (*make_box)(TreeArrays& tree, const Geometry& geometry, const float* stored, NodeId node);

    /// Joins the n leaves of a bare tree, which stand at the start of the path. There is room for as many boxes. True
    /// when leaves of equal points have been merged: those that went have mass 0 and name the one that stays as parent.
    bool (*grow)(TreeArrays& tree, const Geometry& geometry, const float* stored, std::uint32_t n_leaves,
                 TreeScratch& scratch, Rng& rng);
};

/// The table for points of this width on the instruction set in use.
const Kernels& kernels_for(const Geometry& geometry);

namespace isa_baseline { const Kernels& kernels_for(const Geometry& geometry); }
namespace isa_avx2 { const Kernels& kernels_for(const Geometry& geometry); }
namespace isa_avx512 { const Kernels& kernels_for(const Geometry& geometry); }

}  // namespace fastrcf
