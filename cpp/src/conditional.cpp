// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/conditional.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace fastrcf {
namespace {

const float* point_of(const ForestView& forest, const TreeArrays& arrays, NodeId leaf) {
    return forest.stored + static_cast<std::size_t>(arrays.payload[leaf]) * forest.geometry.columns;
}

/// The lower median; reorders the values.
float median_of(std::vector<float>& values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

/// Leaves out the farther half of the offers that do not meet the known coordinates exactly.
void keep_nearest(std::vector<Completion>& offers) {
    std::sort(offers.begin(), offers.end(),
              [](const Completion& a, const Completion& b) { return a.distance < b.distance; });
    const auto far = std::find_if(offers.begin(), offers.end(), [](const Completion& a) { return a.distance > 0.0; });
    const auto n_exact = static_cast<std::size_t>(far - offers.begin());
    std::size_t n_kept = n_exact + (offers.size() - n_exact + 1) / 2;
    while (n_kept < offers.size() && offers[n_kept].distance == offers[n_kept - 1].distance) ++n_kept;
    offers.resize(n_kept);
}

}  // namespace

/// Sums in eight lanes: coordinates 0, 8, 16 ... in the first one and so on. Without branches compilers use vectors.
struct ConditionalSampler::Sums {
    double gap[8] = {};    ///< twice the L1 distance from the point to the box
    double range[8] = {};  ///< sides of the box

