// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/random_cut_forest.hpp"

#include <algorithm>
#include <cmath>

#include "forest_call.hpp"

namespace fastrcf {
namespace {

/// Fewer points than this are better scored tree by tree for each point than point by point for each tree.
constexpr std::size_t kFewPoints = 8;

/// A thread is worth waking for this many points times trees.
constexpr std::size_t kWorkPerThread = 20000;

}  // namespace

RandomCutForest::Common::Common(const ForestOptions& options) : scoring(options.scoring), calls(options) {
    const std::size_t levels = static_cast<std::size_t>(options.sample_size) + 2;
    inverse_depth.assign(levels + kLevelsAbove, 0.F);
    for (std::size_t k = 0; k < levels; ++k) {
        inverse_depth[levels - 1 - k] = static_cast<float>(1.0 / static_cast<double>(k + 1));
        log2_mass.push_back(static_cast<float>(std::log2(1.0 + static_cast<double>(k))));
    }
    normaliser = log2_mass;
    if (options.scoring == Scoring::kKinesis) {
        normaliser.assign(levels, static_cast<float>(std::log2(static_cast<double>(options.sample_size))));
    }
}

RandomCutForest::RandomCutForest(const ForestOptions& options)
    : RandomCutForest(options, std::make_shared<Common>((options.check(), options))) {}

RandomCutForest::RandomCutForest(const ForestOptions& options, const RandomCutForest& like)
    : RandomCutForest(options, like.common_) {
    one_of_many_ = true;
    check_argument(options.same_shape(like.options_), "options: forests that share must have the same shape");
}

RandomCutForest::RandomCutForest(const ForestOptions& options, std::shared_ptr<Common> common)
    : options_((options.check(), options)),
      geometry_{options.dimensions(), Geometry::pad(options.dimensions()), options.n_columns},
      store_(options.n_columns, options.shingle_size),
      common_(std::move(common)),
      n_jobs_(options.n_jobs) {
    trees_.reserve(options.n_trees);
    tree_arrays_.reserve(options.n_trees);
    for (std::uint32_t i = 0; i < options.n_trees; ++i) {
        trees_.emplace_back(geometry_, options.sample_size, options.time_decay, options.initial_accept_fraction,
                            Rng(options.random_state, i));
        tree_arrays_.push_back(&trees_.back().tree().arrays());
    }
}

RandomCutForest::~RandomCutForest() = default;

ForestView RandomCutForest::view() const noexcept {
    return {kernels_for(geometry_), geometry_, common_->tables(), store_.values()};
}

/// Rows that are taken at once: enough to pay for going from tree to tree, few enough to stay in the cache.
std::size_t RandomCutForest::block_rows() const noexcept {
    return std::clamp<std::size_t>(16384 / options_.n_columns, 64, 4096);
}

std::uint32_t RandomCutForest::n_leading() const noexcept { return std::min(run_length_, options_.shingle_size - 1); }

void RandomCutForest::begin_block(SeriesBlock& block) const {
    const std::uint32_t n = n_leading();
    block.begin(store_.values() + static_cast<std::size_t>(store_.n_rows() - n) * options_.n_columns, n);
}

// ---- threads --------------------------------------------------------------------------------------------

void RandomCutForest::set_n_jobs(std::uint32_t n_jobs) {
    check_argument(n_jobs >= 1 && n_jobs <= 4096, "n_jobs must lie in [1, 4096], got " + std::to_string(n_jobs));
    n_jobs_ = n_jobs;
}

void RandomCutForest::run_parts(std::size_t work, std::size_t most_parts, std::size_t n_workers,
                                const Part& part) const {
    const std::size_t n_parts =
        std::clamp<std::size_t>(std::min<std::size_t>(n_workers, work / kWorkPerThread), 1, most_parts);
    if (n_parts == 1) {
        part(0, 1);
        return;
    }
    std::shared_ptr<ThreadPool> pool;
    {
        const std::lock_guard lock(pool_mutex_);
        if (!pool_ || pool_->n_threads() < n_parts) pool_ = std::make_shared<ThreadPool>(n_workers);
        pool = pool_;
    }
    pool->run(n_parts, [&](std::size_t i) { part(i, n_parts); });
}

// ---- scores ---------------------------------------------------------------------------------------------

void RandomCutForest::write_scores(const Call& call, std::size_t n_parts, std::size_t n,
                                   double* scores) const noexcept {
    const double trees = static_cast<double>(trees_.size());
    for (std::size_t i = 0; i < n; ++i) {
        std::int64_t sum = 0;
        for (std::size_t part = 0; part < n_parts; ++part) sum += call.workers[part].sums[i];
        scores[i] = static_cast<double>(sum) / static_cast<double>(kScoreScale) / trees;
    }
}

// Either every tree in turn takes all points (the tree stays in the cache) or every point visits all trees
// (their descents overlap). The sums are of integers, so both give the same bits, for any number of threads.
void RandomCutForest::for_trees(Call& call, const PointRun& run, double* scores, const TreeStep& step) const {
    std::size_t used_parts = 1;
    run_parts(run.n * trees_.size(), trees_.size(), call.n_ready, [&](std::size_t part, std::size_t n_parts) {
        if (part == 0) used_parts = n_parts;
        Call::Worker& worker = call.workers[part];
        const std::size_t first = trees_.size() * part / n_parts;
        const std::size_t last = trees_.size() * (part + 1) / n_parts;
        for (std::size_t tree = first; tree < last; ++tree) {
            if (one_of_many_ && tree + 1 < last) trees_[tree + 1].tree().prefetch();
            step(tree, scores != nullptr ? worker.sums.data() : nullptr, worker.workspace.scratch());
        }
    });
    if (scores != nullptr) write_scores(call, used_parts, run.n, scores);
}

void RandomCutForest::score_points(Call& call, const PointRun& run, double* scores) const {
    const ForestView forest = view();
    call.prepare(n_jobs_, run.n, options_);
    if (run.n >= kFewPoints) {
        for_trees(call, run, scores, [&](std::size_t tree, std::int64_t* sums, TreeScratch& scratch) {
            trees_[tree].score(forest, run, sums, scratch);
        });
        return;
    }
    Call::Worker& worker = call.workers.front();
    for (std::size_t i = 0; i < run.n; ++i) {
        const std::size_t offset = i * geometry_.columns;
        worker.sums[i] = forest.kernels.score_across(tree_arrays_.data(), tree_arrays_.size(), geometry_, forest.tables,
                                                     {run.values + offset, run.keys + offset, forest.stored},
                                                     worker.workspace.scratch());
    }
    write_scores(call, 1, run.n, scores);
}

void RandomCutForest::score(const Rows& rows, std::span<double> scores) const {
    rows.check(options_.n_columns);
    check_argument(scores.size() == rows.n_rows, "scores: one place per row is needed");
    const std::shared_lock lock(mutex_);
    std::fill(scores.begin(), scores.end(), 0.0);
    if (!ready_at(n_points_)) return;
    const auto lease = common_->calls.lease();
    Call& call = *lease;
    begin_block(call.block);
    for (std::size_t from = 0; from < rows.n_rows; from += block_rows()) {
        if (from > 0) call.block.begin_after_itself();
        call.block.take(rows, from, std::min(rows.n_rows, from + block_rows()));
        for (const Segment& segment : call.block.segments()) {
            score_points(call, run_of(call.block, segment, 0), scores.data() + segment.first_input);
        }
    }
}

// ---- questions ------------------------------------------------------------------------------------------

void RandomCutForest::ask(const Rows& rows, const Answer& answer) const {
    rows.check(options_.n_columns);
    const std::shared_lock lock(mutex_);
    if (!ready_at(n_points_)) return;
    const auto lease = common_->calls.lease();
    Call& call = *lease;
    begin_block(call.block);
    for (std::size_t from = 0; from < rows.n_rows; from += block_rows()) {
        if (from > 0) call.block.begin_after_itself();
        call.block.take(rows, from, std::min(rows.n_rows, from + block_rows()));
        for (const Segment& segment : call.block.segments()) {
            ask_points(call, run_of(call.block, segment, 0), segment.first_input, answer);
        }
    }
}

// Every point is answered by one thread, tree after tree: the sums have one order for any number of threads.
void RandomCutForest::ask_points(Call& call, const PointRun& run, std::size_t first_row, const Answer& answer) const {
    constexpr std::size_t kCostliness = 8;  // of a question, beside a score
    const ForestView forest = view();
    call.prepare(n_jobs_, 0, options_);
    run_parts(run.n * trees_.size() * kCostliness, run.n, call.n_ready, [&](std::size_t part, std::size_t n_parts) {
        TreeScratch& scratch = call.workers[part].workspace.scratch();
        AscentBuffers buffers(geometry_.dimensions);
        for (std::size_t i = run.n * part / n_parts; i < run.n * (part + 1) / n_parts; ++i) {
            const std::size_t offset = i * geometry_.columns;
            const PointRows point{run.values + offset, run.keys + offset, forest.stored};
            answer(forest, {first_row + i, point, scratch, buffers});
        }
    });
}

PointRun RandomCutForest::run_of(const SeriesBlock& block, const Segment& segment, std::int64_t first_row) const {
    return {block.values(segment.first_row), block.keys(segment.first_row), segment.n, n_points_,
            static_cast<std::int32_t>(first_row + static_cast<std::int64_t>(segment.first_row))};
}

// ---- learning -------------------------------------------------------------------------------------------

void RandomCutForest::update(const Rows& rows) {
    rows.check(options_.n_columns);
    const std::lock_guard lock(mutex_);
    learn_rows(rows, nullptr);
}

void RandomCutForest::score_update(const Rows& rows, std::span<double> scores) {
    rows.check(options_.n_columns);
    check_argument(scores.size() == rows.n_rows, "scores: one place per row is needed");
    const std::lock_guard lock(mutex_);
    std::fill(scores.begin(), scores.end(), 0.0);
    learn_rows(rows, scores.data());
}

void RandomCutForest::learn_rows(const Rows& rows, double* scores) {
    const auto lease = common_->calls.lease();
    for (std::size_t from = 0; from < rows.n_rows; from += block_rows()) {
        learn_block(*lease, rows, from, std::min(rows.n_rows, from + block_rows()), scores);
    }
}

void RandomCutForest::learn_block(Call& call, const Rows& rows, std::size_t from, std::size_t to, double* scores) {
    make_room(to - from);
    SeriesBlock& block = call.block;
    begin_block(block);
    block.take(rows, from, to);
    const std::int64_t first_row =
        static_cast<std::int64_t>(store_.n_rows()) - static_cast<std::int64_t>(block.n_leading());
    for (std::size_t i = 0; i < block.inputs().size(); ++i) {
        store_.append(block.values(block.n_leading() + i), n_rows_ + (block.inputs()[i] - from));
    }
    for (const Segment& segment : block.segments()) {
        PointRun run = run_of(block, segment, first_row);
        double* into = scores != nullptr ? scores + segment.first_input : nullptr;
        learn_points(call, run, into);
    }
    n_rows_ += to - from;
    n_skipped_ += (to - from) - block.inputs().size();
    run_length_ = block.run_length();
}

void RandomCutForest::learn_points(Call& call, PointRun run, double* scores) {
    if (scores != nullptr && !ready_at(n_points_)) {
        const std::size_t unready = std::min<std::uint64_t>(run.n, options_.output_after - n_points_);
        PointRun first = run;
        first.n = unready;
        learn_points(call, first, nullptr);
        run.values += unready * geometry_.columns;
        run.keys += unready * geometry_.columns;
        run.first_index += unready;
        run.first_row += static_cast<std::int32_t>(unready);
        run.n -= unready;
        scores += unready;
        if (run.n == 0) return;
    }
    call.prepare(n_jobs_, scores != nullptr ? run.n : 0, options_);
    if (scores != nullptr && run.n < kFewPoints) {
        learn_few(call, run, scores);
    } else {
        const ForestView forest = view();
        for_trees(call, run, scores, [&](std::size_t tree, std::int64_t* sums, TreeScratch& scratch) {
            trees_[tree].learn(forest, run, sums, scratch);
        });
    }
    n_points_ += run.n;
}

void RandomCutForest::learn_few(Call& call, PointRun run, double* scores) {
    const ForestView forest = view();
    Call::Worker& worker = call.workers.front();
    const std::size_t n = run.n;
    for (std::size_t i = 0; i < n; ++i) {
        worker.sums[i] = forest.kernels.score_across(tree_arrays_.data(), tree_arrays_.size(), geometry_, forest.tables,
                                                     {run.values, run.keys, forest.stored}, worker.workspace.scratch());
        PointRun one = run;
        one.n = 1;
        for (SampledTree& tree : trees_) {
            if (tree.sampler().next().index == run.first_index) tree.learn(forest, one, nullptr, worker.workspace.scratch());
        }
        run.values += geometry_.columns;
        run.keys += geometry_.columns;
        ++run.first_index;
        ++run.first_row;
    }
    write_scores(call, 1, n, scores);
}

void RandomCutForest::mark_points(std::vector<std::uint8_t>& marks) const {
    for (const SampledTree& tree : trees_) {
        const TreeArrays& arrays = tree.tree().arrays();
        tree.tree().for_each_leaf([&](NodeId leaf) { marks[static_cast<std::size_t>(arrays.payload[leaf])] = 1; });
    }
}

void RandomCutForest::make_room(std::size_t n_rows) {
    if (store_.has_room(n_rows)) return;
    std::vector<std::uint8_t> marks(store_.n_rows(), 0);
    mark_points(marks);
    const std::vector<std::int32_t> plan = store_.plan_compaction(marks, n_leading());
    store_.compact(plan, n_rows);
    for (SampledTree& tree : trees_) {
        TreeArrays& arrays = tree.tree().arrays();
        tree.tree().for_each_leaf([&](NodeId leaf) {
            arrays.payload[leaf] = plan[static_cast<std::size_t>(arrays.payload[leaf])];
        });
    }
}

// ---- what the forest says of itself ---------------------------------------------------------------------

std::uint64_t RandomCutForest::n_seen() const {
    const std::shared_lock lock(mutex_);
    return n_rows_ - n_skipped_;
}

std::uint64_t RandomCutForest::n_skipped() const {
    const std::shared_lock lock(mutex_);
    return n_skipped_;
}

bool RandomCutForest::is_ready() const {
    const std::shared_lock lock(mutex_);
    return ready_at(n_points_);
}

std::size_t RandomCutForest::memory_bytes() const {
    const std::shared_lock lock(mutex_);
    std::size_t bytes = sizeof(*this) + store_.memory_bytes() + trees_.capacity() * sizeof(SampledTree) +
                        tree_arrays_.capacity() * sizeof(const TreeArrays*);
    for (const SampledTree& tree : trees_) bytes += tree.memory_bytes();
    return bytes;
}

}  // namespace fastrcf
