// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/forest_fleet.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace fastrcf {

// ---- keys -----------------------------------------------------------------------------------------------

namespace {

std::uint64_t fnv1a(std::string_view bytes) noexcept {
    std::uint64_t hash = 0xCBF29CE484222325ULL;
    for (const char byte : bytes) {
        hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL;
    }
    return hash;
}

std::string bytes_of(std::int64_t number) {
    std::string bytes = "i";
    const auto bits = static_cast<std::uint64_t>(number);
    for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<char>(bits >> shift & 0xFFU));
    return bytes;
}

std::string bytes_of(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size() + 1);
    bytes.push_back('s');
    return bytes.append(text);
}

}  // namespace

FleetKey::FleetKey(std::string_view text) : bytes_(bytes_of(text)), hash_(fnv1a(bytes_)) {}
FleetKey::FleetKey(std::int64_t number) : bytes_(bytes_of(number)), hash_(fnv1a(bytes_)) {}

std::int64_t FleetKey::number() const noexcept {
    std::uint64_t bits = 0;
    for (unsigned i = 8; i > 0; --i) bits = bits << 8 | static_cast<unsigned char>(bytes_[i]);
    return static_cast<std::int64_t>(bits);
}

std::string FleetKey::shown() const {
    return is_text() ? "'" + std::string(text()) + "'" : std::to_string(number());
}

void KeyBatch::add(const FleetKey& key) {
    const auto [place, is_new] = places_.try_emplace(key, keys_.size());
    if (is_new) {
        keys_.push_back(key);
        first_rows_.push_back(group_of_.size());
    }
    group_of_.push_back(place->second);
}

KeyBatch::Groups KeyBatch::groups() const {
    Groups groups{std::vector<std::size_t>(n_rows()), std::vector<std::size_t>(keys_.size() + 1, 0)};
    for (const std::size_t group : group_of_) ++groups.starts[group + 1];
    std::partial_sum(groups.starts.begin(), groups.starts.end(), groups.starts.begin());
    std::vector<std::size_t> next(groups.starts.begin(), groups.starts.end() - 1);
    for (std::size_t row = 0; row < n_rows(); ++row) groups.rows[next[group_of_[row]]++] = row;
    return groups;
}

// ---- members --------------------------------------------------------------------------------------------

struct ForestFleet::Member {
    const FleetKey* key = nullptr;
    std::unique_ptr<RandomCutForest> forest;
    std::size_t bytes = 0;  ///< of its forest
    Member* older = this;
    Member* newer = this;

    Member() = default;
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    void unlink() noexcept {
        older->newer = newer;
        newer->older = older;
        older = newer = this;
    }
    /// Takes the place before `ring`, that of the newest.
    void become_newest(Member& ring) noexcept {
        unlink();
        older = ring.older;
        newer = &ring;
        older->newer = this;
        ring.older = this;
    }
};

ForestFleet::ForestFleet(const ForestOptions& options)
    : like_([&] {
          ForestOptions single = options;
          single.n_jobs = 1;
          return single;
      }()),
      ring_(std::make_unique<Member>()),
      n_jobs_(1) {
    set_n_jobs(options.n_jobs);
}

ForestFleet::~ForestFleet() = default;

std::uint64_t ForestFleet::seed_of(const FleetKey& key) const noexcept {
    std::uint64_t state = options().random_state;
    state = splitmix64(state) ^ key.hash();
    return splitmix64(state);
}

std::unique_ptr<RandomCutForest> ForestFleet::new_forest(const FleetKey& key) const {
    ForestOptions own = options();
    own.random_state = seed_of(key);
    return std::make_unique<RandomCutForest>(own, like_);
}

const ForestFleet::Member& ForestFleet::find(const FleetKey& key) const {
    const auto place = members_.find(key);
    check_argument(place != members_.end(), "key: " + key.shown() + " is not known to this fleet");
    return *place->second;
}

ForestFleet::Member& ForestFleet::join(const FleetKey& key) {
    const auto [place, is_new] = members_.try_emplace(key);
    if (is_new) {
        place->second = std::make_unique<Member>();
        place->second->key = &place->first;
    }
    return *place->second;
}

void ForestFleet::leave(Members::iterator place) noexcept {
    bytes_ -= place->second->bytes;
    place->second->unlink();
    members_.erase(place);
}

// ---- batches --------------------------------------------------------------------------------------------

