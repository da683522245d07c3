// SPDX-License-Identifier: Apache-2.0
// One forest of the trees of several.
//
// The trees stay as they are; their rows move into one store, and the rows of a forest count as having come after
// those of the forests before it. For what is learned later, every tree then has to hold a sample of all that the
// forests have learned. A forest's n points with decay L weigh W = 1 + e^-L + … + e^-L(n-1) at the time of the
// newest (n after a fit, whose points are of one age). A sample of a random share is a sample of the whole once its
// exponentials are scaled by the share: ln(W / sum of all W) is added to the keys. The newest points of all forests
// become equally new: keys are moved from the forest's own count of points to the common one. Without decay that is
// exact for random shares; with decay it is how the forests' own weights add up.
#include <algorithm>
#include <numeric>

#include "fastrcf/portable_math.hpp"
#include "forest_call.hpp"

namespace fastrcf {
namespace {

void check_same(std::size_t index, const char* name, bool same) {
    check_argument(same, "forests[" + std::to_string(index) + "]: " + name + " is not that of forests[0]");
}

void check_options(std::size_t index, const ForestOptions& first, const ForestOptions& other) {
    check_same(index, "n_columns", other.n_columns == first.n_columns);
    check_same(index, "shingle_size", other.shingle_size == first.shingle_size);
    check_same(index, "sample_size", other.sample_size == first.sample_size);
    check_same(index, "time_decay", other.time_decay == first.time_decay);
    check_same(index, "output_after", other.output_after == first.output_after);
    check_same(index, "initial_accept_fraction", other.initial_accept_fraction == first.initial_accept_fraction);
    check_same(index, "scoring", other.scoring == first.scoring);
    ForestOptions alike = other;
    alike.n_trees = first.n_trees;
    alike.random_state = first.random_state;
    alike.n_jobs = first.n_jobs;
    check_same(index, "an option", alike == first);
}

double weight_of(std::uint64_t n_points, double decay, bool fitted) {
    const auto n = static_cast<double>(n_points);
    return fitted || decay == 0.0 ? n : portable::expm1(-decay * n) / portable::expm1(-decay);
}

/// What a forest brings along: the rows that its trees hold, and no more.
struct Share {
    PointStore store;
    std::vector<SampledTree> trees;
    std::uint64_t n_rows;
    std::uint64_t n_skipped;
    std::uint64_t n_points;
    bool fitted;
    double weight;
};

}  // namespace

/// Reaches what is private to a forest.
class ForestMerge {
public:
    /// A copy, taken while nothing can change the forest.
    static Share share_of(const RandomCutForest& forest) {
        const std::shared_lock lock(forest.mutex_);
        Share share{forest.store_,     forest.trees_,    forest.n_rows_,
                    forest.n_skipped_, forest.n_points_, forest.fitted_,
                    weight_of(forest.n_points_, forest.options_.time_decay, forest.fitted_)};
        std::vector<std::uint8_t> marks(share.store.n_rows(), 0);
        forest.mark_points(marks);
        const std::vector<std::int32_t> plan = share.store.plan_compaction(marks, 0);
        share.store.compact(plan, 0);
        for (SampledTree& tree : share.trees) {
            move_leaves(tree, [&](std::int32_t row) { return plan[static_cast<std::size_t>(row)]; });
        }
        return share;
    }

    static std::unique_ptr<RandomCutForest> join(ForestOptions options, std::vector<Share>& shares) {
        const auto total = [&](auto of_share) {
            return std::accumulate(shares.begin(), shares.end(), std::uint64_t{0},
                                   [&](std::uint64_t sum, const Share& share) { return sum + of_share(share); });
        };
        const std::uint64_t n_trees = total([](const Share& share) { return share.trees.size(); });
        const std::uint64_t n_stored = total([](const Share& share) { return share.store.n_rows(); });
        check_argument(n_trees <= UINT32_MAX, "forests: too many trees");
        check_argument(n_stored <= INT32_MAX, "forests: too many different points");
        options.n_trees = static_cast<std::uint32_t>(n_trees);
        auto merged = std::make_unique<RandomCutForest>(options);
        merged->n_points_ = total([](const Share& share) { return share.n_points; });
        merged->fitted_ = shares.front().fitted;
        merged->store_.compact({}, n_stored);
        const double weight = total_weight(shares);
        std::size_t tree = 0;
        for (Share& share : shares) {
            take_trees(*merged, share, weight, tree);
            take_rows(*merged, share);
        }
        grow_trees(*merged);
        return merged;
    }

private:
    /// The same bits for any order of the shares.
    static double total_weight(const std::vector<Share>& shares) {
        std::vector<double> weights;
        for (const Share& share : shares) weights.push_back(share.weight);
        std::sort(weights.begin(), weights.end());
        return std::accumulate(weights.begin(), weights.end(), 0.0);
    }

