// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/stream_sampler.hpp"

#include <algorithm>
#include <cmath>

namespace fastrcf {
namespace {

bool smaller_key(const StreamSampler::Entry& a, const StreamSampler::Entry& b) noexcept { return a.key < b.key; }

/// No point beyond this number will ever arrive.
constexpr double kFarAway = 0x1.0p62;

}  // namespace

StreamSampler::StreamSampler(std::uint32_t capacity, double time_decay, double initial_accept_fraction)
    : capacity_(capacity),
      decay_(time_decay),
      decay_growth_(std::expm1(time_decay)),
      accept_fraction_(initial_accept_fraction) {
    entries_.reserve(capacity);
}

void StreamSampler::plan(std::uint64_t from, Rng& rng) {
    if (entries_.size() < capacity_) {
        plan_filling(from, rng);
    } else {
        plan_full(from, rng);
    }
}

// While there is room a point is added with a probability that falls from 1 to 0 as the sample fills, so that
// trees differ from the start; a point that is not added may still replace the one with the largest key.
void StreamSampler::plan_filling(std::uint64_t from, Rng& rng) {
    const double filled = static_cast<double>(entries_.size()) / static_cast<double>(capacity_);
    const double chance =
        filled < accept_fraction_ ? 1.0 : 1.0 - (filled - accept_fraction_) / (1.0 - accept_fraction_);
    for (std::uint64_t index = from;; ++index) {
        const double key = std::log(rng.exponential()) - decay_ * static_cast<double>(index);
        if (entries_.empty() || rng.uniform() < chance) {
            plan_ = {index, key, false};
            return;
        }
        if (key < entries_.front().key) {
            plan_ = {index, key, true};
            return;
        }
    }
}

// Point t is taken when its key is below the largest key m: the hazard of point t is exp(m + decay·t). One
// exponential draw is spent on the summed hazards, which are a geometric series; then the key of the point
// that spends it comes from the exponential law cut off at m.
void StreamSampler::plan_full(std::uint64_t from, Rng& rng) {
    const double largest = entries_.front().key;
    const double hazard = std::exp(largest + decay_ * static_cast<double>(from));
    const double budget = rng.exponential();
    const double points = decay_ > 0.0 ? std::log1p(budget * decay_growth_ / hazard) / decay_ : budget / hazard;
    const double skipped = std::min(std::max(std::ceil(points), 1.0) - 1.0, kFarAway);
    const std::uint64_t index = from + static_cast<std::uint64_t>(skipped);

    const double shift = decay_ * static_cast<double>(index);
    const double limit = std::exp(largest + shift);
    const double value = -std::log1p(rng.uniform_positive() * std::expm1(-limit));
    // value is in (0, limit]; where U = 1 meets a large limit the logarithm overflows to infinity.
    plan_ = {index, std::min(std::log(value) - shift, largest), true};
}

NodeId StreamSampler::accept(NodeId leaf, Rng& rng) {
    NodeId lost = kNoNode;
    if (plan_.replaces) {
        lost = entries_.front().leaf;
        sift_down(0, {plan_.key, leaf});
    } else {
        add(plan_.key, leaf);
    }
    plan(plan_.index + 1, rng);
    return lost;
}

void StreamSampler::add(double key, NodeId leaf) {
    entries_.push_back({key, leaf});
    std::push_heap(entries_.begin(), entries_.end(), smaller_key);
}

void StreamSampler::sift_down(std::size_t hole, Entry entry) noexcept {
    const std::size_t size = entries_.size();
    for (std::size_t child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
        if (child + 1 < size && entries_[child].key < entries_[child + 1].key) ++child;
        if (!(entry.key < entries_[child].key)) break;
        entries_[hole] = entries_[child];
        hole = child;
    }
    entries_[hole] = entry;
}

}  // namespace fastrcf