namespace {

/// A thread is worth waking for this many rows times trees.
constexpr std::size_t kWorkPerThread = 20000;

/// The rows of one key, gathered where they are not consecutive, and a place for their scores.
class Gathered {
public:
    /// Calls part(rows, scores) on the given rows of the table.
    template <class Part>
    void run(const Rows& table, std::span<const std::size_t> rows, double* scores, const Part& part) {
        const std::size_t n = rows.size();
        if (rows.back() - rows.front() + 1 == n) {
            Rows mine = table;
            mine.data += static_cast<std::ptrdiff_t>(rows.front()) * table.row_step;
            mine.n_rows = n;
            part(mine, scores != nullptr ? scores + rows.front() : nullptr);
            return;
        }
        scores_.resize(n);
        part(table.type == Rows::Type::kFloat32 ? gather(narrow_, table, rows) : gather(wide_, table, rows),
             scores != nullptr ? scores_.data() : nullptr);
        if (scores == nullptr) return;
        for (std::size_t i = 0; i < n; ++i) scores[rows[i]] = scores_[i];
    }

private:
    template <class T>
    static Rows gather(std::vector<T>& values, const Rows& table, std::span<const std::size_t> rows) {
        values.resize(rows.size() * table.n_columns);
        T* into = values.data();
        for (const std::size_t row : rows) {
            const std::byte* from = table.data + static_cast<std::ptrdiff_t>(row) * table.row_step;
            for (std::size_t column = 0; column < table.n_columns; ++column, from += table.column_step) {
                std::memcpy(into++, from, sizeof(T));
            }
        }
        return Rows::of(values.data(), rows.size(), table.n_columns);
    }

    std::vector<float> narrow_;
    std::vector<double> wide_;
    std::vector<double> scores_;
};

}  // namespace

void ForestFleet::check(const KeyBatch& batch, const Rows& rows) const {
    check_argument(batch.n_rows() == rows.n_rows, "keys: expected one per row, got " + std::to_string(batch.n_rows()) +
                                                      " keys for " + std::to_string(rows.n_rows) + " rows");
    rows.check(options().n_columns);
}

std::vector<FleetKey> ForestFleet::missing(const KeyBatch& batch) const {
    const std::shared_lock lock(mutex_);
    std::vector<FleetKey> unknown;
    for (const FleetKey& key : batch.keys()) {
        if (!members_.contains(key)) unknown.push_back(key);
    }
    return unknown;
}

// Threads take the next key when they are done with one; keys with many rows come first, so that none is left with
// a long one at the end. A key's rows are worked on by one thread, in order.
void ForestFleet::run_groups(
    const KeyBatch& batch, const Rows& rows, double* scores,
    const std::function<void(std::size_t group, const Rows& rows, double* scores)>& part) const {
    const KeyBatch::Groups groups = batch.groups();
    const std::size_t n_groups = batch.keys().size();
    const auto size = [&](std::size_t group) { return groups.starts[group + 1] - groups.starts[group]; };
    const std::size_t n_parts = std::clamp<std::size_t>(
        std::min<std::size_t>(n_jobs_, rows.n_rows * options().n_trees / kWorkPerThread), 1, std::max<std::size_t>(n_groups, 1));
    std::vector<std::size_t> order(n_groups);
    std::iota(order.begin(), order.end(), std::size_t{0});
    if (n_parts > 1) {
        std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return size(a) > size(b); });
    }
    std::atomic<std::size_t> next{0};
    const auto work = [&](std::size_t) {
        Gathered gathered;
        for (std::size_t i = next++; i < n_groups; i = next++) {
            const std::size_t group = order[i];
            gathered.run(rows, std::span(groups.rows).subspan(groups.starts[group], size(group)), scores,
                         [&](const Rows& mine, double* into) { part(group, mine, into); });
        }
    };
    if (n_parts == 1) return work(0);
    std::shared_ptr<ThreadPool> pool;
    {
        const std::lock_guard lock(pool_mutex_);
        if (!pool_ || pool_->n_threads() < n_parts) pool_ = std::make_shared<ThreadPool>(n_jobs_);
        pool = pool_;
    }
    pool->run(n_parts, work);
}

void ForestFleet::learn(const KeyBatch& batch, const Rows& rows, double* scores, const Task& task) {
    check(batch, rows);
    const std::lock_guard lock(mutex_);
    std::vector<Member*> members;
    members.reserve(batch.keys().size());
    const auto drop_unborn = [&] {
        for (const Member* member : members) {
            if (!member->forest) leave(members_.find(*member->key));
        }
    };
    const auto bytes_of_members = [&] {
        std::size_t bytes = 0;
        for (const Member* member : members) bytes += member->bytes;
        return bytes;
    };
    std::size_t before = 0;
    try {
        for (const FleetKey& key : batch.keys()) members.push_back(&join(key));
        before = bytes_of_members();
        run_groups(batch, rows, scores, [&](std::size_t group, const Rows& mine, double* into) {
            Member& member = *members[group];
            if (!member.forest) member.forest = new_forest(*member.key);
            task(*member.forest, mine, into);
            member.bytes = member.forest->memory_bytes();
        });
    } catch (...) {  // out of memory
        bytes_ += bytes_of_members() - before;
        drop_unborn();
        throw;
    }
    bytes_ += bytes_of_members() - before;
    for (Member* member : members) member->become_newest(*ring_);
}

