// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/point_store.hpp"
#include "fastrcf/rng.hpp"

using fastrcf::PointStore;
using fastrcf::Rng;

namespace {

/// The row that came as number `arrival`: its values can be told from all others.
std::vector<float> row_of(std::uint64_t arrival, std::uint32_t n_columns) {
    std::vector<float> row(n_columns);
    for (std::uint32_t i = 0; i < n_columns; ++i) row[i] = static_cast<float>(arrival * 10 + i);
    return row;
}

/// A store fed with a stream that has holes, some of its points held, beside a plain model of it.
class Stream {
public:
    Stream(std::uint32_t n_columns, std::uint32_t shingle_size, std::uint64_t seed)
        : store(n_columns, shingle_size), n_columns_(n_columns), shingle_size_(shingle_size), rng_(seed, 0) {}

    /// Appends n rows; with holes, some numbers of the stream never come.
    void feed(std::size_t n, bool holes) {
        for (std::size_t i = 0; i < n; ++i) {
            if (holes && rng_.below(7) == 0) {
                now_ += 1 + rng_.below(3);
                run_ = 0;
            }
            store.append(row_of(now_, n_columns_).data(), now_);
            at_[now_] = store.n_rows() - 1;
            ++run_;
            if (run_ >= shingle_size_ && rng_.below(4) == 0) held_.insert(now_ + 1 - shingle_size_);
            ++now_;
        }
    }
    void let_go() {
        for (auto held = held_.begin(); held != held_.end();) {
            held = rng_.below(2) == 0 ? held_.erase(held) : std::next(held);
        }
    }

    void compact(std::uint32_t tail, std::size_t room) {
        std::vector<std::uint8_t> marks(store.n_rows(), 0);
        for (const std::uint64_t held : held_) marks[at_.at(held)] = 1;
        std::map<std::uint64_t, std::uint32_t> kept;
        std::uint32_t position = 0;
        for (const auto& [arrival, row] : at_) {
            bool stays = row >= store.n_rows() - tail;
            for (std::uint64_t back = 0; back < shingle_size_ && back <= arrival; ++back)
                stays = stays || held_.contains(arrival - back);
            if (stays) kept[arrival] = position++;
        }
        const std::vector<std::int32_t> plan = store.plan_compaction(marks, tail);
        REQUIRE(plan.size() == store.n_rows());
        for (const auto& [arrival, row] : at_) {
            REQUIRE(plan[row] == (kept.contains(arrival) ? static_cast<std::int32_t>(kept.at(arrival))
                                                         : PointStore::kDropped));
        }
        store.compact(plan, room);
        at_ = kept;
        run_ = std::min(run_, tail);  // older rows may be gone: no new point starts there
        REQUIRE(store.has_room(room));
    }

    /// The store holds the rows of the model in the order of the stream, and every held point whole.
    void check() const {
        REQUIRE(store.n_rows() == at_.size());
        for (const auto& [arrival, row] : at_) {
            REQUIRE(store.arrival(row) == arrival);
            const float* values = store.values() + static_cast<std::size_t>(row) * n_columns_;
            REQUIRE(std::vector<float>(values, values + n_columns_) == row_of(arrival, n_columns_));
        }
        for (const std::uint64_t held : held_) {
            for (std::uint32_t i = 0; i < shingle_size_; ++i) REQUIRE(at_.at(held + i) == at_.at(held) + i);
        }
        std::size_t runs = 0;
        std::uint64_t expected = ~0ULL;
        for (const auto& [arrival, row] : at_) {
            if (arrival != expected) {
                REQUIRE(store.runs().at(runs).first_row == row);
                REQUIRE(store.runs().at(runs).arrival == arrival);
                ++runs;
            }
            expected = arrival + 1;
        }
        REQUIRE(store.runs().size() == runs);
    }
    [[nodiscard]] std::size_t n_held() const { return held_.size(); }

    PointStore store;

private:
    std::uint32_t n_columns_;
    std::uint32_t shingle_size_;
    Rng rng_;
    std::uint64_t now_ = 0;
    std::uint32_t run_ = 0;
    std::map<std::uint64_t, std::uint32_t> at_;  ///< row of every stored arrival
    std::set<std::uint64_t> held_;               ///< arrival of the first row of held points
};

}  // namespace

