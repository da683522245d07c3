// SPDX-License-Identifier: Apache-2.0
// A time-decayed random sample of a stream (Guha et al. 2016; weighted reservoir of Efraimidis & Spirakis 2006).
//
// Point number t gets the key ln(E) - decay·t, E exponential with mean 1; the sample is the points with the
// smallest keys. Keys are doubles, so they still tell points apart after 10^9 of them. The index of the next
// point that the sample takes is drawn at once (exponential jump), so a point that is not taken costs nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "fastrcf/rng.hpp"
#include "fastrcf/types.hpp"

namespace fastrcf {

class StreamSampler {
public:
    /// Packed: a forest holds as many of these as points in all its trees.
    struct __attribute__((packed)) Entry {
        double key;
        NodeId leaf;
    };

    /// What happens at the next point that the sample takes.
    struct Plan {
        std::uint64_t index = 0;  ///< number of the point
        double key = 0.0;
        bool replaces = false;    ///< the point with the largest key goes
    };

    /// What decides on consecutive points while the sample fills. It depends on their numbers and the seed alone, so
    /// it can be drawn for many at once, which is much cheaper than one by one.
    struct Draws {
        static constexpr std::size_t kMost = 64;

        [[nodiscard]] bool cover(std::uint64_t index) const noexcept { return index - first < n; }

        std::uint64_t first = 0;
        std::size_t n = 0;
        double key[kMost];
        double uniform[kMost];
    };

    StreamSampler(std::uint32_t capacity, double time_decay, double initial_accept_fraction);

    /// What decides on points while the sample fills, besides their numbers.
    [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
    void set_seed(std::uint64_t seed) noexcept { seed_ = seed; }

    [[nodiscard]] bool is_full() const noexcept { return entries_.size() >= capacity_; }

    /// Makes the draws for n points, at most Draws::kMost.
    void draw(std::uint64_t first, std::size_t n, Draws& draws) const noexcept;

    /// Draws the plan, given that points before `from` are past. Called once at the start; accept() draws the next.
    void plan(std::uint64_t from, Rng& rng, const Draws* made = nullptr);

    [[nodiscard]] const Plan& next() const noexcept { return plan_; }

    /// The planned point has arrived and stands at `leaf`: takes it and draws the next plan.
    /// Returns the leaf that lost a point, or kNoNode. Draws that have been made need not be made again.
    NodeId accept(NodeId leaf, Rng& rng, const Draws* made = nullptr);

    /// Takes a point with a given key while there is room (a sample drawn elsewhere, or a saved one).
    void add(double key, NodeId leaf);

    /// Calls leaf = renamed(leaf) for every point.
    template <class Renamed>
    void rename_leaves(Renamed renamed) {
        for (Entry& entry : entries_) entry.leaf = renamed(entry.leaf);
    }

    /// Adds a number to all keys, as if all points had come at another time. A new plan is needed then.
    void shift_keys(double shift) noexcept;
    /// Makes room for that many points, at most the capacity; a sample grows with what it takes.
    void reserve(std::size_t n_points) {
        if (n_points > entries_.capacity()) grow(n_points);
    }

    /// Moves into memory that samplers use in turn, with room for that many points.
    void enter(std::vector<Entry>& nursery, std::size_t n_points);

    /// Moves out of it, into memory for the points held.
    void leave(std::vector<Entry>& nursery);

    void restore_plan(const Plan& plan) noexcept { plan_ = plan; }

    [[nodiscard]] const std::vector<Entry>& entries() const noexcept { return entries_; }
    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::size_t memory_bytes() const noexcept { return entries_.capacity() * sizeof(Entry); }

private:
    void grow(std::size_t n_points);
    void plan_filling(std::uint64_t from, const Draws* made) noexcept;
    void plan_full(std::uint64_t from, Rng& rng);
    void rise(std::size_t hole, Entry entry) noexcept;
    void sift_down(std::size_t hole, Entry entry) noexcept;

    std::uint32_t capacity_;
    double decay_;
    double decay_growth_;  ///< e^decay - 1
    double accept_slope_;  ///< a place that is free makes it so much likelier that a point is added
    std::uint64_t seed_ = 0;
    Plan plan_;
    std::vector<Entry> entries_;  ///< binary heap, largest key first
};

}  // namespace fastrcf