void ForestFleet::update(const KeyBatch& batch, const Rows& rows) {
    learn(batch, rows, nullptr, [](RandomCutForest& forest, const Rows& mine, double*) { forest.update(mine); });
}

void ForestFleet::score_update(const KeyBatch& batch, const Rows& rows, std::span<double> scores) {
    check_argument(scores.size() == rows.n_rows, "scores: one place per row is needed");
    learn(batch, rows, scores.data(), [](RandomCutForest& forest, const Rows& mine, double* into) {
        forest.score_update(mine, {into, mine.n_rows});
    });
}

void ForestFleet::score(const KeyBatch& batch, const Rows& rows, std::span<double> scores) const {
    check_argument(scores.size() == rows.n_rows, "scores: one place per row is needed");
    check(batch, rows);
    const std::shared_lock lock(mutex_);
    std::vector<const RandomCutForest*> forests;
    for (std::size_t group = 0; group < batch.keys().size(); ++group) {
        const auto place = members_.find(batch.keys()[group]);
        check_argument(place != members_.end(), "keys: row " + std::to_string(batch.first_row(group)) + " has the key " +
                                                    batch.keys()[group].shown() + ", which is not known to this fleet");
        forests.push_back(place->second->forest.get());
    }
    run_groups(batch, rows, scores.data(), [&](std::size_t group, const Rows& mine, double* into) {
        forests[group]->score(mine, {into, mine.n_rows});
    });
}

// ---- one key, and all -----------------------------------------------------------------------------------

std::size_t ForestFleet::size() const {
    const std::shared_lock lock(mutex_);
    return members_.size();
}

bool ForestFleet::contains(const FleetKey& key) const {
    const std::shared_lock lock(mutex_);
    return members_.contains(key);
}

std::vector<FleetKey> ForestFleet::keys() const {
    const std::shared_lock lock(mutex_);
    std::vector<FleetKey> keys;
    keys.reserve(members_.size());
    for (const Member* member = ring_->newer; member != ring_.get(); member = member->newer) keys.push_back(*member->key);
    return keys;
}

FleetKey ForestFleet::oldest() const {
    const std::shared_lock lock(mutex_);
    check_argument(!members_.empty(), "the fleet has no keys");
    return *ring_->newer->key;
}

std::size_t ForestFleet::memory_bytes() const {
    // Of a member's place in the map: the node with its link and hash, and its share of the buckets.
    constexpr std::size_t kPlace = sizeof(Members::value_type) + 4 * sizeof(void*);
    const std::shared_lock lock(mutex_);
    return sizeof(*this) + like_.memory_bytes() + bytes_ + members_.size() * (sizeof(Member) + kPlace);
}

std::vector<std::byte> ForestFleet::to_bytes(const FleetKey& key) const {
    const std::shared_lock lock(mutex_);
    return find(key).forest->to_bytes();
}

void ForestFleet::inspect(const FleetKey& key, const std::function<void(const RandomCutForest&)>& look) const {
    const std::shared_lock lock(mutex_);
    look(*find(key).forest);
}

void ForestFleet::restore(const FleetKey& key, std::span<const std::byte> bytes) {
    auto forest = RandomCutForest::from_bytes(bytes, like_);
    const std::lock_guard lock(mutex_);
    Member& member = join(key);
    bytes_ -= member.bytes;
    member.forest = std::move(forest);
    member.bytes = member.forest->memory_bytes();
    bytes_ += member.bytes;
    member.become_newest(*ring_);
}

bool ForestFleet::remove(const FleetKey& key) {
    const std::lock_guard lock(mutex_);
    const auto place = members_.find(key);
    if (place == members_.end()) return false;
    leave(place);
    return true;
}

void ForestFleet::set_n_jobs(std::uint32_t n_jobs) {
    check_argument(n_jobs >= 1 && n_jobs <= 4096, "n_jobs must lie in [1, 4096], got " + std::to_string(n_jobs));
    n_jobs_ = n_jobs;
}

}  // namespace fastrcf
