// SPDX-License-Identifier: Apache-2.0
// Bytes that were tampered with, and whose length and checksum are right nevertheless: they are refused, or
// they are a forest that works. Run under sanitizers this is a fuzz test with a fixed seed.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "byte_stream.hpp"
#include "forest_bench.hpp"
#include "tree_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

using Bytes = std::vector<std::byte>;

constexpr std::size_t kHeader = 20;
constexpr std::size_t kSections = kHeader + 48;  ///< options: four u32, then four of 8 bytes
constexpr std::size_t kCounters = kSections + 8;  ///< there are no sections
constexpr std::size_t kDecay = kHeader + 16;

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
    const std::size_t size = std::min(sizeof value, bytes.size() - at);
    std::memcpy(bytes.data() + at, &value, size);
}

/// Makes length and checksum right again.
void seal(Bytes& bytes) {
    if (bytes.size() < kHeader) return;
    put(bytes, 8, static_cast<std::uint64_t>(bytes.size() - kHeader));
    put(bytes, 16, crc32(std::span(bytes).subspan(kHeader)));
}

std::vector<Bytes> originals() {
    std::vector<Bytes> all;
    for (const std::uint32_t shingle_size : {1U, 3U}) {
        for (const std::size_t n_rows : {0U, 1U, 3U, 10U, 400U}) {
            RandomCutForest forest(options_of(2, shingle_size, 4, 12));
            forest.update(gappy(n_rows, 2, 3).rows());
            all.push_back(forest.to_bytes());
        }
        RandomCutForest fitted(options_of(2, shingle_size, 4, 12));
        fitted.fit(wave(50, 2, 1).rows());
        all.push_back(fitted.to_bytes());
        RandomCutForest grid(options_of(1, shingle_size, 4, 12));
        Table coarse{1, {}};
        Rng rng(1, 1);
        for (int i = 0; i < 200; ++i) coarse.values.push_back(static_cast<double>(rng.below(3)));
        grid.update(coarse.rows());
        all.push_back(grid.to_bytes());
    }
    RandomCutForest wide(options_of(300, 1, 2, 12));
    wide.update(wave(30, 300, 1).rows());
    all.push_back(wide.to_bytes());
    return all;
}

/// Changes bytes at random. At most one of the options that decide about memory changes: forests that need
/// more memory than there is are another matter.
class Mutator {
public:
    explicit Mutator(std::uint64_t seed) : rng_(seed, 0) {}

    Bytes mutate(Bytes bytes, const std::vector<Bytes>& others) {
        bool sizes_changed = false;
        for (std::uint64_t n = 1 + rng_.below(3); n > 0 && bytes.size() > kHeader + 8; --n) {
            std::size_t at = kHeader + rng_.below(bytes.size() - kHeader);
            if (rng_.below(3) == 0)
                at = kHeader + rng_.below(std::min<std::size_t>(200, bytes.size() - kHeader));
            if (at < kDecay && sizes_changed) continue;
            sizes_changed = sizes_changed || at < kDecay;
            change(bytes, at, others);
        }
        seal(bytes);
        return bytes;
    }

private:
    void change(Bytes& bytes, std::size_t at, const std::vector<Bytes>& others) {
        const auto where = bytes.begin() + static_cast<std::ptrdiff_t>(at);
        // Numbers that start or end inside the options may change one number only.
        const std::uint64_t kind = at < kCounters ? rng_.below(3) : rng_.below(10);
        switch (kind) {
            case 0: *where ^= static_cast<std::byte>(1U << rng_.below(8)); break;
            case 1: *where = static_cast<std::byte>(rng_.below(256)); break;
            case 2:
                put(bytes, at < kDecay ? at / 4 * 4 : at,
                    any_of<std::uint32_t>({0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFF, 0x100}));
                break;
            case 3:
                put(bytes, at,
                    any_of<std::uint64_t>(
                        {0, 1, ~0ULL, 1ULL << 63, 1ULL << 62, (1ULL << 62) - 1, 1ULL << 32}));
                break;
            case 4:
                put(bytes, at,
                    any_of<double>({0.0, -1e308, 1e308, 1e-308, HUGE_VAL, kMissing, -745.0, 1e18}));
                break;
            case 5:
                put(bytes, at, any_of<float>({0.0F, -0.0F, 3e38F, -3e38F, 1e30F, HUGE_VALF, std::nanf("")}));
                break;
            case 6:
                bytes.erase(where, where + static_cast<std::ptrdiff_t>(
                                               std::min<std::size_t>(1 + rng_.below(20), bytes.size() - at)));
                break;
            case 7: bytes.insert(where, 1 + rng_.below(20), static_cast<std::byte>(rng_.below(256))); break;
            case 8: bytes.resize(at); break;
            default: splice(bytes, at, others[rng_.below(others.size())]); break;
        }
    }
    void splice(Bytes& bytes, std::size_t at, const Bytes& other) {
        const std::size_t from = kCounters + rng_.below(other.size() - kCounters);
        const std::size_t n = std::min({1 + rng_.below(64), static_cast<std::uint64_t>(other.size() - from),
                                        static_cast<std::uint64_t>(bytes.size() - at)});
        std::memcpy(bytes.data() + at, other.data() + from, n);
    }
    template <class T>
    T any_of(std::initializer_list<T> values) {
        return *(values.begin() + rng_.below(values.size()));
    }

    Rng rng_;
};

/// The forest, or null if the bytes are refused as they should be.
std::unique_ptr<RandomCutForest> load(const Bytes& bytes) {
    try {
        return RandomCutForest::from_bytes(bytes);
    } catch (const std::invalid_argument& error) {
        REQUIRE(std::strlen(error.what()) > 10);
        return nullptr;
    }
}

