// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <map>
#include <set>
#include <vector>

#include <doctest/doctest.h>

#include "sampler_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

TEST_CASE("every tree takes the first points, and trees differ soon after") {
    std::set<std::vector<std::uint64_t>> samples;
    for (std::uint64_t i = 0; i < 50; ++i) {
        Sample sample(64, 1e-3, 0.125, i);
        sample.run_to(8);
        CHECK(sample.sampler.entries().size() == 8);
        sample.run_to(40);
        samples.insert(sample.held());
        sample.run_to(3000);
        CHECK(sample.sampler.entries().size() == 64);
    }
    CHECK(samples.size() == 50);
}

TEST_CASE("keys stay apart and in order after 10^9 points") {
    for (const double decay : {0.0, 1e-5, 1.0 / 2560.0, 0.1}) {
        Sample sample(256, decay, 0.125, 9, 1000000000);
        for (int i = 0; i < 20000 && sample.sampler.next().index < 2000000000; ++i) {
            const auto& entries = sample.sampler.entries();
            if (entries.size() == 256) {
                REQUIRE(sample.sampler.next().key < entries.front().key);
            }
            const std::uint64_t index = sample.sampler.next().index;
            sample.take();
            REQUIRE(sample.sampler.next().index > index);
        }
        std::set<double> keys;
        std::set<NodeId> leaves;
        for (const StreamSampler::Entry& entry : sample.sampler.entries()) {
            CHECK(std::isfinite(entry.key));
            CHECK(entry.key <= sample.sampler.entries().front().key);
            keys.insert(entry.key);
            leaves.insert(entry.leaf);
        }
        CHECK(keys.size() == 256);
        CHECK(leaves.size() == 256);
        CHECK(sample.held().size() == 256);
    }
}

TEST_CASE("the point with the largest key goes, whatever the order of arrival") {
    Rng rng(4, 4);
    for (int trial = 0; trial < 50; ++trial) {
        StreamSampler sampler(33, 1e-3, 0.125);
        std::map<double, NodeId> model;
        for (NodeId leaf = 0; leaf < 33; ++leaf) {
            const double key = rng.uniform();
            sampler.add(key, leaf);
            model[key] = leaf;
        }
        for (int i = 0; i < 200; ++i) {
            sampler.plan(0, rng);
            const NodeId expected = std::prev(model.end())->second;
            model.erase(std::prev(model.end()));
            const double key = sampler.next().key;
            const NodeId lost = sampler.accept(expected, rng);
            REQUIRE(lost == expected);
            model[key] = expected;
            REQUIRE(sampler.entries().front().key == std::prev(model.end())->first);
        }
    }
}

TEST_CASE("a huge decay keeps the newest points") {
    for (const double decay : {50.0, 300.0, 709.0, 710.0, 1e3, 1e6, 1e12}) {
        CAPTURE(decay);
        for (const std::uint32_t capacity : {1U, 2U, 16U}) {
            Sample sample(capacity, decay, 0.125, capacity);
            sample.run_to(200);
            for (std::uint64_t next = 200; next < 260; ++next) {
                REQUIRE(sample.sampler.next().index == next);
                sample.take();
            }
            std::vector<std::uint64_t> held = sample.held();
            std::sort(held.begin(), held.end());
            REQUIRE(held.size() == capacity);
            CHECK(held.front() == 260 - capacity);
        }
    }
}

TEST_CASE("a vanishing decay is no decay, and a stream of 2^62 points never overflows") {
    Sample sample(4, 1e-300, 1.0, 3);
    sample.run_to(100000);
    CHECK(sample.held().size() == 4);
    StreamSampler far = full_sampler(4, 0.0, -600.0);
    Rng rng(1, 1);
    far.plan(1ULL << 61, rng);
    CHECK(far.next().index > 1ULL << 61);
    CHECK(far.next().index <= (1ULL << 61) + (1ULL << 62));
    CHECK(std::isfinite(far.next().key));
}
