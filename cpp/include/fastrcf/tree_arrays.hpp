// SPDX-License-Identifier: Apache-2.0
// The memory of one tree as plain arrays: what the kernels see.
#pragma once

#include <cstdint>

#include "fastrcf/options.hpp"
#include "fastrcf/types.hpp"

namespace fastrcf {

/// Shape of the points, common to all trees of a forest.
///
/// A box is stored as [lo | -hi] and a point is seen as [p | -p]: growing a box is then one minimum, the gap
/// from a point to a box is max(0, box - point), and the sum of the sides is minus the sum of the box.
/// Coordinates, unless there is one alone, are padded to 4 or to a multiple of 8; padded coordinates are 0 in points
/// and boxes. From 8 coordinates on, lo and -hi alternate in blocks of 8, so that 16 lanes hold both sides of one block.
struct Geometry {
    std::uint32_t dimensions = 1;  ///< coordinates of a point
    std::uint32_t padded = 4;      ///< coordinates of a stored box side
    std::uint32_t columns = 1;     ///< floats from one point to the next in a series of points

    [[nodiscard]] FASTRCF_INLINE std::uint32_t box_stride() const noexcept { return 2 * padded; }

    /// Position of side lo of coordinate i within a box; side -hi stands `side_step()` further on.
    [[nodiscard]] FASTRCF_INLINE std::uint32_t lane(std::uint32_t i) const noexcept {
        return padded < 8 ? i : (i / 8) * 16 + i % 8;
    }
    [[nodiscard]] FASTRCF_INLINE std::uint32_t side_step() const noexcept { return padded < 8 ? padded : 8; }

    static std::uint32_t pad(std::uint32_t dimensions) noexcept {
        return dimensions == 1 ? 1 : dimensions <= 4 ? 4 : (dimensions + 7) / 8 * 8;
    }
};

/// Floats that may be read (never used) past the end of a row of points.
inline constexpr std::uint32_t kReadAhead = 8;

/// View of one tree. Ids below `first_leaf` are internal nodes. Leaves have no cut, children or box; `first_leaf` has,
/// as if it were an internal node: the box without end, and itself on both sides, so that who has come to a leaf goes
/// on to it and stays there.
struct TreeArrays {
    std::int32_t* payload;     ///< internal: order key of the cut value; leaf: row where its point starts
    std::uint16_t* dimension;  ///< internal: cut dimension; zeros that all trees share where points have one coordinate
    NodeId* child;             ///< internal: two per node, left (value <= cut), right
    NodeId* parent;
    std::uint16_t* mass;       ///< points below the node, with multiplicity
    std::uint16_t* box_slot;   ///< internal: where its box is, kNoBox if both children are leaves
    float* boxes;              ///< Geometry::box_stride() floats a slot; slot 0 is a box without end (-inf)
    NodeId root;
    NodeId first_leaf;
    NodeId free_internal;      ///< head of a list through parent[]
    NodeId free_leaf;
    std::uint16_t free_box;    ///< head of a list through the first four bytes of each free box
    std::uint16_t n_free_boxes;
};

/// A node above two leaves is a third of all nodes and has no box of its own: that is made from the two points.
inline constexpr std::uint16_t kNoBox = 0xFFFF;

/// Tables that a forest shares among its trees.
struct ScoreTables {
    const float* inverse_depth;  ///< [-k] = 1 / (k + 1) at depth k; [1 ... kLevelsAbove] = 0 above the root
    const float* log2_mass;      ///< [m] = log2(1 + m)
    const float* normaliser;     ///< [M] for a tree of M points
    Scoring scoring;
    float cell_scale;            ///< attributions are summed as integers in units of 1 / cell_scale
};

/// Levels above the root that a score may look at: their boxes have no end.
inline constexpr int kLevelsAbove = 8;

/// Scores are summed as integers in units of 2^-26, so that their sum does not depend on any order.
inline constexpr float kScoreScale = 0x1.0p26F;

}  // namespace fastrcf
