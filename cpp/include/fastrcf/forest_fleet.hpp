// SPDX-License-Identifier: Apache-2.0
// Many series at once: one forest per key, fed by micro-batches in which the rows of all keys are mixed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "fastrcf/options.hpp"
#include "fastrcf/parallel.hpp"
#include "fastrcf/random_cut_forest.hpp"
#include "fastrcf/rows.hpp"

namespace fastrcf {

/// The name of a series: text, or an integer. 1 and "1" are two keys.
///
/// Its bytes are 's' and the UTF-8 of the text, or 'i' and the integer in 8 little-endian bytes. Its hash is the
/// 64-bit FNV-1a hash (Fowler, Noll, Vo) of these bytes, the same on every machine and in every process.
class FleetKey {
public:
    explicit FleetKey(std::string_view text);
    explicit FleetKey(std::int64_t number);

    [[nodiscard]] bool is_text() const noexcept { return bytes_.front() == 's'; }
    [[nodiscard]] std::string_view text() const noexcept { return std::string_view(bytes_).substr(1); }
    [[nodiscard]] std::int64_t number() const noexcept;
    [[nodiscard]] std::uint64_t hash() const noexcept { return hash_; }
    friend bool operator==(const FleetKey& a, const FleetKey& b) noexcept { return a.bytes_ == b.bytes_; }

    /// As an error message shows it.
    [[nodiscard]] std::string shown() const;

    struct Hash {
        std::size_t operator()(const FleetKey& key) const noexcept { return static_cast<std::size_t>(key.hash_); }
    };

private:
    std::string bytes_;
    std::uint64_t hash_;
};

/// The keys of the rows of a batch, grouped: who comes, and which rows are whose.
class KeyBatch {
public:
    /// Appends the key of the next row.
    void add(const FleetKey& key);

    [[nodiscard]] std::size_t n_rows() const noexcept { return group_of_.size(); }
    /// Each key once, in the order of first appearance.
    [[nodiscard]] const std::vector<FleetKey>& keys() const noexcept { return keys_; }

    /// Rows of group g, in order: rows()[start(g) ... start(g + 1) - 1].
    struct Groups {
        std::vector<std::size_t> rows;
        std::vector<std::size_t> starts;
    };
    [[nodiscard]] Groups groups() const;
    /// First row of a group.
    [[nodiscard]] std::size_t first_row(std::size_t group) const noexcept { return first_rows_[group]; }

private:
    std::unordered_map<FleetKey, std::size_t, FleetKey::Hash> places_;
    std::vector<FleetKey> keys_;
    std::vector<std::size_t> first_rows_;
    std::vector<std::size_t> group_of_;
};

/// One forest per key. A key that is new gets a forest with a seed of its own, made from the key and the fleet's
/// seed: the scores of a key are those of a lone forest with that seed, bit for bit, whatever else is in a batch.
///
/// Thread-safe, as a forest is: calls that learn take turns. Calls that throw std::invalid_argument leave every forest
/// as it was.
class ForestFleet {
public:
    /// n_jobs counts threads over keys; each forest is worked on by one thread.
    explicit ForestFleet(const ForestOptions& options);
    ~ForestFleet();
    ForestFleet(const ForestFleet&) = delete;
    ForestFleet& operator=(const ForestFleet&) = delete;

    /// Scores of rows that would follow the newest ones of their keys. Changes nothing; a key must be known.
    void score(const KeyBatch& batch, const Rows& rows, std::span<double> scores) const;
    void update(const KeyBatch& batch, const Rows& rows);
    void score_update(const KeyBatch& batch, const Rows& rows, std::span<double> scores);

    /// Throws unless there are as many rows as keys, of the right width and finite.
    void check(const KeyBatch& batch, const Rows& rows) const;
    /// Keys of the batch that have no forest here.
    [[nodiscard]] std::vector<FleetKey> missing(const KeyBatch& batch) const;

    [[nodiscard]] const ForestOptions& options() const noexcept { return like_.options(); }
    [[nodiscard]] std::uint64_t seed_of(const FleetKey& key) const noexcept;
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] bool contains(const FleetKey& key) const;
    /// Keys, the one that has not learned for the longest time first.
    [[nodiscard]] std::vector<FleetKey> keys() const;
    /// The first of them; the fleet must not be empty.
    [[nodiscard]] FleetKey oldest() const;
    /// Of all forests and what the fleet keeps for their keys.
    [[nodiscard]] std::size_t memory_bytes() const;

    [[nodiscard]] std::vector<std::byte> to_bytes(const FleetKey& key) const;
    /// Puts a forest of the same options, whatever its seed, in place of the key's; it counts as the newest.
    void restore(const FleetKey& key, std::span<const std::byte> bytes);
    /// Whether there was such a key.
    bool remove(const FleetKey& key);
    /// Looks at the forest of a key while nothing can change it.
    void inspect(const FleetKey& key, const std::function<void(const RandomCutForest&)>& look) const;

    [[nodiscard]] std::uint32_t n_jobs() const noexcept { return n_jobs_; }
    void set_n_jobs(std::uint32_t n_jobs);

private:
    struct Member;
    using Members = std::unordered_map<FleetKey, std::unique_ptr<Member>, FleetKey::Hash>;
    using Task = std::function<void(RandomCutForest& forest, const Rows& rows, double* scores)>;

    [[nodiscard]] const Member& find(const FleetKey& key) const;
    [[nodiscard]] std::unique_ptr<RandomCutForest> new_forest(const FleetKey& key) const;
    void learn(const KeyBatch& batch, const Rows& rows, double* scores, const Task& task);
    void run_groups(const KeyBatch& batch, const Rows& rows, double* scores,
                    const std::function<void(std::size_t group, const Rows& rows, double* scores)>& part) const;
    Member& join(const FleetKey& key);
    void leave(Members::iterator place) noexcept;

    RandomCutForest like_;  ///< empty; forests share tables and working memory with it
    Members members_;
    std::unique_ptr<Member> ring_;  ///< of all members by age: behind it the oldest, before it the newest
    std::size_t bytes_ = 0;         ///< of all members
    std::atomic<std::uint32_t> n_jobs_;
    mutable FairSharedMutex mutex_;
    mutable std::mutex pool_mutex_;
    mutable std::shared_ptr<ThreadPool> pool_;
};

}  // namespace fastrcf
