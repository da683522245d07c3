// SPDX-License-Identifier: Apache-2.0
// Fleet: one forest per key. The lone forest of each key is the twin.
#include "fastrcf/forest_fleet.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

ForestOptions fleet_options() {
    ForestOptions options;
    options.n_columns = 2;
    options.shingle_size = 2;
    options.n_trees = 6;
    options.sample_size = 40;
    options.output_after = 10;
    return options;
}

/// A batch of rows whose keys come mixed.
struct Batch {
    KeyBatch keys;
    std::vector<std::int64_t> numbers;
    std::vector<double> values;

    Batch(std::size_t n_rows, std::int64_t n_keys, std::uint64_t seed) {
        Rng rng(seed, 0);
        for (std::size_t i = 0; i < n_rows; ++i) {
            numbers.push_back(static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(n_keys))));
            keys.add(FleetKey(numbers.back()));
            for (int column = 0; column < 2; ++column) values.push_back(std::floor(rng.uniform() * 50.0));
        }
    }
    [[nodiscard]] Rows rows() const { return Rows::of(values.data(), numbers.size(), 2); }
};

std::vector<double> score_update(ForestFleet& fleet, const Batch& batch) {
    std::vector<double> scores(batch.numbers.size());
    fleet.score_update(batch.keys, batch.rows(), scores);
    return scores;
}

}  // namespace

TEST_CASE("a key of a fleet is a lone forest, whatever else the batch holds and for any number of threads") {
    for (const std::uint32_t n_jobs : {1U, 4U}) {
        ForestFleet fleet(fleet_options());
        fleet.set_n_jobs(n_jobs);
        std::map<std::int64_t, std::unique_ptr<RandomCutForest>> lone;
        for (const std::size_t n_rows : {1U, 700U, 15000U}) {
            const Batch batch(n_rows, 25, n_rows);
            const std::vector<double> scores = score_update(fleet, batch);
            for (std::size_t i = 0; i < n_rows; ++i) {
                std::unique_ptr<RandomCutForest>& forest = lone[batch.numbers[i]];
                if (!forest) {
                    ForestOptions options = fleet_options();
                    options.random_state = fleet.seed_of(FleetKey(batch.numbers[i]));
                    forest = std::make_unique<RandomCutForest>(options);
                }
                double expected = -1.0;
                forest->score_update(Rows::of(&batch.values[2 * i], 1, 2), {&expected, 1});
                REQUIRE(scores[i] == expected);
            }
        }
        CHECK(fleet.size() == lone.size());
        for (const auto& [number, forest] : lone) CHECK(fleet.to_bytes(FleetKey(number)) == forest->to_bytes());
    }
}

TEST_CASE("a group keeps the order of its rows, and groups come in the order of first appearance") {
    KeyBatch batch;
    for (const char* name : {"b", "a", "b", "c", "a", "b"}) batch.add(FleetKey(std::string_view(name)));
    const KeyBatch::Groups groups = batch.groups();
    REQUIRE(batch.keys().size() == 3);
    CHECK(batch.keys()[0].text() == "b");
    CHECK(batch.keys()[1].text() == "a");
    CHECK(groups.rows == std::vector<std::size_t>{0, 2, 5, 1, 4, 3});
    CHECK(groups.starts == std::vector<std::size_t>{0, 3, 5, 6});
    CHECK(batch.first_row(2) == 3);
}

TEST_CASE("keys keep what they were made of, and their hashes are those of FNV-1a") {
    for (const std::int64_t number : {INT64_MIN, std::int64_t{-1}, std::int64_t{0}, INT64_MAX}) {
        CHECK(FleetKey(number).number() == number);
        CHECK_FALSE(FleetKey(number).is_text());
    }
    const auto fnv1a = [](const std::string& bytes) {
        std::uint64_t hash = 0xCBF29CE484222325ULL;
        for (const char byte : bytes) hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3ULL;
        return hash;
    };
    REQUIRE(fnv1a("foobar") == 0x85944171F73967E8ULL);  // as its authors have it
    CHECK(FleetKey(std::string_view("foobar")).hash() == fnv1a("sfoobar"));
    CHECK(FleetKey(std::int64_t{0x0201}).hash() == fnv1a(std::string("i\1\2\0\0\0\0\0\0", 9)));
    CHECK_FALSE(FleetKey(std::string_view("1")) == FleetKey(std::int64_t{1}));
}