    template <int Width>
    void add(const float* low, const float* minus_high, const float* above, const float* below) noexcept {
        for (int lane = 0; lane < Width; ++lane) {
            const double lowest = low[lane];
            const double highest = -static_cast<double>(minus_high[lane]);
            const double over = static_cast<double>(above[lane]) - highest;
            const double under = lowest - static_cast<double>(below[lane]);
            gap[lane] += (over + std::abs(over)) + (under + std::abs(under));
            range[lane] += highest - lowest;
        }
    }
    [[nodiscard]] double distance() const noexcept { return 0.5 * total(gap); }
    [[nodiscard]] double sides() const noexcept { return total(range); }

private:
    static double total(const double* lanes) noexcept {
        return ((lanes[0] + lanes[1]) + (lanes[2] + lanes[3])) + ((lanes[4] + lanes[5]) + (lanes[6] + lanes[7]));
    }
};

ConditionalSampler::ConditionalSampler(const Geometry& geometry)
    : dimensions_(geometry.dimensions),
      is_missing_(geometry.dimensions),
      keys_(geometry.dimensions),
      above_((geometry.dimensions + 7) / 8 * 8),
      below_(above_.size()) {}

void ConditionalSampler::pose(const float* point, std::span<const std::uint32_t> missing) {
    constexpr float kFarOut = std::numeric_limits<float>::max();
    std::fill(is_missing_.begin(), is_missing_.end(), std::uint8_t{0});
    std::copy_n(point, dimensions_, above_.begin());
    std::copy_n(point, dimensions_, below_.begin());
    for (std::uint32_t i = 0; i < dimensions_; ++i) keys_[i] = order_key(point[i]);
    for (const std::uint32_t i : missing) {
        is_missing_[i] = 1;
        above_[i] = -kFarOut;  // above nothing and below nothing
        below_[i] = kFarOut;
    }
}

void ConditionalSampler::complete(const ForestView& forest, std::span<const SampledTree> trees, float* point,
                                  std::span<const std::uint32_t> missing) {
    begin(point, missing);
    for (const SampledTree& sampled : trees) hear(forest, sampled.tree());
    finish(forest, trees, point);
}

void ConditionalSampler::begin(const float* point, std::span<const std::uint32_t> missing) {
    missing_.assign(missing.begin(), missing.end());
    offers_.clear();
    pose(point, missing);
}

void ConditionalSampler::hear(const ForestView& forest, const RandomCutTree& tree) {
    if (tree.is_bare() || missing_.size() == dimensions_) return;
    Rng unused;
    offers_.push_back(draw(forest, tree, 1.0, unused));
}

void ConditionalSampler::finish(const ForestView& forest, std::span<const SampledTree> trees, float* point) {
    if (missing_.size() == dimensions_) {
        fill_unconditionally(forest, trees, point);
        return;
    }
    keep_nearest(offers_);
    for (const std::uint32_t i : missing_) {
        values_.clear();
        for (const Completion& offer : offers_) values_.push_back(offer.point[i]);
        point[i] = median_of(values_);
    }
}

// Nothing is known: the medians of all that is stored.
void ConditionalSampler::fill_unconditionally(const ForestView& forest, std::span<const SampledTree> trees,
                                              float* point) {
    for (std::uint32_t i = 0; i < dimensions_; ++i) {
        values_.clear();
        for (const SampledTree& sampled : trees) {
            const TreeArrays& arrays = sampled.tree().arrays();
            sampled.tree().for_each_leaf([&](NodeId leaf) {
                values_.insert(values_.end(), arrays.mass[leaf], point_of(forest, arrays, leaf)[i]);
            });
        }
        point[i] = median_of(values_);
    }
}

// Depth first without recursion: a tree may be as deep as its sample is large.
Completion ConditionalSampler::draw(const ForestView& forest, const RandomCutTree& tree, double centrality, Rng& rng) {
    const TreeArrays& arrays = tree.arrays();
    forks_.clear();
    Candidate candidate = descend(forest, tree, arrays.root, 0);
    while (!forks_.empty()) {
        Fork& fork = forks_.back();
        if (fork.left.leaf == kNoNode) {
            fork.left = candidate;
            const NodeId right = arrays.child[2 * fork.node + 1];
            candidate = descend(forest, tree, right, fork.depth + 1);  // may move the forks
            continue;
        }
        bool left = false;
        if (centrality >= 1.0) {
            left = left_is_lower(forest, arrays, fork.left, candidate, fork.node);
        } else {
            while (rise(forest, arrays, fork.left, fork.node)) {}
            while (rise(forest, arrays, candidate, fork.node)) {}
            const double left_rank = (1.0 - centrality) * rng.uniform() + centrality * fork.left.rank;
            const double right_rank = (1.0 - centrality) * rng.uniform() + centrality * candidate.rank;
            left = left_rank <= right_rank;
        }
        if (left) candidate = fork.left;
        forks_.pop_back();
    }
    return {point_of(forest, arrays, candidate.leaf), candidate.distance};
}

/// Goes down to a leaf, to the left wherever a missing coordinate is cut, and notes these forks.
ConditionalSampler::Candidate ConditionalSampler::descend(const ForestView& forest, const RandomCutTree& tree,
                                                          NodeId node, int depth) {
    const TreeArrays& arrays = tree.arrays();
    for (; !tree.is_leaf(node); ++depth) {
        const std::uint32_t dimension = arrays.dimension[node];
        if (is_missing_[dimension] != 0) {
            forks_.push_back({node, depth, {}});
            node = arrays.child[2 * node];
        } else {
            node = arrays.child[2 * node + (keys_[dimension] > arrays.payload[node] ? 1 : 0)];
        }
    }
    Candidate found{node, node, depth};
    const float* stored = point_of(forest, arrays, node);
    found.distance = compare(stored, stored).distance();
    found.inside = found.distance == 0.0;
    if (!found.inside) {
        found.rank = 1.0 / (depth + 1);
    } else if (depth > 0) {
        found.rank = 1.0 / (depth + static_cast<double>(forest.tables.log2_mass[arrays.mass[node]]));
    }
    return found;
}

/// Where the point stands to the box of an inner node.
ConditionalSampler::Sums ConditionalSampler::compare(const ForestView& forest, const TreeArrays& arrays,
                                                     NodeId node) const {
    const Geometry& geometry = forest.geometry;
    const std::uint16_t slot = arrays.box_slot[node];
    if (slot == kNoBox) {
        return compare(point_of(forest, arrays, arrays.child[2 * node]),
                       point_of(forest, arrays, arrays.child[2 * node + 1]));
    }
    const float* box = arrays.boxes + static_cast<std::size_t>(slot) * geometry.box_stride();
    Sums sums;
    if (geometry.padded == 1) {
        sums.add<1>(box, box + 1, above_.data(), below_.data());
        return sums;
    }
    if (geometry.padded == 4) {
        sums.add<4>(box, box + 4, above_.data(), below_.data());
        return sums;
    }
    for (std::uint32_t i = 0; i < dimensions_; i += 8, box += 16) {
        sums.add<8>(box, box + 8, above_.data() + i, below_.data() + i);
    }
    return sums;
}

/// Where the point stands to the box of two stored points.
ConditionalSampler::Sums ConditionalSampler::compare(const float* a, const float* b) const {
    Sums sums;
    float low[8];
    float minus_high[8];
    std::uint32_t i = 0;
    const auto take = [&](std::uint32_t width) {
        for (std::uint32_t lane = 0; lane < width; ++lane) {
            low[lane] = std::min(a[i + lane], b[i + lane]);
            minus_high[lane] = 0.F - std::max(a[i + lane], b[i + lane]);
        }
    };
    for (; i + 8 <= dimensions_; i += 8) {
        take(8);
        sums.add<8>(low, minus_high, above_.data() + i, below_.data() + i);
    }
    if (i < dimensions_) {
        std::fill_n(low, 8, 0.F);
        std::fill_n(minus_high, 8, 0.F);
        take(dimensions_ - i);
        sums.add<8>(low, minus_high, above_.data() + i, below_.data() + i);
    }
    return sums;
}

/// Works the score of a candidate out one level further up; false when it is known for the child of `below` that the
/// candidate stands under. A score never falls on its way up: that is so by its law, and rounding must not undo it.
bool ConditionalSampler::rise(const ForestView& forest, const TreeArrays& arrays, Candidate& candidate,
                              NodeId below) const {
    if (candidate.inside || arrays.parent[candidate.node] == below) return false;
    candidate.node = arrays.parent[candidate.node];
    --candidate.depth;
    const Sums sums = compare(forest, arrays, candidate.node);
    const double gap = sums.distance();
    candidate.inside = gap == 0.0;
    if (candidate.inside) return false;
    const double chance = gap / (gap + sums.sides());
    candidate.rank = std::max(candidate.rank, chance / (candidate.depth + 1) + (1.0 - chance) * candidate.rank);
    return true;
}

/// Whether the left candidate has the lower score, or both have the same. As scores never fall, the one that is lower
/// so far is worked out until it is not, or has won.
bool ConditionalSampler::left_is_lower(const ForestView& forest, const TreeArrays& arrays, Candidate& left,
                                       Candidate& right, NodeId below) const {
    while (true) {
        const bool lower = left.rank <= right.rank;
        if (!rise(forest, arrays, lower ? left : right, below)) return left.rank <= right.rank;
    }
}

}  // namespace fastrcf
