// SPDX-License-Identifier: Apache-2.0
// Which points a sampler takes and keeps, against the laws written down.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "sampler_bench.hpp"
#include "statistics.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

/// c of the steady state: the chance to hold a point of age a is 1 - exp(-c e^(-decay·a)). These chances sum
/// to the capacity: Ein(c) / decay + (1 - e^-c) / 2, by Euler and Maclaurin; Ein(c) is the integral of (1 -
/// e^-x)/x.
double steady_threshold(double capacity, double decay) {
    const auto expected_size = [decay](double c) {
        double ein = 0.0;
        double term = -1.0;
        for (double k = 1.0; k < 200.0; ++k) {
            term *= -c / k;
            ein += term / k;
        }
        return ein / decay - std::expm1(-c) / 2.0;
    };
    double low = 0.0;
    double high = 25.0;
    for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2.0;
        (expected_size(middle) < capacity ? low : high) = middle;
    }
    return low;
}

/// p of the ages, in bins of a twentieth of 1/decay, that many samplers hold at point `end`.
double retention_p(std::uint32_t capacity, double decay, int n_samplers, std::uint64_t start,
                   std::uint64_t length) {
    const double c = steady_threshold(capacity, decay);
    const auto bin_of = [decay](double age) {
        return std::min<std::size_t>(119, static_cast<std::size_t>(age * decay * 20.0));
    };
    std::vector<double> shares(120, 0.0);
    for (double age = 0.0; age < static_cast<double>(length); ++age) {
        shares[bin_of(age)] += -std::expm1(-c * std::exp(-decay * age)) / capacity;
    }
    Histogram ages(120);
    for (int i = 0; i < n_samplers; ++i) {
        Sample sample(capacity, decay, 0.125, static_cast<std::uint64_t>(i), start);
        sample.run_to(start + length);
        for (const std::uint64_t held : sample.held())
            ages.add(bin_of(static_cast<double>(start + length - 1 - held)));
    }
    return fit_p(ages.counts(), shares);
}

}  // namespace

TEST_CASE("a point of age a is held in proportion to exp(-decay * age)") {
    // With decay * capacity this small the chance is proportional to the exponential within 0.2 %.
    CHECK(steady_threshold(16, 1.0 / 6400.0) == doctest::Approx(0.0025).epsilon(0.005));
    CHECK(retention_p(16, 1.0 / 6400.0, 3000, 0, 64000) > kUnlikely);
    CHECK(retention_p(64, 1.0 / 640.0, 2000, 0, 6400) > kUnlikely);
    CHECK(retention_p(64, 1.0 / 20.0, 2000, 0, 500) > kUnlikely);
}

TEST_CASE("the law of ages is the same after 10^9 points") {
    CHECK(retention_p(64, 1.0 / 640.0, 2000, 1000000000, 6400) > kUnlikely);
}

TEST_CASE("without decay the sample is uniform") {
    for (const double fraction : {0.125, 1.0}) {
        Histogram held(40);
        for (std::uint64_t i = 0; i < 3000; ++i) {
            Sample sample(32, 0.0, fraction, i);
            sample.run_to(1280);
            for (const std::uint64_t number : sample.held()) held.add(number / 32);
        }
        CHECK(uniform_p(held.counts()) > kUnlikely);
    }
}

TEST_CASE("a sample of one is any point, or the last ones under decay") {
    Histogram held(16);
    Histogram ages(200);
    std::vector<double> shares;
    // Point t of n wins with weight e^(decay·t): a single draw.
    for (int age = 0; age < 200; ++age) shares.push_back(std::exp(-0.05 * age));
    double sum = 0.0;
    for (const double share : shares) sum += share;
    for (double& share : shares) share /= sum;
    for (std::uint64_t i = 0; i < 40000; ++i) {
        Sample uniform(1, 0.0, 0.125, i);
        uniform.run_to(16);
        REQUIRE(uniform.held().size() == 1);
        held.add(uniform.held().front());
        Sample decayed(1, 0.05, 1.0, i);
        decayed.run_to(200);
        ages.add(199 - decayed.held().front());
    }
    CHECK(uniform_p(held.counts()) > kUnlikely);
    CHECK(fit_p(ages.counts(), shares) > kUnlikely);
}