TEST_CASE("random appends and compactions agree with a plain map") {
    for (const std::uint32_t n_columns : {1U, 3U}) {
        for (const std::uint32_t shingle_size : {1U, 2U, 5U, 16U}) {
            CAPTURE(n_columns);
            CAPTURE(shingle_size);
            Stream stream(n_columns, shingle_size, n_columns * 100 + shingle_size);
            Rng rng(8, shingle_size);
            for (int round = 0; round < 60; ++round) {
                const std::size_t n = 1 + rng.below(40);
                if (!stream.store.has_room(n))
                    stream.compact(std::min(shingle_size - 1, stream.store.n_rows()), n);
                stream.feed(n, round % 2 == 0);
                if (round % 5 == 4) stream.let_go();
                if (rng.below(4) == 0)
                    stream.compact(static_cast<std::uint32_t>(rng.below(shingle_size)), rng.below(50));
                stream.check();
            }
            CHECK(stream.n_held() > 0);
        }
    }
}

TEST_CASE("the newest rows stay though no point holds them") {
    PointStore store(2, 4);
    for (std::uint64_t i = 0; i < 20; ++i) store.append(row_of(i, 2).data(), i);
    const std::vector<std::uint8_t> marks(20, 0);
    store.compact(store.plan_compaction(marks, 3), 5);
    REQUIRE(store.n_rows() == 3);
    for (std::uint32_t row = 0; row < 3; ++row) {
        CHECK(store.arrival(row) == 17 + row);
        CHECK(store.values()[2 * row + 1] == row_of(17 + row, 2)[1]);
    }
    store.append(row_of(20, 2).data(), 20);
    CHECK(store.runs().size() == 1);
    store.compact(store.plan_compaction(std::vector<std::uint8_t>(4, 0), 0), 0);
    CHECK(store.n_rows() == 0);
    CHECK(store.runs().empty());
}

TEST_CASE("overlapping points share their rows") {
    PointStore store(1, 3);
    for (std::uint64_t i = 0; i < 12; ++i) store.append(row_of(i, 1).data(), i);
    std::vector<std::uint8_t> marks(12, 0);
    marks[2] = marks[3] = marks[8] = 1;
    const std::vector<std::int32_t> plan = store.plan_compaction(marks, 0);
    constexpr std::int32_t kOut = PointStore::kDropped;
    CHECK(plan == std::vector<std::int32_t>{kOut, kOut, 0, 1, 2, 3, kOut, kOut, 4, 5, 6, kOut});
    store.compact(plan, 0);
    CHECK(store.runs().size() == 2);
    CHECK(store.arrival(3) == 5);
    CHECK(store.arrival(4) == 8);
}

TEST_CASE("room that is asked for is there, and memory comes back") {
    PointStore store(4, 2);
    store.compact({}, 100000);
    CHECK(store.has_room(100000));
    const std::size_t large = store.memory_bytes();
    CHECK(large >= 100000 * 4 * sizeof(float));
    for (std::uint64_t i = 0; i < 100000; ++i) store.append(row_of(i, 4).data(), i);
    std::vector<std::uint8_t> marks(100000, 0);
    marks[500] = 1;
    store.compact(store.plan_compaction(marks, 1), 10);
    CHECK(store.n_rows() == 3);
    CHECK(store.has_room(10));
    CHECK(store.memory_bytes() < large / 100);
    CHECK(store.arrival(0) == 500);
    CHECK(store.arrival(2) == 99999);
}

TEST_CASE("arrivals beyond 32 bits are kept") {
    PointStore store(1, 1);
    const float value = 1.0F;
    store.append(&value, 5000000000ULL);
    store.append(&value, 5000000001ULL);
    store.append(&value, 9000000000ULL);
    CHECK(store.arrival(1) == 5000000001ULL);
    CHECK(store.arrival(2) == 9000000000ULL);
    CHECK(store.runs().size() == 2);
}
