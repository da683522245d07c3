// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "byte_stream.hpp"
#include "forest_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

using Bytes = std::vector<std::byte>;

/// The loaded forest has the state of the saved one and goes the same way from there.
void check_round_trip(RandomCutForest& forest, const Table& next, std::size_t chunk) {
    const Bytes bytes = forest.to_bytes();
    const auto loaded = RandomCutForest::from_bytes(bytes);
    REQUIRE(loaded->to_bytes() == bytes);
    CHECK(loaded->n_seen() == forest.n_seen());
    CHECK(loaded->n_skipped() == forest.n_skipped());
    CHECK(loaded->is_ready() == forest.is_ready());
    CHECK(score(*loaded, next.rows(0, 20)) == score(forest, next.rows(0, 20)));
    REQUIRE(score_update_in_chunks(*loaded, next, chunk) == score_update(forest, next.rows()));
    REQUIRE(loaded->to_bytes() == forest.to_bytes());
}

std::string message_of(const Bytes& bytes) {
    try {
        (void)RandomCutForest::from_bytes(bytes);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return "";
}

}  // namespace

TEST_CASE("the checksum is that of zlib") {
    const std::string text = "123456789";
    Bytes bytes(text.size());
    std::memcpy(bytes.data(), text.data(), text.size());
    CHECK(crc32(bytes) == 0xCBF43926U);
    CHECK(crc32({}) == 0U);
}

TEST_CASE("20000 scores after loading are those without, bit for bit") {
    RandomCutForest forest(options_of(1, 8, 25, 64));
    forest.update(wave(3000, 1, 1).rows());
    check_round_trip(forest, wave(20000, 1, 2), 777);
}

TEST_CASE("a forest comes back from any moment of its life") {
    for (const std::uint32_t n_columns : {1U, 3U}) {
        for (const std::uint32_t shingle_size : {1U, 2U, 9U}) {
            for (const std::size_t n_rows : {0U, 1U, 2U, 5U, 8U, 9U, 10U, 20U, 40U, 200U, 1000U}) {
                CAPTURE(n_columns);
                CAPTURE(shingle_size);
                CAPTURE(n_rows);
                RandomCutForest forest(options_of(n_columns, shingle_size, 5, 32));
                forest.update(gappy(n_rows, n_columns, n_rows + 1).rows());
                check_round_trip(forest, gappy(500, n_columns, 3), 1 + n_rows % 70);
            }
        }
    }
}

TEST_CASE("a forest comes back in the middle of a gap") {
    for (const std::size_t since : {0U, 1U, 2U, 3U, 4U}) {
        RandomCutForest forest(options_of(2, 4, 5, 32));
        Table table = wave(300, 2, 1);
        table.at(299 - since, 1) = kMissing;
        forest.update(table.rows());
        check_round_trip(forest, wave(500, 2, 3), 50);
    }
}

TEST_CASE("a fitted forest comes back") {
    for (const std::size_t n_rows : {10U, 40U, 500U}) {
        RandomCutForest forest(options_of(2, 3, 5, 32));
        forest.fit(wave(n_rows, 2, 1).rows());
        check_round_trip(forest, wave(500, 2, 3), 50);
    }
}

TEST_CASE("every option comes back, except how many threads work") {
    for (const double decay : {0.0, 1e-6, 0.01, 2.0}) {
        ForestOptions options;
        options.n_columns = 2;
        options.shingle_size = 3;
        options.n_trees = 4;
        options.sample_size = 300;
        options.time_decay = decay;
        options.output_after = 123;
        options.initial_accept_fraction = 0.7;
        options.random_state = 0xFEDCBA9876543210ULL;
        options.n_jobs = 3;
        RandomCutForest forest(options);
        forest.update(wave(2000, 2, 1).rows());
        check_round_trip(forest, wave(1000, 2, 3), 50);
        const ForestOptions loaded = RandomCutForest::from_bytes(forest.to_bytes())->options();
        CHECK(loaded.n_columns == 2);
        CHECK(loaded.shingle_size == 3);
        CHECK(loaded.n_trees == 4);
        CHECK(loaded.sample_size == 300);
        CHECK(loaded.time_decay == decay);
        CHECK(loaded.output_after == 123);
        CHECK(loaded.initial_accept_fraction == 0.7);
        CHECK(loaded.random_state == 0xFEDCBA9876543210ULL);
        CHECK(loaded.n_jobs == 1);
    }
}

TEST_CASE("equal points and wide points come back") {
    RandomCutForest grid(options_of(1, 2, 5, 64));
    Table coarse{1, {}};
    Rng rng(1, 1);
    for (int i = 0; i < 1500; ++i) coarse.values.push_back(static_cast<double>(rng.below(3)));
    grid.update(coarse.rows());
    check_round_trip(grid, coarse, 100);
    RandomCutForest wide(options_of(300, 1, 3, 16));
    wide.update(wave(100, 300, 1).rows());
    check_round_trip(wide, wave(100, 300, 2), 7);
}

TEST_CASE("the bytes hold what is needed and no more") {
    RandomCutForest forest(options_of(1, 8, 50, 64));
    forest.update(wave(50000, 1, 1).rows());
    // A leaf and a cut and a key per point and tree: about 20 bytes; rows are shared.
    CHECK(forest.to_bytes().size() < 50 * 64 * 20 + 30000);
}

TEST_CASE("bytes that are no forest are refused with a reason") {
    RandomCutForest forest(options_of(2, 2, 3, 16));
    forest.update(wave(200, 2, 1).rows());
    const Bytes good = forest.to_bytes();
    CHECK(message_of(good).empty());
    for (std::size_t length = 0; length < good.size(); ++length) {
        REQUIRE(message_of(Bytes(good.begin(), good.begin() + static_cast<std::ptrdiff_t>(length)))
                    .find("forest bytes: ") == 0);
    }
    for (std::size_t at = 0; at < good.size(); ++at) {
        Bytes bad = good;
        bad[at] ^= std::byte{0x10};
        REQUIRE(message_of(bad).find("forest bytes: ") == 0);
    }
    Bytes longer = good;
    longer.push_back(std::byte{0});
    CHECK(message_of(longer).find("length") != std::string::npos);
    Bytes newer = good;
    newer[4] = std::byte{99};
    CHECK(message_of(newer).find("version 99") != std::string::npos);
    Bytes other = good;
    other[0] = std::byte{'G'};
    CHECK(message_of(other).find("FRCF") != std::string::npos);
    Bytes worn = good;
    worn.back() ^= std::byte{1};
    CHECK(message_of(worn).find("checksum") != std::string::npos);
}