TEST_CASE("in the steady state a sampler takes the known share of points") {
    struct Row {
        double decay;
        double share;
        double tolerance;  ///< digits of the published table
    };
    for (const Row& row :
         {Row{1.0 / 2560.0, 0.0975, 5e-5}, Row{1e-4, 0.0254, 5e-5}, Row{1e-5, 0.0026, 5e-5}}) {
        const double share = -std::expm1(-steady_threshold(256, row.decay));
        CHECK(share == doctest::Approx(row.share).epsilon(row.tolerance / row.share));
        Sample sample(256, row.decay, 0.125, 1);
        sample.run_to(static_cast<std::uint64_t>(20.0 / row.decay));
        const auto begin = sample.sampler.next().index;
        const double wanted = 100000.0;
        for (double taken = 0.0; taken < wanted; ++taken) sample.take();
        const double points = static_cast<double>(sample.sampler.next().index - begin);
        CHECK(share_p(wanted, points, share) > kUnlikely);
    }
}

TEST_CASE("the jump to the next point follows the coin that every point would toss") {
    for (const double decay : {0.0, 1e-3, 0.05, 1.0}) {
        CAPTURE(decay);
        // Near 10^6 the keys are far from 0 while the hazard of the next point stays 0.02.
        const std::uint64_t from = 1000000;
        const double largest = std::log(0.02) - decay * static_cast<double>(from);
        constexpr std::size_t kBins = 400;
        std::vector<double> shares(kBins, 0.0);
        double reached = 1.0;
        for (std::size_t k = 0; k + 1 < kBins; ++k) {
            const double taken = -std::expm1(-0.02 * std::exp(decay * static_cast<double>(k)));
            shares[k] = reached * taken;
            reached *= 1.0 - taken;
        }
        shares.back() = reached;
        StreamSampler sampler = full_sampler(8, decay, largest);
        Histogram jumps(kBins);
        std::vector<Histogram> keys(3, Histogram(50));  // after a short, a middle and a long jump
        Rng rng(77, 0);
        for (int i = 0; i < 100000; ++i) {
            sampler.plan(from, rng);
            const StreamSampler::Plan& plan = sampler.next();
            REQUIRE(plan.replaces);
            REQUIRE(plan.index >= from);
            REQUIRE(plan.key <= largest);
            const std::uint64_t jump = plan.index - from;
            jumps.add(jump);
            // Its key is that of an exponential cut off where it would not be taken.
            const double shift = decay * static_cast<double>(plan.index);
            const double share =
                std::expm1(-std::exp(plan.key + shift)) / std::expm1(-std::exp(largest + shift));
            keys[jump < 2 ? 0 : jump < 10 ? 1 : 2].add_share(share * (1.0 - 1e-9));
        }
        CHECK(fit_p(jumps.counts(), shares) > kUnlikely);
        for (const Histogram& of_jump : keys) {
            if (of_jump.total() > 0.0) CHECK(uniform_p(of_jump.counts()) > kUnlikely);
        }
    }
}

TEST_CASE("with room left, a point enters with the filling chance or by beating the largest key") {
    constexpr std::uint32_t kCapacity = 64;
    for (const double fraction : {0.125, 0.5, 1.0}) {
        for (const std::uint32_t size : {0U, 1U, 7U, 8U, 9U, 31U, 32U, 48U, 63U}) {
            const double filled = static_cast<double>(size) / kCapacity;
            const double chance =
                filled < fraction || size == 0 ? 1.0 : 1.0 - (filled - fraction) / (1.0 - fraction);
            StreamSampler sampler(kCapacity, 0.01, fraction);
            for (std::uint32_t i = 0; i < size; ++i)
                sampler.add(std::log(0.4) - i - 0.01 * 500.0, static_cast<NodeId>(i));
            const double beats = -std::expm1(-0.4);
            Rng rng(size, 5);
            std::map<std::string, double> seen;
            constexpr int kTrials = 20000;
            for (int i = 0; i < kTrials; ++i) {
                sampler.set_seed(rng.bits());
                sampler.plan(500, rng);
                if (sampler.next().index > 500)
                    ++seen["later"];
                else
                    ++seen[sampler.next().replaces ? "replaces" : "enters"];
            }
            if (chance == 1.0) {
                CHECK(seen["enters"] == kTrials);
                continue;
            }
            const std::vector<double> counts = {seen["enters"], seen["replaces"], seen["later"]};
            const std::vector<double> shares = {chance, (1.0 - chance) * beats,
                                                (1.0 - chance) * (1.0 - beats)};
            CHECK(fit_p(counts, shares) > kUnlikely);
        }
    }
}