void check_trees_of(const RandomCutForest& forest) {
    for (std::uint32_t i = 0; i < forest.options().n_trees; ++i) {
        REQUIRE(TreeCheck(forest.tree(i).tree(), forest.geometry(), forest.store().values(),
                          forest.options().sample_size)
                    .defect() == "");
    }
}

/// A forest that was let in scores, learns, is saved and comes back.
void check_works(RandomCutForest& forest) {
    const ForestOptions& options = forest.options();
    check_trees_of(forest);
    const Bytes bytes = forest.to_bytes();
    REQUIRE(RandomCutForest::from_bytes(bytes)->to_bytes() == bytes);
    const Table table = gappy(200, options.n_columns, 9);
    const double largest = std::log2(1.0 + options.sample_size) * 1.001;
    const auto sane = [&](const std::vector<double>& scores) {
        for (const double value : scores) REQUIRE((value >= 0.0 && value <= largest));
    };
    sane(score(forest, table.rows()));
    if (forest.n_seen() + forest.n_skipped() == 0 && options.shingle_size < 10)
        RandomCutForest::from_bytes(bytes)->fit(table.rows());
    sane(score_update(forest, table.rows()));
    check_trees_of(forest);
    const Bytes later = forest.to_bytes();
    const auto again = RandomCutForest::from_bytes(later);
    REQUIRE(again->to_bytes() == later);
    REQUIRE(score(*again, table.rows(0, 20)) == score(forest, table.rows(0, 20)));
}

}  // namespace

TEST_CASE("tampered bytes are refused or are a forest that works") {
    const std::vector<Bytes> all = originals();
    int refused = 0;
    int accepted = 0;
    for (std::uint64_t trial = 0; trial < 4000; ++trial) {
        CAPTURE(trial);
        const auto forest = load(Mutator(trial).mutate(all[trial % all.size()], all));
        if (!forest) {
            ++refused;
            continue;
        }
        ++accepted;
        check_works(*forest);
    }
    // Both branches are worth their name.
    CHECK(refused > 1000);
    CHECK(accepted > 500);
}

TEST_CASE("every place of a small file in turn") {
    const std::vector<Bytes> all = originals();
    for (const std::size_t which : {1U, 3U}) {
        for (std::size_t at = kHeader; at < all[which].size(); ++at) {
            CAPTURE(which);
        CAPTURE(at);
            for (const unsigned value : {0x80U, 0xFFU}) {
                CAPTURE(value);
                Bytes bytes = all[which];
                bytes[at] = static_cast<std::byte>(value);
                seal(bytes);
                if (const auto forest = load(bytes)) check_works(*forest);
            }
        }
    }
}

TEST_CASE("every truncation of a sealed file is refused") {
    for (const Bytes& whole : originals()) {
        for (std::size_t length = 0; length < whole.size(); length += 1 + length / 300) {
            Bytes bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
            seal(bytes);
            REQUIRE(load(bytes) == nullptr);
        }
    }
}

TEST_CASE("a fresh forest cannot claim to be ready, nor to wait for a later point") {
    const Bytes fresh = RandomCutForest(options_of(2, 3, 4, 12)).to_bytes();
    Bytes fitted = fresh;
    fitted[kCounters + 28] = std::byte{1};
    seal(fitted);
    CHECK(load(fitted) == nullptr);
    Bytes late = fresh;
    const std::size_t first_plan = kCounters + 29 + 8 + 40;
    put(late, first_plan, std::uint64_t{5});
    seal(late);
    CHECK(load(late) == nullptr);
}

TEST_CASE("sections are read whole, once and only when they are known") {
    const Bytes plain = RandomCutForest(ForestOptions{}).to_bytes();
    ForestOptions other;
    other.scoring = Scoring::kKinesis;
    const Bytes kinesis = RandomCutForest(other).to_bytes();
    CHECK(kinesis.size() == plain.size() + 13);
    REQUIRE(load(kinesis) != nullptr);
    CHECK(load(kinesis)->options().scoring == Scoring::kKinesis);
    for (const auto& [at, value] : {std::pair{0, 12}, {0, 14}, {8, 0}, {8, 2}, {12, 0}, {12, 2}, {20, 2}}) {
        Bytes bytes = kinesis;
        bytes[kSections + static_cast<std::size_t>(at)] = std::byte(value);
        seal(bytes);
        CAPTURE(at);
        CHECK(load(bytes) == nullptr);
    }
    Bytes twice = kinesis;
    twice.insert(twice.begin() + kCounters, twice.begin() + kCounters, twice.begin() + kCounters + 13);
    put(twice, kSections, std::uint64_t{26});
    seal(twice);
    CHECK(load(twice) == nullptr);
}

TEST_CASE("version 1, which had no sections, is read") {
    const Bytes now = RandomCutForest(options_of(1, 1, 1, 12)).to_bytes();
    Bytes then = now;
    const std::size_t seed = kCounters + 29 + 8 + 32;
    then.erase(then.begin() + seed, then.begin() + seed + 8);
    then.erase(then.begin() + kSections, then.begin() + kCounters);
    put(then, 4, std::uint32_t{1});
    seal(then);
    REQUIRE(load(then) != nullptr);
    Bytes again = load(then)->to_bytes();
    CHECK(again.size() == now.size());
    std::copy_n(now.begin() + seed, 8, again.begin() + seed);
    seal(again);
    CHECK(again == now);
}

TEST_CASE("a generator of zeros is refused") {
    Bytes bytes = RandomCutForest(options_of(2, 3, 4, 12)).to_bytes();
    const std::size_t first_state = kCounters + 29 + 8;
    for (std::size_t i = 0; i < 32; i += 8) put(bytes, first_state + i, std::uint64_t{0});
    seal(bytes);
    CHECK(load(bytes) == nullptr);
}
