// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>

#include <doctest/doctest.h>

#include "fastrcf/rng.hpp"
#include "statistics.hpp"

using fastrcf::Rng;
using namespace fastrcf::testing;

namespace {

constexpr int kDraws = 200000;

/// Chi-squared of 64 x 64 pairs made by draw(), each value in [0, 1).
template <class Draw>
double pairs_p(Draw draw) {
    Histogram pairs(64 * 64);
    for (int i = 0; i < kDraws; ++i) {
        const auto first = static_cast<std::size_t>(draw() * 64.0);
        pairs.add(first * 64 + static_cast<std::size_t>(draw() * 64.0));
    }
    return uniform_p(pairs.counts());
}

}  // namespace

TEST_CASE("the test of counts knows a fair coin from a bent one") {
    CHECK(chi_squared_tail(3.841458820694124, 1) == doctest::Approx(0.05).epsilon(1e-9));
    CHECK(chi_squared_tail(18.307038053275146, 10) == doctest::Approx(0.05).epsilon(1e-9));
    CHECK(chi_squared_tail(51.0, 10) == doctest::Approx(1.7425e-7).epsilon(0.01));
    CHECK(chi_squared_tail(90.0, 100) == doctest::Approx(0.7532).epsilon(0.001));
    const std::array<double, 2> fair = {5050.0, 4950.0};
    const std::array<double, 2> bent = {5300.0, 4700.0};
    CHECK(uniform_p(fair) > 0.3);
    CHECK(uniform_p(bent) < 1e-8);
    CHECK(same_law_p(fair, bent) < 1e-3);
    CHECK(same_law_p(fair, fair) > 0.999);
}

TEST_CASE("SplitMix64 gives the published sequence") {
    std::uint64_t state = 1234567;
    CHECK(fastrcf::splitmix64(state) == 6457827717110365317ULL);
    CHECK(fastrcf::splitmix64(state) == 3203168211198807973ULL);
    CHECK(fastrcf::splitmix64(state) == 9817491932198370423ULL);
    CHECK(fastrcf::splitmix64(state) == 4593380528125082431ULL);
    CHECK(fastrcf::splitmix64(state) == 16408922859458223821ULL);
}

TEST_CASE("xoshiro256++ gives the published sequence") {
    Rng rng(Rng::State{1, 2, 3, 4});
    const std::array<std::uint64_t, 10> expected = {41943041ULL,
                                                    58720359ULL,
                                                    3588806011781223ULL,
                                                    3591011842654386ULL,
                                                    9228616714210784205ULL,
                                                    9973669472204895162ULL,
                                                    14011001112246962877ULL,
                                                    12406186145184390807ULL,
                                                    15849039046786891736ULL,
                                                    10450023813501588000ULL};
    for (const std::uint64_t value : expected) CHECK(rng.bits() == value);
}

TEST_CASE("a generator is its state") {
    Rng rng(42, 7);
    for (int i = 0; i < 1000; ++i) rng.bits();
    Rng again(rng.state());
    for (int i = 0; i < 1000; ++i) REQUIRE(rng.bits() == again.bits());
}

TEST_CASE("seeds and streams give unrelated sequences") {
    std::set<std::uint64_t> first_bits;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        for (std::uint64_t stream = 0; stream < 100; ++stream) first_bits.insert(Rng(seed, stream).bits());
    }
    CHECK(first_bits.size() == 10000);
    std::uint64_t stream = 0;
    CHECK(pairs_p([&] { return Rng(5, stream++).uniform(); }) > kUnlikely);
    std::uint64_t seed = 0;
    CHECK(pairs_p([&] { return Rng(seed++, 3).uniform(); }) > kUnlikely);
    Rng a(1, 0);
    Rng b(1, 1);
    bool turn = false;
    CHECK(pairs_p([&] { return (turn = !turn) ? a.uniform() : b.uniform(); }) > kUnlikely);
}

TEST_CASE("uniform draws lie in their intervals and fill them evenly") {
    Rng rng(11, 0);
    CHECK(pairs_p([&] { return rng.uniform(); }) > kUnlikely);
    double smallest = 1.0;
    double largest = 0.0;
    for (int i = 0; i < kDraws; ++i) {
        const double value = rng.uniform();
        const double positive = rng.uniform_positive();
        REQUIRE((value >= 0.0 && value < 1.0));
        REQUIRE((positive > 0.0 && positive <= 1.0));
        REQUIRE(value * 0x1.0p53 == std::floor(value * 0x1.0p53));
        smallest = std::min(smallest, value);
        largest = std::max(largest, value);
    }
    CHECK(smallest < 1e-4);
    CHECK(largest > 1.0 - 1e-4);
    CHECK(Rng(Rng::State{0, 0, 0, 0}).uniform() == 0.0);
    CHECK(Rng(Rng::State{0, 0, 0, 0}).uniform_positive() == 0x1.0p-53);
}

TEST_CASE("exponential draws follow their law and have a finite logarithm") {
    Rng rng(3, 1);
    Histogram shares(500);
    double sum = 0.0;
    for (int i = 0; i < kDraws; ++i) {
        const double value = rng.exponential();
        REQUIRE(value > 0.0);
        REQUIRE(std::isfinite(std::log(value)));
        shares.add_share(std::exp(-value) * (1.0 - 1e-12));
        sum += value;
    }
    CHECK(uniform_p(shares.counts()) > kUnlikely);
    CHECK(normal_tail((sum - kDraws) / std::sqrt(kDraws)) > kUnlikely);
    // State 0 gives bits 0: the largest draw. All bits set (state[0] + state[3] = -1 turned, plus state[0] =
    // 0): the smallest.
    CHECK(Rng(Rng::State{0, 0, 0, 0}).exponential() == doctest::Approx(53.0 * std::log(2.0)));
    CHECK(Rng(Rng::State{0, 0, 0, std::numeric_limits<std::uint64_t>::max()}).exponential() == 0x1.0p-54);
}

TEST_CASE("below() is uniform, also for bounds that do not divide the range") {
    Rng rng(9, 9);
    for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 7ULL, 10ULL, 257ULL}) {
        Histogram counts(bound);
        for (int i = 0; i < kDraws / 4; ++i) {
            const std::uint64_t drawn = rng.below(bound);
            REQUIRE(drawn < bound);
            counts.add(drawn);
        }
        if (bound > 1) CHECK(uniform_p(counts.counts()) > kUnlikely);
    }
    // Without rejection the lower half of this range would come twice as often as the upper.
    const std::uint64_t large = 3ULL << 62;
    Histogram halves(3);
    for (int i = 0; i < kDraws / 4; ++i) halves.add(rng.below(large) >> 62);
    CHECK(uniform_p(halves.counts()) > kUnlikely);
}
