// SPDX-License-Identifier: Apache-2.0
// The forest: many trees over one point store, fed and asked by rows.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "fastrcf/ascent.hpp"
#include "fastrcf/options.hpp"
#include "fastrcf/parallel.hpp"
#include "fastrcf/point_store.hpp"
#include "fastrcf/preparation.hpp"
#include "fastrcf/rows.hpp"
#include "fastrcf/sampled_tree.hpp"

namespace fastrcf {

class SeriesBlock;
struct Output;
struct Segment;

/// Places for the scores of rows and for what the coordinates of their points add to them: one score a row, and
/// one place a coordinate of a point, in its order. `high` is for coordinates above the others, `low` for below.
struct AttributionSpans {
    std::span<double> scores;
    std::span<double> high;
    std::span<double> low;
};

/// Thread-safe: any number of threads may score while one updates; they take turns.
/// Every call that throws leaves the forest as it was.
class RandomCutForest {
public:
    explicit RandomCutForest(const ForestOptions& options);

    /// A forest of the same shape as another one, with which it shares tables and the working memory of calls.
    RandomCutForest(const ForestOptions& options, const RandomCutForest& like);
    ~RandomCutForest();
    RandomCutForest(const RandomCutForest&) = delete;
    RandomCutForest& operator=(const RandomCutForest&) = delete;

    /// Scores the rows as if they followed the newest one. Changes nothing.
    void score(const Rows& rows, std::span<double> scores) const;

    /// Scores the rows, and says what each coordinate of a point adds from either side: the sum is the score.
    /// Changes nothing.
    void attribution(const Rows& rows, const AttributionSpans& into) const;

    /// Learns the rows, one after the other.
    void update(const Rows& rows);

    /// Scores each row, then learns it.
    void score_update(const Rows& rows, std::span<double> scores);

    /// The same, with attributions.
    void score_update(const Rows& rows, const AttributionSpans& into);

    /// Fills an unused forest with a batch sample: every tree draws its own distinct points of the table.
    void fit(const Rows& rows);

    /// A new forest of the trees of others, in their order, with an empty window; of one forest, a copy. The others
    /// have learned points, all by fit or all as streams, with the same options but for n_trees, random_state and
    /// n_jobs, which are those of the first (n_trees the sum). Throws std::invalid_argument that names the forest.
    static std::unique_ptr<RandomCutForest> merge(std::span<const RandomCutForest* const> forests);

    [[nodiscard]] const ForestOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::uint64_t n_seen() const;     ///< rows taken, without skipped ones
    [[nodiscard]] std::uint64_t n_skipped() const;  ///< rows offered with a missing value
    [[nodiscard]] bool is_ready() const;
    [[nodiscard]] bool is_fitted() const;           ///< began with fit
    [[nodiscard]] std::size_t memory_bytes() const;
    [[nodiscard]] double data_quality() const;  ///< share of values that were given, fading; 1.0: all
    [[nodiscard]] double confidence() const;    ///< data_quality, less while the forest is young

    /// Writes rows of the trees' units that would follow the newest one, such as forecasts, in the caller's units.
    void restore(const Rows& rows, std::span<double> restored) const;

    [[nodiscard]] std::uint32_t n_jobs() const noexcept { return n_jobs_; }
    void set_n_jobs(std::uint32_t n_jobs);

    [[nodiscard]] std::vector<std::byte> to_bytes() const;
    /// Throws std::invalid_argument when the bytes are not a forest.
    static std::unique_ptr<RandomCutForest> from_bytes(std::span<const std::byte> bytes);
    /// The same for a forest that shares, as above, with one of the same shape; it is an error if its shape differs.
    static std::unique_ptr<RandomCutForest> from_bytes(std::span<const std::byte> bytes, const RandomCutForest& like);

    /// A point that the forest is asked about, and the working memory of the thread that asks.
    struct Question {
        std::size_t row;           ///< of the input; it completes the point
        const PointRows& point;
        TreeScratch& scratch;
        AscentBuffers& buffers;
    };
    using Answer = std::function<void(const ForestView& forest, const Question& question)>;

    /// Calls answer() for every point that the rows complete, as if they followed the newest one, on up to n_jobs
    /// threads; for none before the forest is ready. Changes nothing.
    void ask(const Rows& rows, const Answer& answer) const;

    /// Writes what the missing values of the rows may have been, as if the rows followed the newest one; each row is
    /// completed in the window that ends with it, in which the rows before it are complete already. `values` holds the
    /// rows, row after row; only its missing values are written. The forest must be ready. Changes nothing.
    void impute(const Rows& rows, std::span<double> values) const;

    /// Writes what each row might have been expected to be: given the rows before it in its window or, where a point
    /// is one row, each column given the others. NaN where one of these is missing, and before the forest is ready.
    void expect(const Rows& rows, std::span<double> values) const;

    /// Writes `n_paths` drawn continuations of the stream, each of `horizon` rows, one path after the other. Points
    /// must have more than one row, the newest window must be full and the forest ready. Changes nothing.
    void forecast(std::size_t n_paths, std::size_t horizon, std::uint64_t seed, std::span<double> paths) const;

