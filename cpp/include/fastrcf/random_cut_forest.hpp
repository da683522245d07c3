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
#include "fastrcf/rows.hpp"
#include "fastrcf/sampled_tree.hpp"

namespace fastrcf {

class SeriesBlock;
struct Segment;

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

    /// Learns the rows, one after the other.
    void update(const Rows& rows);

    /// Scores each row, then learns it.
    void score_update(const Rows& rows, std::span<double> scores);

    /// Fills an unused forest with a batch sample: every tree draws its own distinct points of the table.
    void fit(const Rows& rows);

    [[nodiscard]] const ForestOptions& options() const noexcept { return options_; }
    [[nodiscard]] std::uint64_t n_seen() const;     ///< rows taken, without skipped ones
    [[nodiscard]] std::uint64_t n_skipped() const;  ///< rows offered with a missing value
    [[nodiscard]] bool is_ready() const;
    [[nodiscard]] std::size_t memory_bytes() const;

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

    /// Calls look(forest) while nothing can change it.
    template <class Look>
    auto inspect(Look look) const {
        const std::shared_lock lock(mutex_);
        return look(*this);
    }
    [[nodiscard]] const SampledTree& tree(std::size_t index) const { return trees_.at(index); }
    [[nodiscard]] const PointStore& store() const noexcept { return store_; }
    [[nodiscard]] const Geometry& geometry() const noexcept { return geometry_; }

private:
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
    [[nodiscard]] std::size_t block_rows() const noexcept;
    [[nodiscard]] std::uint32_t n_leading() const noexcept;
    [[nodiscard]] PointRun run_of(const SeriesBlock& block, const Segment& segment, std::int64_t first_row) const;
    void begin_block(SeriesBlock& block) const;

    using TreeStep = std::function<void(std::size_t tree, std::int64_t* sums, TreeScratch& scratch)>;
    using Part = std::function<void(std::size_t part, std::size_t n_parts)>;
    void run_parts(std::size_t work, std::size_t most_parts, std::size_t n_workers, const Part& part) const;
    void for_trees(Call& call, const PointRun& run, double* scores, const TreeStep& step) const;
    void write_scores(const Call& call, std::size_t n_parts, std::size_t n, double* scores) const noexcept;
    void score_points(Call& call, const PointRun& run, double* scores) const;
    void ask_points(Call& call, const PointRun& run, std::size_t first_row, const Answer& answer) const;

    void learn_rows(const Rows& rows, double* scores);
    void learn_block(Call& call, const Rows& rows, std::size_t from, std::size_t to, double* scores);
    void learn_points(Call& call, PointRun run, double* scores);
    void learn_few(Call& call, PointRun run, double* scores);
    void mark_points(std::vector<std::uint8_t>& marks) const;
    void make_room(std::size_t n_rows);
    std::vector<std::int32_t> store_rows(const Rows& rows, const std::vector<std::uint8_t>& held);
    void fit_tree(SampledTree& tree, const std::vector<std::uint32_t>& points, std::uint64_t n_points,
                  TreeScratch& scratch);

    ForestOptions options_;
    Geometry geometry_;
    PointStore store_;
    std::vector<SampledTree> trees_;
    std::vector<const TreeArrays*> tree_arrays_;
    std::uint64_t n_rows_ = 0;     ///< rows offered
    std::uint64_t n_skipped_ = 0;
    std::uint64_t n_points_ = 0;   ///< points learned
    std::uint32_t run_length_ = 0; ///< complete rows at the end of the stream, up to shingle_size
    bool fitted_ = false;
    bool one_of_many_ = false;     ///< shares with others: its memory is far away when its turn comes

    mutable FairSharedMutex mutex_;
    std::shared_ptr<Common> common_;
    mutable std::mutex pool_mutex_;
    mutable std::shared_ptr<ThreadPool> pool_;
    std::atomic<std::uint32_t> n_jobs_;
};

}  // namespace fastrcf
