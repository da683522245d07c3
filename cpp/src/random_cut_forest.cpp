// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/random_cut_forest.hpp"

#include <algorithm>
#include <cmath>

#include "forest_call.hpp"
#include "forest_output.hpp"

namespace fastrcf {
namespace {

/// Fewer points than this are better scored tree by tree for each point than point by point for each tree.
constexpr std::size_t kFewPoints = 8;

/// A thread is worth waking for this many points times trees.
constexpr std::size_t kWorkPerThread = 20000;

/// Cells of attributions that are summed up at a time: they and a tree should stay in the cache.
constexpr std::size_t kBlockCells = 65536;

/// The largest power of two by which cells of all trees, each at most `most`, add up to less than 2^31.
float cell_scale_of(std::uint32_t n_trees, float most) {
    return std::ldexp(1.F, 30 - std::ilogb(1.001 * static_cast<double>(n_trees) * static_cast<double>(most)));
}

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
    cell_scale = cell_scale_of(options.n_trees, normaliser.back());
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
    for (std::uint32_t i = 0; i < options.n_trees; ++i) {
        trees_.emplace_back(geometry_, options.sample_size, options.time_decay, options.initial_accept_fraction,
                            Rng(options.random_state, i));
    }
    if (!options.preparation.does_nothing()) preparation_ = std::make_unique<Preparation>(options);
}

RandomCutForest::~RandomCutForest() = default;

ForestView RandomCutForest::view() const noexcept {
    return {kernels_for(geometry_), geometry_, common_->tables(), store_.values()};
}

/// Rows that are taken at once: enough to pay for going from tree to tree, few enough to stay in the cache.
std::size_t RandomCutForest::block_rows(const Output& output) const noexcept {
    const std::size_t most = output.high != nullptr ? kBlockCells / geometry_.box_stride() : 4096;
    return std::clamp<std::size_t>(std::min<std::size_t>(most, 16384 / options_.n_columns), 64, 4096);
}

std::uint32_t RandomCutForest::n_leading() const noexcept { return std::min(run_length_, options_.shingle_size - 1); }

void RandomCutForest::begin_block(SeriesBlock& block) const {
    const std::uint32_t n = n_leading();
    block.begin(store_.values() + static_cast<std::size_t>(store_.n_rows() - n) * options_.n_columns, n);
    if (preparation_) block.mark_leading(preparation_->marks());
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

// Either every tree in turn takes all points (the tree stays in the cache) or every point visits all trees
// (their descents overlap). The sums are of integers, so both give the same bits, for any number of threads.
void RandomCutForest::for_trees(Call& call, const PointRun& run, const Output& output, const TreeStep& step) const {
    std::size_t used_parts = 1;
    run_parts(run.n * trees_.size(), trees_.size(), call.n_ready, [&](std::size_t part, std::size_t n_parts) {
        if (part == 0) used_parts = n_parts;
        Call::Worker& worker = call.workers[part];
        const Sums sums = output.scores != nullptr ? worker.sums() : Sums{};
        const std::size_t first = trees_.size() * part / n_parts;
        const std::size_t last = trees_.size() * (part + 1) / n_parts;
        for (std::size_t tree = first; tree < last; ++tree) {
            if (one_of_many_ && tree + 1 < last) trees_[tree + 1].tree().prefetch();
            step(tree, sums, worker.workspace.scratch(), worker.nursery);
        }
    });
    if (output.scores != nullptr) write_scores(call, used_parts, run.n, output);
}

void RandomCutForest::gather_trees(Call& call) const {
    call.trees.clear();
    for (const SampledTree& tree : trees_) call.trees.push_back(&tree.tree().arrays());
}

void RandomCutForest::visit_trees(Call& call, const PointRun& run, std::size_t point) const {
    const ForestView forest = view();
    Call::Worker& worker = call.workers.front();
    const std::size_t offset = point * geometry_.columns;
    const PointRows rows{run.values + offset, run.keys + offset, forest.stored};
    TreeScratch& scratch = worker.workspace.scratch();
    worker.scores[point] =
        worker.cells.empty()
            ? forest.kernels.score_across(call.trees.data(), call.trees.size(), geometry_, forest.tables, rows,
                                          scratch)
            : forest.kernels.attribute_across(call.trees.data(), call.trees.size(), geometry_, forest.tables, rows,
                                              worker.cells.data() + point * geometry_.box_stride(), scratch);
}

void RandomCutForest::score_points(Call& call, const PointRun& run, const Output& output) const {
    prepare(call, run, output);
    if (run.n >= kFewPoints) {
        const ForestView forest = view();
        for_trees(call, run, output, [&](std::size_t tree, const Sums& sums, TreeScratch& scratch, Nursery&) {
            trees_[tree].score(forest, run, sums, scratch);
        });
        return;
    }
    gather_trees(call);
    for (std::size_t i = 0; i < run.n; ++i) visit_trees(call, run, i);
    write_scores(call, 1, run.n, output);
}

void RandomCutForest::answer_rows(const Rows& rows, const Output& output) const {
    const std::shared_lock lock(mutex_);
    output.clear(rows.n_rows);
    if (!ready_at(n_points_)) return;
    const auto lease = common_->calls.lease();
    Call& call = *lease;
    begin_block(call.block);
    const auto ahead = look_ahead();
    const std::size_t step = block_rows(output);
    for (std::size_t from = 0; from < rows.n_rows; from += step) {
        if (from > 0) call.block.begin_after_itself();
        call.block.take(rows, from, std::min(rows.n_rows, from + step), ahead.get(), false);
        for (const Segment& segment : call.block.segments()) {
            complete_row(call, segment);
            score_points(call, run_of(call.block, segment, 0), output.from_row(segment.first_input));
        }
    }
}

void RandomCutForest::score(const Rows& rows, std::span<double> scores) const {
    answer_rows(rows, output_of(rows, scores));
}

void RandomCutForest::attribution(const Rows& rows, const AttributionSpans& into) const {
    answer_rows(rows, output_of(rows, into));
}

// ---- questions ------------------------------------------------------------------------------------------

void RandomCutForest::ask(const Rows& rows, const Answer& answer) const {
    rows.check(options_.n_columns);
    const std::shared_lock lock(mutex_);
    if (!ready_at(n_points_)) return;
    const auto lease = common_->calls.lease();
    Call& call = *lease;
    begin_block(call.block);
    const auto ahead = look_ahead();
    const std::size_t step = block_rows({});
    for (std::size_t from = 0; from < rows.n_rows; from += step) {
        if (from > 0) call.block.begin_after_itself();
        call.block.take(rows, from, std::min(rows.n_rows, from + step), ahead.get(), false);
        for (const Segment& segment : call.block.segments()) {
            complete_row(call, segment);
            ask_points(call, run_of(call.block, segment, 0), segment.first_input, answer);
        }
    }
}

// Every point is answered by one thread, tree after tree: the sums have one order for any number of threads.
void RandomCutForest::ask_points(Call& call, const PointRun& run, std::size_t first_row, const Answer& answer) const {
    constexpr std::size_t kCostliness = 8;  // of a question, beside a score
    const ForestView forest = view();
    call.prepare(n_jobs_, 0, 0, options_);
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
    learn_rows(rows, {});
}

void RandomCutForest::score_update(const Rows& rows, std::span<double> scores) {
    const Output output = output_of(rows, scores);
    const std::lock_guard lock(mutex_);
    learn_rows(rows, output);
}

void RandomCutForest::score_update(const Rows& rows, const AttributionSpans& into) {
    const Output output = output_of(rows, into);
    const std::lock_guard lock(mutex_);
    learn_rows(rows, output);
}

void RandomCutForest::learn_rows(const Rows& rows, const Output& output) {
    output.clear(rows.n_rows);
    const auto lease = common_->calls.lease();
    const std::size_t step = block_rows(output);
    for (std::size_t from = 0; from < rows.n_rows; from += step) {
        learn_block(*lease, rows, from, std::min(rows.n_rows, from + step), output);
    }
}

void RandomCutForest::learn_block(Call& call, const Rows& rows, std::size_t from, std::size_t to,
                                  const Output& output) {
    make_room(to - from);
    SeriesBlock& block = call.block;
    begin_block(block);
    block.take(rows, from, to, preparation_.get(), true);
    const std::int64_t first_row =
        static_cast<std::int64_t>(store_.n_rows()) - static_cast<std::int64_t>(block.n_leading());
    for (std::size_t i = 0; i < block.inputs().size(); ++i) {
        store_.append(block.values(block.n_leading() + i), n_rows_ + (block.inputs()[i] - from));
    }
    for (const Segment& segment : block.segments()) {
        complete_row(call, segment);
        if (segment.open) keep_last_row(block, segment, first_row);
        learn_points(call, run_of(block, segment, first_row), output.from_row(segment.first_input));
    }
    if (preparation_) preparation_->set_marks(block.newest_filled());
    weigh_rows(rows, from, to, block.inputs().size() == to - from);
    n_rows_ += to - from;
    n_skipped_ += (to - from) - block.inputs().size();
    run_length_ = block.run_length();
}

void RandomCutForest::learn_points(Call& call, const PointRun& run, const Output& output) {
    const std::uint64_t n_unready = ready_at(n_points_) ? 0 : options_.output_after - n_points_;
    prepare(call, run, output);
    if (output.scores != nullptr && run.n < kFewPoints && n_unready == 0) {
        learn_few(call, run, output);
    } else {
        const ForestView forest = view();
        for_trees(call, run, output, [&](std::size_t tree, const Sums& sums, TreeScratch& scratch, Nursery& nursery) {
            trees_[tree].learn(forest, run, n_unready, sums, scratch, nursery);
        });
    }
    n_points_ += run.n;
}

void RandomCutForest::learn_few(Call& call, const PointRun& run, const Output& output) {
    const ForestView forest = view();
    Call::Worker& worker = call.workers.front();
    gather_trees(call);
    for (std::size_t i = 0; i < run.n; ++i) {
        visit_trees(call, run, i);
        const PointRun one = run.part(i, i + 1, geometry_);
        for (SampledTree& tree : trees_) {
            if (tree.sampler().next().index == one.first_index) {
                tree.learn(forest, one, 0, {}, worker.workspace.scratch(), worker.nursery);
            }
        }
    }
    write_scores(call, 1, run.n, output);
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
    std::size_t bytes = sizeof(*this) + store_.memory_bytes() + trees_.capacity() * sizeof(SampledTree);
    for (const SampledTree& tree : trees_) bytes += tree.memory_bytes();
    if (preparation_) bytes += preparation_->memory_bytes();
    return bytes;
}

}  // namespace fastrcf