    /// Calls look(forest) while nothing can change it.
    template <class Look>
    auto inspect(Look look) const {
        const std::shared_lock lock(mutex_);
        return look(*this);
    }
    [[nodiscard]] const SampledTree& tree(std::size_t index) const { return trees_.at(index); }
    [[nodiscard]] const PointStore& store() const noexcept { return store_; }
    [[nodiscard]] const Geometry& geometry() const noexcept { return geometry_; }

    /// What happens to rows before the trees see them; null where nothing does.
    [[nodiscard]] const Preparation* preparation() const noexcept { return preparation_.get(); }

private:
    friend class ForestMerge;
    friend class ForestState;
    struct Call;
    class CallPool;
    struct Common;

    RandomCutForest(const ForestOptions& options, std::shared_ptr<Common> common);
    static std::unique_ptr<RandomCutForest> read(std::span<const std::byte> bytes, const RandomCutForest* like);
    [[nodiscard]] bool ready_at(std::uint64_t n_points) const noexcept {
        return fitted_ || n_points >= options_.output_after;
    }
    [[nodiscard]] ForestView view() const noexcept;
    [[nodiscard]] Output output_of(const Rows& rows, std::span<double> scores) const;
    [[nodiscard]] Output output_of(const Rows& rows, const AttributionSpans& into) const;
    [[nodiscard]] std::size_t block_rows(const Output& output) const noexcept;
    [[nodiscard]] std::vector<float> after_newest(const Rows& rows) const;
    [[nodiscard]] double in_units_of(const Rows& rows, std::size_t i, std::size_t column, float value) const;
    void restore_rows(const Rows& rows, double* restored) const;
    void check_can_forecast() const;
    [[nodiscard]] std::uint32_t n_leading() const noexcept;
    [[nodiscard]] PointRun run_of(const SeriesBlock& block, const Segment& segment, std::int64_t first_row) const;
    void begin_block(SeriesBlock& block) const;
    [[nodiscard]] std::unique_ptr<Preparation> look_ahead() const;
    void complete_row(Call& call, const Segment& segment) const;

    using TreeStep = std::function<void(std::size_t tree, const Sums& sums, TreeScratch& scratch, Nursery& nursery)>;
    using Part = std::function<void(std::size_t part, std::size_t n_parts)>;
    void run_parts(std::size_t work, std::size_t most_parts, std::size_t n_workers, const Part& part) const;
    void prepare(Call& call, const PointRun& run, const Output& output) const;
    void for_trees(Call& call, const PointRun& run, const Output& output, const TreeStep& step) const;
    void gather_trees(Call& call) const;
    void visit_trees(Call& call, const PointRun& run, std::size_t point) const;
    void write_scores(const Call& call, std::size_t n_parts, std::size_t n, const Output& output) const noexcept;
    void write_attribution(const Call& call, std::size_t n_parts, std::size_t point,
                           const Output& output) const noexcept;
    void answer_rows(const Rows& rows, const Output& output) const;
    void score_points(Call& call, const PointRun& run, const Output& output) const;
    void ask_points(Call& call, const PointRun& run, std::size_t first_row, const Answer& answer) const;

    void learn_rows(const Rows& rows, const Output& output);
    void learn_block(Call& call, const Rows& rows, std::size_t from, std::size_t to, const Output& output);
    void learn_points(Call& call, const PointRun& run, const Output& output);
    void learn_few(Call& call, const PointRun& run, const Output& output);
    void keep_last_row(const SeriesBlock& block, const Segment& segment, std::int64_t block_starts);
    void weigh_rows(const Rows& rows, std::size_t from, std::size_t to, bool all_taken);
    [[nodiscard]] std::vector<std::uint32_t> prepare_table(const Rows& rows, std::vector<float>& table);
    void mark_points(std::vector<std::uint8_t>& marks) const;
    void make_room(std::size_t n_rows);
    std::vector<std::int32_t> store_rows(const Rows& rows, const std::vector<std::uint8_t>& held);
    void fit_tree(SampledTree& tree, const std::vector<std::uint32_t>& points, std::uint64_t n_points,
                  TreeScratch& scratch, Nursery& nursery);

    ForestOptions options_;
    Geometry geometry_;
    PointStore store_;
    std::vector<SampledTree> trees_;
    std::uint64_t n_rows_ = 0;     ///< rows offered
    std::uint64_t n_skipped_ = 0;
    std::uint64_t n_points_ = 0;   ///< points learned
    std::uint32_t run_length_ = 0; ///< complete rows at the end of the stream, up to shingle_size
    bool fitted_ = false;
    double quality_ = 1.0;
    std::unique_ptr<Preparation> preparation_;
    bool one_of_many_ = false;     ///< shares with others: its memory is far away when its turn comes

    mutable FairSharedMutex mutex_;
    std::shared_ptr<Common> common_;
    mutable std::mutex pool_mutex_;
    mutable std::shared_ptr<ThreadPool> pool_;
    std::atomic<std::uint32_t> n_jobs_;
};

}  // namespace fastrcf
