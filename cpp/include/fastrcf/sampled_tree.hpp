// SPDX-License-Identifier: Apache-2.0
// A tree, the sample of the stream that it holds, and the generator of both: they change together or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "fastrcf/random_cut_tree.hpp"
#include "fastrcf/rng.hpp"
#include "fastrcf/stream_sampler.hpp"

namespace fastrcf {

struct Kernels;
struct PointRows;
struct Following;

/// Consecutive points of a stream, to be scored, learned or both.
struct PointRun {
    const float* values;        ///< first point
    const std::int32_t* keys;   ///< order keys of the same floats
    std::size_t n;              ///< points
    std::uint64_t first_index;  ///< number of the first point among all points learned
    std::int32_t first_row;     ///< its row in the point store

    /// Points [from, to) of them.
    [[nodiscard]] PointRun part(std::size_t from, std::size_t to, const Geometry& geometry) const noexcept {
        const std::size_t offset = from * geometry.columns;
        return {values + offset, keys + offset, to - from, first_index + from,
                first_row + static_cast<std::int32_t>(from)};
    }
};

/// Sums over the trees of a forest, for the points of a run in turn.
struct Sums {
    std::int64_t* scores = nullptr;  ///< one a point; null: the points are learned only
    std::int32_t* cells = nullptr;   ///< Geometry::box_stride() a point; null: no attributions

    /// Those of the points from number `first` on.
    [[nodiscard]] Sums from(std::size_t first, const Geometry& geometry) const noexcept {
        return {scores == nullptr ? nullptr : scores + first,
                cells == nullptr ? nullptr : cells + first * geometry.box_stride()};
    }
};

/// Memory that the trees of one thread borrow in turn while they take many points.
struct Nursery {
    TreeNursery trees;
    std::vector<StreamSampler::Entry> samples;
};

/// What all trees of a forest share during one call.
struct ForestView {
    const Kernels& kernels;
    const Geometry& geometry;
    ScoreTables tables;
    const float* stored;
};

class SampledTree {
public:
    SampledTree(const Geometry& geometry, std::uint32_t sample_size, double time_decay,
                double initial_accept_fraction, Rng rng);

    /// Scores every point, then learns it if the sample takes it. Scaled scores are added to the sums. The first
    /// `n_unready` points are not scored, because the forest does not answer yet: until then only the sample is
    /// kept, and with the last of them the tree grows.
    void learn(const ForestView& forest, const PointRun& run, std::uint64_t n_unready, const Sums& sums,
               TreeScratch& scratch, Nursery& nursery);

    /// Adds the scaled score of every point to the sums.
    void score(const ForestView& forest, const PointRun& run, const Sums& sums, TreeScratch& scratch) const;

    /// Puts the point at a row of the store into the sample under a given key; the tree must be bare.
    void put(std::int32_t row, double key) { sampler_.add(key, tree_.plant(row)); }

    /// Makes a bare tree a tree on the points of its sample.
    void grow(const ForestView& forest, TreeScratch& scratch);

    /// Moves into a nursery to take that many points; a tree that is bare may grow there or stay bare.
    void enter(Nursery& nursery, std::size_t n_points, bool grows);

    /// Moves out of it: what the tree keeps is allocated once, and no larger than needed.
    void leave(Nursery& nursery);

    /// Makes room for that many points.
    void reserve(std::uint32_t n_points) {
        tree_.reserve_nodes(n_points);
        sampler_.reserve(n_points);
    }

    [[nodiscard]] const RandomCutTree& tree() const noexcept { return tree_; }
    [[nodiscard]] RandomCutTree& tree() noexcept { return tree_; }
    [[nodiscard]] const StreamSampler& sampler() const noexcept { return sampler_; }
    [[nodiscard]] StreamSampler& sampler() noexcept { return sampler_; }
    [[nodiscard]] const Rng& rng() const noexcept { return rng_; }
    [[nodiscard]] Rng& rng() noexcept { return rng_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return tree_.memory_bytes() + sampler_.memory_bytes(); }

private:
    void gather(const PointRun& run);
    void learn_run(const ForestView& forest, const PointRun& run, const Sums& sums, TreeScratch& scratch);
    void learn_group(const ForestView& forest, const PointRun& run, std::size_t start, int width, const Sums& sums,
                     TreeScratch& scratch);
    void score_lanes(const ForestView& forest, const PointRows& rows, std::size_t start, int from, int to,
                     const Sums& sums, TreeScratch& scratch) const;
    void learn_only(const ForestView& forest, const PointRun& run, TreeScratch& scratch);
    void insert_taken(const ForestView& forest, const PointRows& rows, std::int32_t row, int lane, Following following,
                      TreeScratch& scratch, const StreamSampler::Draws* made);

    RandomCutTree tree_;
    StreamSampler sampler_;
    Rng rng_;
};

}  // namespace fastrcf
