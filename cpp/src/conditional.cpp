// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/conditional.hpp"

#include <algorithm>
#include <cmath>
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

ConditionalSampler::ConditionalSampler(const Geometry& geometry)
    : dimensions_(geometry.dimensions), is_missing_(geometry.dimensions), keys_(geometry.dimensions) {
    known_.reserve(geometry.dimensions);
}

void ConditionalSampler::pose(const float* point, std::span<const std::uint32_t> missing) {
    point_ = point;
    std::fill(is_missing_.begin(), is_missing_.end(), std::uint8_t{0});
    for (const std::uint32_t i : missing) is_missing_[i] = 1;
    known_.clear();
    for (std::uint32_t i = 0; i < dimensions_; ++i) {
        if (is_missing_[i] != 0) continue;
        known_.push_back(i);
        keys_[i] = order_key(point[i]);
    }
}

void ConditionalSampler::complete(const ForestView& forest, std::span<const SampledTree> trees, float* point,
                                  std::span<const std::uint32_t> missing) {
    if (missing.size() == dimensions_) {
        fill_unconditionally(forest, trees, point);
        return;
    }
    pose(point, missing);
    offers_.clear();
    Rng unused;
    for (const SampledTree& sampled : trees) {
        if (!sampled.tree().empty()) offers_.push_back(draw(forest, sampled.tree(), 1.0, unused));
    }
    keep_nearest(offers_);
    for (const std::uint32_t i : missing) {
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
        if (centrality > 0.0) climb(forest, arrays, candidate, fork.node);
        if (fork.left.leaf == kNoNode) {
            fork.left = candidate;
            const NodeId right = arrays.child[2 * fork.node + 1];
            candidate = descend(forest, tree, right, fork.depth + 1);  // may move the forks
            continue;
        }
        double left_rank = fork.left.rank;
        double right_rank = candidate.rank;
        if (centrality < 1.0) {
            left_rank = (1.0 - centrality) * rng.uniform() + centrality * left_rank;
            right_rank = (1.0 - centrality) * rng.uniform() + centrality * right_rank;
        }
        if (left_rank <= right_rank) candidate = fork.left;
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
    for (const std::uint32_t i : known_) {
        found.distance += std::abs(static_cast<double>(point_[i]) - static_cast<double>(stored[i]));
    }
    found.inside = found.distance == 0.0;
    if (!found.inside) {
        found.rank = 1.0 / (depth + 1);
    } else if (depth > 0) {
        found.rank = 1.0 / (depth + static_cast<double>(forest.tables.log2_mass[arrays.mass[node]]));
    }
    return found;
}

// The missing coordinates are those of a point in the box, so only known ones can lie outside.
template <class SidesOf>
double ConditionalSampler::chance_outside(SidesOf sides_of) const {
    double gap = 0.0;
    double range = 0.0;
    for (std::uint32_t i = 0; i < dimensions_; ++i) {
        const RandomCutTree::Sides sides = sides_of(i);
        const double low = sides.low;
        const double high = sides.high;
        range += high - low;
        if (is_missing_[i] != 0) continue;
        const double value = point_[i];
        gap += std::max(value - high, 0.0) + std::max(low - value, 0.0);
    }
    return gap > 0.0 ? gap / (gap + range) : 0.0;
}

/// Chance that a random cut separates the filled point from the box of an inner node.
double ConditionalSampler::chance(const ForestView& forest, const TreeArrays& arrays, NodeId node) const {
    const Geometry& geometry = forest.geometry;
    const std::uint16_t slot = arrays.box_slot[node];
    if (slot != kNoBox) {
        const float* box = arrays.boxes + static_cast<std::size_t>(slot) * geometry.box_stride();
        return chance_outside([&](std::uint32_t i) -> RandomCutTree::Sides {
            const float* side = box + geometry.lane(i);
            return {side[0], 0.0F - side[geometry.side_step()]};
        });
    }
    const float* a = point_of(forest, arrays, arrays.child[2 * node]);
    const float* b = point_of(forest, arrays, arrays.child[2 * node + 1]);
    return chance_outside([&](std::uint32_t i) -> RandomCutTree::Sides {
        return {std::min(a[i], b[i]), std::max(a[i], b[i])};
    });
}

/// Works the score of a candidate out up to the child of `below` that it stands under.
void ConditionalSampler::climb(const ForestView& forest, const TreeArrays& arrays, Candidate& candidate,
                               NodeId below) const {
    while (arrays.parent[candidate.node] != below) {
        candidate.node = arrays.parent[candidate.node];
        --candidate.depth;
        if (candidate.inside) continue;
        const double out = chance(forest, arrays, candidate.node);
        candidate.inside = out == 0.0;
        if (!candidate.inside) candidate.rank = out / (candidate.depth + 1) + (1.0 - out) * candidate.rank;
    }
}

}  // namespace fastrcf