TEST_CASE("a batch that is refused changes nothing") {
    ForestFleet fleet(fleet_options());
    const Batch good(200, 5, 1);
    score_update(fleet, good);
    std::map<std::int64_t, std::vector<std::byte>> before;
    for (std::int64_t key = 0; key < 5; ++key) before[key] = fleet.to_bytes(FleetKey(key));
    Batch bad(300, 9, 2);
    bad.values[555] = HUGE_VAL;
    CHECK_THROWS_AS(score_update(fleet, bad), std::invalid_argument);
    std::vector<double> scores(200);
    CHECK_THROWS_AS(fleet.score_update(bad.keys, good.rows(), scores), std::invalid_argument);
    const Batch unknown(200, 9, 3);
    CHECK_THROWS_AS(fleet.score(unknown.keys, unknown.rows(), scores), std::invalid_argument);
    CHECK(fleet.size() == 5);
    for (const auto& [key, bytes] : before) CHECK(fleet.to_bytes(FleetKey(key)) == bytes);
    CHECK(fleet.missing(unknown.keys).size() == 4);
}

TEST_CASE("the count of bytes follows the forests that come, grow, return and go") {
    ForestFleet fleet(fleet_options());
    const std::size_t empty = fleet.memory_bytes();
    const auto of_forests = [&] {
        std::size_t bytes = 0;
        for (const FleetKey& key : fleet.keys()) {
            fleet.inspect(key, [&](const RandomCutForest& forest) { bytes += forest.memory_bytes(); });
        }
        return bytes;
    };
    std::size_t place = 0;
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
        score_update(fleet, Batch(400, 30, seed));
        const std::size_t places = fleet.memory_bytes() - empty - of_forests();
        if (place == 0) place = places / fleet.size();
        CHECK(places == place * fleet.size());
    }
    const std::vector<std::byte> bytes = fleet.to_bytes(fleet.oldest());
    fleet.restore(fleet.oldest(), bytes);
    fleet.restore(FleetKey(std::string_view("new")), bytes);
    CHECK(fleet.keys().back() == FleetKey(std::string_view("new")));
    CHECK(fleet.memory_bytes() - empty - of_forests() == place * fleet.size());
    while (fleet.size() > 0) CHECK(fleet.remove(fleet.oldest()));
    CHECK(fleet.memory_bytes() == empty);
    CHECK_FALSE(fleet.remove(FleetKey(std::int64_t{1})));
}

TEST_CASE("questions and lessons from several threads") {
    ForestFleet fleet(fleet_options());
    fleet.set_n_jobs(3);
    const Batch first(4000, 20, 1);
    score_update(fleet, first);
    std::vector<std::vector<double>> scores(3, std::vector<double>(4000));
    std::vector<std::thread> threads;
    for (std::vector<double>& mine : scores) {
        threads.emplace_back([&] { fleet.score(first.keys, first.rows(), mine); });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(scores[0] == scores[1]);
    CHECK(scores[0] == scores[2]);
    threads.clear();
    for (std::uint64_t seed = 10; seed < 13; ++seed) {
        threads.emplace_back([&, seed] {
            for (int i = 0; i < 5; ++i) score_update(fleet, Batch(500, 20, seed));
            (void)fleet.keys();
            (void)fleet.memory_bytes();
        });
    }
    for (std::thread& thread : threads) thread.join();
    std::uint64_t seen = 0;
    for (const FleetKey& key : fleet.keys()) {
        fleet.inspect(key, [&](const RandomCutForest& forest) { seen += forest.n_seen(); });
    }
    CHECK(seen == 4000 + 3 * 5 * 500);
}
