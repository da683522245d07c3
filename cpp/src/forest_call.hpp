// SPDX-License-Identifier: Apache-2.0
// Working memory of one call to a forest, kept from call to call, and what else forests can share.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "fastrcf/conditional.hpp"
#include "fastrcf/random_cut_forest.hpp"
#include "kernels/kernels.hpp"
#include "series_block.hpp"

namespace fastrcf {

struct RandomCutForest::Call {
    explicit Call(const ForestOptions& options) : block(options.n_columns, options.shingle_size) {}

    struct Worker {
        explicit Worker(std::uint32_t sample_size) : workspace(sample_size) {}

        [[nodiscard]] Sums sums() noexcept { return {scores.data(), cells.empty() ? nullptr : cells.data()}; }

        /// Makes room for what attributions need of a climb; its pages are touched as deep as trees get.
        void prepare_attribution(std::uint32_t sample_size, std::size_t n_lanes) {
            if (climbed != nullptr) return;
            TreeScratch& scratch = workspace.scratch();
            scratch.climbed_step = sample_size / 4 + 2;
            climbed = std::make_unique_for_overwrite<ClimbedFour[]>(kLanes * scratch.climbed_step);
            scratch.climbed = climbed.get();
            boxes.resize((kLanes + 2) * n_lanes);
            scratch.boxes = boxes.data();
        }

        TreeWorkspace workspace;
        Nursery nursery;
        std::vector<std::int64_t> scores;
        std::vector<std::int32_t> cells;
        std::unique_ptr<ClimbedFour[]> climbed;
        std::vector<float> boxes;
    };

    /// Makes workers 0 … n-1 ready, with sums of 0 for `n_points` points: scores, and `n_lanes` cells each.
    void prepare(std::size_t n, std::size_t n_points, std::size_t n_lanes, const ForestOptions& options) {
        while (workers.size() < n) workers.emplace_back(options.sample_size);
        n_ready = n;
        for (std::size_t i = 0; i < n; ++i) {
            workers[i].scores.assign(n_points, 0);
            workers[i].cells.assign(n_points * n_lanes, 0);
            if (n_lanes > 0) workers[i].prepare_attribution(options.sample_size, n_lanes);
        }
    }

    /// A point whose last row is being completed.
    struct Completion {
        explicit Completion(const Geometry& geometry) : sampler(geometry) {}

        ConditionalSampler sampler;
        std::vector<float> point;
        std::vector<std::uint32_t> missing;
    };

    SeriesBlock block;
    std::optional<Completion> completion;  ///< made when it is needed
    std::vector<Worker> workers;
    std::vector<const TreeArrays*> trees;  ///< for points that visit all trees at once
    std::size_t n_ready = 0;  ///< workers of this call: n_jobs may change meanwhile
};

/// Hands out calls; as many exist as were ever needed at the same time.
class RandomCutForest::CallPool {
public:
    explicit CallPool(const ForestOptions& options) : options_(options) {}

    class Lease {
    public:
        Lease(CallPool& pool, std::unique_ptr<Call> call) : pool_(pool), call_(std::move(call)) {}
        ~Lease() {
            const std::lock_guard lock(pool_.mutex_);
            pool_.free_.push_back(std::move(call_));
        }
        Lease(const Lease&) = delete;
        Lease& operator=(const Lease&) = delete;
        Call& operator*() const noexcept { return *call_; }

    private:
        CallPool& pool_;
        std::unique_ptr<Call> call_;
    };

    Lease lease() {
        const std::lock_guard lock(mutex_);
        if (free_.empty()) {
            free_.reserve(8);
            return Lease(*this, std::make_unique<Call>(options_));
        }
        auto call = std::move(free_.back());
        free_.pop_back();
        return Lease(*this, std::move(call));
    }

private:
    ForestOptions options_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Call>> free_;
};

/// What does not depend on what a forest has learned: forests of the same options share it.
struct RandomCutForest::Common {
    explicit Common(const ForestOptions& options);

    [[nodiscard]] ScoreTables tables() const noexcept {
        return {inverse_depth.data() + log2_mass.size() - 1, log2_mass.data(), normaliser.data(), scoring,
                cell_scale};
    }

    std::vector<float> inverse_depth;
    std::vector<float> log2_mass;
    std::vector<float> normaliser;
    Scoring scoring;
    float cell_scale = 1.F;
    CallPool calls;
};

}  // namespace fastrcf