    template <class NewRow>
    static void move_leaves(SampledTree& tree, NewRow new_row) {
        TreeArrays& arrays = tree.tree().arrays();
        tree.tree().for_each_leaf([&](NodeId leaf) { arrays.payload[leaf] = new_row(arrays.payload[leaf]); });
    }

    // Forests of one random_state have the same generators and would draw the same from now on: every tree goes on
    // with a new one, from its own next draw and its new number. Its plan is drawn again, which changes no law:
    // what lies beyond the newest point has not been used for anything.
    static void take_trees(RandomCutForest& merged, Share& share, double weight, std::size_t& next) {
        const auto base = static_cast<std::int32_t>(merged.store_.n_rows());
        const double later = static_cast<double>(merged.n_points_ - share.n_points);
        const double shift = portable::log(share.weight / weight) - merged.options_.time_decay * later;
        for (SampledTree& tree : share.trees) {
            move_leaves(tree, [&](std::int32_t row) { return base + row; });
            tree.rng() = Rng(tree.rng().bits(), next);
            tree.sampler().set_seed(tree.rng().bits());
            tree.sampler().shift_keys(shift);
            tree.sampler().plan(merged.n_points_, tree.rng());
            merged.trees_[next++] = std::move(tree);
        }
    }

    /// Forests that were not ready may make one that is.
    static void grow_trees(RandomCutForest& merged) {
        if (!merged.ready_at(merged.n_points_)) return;
        const auto lease = merged.common_->calls.lease();
        (*lease).prepare(1, 0, 0, merged.options_);
        Nursery nursery;
        for (SampledTree& tree : merged.trees_) {
            if (!tree.tree().is_bare()) continue;
            tree.enter(nursery, 0, true);
            tree.grow(merged.view(), (*lease).workers.front().workspace.scratch());
            tree.leave(nursery);
        }
    }

    static void take_rows(RandomCutForest& merged, const Share& share) {
        for (std::uint32_t row = 0; row < share.store.n_rows(); ++row) {
            merged.store_.append(share.store.values() + static_cast<std::size_t>(row) * merged.options_.n_columns,
                                 merged.n_rows_ + share.store.arrival(row));
        }
        merged.n_rows_ += share.n_rows;
        merged.n_skipped_ += share.n_skipped;
    }
};

std::unique_ptr<RandomCutForest> RandomCutForest::merge(std::span<const RandomCutForest* const> forests) {
    check_argument(!forests.empty(), "forests: at least one is needed");
    const ForestOptions options = forests.front()->options_;
    for (std::size_t i = 1; i < forests.size(); ++i) check_options(i, options, forests[i]->options_);
    // Scales and intervals are learned: shards have different ones, and their trees hold different units.
    const bool own_units = options.preparation.transformation != Transformation::kNone ||
                           options.preparation.irregular != Irregular::kRefuse;
    check_argument(forests.size() == 1 || !own_units,
                   "forests: with a transform or time stamps every forest has units of its own; prepare the rows first");
    if (forests.size() == 1) {
        auto copy = from_bytes(forests.front()->to_bytes());
        copy->set_n_jobs(forests.front()->n_jobs());
        return copy;
    }
    std::vector<Share> shares;
    for (std::size_t i = 0; i < forests.size(); ++i) {
        shares.push_back(ForestMerge::share_of(*forests[i]));
        check_argument(shares.back().n_points > 0, "forests[" + std::to_string(i) + "]: has not learned a point");
        check_same(i, "the way of training (fit or a stream)", shares.back().fitted == shares.front().fitted);
    }
    return ForestMerge::join(options, shares);
}

bool RandomCutForest::is_fitted() const {
    const std::shared_lock lock(mutex_);
    return fitted_;
}

}  // namespace fastrcf
