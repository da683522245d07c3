// SPDX-License-Identifier: Apache-2.0
// Conditional sampling: what the missing coordinates of a point may be, given those that are known.
//
// A tree offers one stored point. It is found by going down both ways where a missing coordinate is cut and one way
// elsewhere; of the leaves that are reached, each filled into the point, the one that stands lower in the tree's
// score wins ("most ordinary") or, with less centrality, chance has its say. The forest's answer is the median of
// what its trees offer, after those that are far from the known coordinates have been left out.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/random_cut_tree.hpp"
#include "fastrcf/rng.hpp"
#include "fastrcf/sampled_tree.hpp"

namespace fastrcf {

/// A stored point that a tree offers.
struct Completion {
    const float* point = nullptr;
    double distance = 0.0;  ///< L1, over the known coordinates
};

/// Working memory of one thread. Reads trees and changes nothing, so it may be used by whoever holds the forest's lock.
class ConditionalSampler {
public:
    explicit ConditionalSampler(const Geometry& geometry);

    /// Fills the coordinates `missing` of `point` with their medians, in place. What they held is not looked at; the
    /// other coordinates must be finite. `missing` rises and is not empty; some tree must hold a point.
    void complete(const ForestView& forest, std::span<const SampledTree> trees, float* point,
                  std::span<const std::uint32_t> missing);

    /// The same in steps, so that many points may be completed tree by tree while the tree is in the cache: begin()
    /// with the point, hear() every tree, and finish(), which writes into the point.
    void begin(const float* point, std::span<const std::uint32_t> missing);
    void hear(const ForestView& forest, const RandomCutTree& tree);
    void finish(const ForestView& forest, std::span<const SampledTree> trees, float* point);

    /// Says what draw() is asked for: `point` without its coordinates `missing`.
    void pose(const float* point, std::span<const std::uint32_t> missing);

    /// One completion from a tree that is not empty. `centrality` 1 takes the most ordinary leaf and draws nothing
    /// from `rng`, 0 tosses a coin at every fork.
    [[nodiscard]] Completion draw(const ForestView& forest, const RandomCutTree& tree, double centrality, Rng& rng);

private:
    /// A leaf that was reached, and how far up its score has been worked out.
    struct Candidate {
        NodeId leaf = kNoNode;
        NodeId node = kNoNode;
        int depth = 0;          ///< of the node
        bool inside = false;    ///< the filled point lies in the box of the node: higher up nothing changes
        double rank = 0.0;      ///< score of the filled point in the subtree of the node, not normalised
        double distance = 0.0;
    };
    struct Fork {
        NodeId node;
        int depth;
        Candidate left;  ///< its leaf is kNoNode until the left side has been seen
    };

    [[nodiscard]] Candidate descend(const ForestView& forest, const RandomCutTree& tree, NodeId node, int depth);
    bool rise(const ForestView& forest, const TreeArrays& arrays, Candidate& candidate, NodeId below) const;
    bool left_is_lower(const ForestView& forest, const TreeArrays& arrays, Candidate& left, Candidate& right,
                       NodeId below) const;
    struct Sums;
    [[nodiscard]] Sums compare(const ForestView& forest, const TreeArrays& arrays, NodeId node) const;
    [[nodiscard]] Sums compare(const float* a, const float* b) const;
    void fill_unconditionally(const ForestView& forest, std::span<const SampledTree> trees, float* point);

    std::uint32_t dimensions_;
    std::vector<std::uint32_t> missing_;
    std::vector<std::uint8_t> is_missing_;
    std::vector<std::int32_t> keys_;  ///< order keys of the known coordinates
    std::vector<float> above_;        ///< the point, to be compared with the upper sides of boxes
    std::vector<float> below_;        ///< the point, to be compared with the lower sides
    std::vector<Fork> forks_;
    std::vector<Completion> offers_;
    std::vector<float> values_;
};

}  // namespace fastrcf
