// SPDX-License-Identifier: Apache-2.0
// Threads: the pool, the lock, and forests that many threads use. Meant to be run under the thread sanitizer
// too.
#include <atomic>
#include <chrono>
#include <cmath>
#include <functional>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/parallel.hpp"
#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

void in_threads(int n, const std::function<void(int)>& work) {
    std::vector<std::thread> threads;
    for (int i = 0; i < n; ++i) threads.emplace_back(work, i);
    for (std::thread& thread : threads) thread.join();
}

ForestOptions wide_options(std::uint32_t n_jobs) {
    ForestOptions options = options_of(1, 4, 60, 32);
    options.n_jobs = n_jobs;
    return options;
}

/// Rows enough to be worth five threads.
const Table& long_wave() {
    static const Table table = wave(2000, 1, 1);
    return table;
}

}  // namespace

TEST_SUITE_BEGIN("parallel");

TEST_CASE("a pool runs every part once, part 0 on the caller's thread") {
    for (const std::size_t n_threads : {0U, 1U, 2U, 5U}) {
        ThreadPool pool(n_threads);
        CHECK(pool.n_threads() == std::max<std::size_t>(n_threads, 1));
        for (const std::size_t n_parts : {0U, 1U, 2U, 3U, 40U}) {
            for (int again = 0; again < 20; ++again) {
                std::vector<std::atomic<int>> times(n_parts);
                std::thread::id first;
                pool.run(n_parts, [&](std::size_t part) {
                    ++times[part];
                    if (part == 0) first = std::this_thread::get_id();
                });
                for (const auto& count : times) REQUIRE(count == 1);
                if (n_parts > 0) REQUIRE(first == std::this_thread::get_id());
            }
        }
    }
}

