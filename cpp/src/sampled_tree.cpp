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
    sampler_.plan(0, rng_);
}

// A sample that fills takes most points; growing once for all of them, and giving back what they did not need,
// spares copies and memory. With few points that would be many copies.
void SampledTree::learn(const ForestView& forest, const PointRun& run, const Sums& sums, TreeScratch& scratch) {
    constexpr std::size_t kManyPoints = 16;
    const std::size_t held = sampler_.entries().size();
    const std::size_t room = sampler_.capacity() - held;
    if (room == 0 || run.n < kManyPoints) {
        learn_run(forest, run, sums, scratch);
        return;
    }
    const auto taken = static_cast<std::uint32_t>(std::min(run.n, room));
    reserve(static_cast<std::uint32_t>(held) + taken);
    tree_.reserve_boxes(taken * 3 / 4);
    learn_run(forest, run, sums, scratch);
    tree_.trim();
    sampler_.trim();
}

void SampledTree::learn_run(const ForestView& forest, const PointRun& run, const Sums& sums, TreeScratch& scratch) {
    if (sums.scores == nullptr) {
        learn_only(forest, run, scratch);
        return;
    }
    for (std::size_t start = 0; start < run.n; start += kLanes) {
        const std::size_t left = run.n - start;
        learn_group(forest, run, start, left < kLanes ? static_cast<int>(left) : kLanes, sums, scratch);
    }
}

// All points of a group walk down together, as if the tree stood still. It changes at each point that the sample
// takes; the change then mends the paths of the points that follow.
void SampledTree::learn_group(const ForestView& forest, const PointRun& run, std::size_t start, int width,
                              const Sums& sums, TreeScratch& scratch) {
    const PointRows rows = rows_from(forest, run, start);
    const std::uint64_t first_index = run.first_index + start;
    forest.kernels.descend_run(tree_.arrays(), forest.geometry, rows, width, scratch);
    for (int lane = 0; lane < width;) {
        const std::uint64_t ahead = sampler_.next().index - first_index;
        const bool takes = ahead < static_cast<std::uint64_t>(width);
        const int end = takes ? static_cast<int>(ahead) + 1 : width;
        score_lanes(forest, rows, start, lane, end, sums, scratch);
        if (takes) {
            const std::int32_t row = run.first_row + static_cast<std::int32_t>(start + ahead);
            insert_taken(forest, rows, row, end - 1, {end, width}, scratch);
        }
        lane = end;
    }
}

void SampledTree::learn_only(const ForestView& forest, const PointRun& run, TreeScratch& scratch) {
    for (;;) {
        const std::uint64_t ahead = sampler_.next().index - run.first_index;
        if (ahead >= run.n) return;
        const auto at = static_cast<std::size_t>(ahead);
        const PointRows rows = rows_from(forest, run, at);
        if (!tree_.empty()) forest.kernels.find_path(tree_.arrays(), rows, scratch);
        insert_taken(forest, rows, run.first_row + static_cast<std::int32_t>(at), 0, {}, scratch);
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

void SampledTree::put(const ForestView& forest, const PointRun& run, double key, TreeScratch& scratch) {
    const PointRows rows = rows_from(forest, run, 0);
    if (!tree_.empty()) forest.kernels.find_path(tree_.arrays(), rows, scratch);
    sampler_.add(key, insert(forest, rows, run.first_row, 0, {}, scratch));
}

NodeId SampledTree::insert(const ForestView& forest, const PointRows& rows, std::int32_t row, int lane,
                           Following following, TreeScratch& scratch) {
    tree_.make_room();
    return tree_.empty() ? tree_.plant(row)
                         : forest.kernels.insert(tree_.arrays(), forest.geometry, rows, row, lane, following, scratch, rng_);
}

void SampledTree::insert_taken(const ForestView& forest, const PointRows& rows, std::int32_t row, int lane,
                               Following following, TreeScratch& scratch) {
    const NodeId leaf = insert(forest, rows, row, lane, following, scratch);
    const NodeId lost = sampler_.accept(leaf, rng_);
    if (lost != kNoNode) {
        forest.kernels.erase(tree_.arrays(), forest.geometry, rows, lost, following, scratch);
    }
}

}  // namespace fastrcf
