// SPDX-License-Identifier: Apache-2.0
// A sampler fed by a stream in which nothing but time happens.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "fastrcf/stream_sampler.hpp"

namespace fastrcf::testing {

/// A sampler with the numbers of the points it holds.
class Sample {
public:
    Sample(std::uint32_t capacity, double decay, double fraction, std::uint64_t stream,
           std::uint64_t from = 0)
        : rng(2024, stream), sampler(capacity, decay, fraction), arrivals(capacity + 1, kGone) {
        for (std::uint32_t leaf = capacity + 1; leaf > 0; --leaf)
            free_.push_back(static_cast<NodeId>(leaf - 1));
        sampler.set_seed(rng.bits());
        sampler.plan(from, rng);
    }

    /// Lets time pass until point `end`.
    void run_to(std::uint64_t end) {
        while (sampler.next().index < end) take();
    }
    void take() {
        const NodeId leaf = free_.back();
        free_.pop_back();
        arrivals[leaf] = sampler.next().index;
        const NodeId lost = sampler.accept(leaf, rng);
        if (lost == kNoNode) return;
        arrivals[lost] = kGone;
        free_.push_back(lost);
    }
    [[nodiscard]] std::vector<std::uint64_t> held() const {
        std::vector<std::uint64_t> numbers;
        for (const std::uint64_t arrival : arrivals) {
            if (arrival != kGone) numbers.push_back(arrival);
        }
        return numbers;
    }

    static constexpr std::uint64_t kGone = std::numeric_limits<std::uint64_t>::max();
    Rng rng;
    StreamSampler sampler;
    std::vector<std::uint64_t> arrivals;  ///< of the point at each leaf

private:
    std::vector<NodeId> free_;
};

/// A full sampler whose largest key is `largest`.
inline StreamSampler full_sampler(std::uint32_t capacity, double decay, double largest) {
    StreamSampler sampler(capacity, decay, 0.125);
    for (std::uint32_t i = 0; i < capacity; ++i) sampler.add(largest - i, static_cast<NodeId>(i));
    return sampler;
}

}  // namespace fastrcf::testing