TEST_CASE("a pool really uses its threads") {
    ThreadPool pool(3);
    std::atomic<int> inside{0};
    // Nobody leaves before all three are inside: one thread alone would wait until the deadline.
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    pool.run(3, [&](std::size_t) {
        ++inside;
        while (inside < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    });
    CHECK(inside == 3);
    CHECK(std::chrono::steady_clock::now() < deadline);
}

TEST_CASE("an exception of any part arrives at the caller, and the pool goes on") {
    ThreadPool pool(4);
    for (const std::size_t bad : {0U, 1U, 7U}) {
        std::atomic<int> done{0};
        const auto run = [&] {
            pool.run(8, [&](std::size_t part) {
                ++done;
                if (part == bad) throw std::runtime_error("part " + std::to_string(part));
            });
        };
        CHECK_THROWS_WITH_AS(run(), ("part " + std::to_string(bad)).c_str(), std::runtime_error);
        CHECK(done == 8);
        std::atomic<int> after{0};
        pool.run(8, [&](std::size_t) { ++after; });
        CHECK(after == 8);
    }
    CHECK_THROWS_AS(pool.run(8, [](std::size_t) { throw std::logic_error("all"); }), std::logic_error);
}

TEST_CASE("callers of one pool take turns") {
    ThreadPool pool(3);
    std::atomic<long> sum{0};
    std::atomic<int> wrong{0};
    in_threads(6, [&](int) {
        for (int i = 0; i < 100; ++i) {
            std::vector<int> mine(10, 0);
            pool.run(10, [&](std::size_t part) { mine[part] = static_cast<int>(part); });
            const int total = std::accumulate(mine.begin(), mine.end(), 0);
            if (total != 45) ++wrong;
            sum += total;
        }
    });
    CHECK(wrong == 0);
    CHECK(sum == 6 * 100 * 45);
}

TEST_CASE("a part may use another pool") {
    ThreadPool outer(3);
    ThreadPool inner(2);
    std::atomic<int> done{0};
    in_threads(3, [&](int) {
        for (int i = 0; i < 20; ++i) {
            outer.run(4, [&](std::size_t) { inner.run(3, [&](std::size_t) { ++done; }); });
        }
    });
    CHECK(done == 3 * 20 * 4 * 3);
}

TEST_CASE("the lock keeps readers and writers apart, and lets readers in together") {
    FairSharedMutex mutex;
    std::atomic<int> readers{0};
    std::atomic<int> writers{0};
    std::atomic<int> wrong{0};
    long plain = 0;  // guarded by the lock alone
    in_threads(6, [&](int i) {
        for (int k = 0; k < 300; ++k) {
            if (i < 2) {
                const std::lock_guard lock(mutex);
                if (++writers != 1 || readers != 0) ++wrong;
                ++plain;
                --writers;
            } else {
                const std::shared_lock lock(mutex);
                ++readers;
                if (writers != 0 || plain < 0) ++wrong;
                --readers;
            }
        }
    });
    CHECK(wrong == 0);
    CHECK(plain == 600);
    std::atomic<int> together{0};
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    in_threads(3, [&](int) {
        const std::shared_lock lock(mutex);
        ++together;
        while (together < 3 && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    });
    CHECK(std::chrono::steady_clock::now() < deadline);
}

TEST_CASE("a writer gets in though readers never pause") {
    FairSharedMutex mutex;
    std::atomic<int> entered{0};
    std::atomic<bool> written{false};
    const auto now = [] { return std::chrono::steady_clock::now(); };
    const auto deadline = now() + std::chrono::seconds(10);
    in_threads(5, [&](int i) {
        if (i == 0) {
            while (entered < 3) std::this_thread::yield();
            const std::lock_guard lock(mutex);
            written = true;
            return;
        }
        // A reader goes only when the next one has come: a lock that lets readers overtake is never free.
        // Behind a writer who has his turn nobody comes, and the reader stops waiting.
        while (!written && now() < deadline) {
            const std::shared_lock lock(mutex);
            const int mine = ++entered;
            const auto patience = now() + std::chrono::milliseconds(100);
            while (entered == mine && now() < patience) std::this_thread::yield();
        }
    });
    CHECK(written);
    CHECK(now() < deadline);
}

TEST_CASE("the number of threads does not change a bit") {
    RandomCutForest one(wide_options(1));
    const std::vector<double> expected = score_update(one, long_wave().rows());
    const std::vector<double> later = score(one, long_wave().rows());
    for (const std::uint32_t n_jobs : {2U, 3U, 5U}) {
        RandomCutForest forest(wide_options(n_jobs));
        REQUIRE(score_update(forest, long_wave().rows()) == expected);
        REQUIRE(forest.to_bytes() == one.to_bytes());
        forest.set_n_jobs(n_jobs + 2);
        REQUIRE(score(forest, long_wave().rows()) == later);
        CHECK(forest.n_jobs() == n_jobs + 2);
    }
    CHECK_THROWS_AS(one.set_n_jobs(0), std::invalid_argument);
    CHECK_THROWS_AS(one.set_n_jobs(100000), std::invalid_argument);
}

TEST_CASE("eight threads score while one updates: every score is that of some state between two calls") {
    const Table table = wave(1200, 1, 2);
    const Table probe = wave(30, 1, 3);
    for (const std::uint32_t n_jobs : {1U, 3U}) {
        RandomCutForest twin(wide_options(1));
        std::set<std::vector<double>> allowed{score(twin, probe.rows())};
        for (std::size_t from = 0; from < 1200; from += 60) {
            twin.update(table.rows(from, from + 60));
            allowed.insert(score(twin, probe.rows()));
        }
        RandomCutForest forest(wide_options(n_jobs));
        std::atomic<bool> done{false};
        std::atomic<int> strange{0};
        std::atomic<int> scored{0};
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        in_threads(9, [&](int i) {
            if (i == 0) {
                for (std::size_t from = 0; from < 1200; from += 60)
                    forest.update(table.rows(from, from + 60));
                done = true;
                return;
            }
            do {
                if (!allowed.contains(score(forest, probe.rows()))) ++strange;
                if (i == 1 && RandomCutForest::from_bytes(forest.to_bytes())->n_seen() % 60 != 0) ++strange;
                if (i == 2 && (forest.n_seen() % 60 != 0 || forest.memory_bytes() == 0)) ++strange;
                if (i == 3 && forest.is_ready() && forest.n_skipped() != 0) ++strange;
                ++scored;
            } while (!done && std::chrono::steady_clock::now() < deadline);
        });
        CHECK(strange == 0);
        CHECK(scored >= 8);
        CHECK(std::chrono::steady_clock::now() < deadline);
        CHECK(forest.to_bytes() == twin.to_bytes());
    }
}

TEST_CASE("threads that change n_jobs disturb nobody") {
    RandomCutForest forest(wide_options(1));
    forest.update(long_wave().rows());
    const Rows rows = long_wave().rows(0, 1500);
    const std::vector<double> expected = score(forest, rows);
    std::atomic<bool> done{false};
    std::atomic<int> strange{0};
    in_threads(3, [&](int i) {
        if (i == 0) {
            for (std::uint32_t n = 0; !done; ++n) forest.set_n_jobs(1 + n % 4);
            return;
        }
        for (int k = 0; k < 20; ++k) {
            if (score(forest, rows) != expected) ++strange;
        }
        if (i == 1) done = true;
    });
    CHECK(strange == 0);
}

TEST_CASE("many forests at once do not know of each other") {
    const Table table = wave(600, 1, 4);
    std::vector<std::vector<double>> expected;
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        ForestOptions options = wide_options(1);
        options.random_state = seed;
        RandomCutForest forest(options);
        expected.push_back(score_update(forest, table.rows()));
    }
    std::atomic<int> strange{0};
    in_threads(8, [&](int i) {
        ForestOptions options = wide_options(i % 2 == 0 ? 1 : 2);
        options.random_state = static_cast<std::uint64_t>(i);
        RandomCutForest forest(options);
        if (score_update_in_chunks(forest, table, 200 + static_cast<std::size_t>(i)) !=
            expected[static_cast<std::size_t>(i)])
            ++strange;
    });
    CHECK(strange == 0);
}

TEST_CASE("forests with threads come and go") {
    for (int i = 0; i < 10; ++i) {
        RandomCutForest forest(wide_options(4));
        score_update(forest, long_wave().rows());
    }
    std::vector<std::unique_ptr<ThreadPool>> pools;
    for (int i = 0; i < 20; ++i) pools.push_back(std::make_unique<ThreadPool>(4));
}

TEST_SUITE_END();
