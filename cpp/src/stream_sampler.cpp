// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/stream_sampler.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "fastrcf/portable_math.hpp"

namespace fastrcf {
namespace {

/// No point beyond this number will ever arrive.
constexpr double kFarAway = 0x1.0p62;

}  // namespace

StreamSampler::StreamSampler(std::uint32_t capacity, double time_decay, double initial_accept_fraction)
    : capacity_(capacity),
      decay_(time_decay),
      decay_growth_(portable::expm1(time_decay)),
      accept_slope_(1.0 / (static_cast<double>(capacity) * (1.0 - initial_accept_fraction))) {}

void StreamSampler::grow(std::size_t n_points) {
    const std::size_t room = entries_.capacity();
    entries_.reserve(std::min<std::size_t>(std::max(n_points, room + room / 8 + 8), capacity_));
}

void StreamSampler::enter(std::vector<Entry>& nursery, std::size_t n_points) {
    nursery.reserve(std::min<std::size_t>(n_points, capacity_));
    nursery.assign(entries_.begin(), entries_.end());
    entries_ = std::exchange(nursery, {});
}

void StreamSampler::leave(std::vector<Entry>& nursery) {
    nursery = std::exchange(entries_, std::vector<Entry>(entries_.begin(), entries_.end()));
}

void StreamSampler::plan(std::uint64_t from, Rng& rng, const Draws* made) {
    if (is_full()) {
        plan_full(from, rng);
    } else {
        plan_filling(from, made);
    }
}

// The draws of point t are numbers 2t and 2t + 1 of the SplitMix64 sequence of the seed.
void StreamSampler::draw(std::uint64_t first, std::size_t n, Draws& draws) const noexcept {
    draws.first = first;
    draws.n = n;
    std::uint64_t state = seed_ + 2 * first * kSplitmixStep;
    std::uint64_t bits[Draws::kMost];
    for (std::size_t i = 0; i < n; ++i) {
        bits[i] = splitmix64(state);
        draws.uniform[i] = Rng::uniform_of(splitmix64(state));
    }
    for (std::size_t i = 0; i < n; ++i) {
        draws.key[i] = portable::log(Rng::exponential_of(bits[i])) - decay_ * static_cast<double>(first + i);
    }
}

// While there is room a point is added with a probability that is 1 up to the initial fraction and then falls to 0 as
// the sample fills, so that trees differ from the start; a point that is not added may still replace the one with the
// largest key.
void StreamSampler::plan_filling(std::uint64_t from, const Draws* made) noexcept {
    const double chance = static_cast<double>(capacity_ - entries_.size()) * accept_slope_;
    Draws own;
    for (std::uint64_t index = from;; ++index) {
        if (made == nullptr || !made->cover(index)) {
            draw(index, 1, own);
            made = &own;
        }
        const std::size_t at = index - made->first;
        const bool is_added = entries_.empty() || made->uniform[at] < chance;
        if (is_added || made->key[at] < entries_.front().key) {
            plan_ = {index, made->key[at], !is_added};
            return;
        }
    }
}

// Point t is taken when its key is below the largest key m: the hazard of point t is exp(m + decay·t). One
// exponential draw is spent on the summed hazards, which are a geometric series. What is left of the draw when
// it reaches the point that it cannot pay for has the law of that point's own exponential, cut off at its
// hazard: it makes the key.
void StreamSampler::plan_full(std::uint64_t from, Rng& rng) {
    const double largest = entries_.front().key;
    const double start = decay_ * static_cast<double>(from);
    const double hazard = portable::exp(largest + start);
    const double budget = rng.exponential();
    double skipped;
    double spent;
    if (decay_ > 0.0) {
        skipped = std::floor(portable::log1p(budget * decay_growth_ / hazard) / decay_);
        spent = hazard * portable::expm1(decay_ * skipped) / decay_growth_;
    } else {
        skipped = std::floor(budget / hazard);
        spent = hazard * skipped;
    }
    if (!(skipped < kFarAway)) {
        plan_ = {static_cast<std::uint64_t>(kFarAway), largest, true};
        return;
    }
    // Where rounding leaves nothing, the key is as small as a draw can make it.
    const double left = std::max(budget - spent, budget * 0x1.0p-53);
    const double key = portable::log(left) - (start + decay_ * skipped);
    plan_ = {from + static_cast<std::uint64_t>(skipped), std::min(key, largest), true};
}

NodeId StreamSampler::accept(NodeId leaf, Rng& rng, const Draws* made) {
    NodeId lost = kNoNode;
    if (plan_.replaces) {
        lost = entries_.front().leaf;
        sift_down(0, {plan_.key, leaf});
    } else {
        add(plan_.key, leaf);
    }
    plan(plan_.index + 1, rng, made);
    return lost;
}

void StreamSampler::add(double key, NodeId leaf) {
    reserve(entries_.size() + 1);
    entries_.push_back({key, leaf});
    rise(entries_.size() - 1, {key, leaf});
}

// Rounding may make keys equal but never changes their order: the heap stays one.
void StreamSampler::shift_keys(double shift) noexcept {
    for (Entry& entry : entries_) entry.key += shift;
}

void StreamSampler::rise(std::size_t hole, Entry entry) noexcept {
    Entry* heap = entries_.data();
    while (hole > 0 && heap[(hole - 1) / 2].key < entry.key) {
        heap[hole] = heap[(hole - 1) / 2];
        hole = (hole - 1) / 2;
    }
    heap[hole] = entry;
}

// The hole sinks to the bottom along the larger children, then the entry rises: a new key is nearly always one
// of the smallest, and the choice of the larger child needs no branch.
void StreamSampler::sift_down(std::size_t hole, Entry entry) noexcept {
    const std::size_t size = entries_.size();
    Entry* heap = entries_.data();
    std::size_t child = 2 * hole + 1;
    for (; child + 1 < size; child = 2 * hole + 1) {
        child += heap[child].key < heap[child + 1].key ? 1U : 0U;
        heap[hole] = heap[child];
        hole = child;
    }
    if (child < size) {
        heap[hole] = heap[child];
        hole = child;
    }
    rise(hole, entry);
}

}  // namespace fastrcf
