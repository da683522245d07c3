// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/sampled_tree.hpp"

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

// Between two points that the sample takes the tree stands still, so all points up to and with the next taken
// one are scored together; the last of them has just walked the path that its insertion needs.
void SampledTree::learn(const ForestView& forest, const PointRun& run, std::int64_t* sums, TreeScratch& scratch) {
    for (std::size_t at = 0; at < run.n;) {
        const std::uint64_t ahead = sampler_.next().index - run.first_index;
        const bool takes = ahead < run.n;
        const std::size_t end = takes ? static_cast<std::size_t>(ahead) + 1 : run.n;
        if (sums != nullptr) {
            forest.kernels.score_run(tree_.arrays(), forest.geometry, forest.tables, rows_from(forest, run, at),
                                     end - at, sums + at, scratch);
        } else if (takes && !tree_.empty()) {
            forest.kernels.find_path(tree_.arrays(), rows_from(forest, run, end - 1), scratch);
        }
        if (takes) {
            finish_taking(forest, insert(forest, run.first_row + static_cast<std::int32_t>(ahead), scratch));
        }
        at = end;
    }
}

void SampledTree::score(const ForestView& forest, const PointRun& run, std::int64_t* sums,
                        TreeScratch& scratch) const {
    forest.kernels.score_run(tree_.arrays(), forest.geometry, forest.tables, rows_from(forest, run, 0), run.n, sums,
                             scratch);
}

void SampledTree::take(const ForestView& forest, const PointRun& run, TreeScratch& scratch) {
    if (!tree_.empty()) {
        forest.kernels.find_path(tree_.arrays(), rows_from(forest, run, 0), scratch);
    }
    finish_taking(forest, insert(forest, run.first_row, scratch));
}

void SampledTree::put(const ForestView& forest, const PointRun& run, double key, TreeScratch& scratch) {
    if (!tree_.empty()) {
        forest.kernels.find_path(tree_.arrays(), rows_from(forest, run, 0), scratch);
    }
    sampler_.add(key, insert(forest, run.first_row, scratch));
}

NodeId SampledTree::insert(const ForestView& forest, std::int32_t row, TreeScratch& scratch) {
    return tree_.empty() ? tree_.plant(row)
                         : forest.kernels.insert(tree_.arrays(), forest.geometry, forest.stored, row, scratch, rng_);
}

void SampledTree::finish_taking(const ForestView& forest, NodeId leaf) {
    const NodeId lost = sampler_.accept(leaf, rng_);
    if (lost != kNoNode) {
        forest.kernels.erase(tree_.arrays(), forest.geometry, forest.stored, lost);
    }
}

}  // namespace fastrcf
