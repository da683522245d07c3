// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/sampled_tree.hpp"

#include <algorithm>

#include "kernels/kernels.hpp"

namespace fastrcf {
namespace {

PointRows rows_from(const ForestView& forest, const PointRun& run, std::size_t at) {
    const std::size_t offset = at * forest.geometry.columns;
    return {run.values + offset, run.keys + offset, forest.stored};
}

}  // namespace

SampledTree::SampledTree(const Geometry& geometry, std::uint32_t sample_size, double time_decay,
                         double initial_accept_fraction, Rng rng)
    : tree_(geometry, sample_size), sampler_(sample_size, time_decay, initial_accept_fraction), rng_(rng) {
    sampler_.set_seed(rng_.bits());
    sampler_.plan(0, rng_);
}

void SampledTree::learn(const ForestView& forest, const PointRun& run, std::uint64_t n_unready, const Sums& sums,
                        TreeScratch& scratch, Nursery& nursery) {
    constexpr std::size_t kManyPoints = 16;  // for a few points, moving there and back would be many copies
    const bool grows = n_unready > 0 && run.n >= n_unready;
    const bool fills = grows || (!sampler_.is_full() && run.n >= kManyPoints);
    if (fills) enter(nursery, run.n, grows);
    const std::size_t n_gathered = std::min<std::uint64_t>(run.n, n_unready);
    if (n_gathered > 0) gather(run.part(0, n_gathered, forest.geometry));
    if (grows) grow(forest, scratch);
    if (n_gathered < run.n) {
        learn_run(forest, run.part(n_gathered, run.n, forest.geometry), sums.from(n_gathered, forest.geometry), scratch);
    }
    if (fills) leave(nursery);
}

// A sample that fills takes most points.
void SampledTree::enter(Nursery& nursery, std::size_t n_points, bool grows) {
    const std::size_t most = std::min<std::size_t>(sampler_.entries().size() + n_points, sampler_.capacity());
    tree_.enter(nursery.trees, static_cast<std::uint32_t>(most), grows || !tree_.is_bare());
    sampler_.enter(nursery.samples, most);
}

// Samples of one forest fill at about the same time; afterwards nothing is borrowed any more.
void SampledTree::leave(Nursery& nursery) {
    tree_.leave(nursery.trees);
    sampler_.leave(nursery.samples);
    if (sampler_.is_full()) nursery = {};
}

/// Takes what the sample takes into a bare tree.
void SampledTree::gather(const PointRun& run) {
    StreamSampler::Draws draws;
    for (std::uint64_t index = sampler_.next().index; index - run.first_index < run.n; index = sampler_.next().index) {
        const std::uint64_t left = run.first_index + run.n - index;
        if (!sampler_.is_full() && !draws.cover(index + 1)) {
            sampler_.draw(index + 1, std::min<std::uint64_t>(left, StreamSampler::Draws::kMost), draws);
        }
        const auto ahead = static_cast<std::int32_t>(index - run.first_index);
        const NodeId lost = sampler_.accept(tree_.plant(run.first_row + ahead), rng_, &draws);
        if (lost != kNoNode) tree_.uproot(lost);
    }
}

void SampledTree::grow(const ForestView& forest, TreeScratch& scratch) {
    std::uint32_t n = 0;
    tree_.for_each_leaf([&](NodeId leaf) { scratch.path[n++] = leaf; });
    tree_.reserve_boxes(n);
    TreeArrays& tree = tree_.arrays();
    if (!forest.kernels.grow(tree, forest.geometry, forest.stored, n, scratch, rng_)) return;
    sampler_.rename_leaves([&](NodeId leaf) { return tree.mass[leaf] > 0 ? leaf : tree.parent[leaf]; });
    for (std::uint32_t i = 0; i < n; ++i) {
        if (tree.mass[scratch.path[i]] == 0) tree_.free_leaf(scratch.path[i]);
    }
}

void SampledTree::learn_run(const ForestView& forest, const PointRun& run, const Sums& sums, TreeScratch& scratch) {
    if (sums.scores == nullptr) {
        learn_only(forest, run, scratch);
        return;
    }
    // While most points change the tree, few of them are led down at a time: each change mends the paths of the others.
    constexpr std::size_t kFewLanes = 4;
    for (std::size_t start = 0; start < run.n;) {
        const std::size_t width = std::min<std::size_t>(run.n - start, sampler_.is_full() ? kLanes : kFewLanes);
        learn_group(forest, run, start, static_cast<int>(width), sums, scratch);
        start += width;
    }
}

// All points of a group walk down together, as if the tree stood still. It changes at each point that the sample
// takes; the change then mends the paths of the points that follow.
void SampledTree::learn_group(const ForestView& forest, const PointRun& run, std::size_t start, int width,
                              const Sums& sums, TreeScratch& scratch) {
    const PointRows rows = rows_from(forest, run, start);
    const std::uint64_t first_index = run.first_index + start;
    StreamSampler::Draws draws;
    if (!sampler_.is_full()) sampler_.draw(first_index + 1, static_cast<std::size_t>(width), draws);
    forest.kernels.descend_run(tree_.arrays(), forest.geometry, rows, width, scratch);
    for (int lane = 0; lane < width;) {
        const std::uint64_t ahead = sampler_.next().index - first_index;
        const bool takes = ahead < static_cast<std::uint64_t>(width);
        const int end = takes ? static_cast<int>(ahead) + 1 : width;
        score_lanes(forest, rows, start, lane, end, sums, scratch);
        if (takes) {
            const std::int32_t row = run.first_row + static_cast<std::int32_t>(start + ahead);
            insert_taken(forest, rows, row, end - 1, {end, width}, scratch, &draws);
        }
        lane = end;
    }
}

void SampledTree::learn_only(const ForestView& forest, const PointRun& run, TreeScratch& scratch) {
    StreamSampler::Draws draws;
    for (;;) {
        const std::uint64_t ahead = sampler_.next().index - run.first_index;
        if (ahead >= run.n) return;
        const auto at = static_cast<std::size_t>(ahead);
        const PointRows rows = rows_from(forest, run, at);
        if (!sampler_.is_full() && !draws.cover(ahead + run.first_index + 1)) {
            sampler_.draw(run.first_index + ahead + 1, std::min(run.n - at, StreamSampler::Draws::kMost), draws);
        }
        forest.kernels.find_path(tree_.arrays(), rows, scratch);
        insert_taken(forest, rows, run.first_row + static_cast<std::int32_t>(at), 0, {}, scratch, &draws);
    }
}

void SampledTree::score(const ForestView& forest, const PointRun& run, const Sums& sums,
                        TreeScratch& scratch) const {
    for (std::size_t start = 0; start < run.n; start += kLanes) {
        const int width = run.n - start < kLanes ? static_cast<int>(run.n - start) : kLanes;
        const PointRows rows = rows_from(forest, run, start);
        forest.kernels.descend_run(tree_.arrays(), forest.geometry, rows, width, scratch);
        score_lanes(forest, rows, start, 0, width, sums, scratch);
    }
}

/// Lanes [from, to) of a group of points that begins at `start` of the run and has gone down the tree.
void SampledTree::score_lanes(const ForestView& forest, const PointRows& rows, std::size_t start, int from, int to,
                              const Sums& sums, TreeScratch& scratch) const {
    const TreeArrays& tree = tree_.arrays();
    if (sums.cells == nullptr) {
        forest.kernels.score_run(tree, forest.geometry, forest.tables, rows, from, to, sums.scores + start, scratch);
    } else {
        forest.kernels.attribute_run(tree, forest.geometry, forest.tables, rows, from, to, sums.scores + start,
                                     sums.cells + start * forest.geometry.box_stride(), scratch);
    }
}

void SampledTree::insert_taken(const ForestView& forest, const PointRows& rows, std::int32_t row, int lane,
                               Following following, TreeScratch& scratch, const StreamSampler::Draws* made) {
    tree_.make_room();
    const NodeId leaf =
        forest.kernels.insert(tree_.arrays(), forest.geometry, rows, row, lane, following, scratch, rng_);
    const NodeId lost = sampler_.accept(leaf, rng_, made);
    if (lost != kNoNode) {
        forest.kernels.erase(tree_.arrays(), forest.geometry, rows, lost, following, scratch);
    }
}

}  // namespace fastrcf
