// SPDX-License-Identifier: Apache-2.0
// Forecasts: continuations of the stream, each drawn row by row from what followed stored windows like the newest.
#include <algorithm>
#include <array>
#include <numeric>

#include "fastrcf/conditional.hpp"
#include "forest_call.hpp"

namespace fastrcf {
namespace {

/// Trees that are asked for the next row of a path. The offer that lies farthest from the window is left out and one
/// of the others is taken. A single tree leads some windows to a stored one that is nothing like them: the bands of a
/// clean wave become as wide as the wave. The nearest of many trees is nearly always the same stored window: the
/// bands become too narrow. Between these, from three to eight trees, the number matters little. Within a tree chance
/// has no say (centrality 1): a coin at a fork leads astray as a single tree does.
constexpr std::size_t kOffers = 6;

/// A drawn row costs about as much as this many scores of a tree.
constexpr std::size_t kCostliness = 2 * kOffers;

using Offers = std::array<Completion, kOffers>;

const Completion& choose(const Offers& offers, Rng& rng) {
    const auto nearer = [](const Completion& a, const Completion& b) { return a.distance < b.distance; };
    const auto farthest = std::max_element(offers.begin(), offers.end(), nearer);
    const auto chosen = offers.begin() + static_cast<std::ptrdiff_t>(rng.below(kOffers - 1));
    return chosen < farthest ? *chosen : *(chosen + 1);
}

}  // namespace

void RandomCutForest::check_can_forecast() const {
    check_argument(ready_at(n_points_), "forecast: the forest is not ready: it has learned " +
                                            std::to_string(n_points_) + " of " +
                                            std::to_string(options_.output_after) + " points (output_after)");
    check_argument(options_.shingle_size > 1, "forecast: expected a forest with shingle_size > 1, got 1");
    check_argument(n_leading() == options_.shingle_size - 1,
                   "forecast: the newest window is not full: expected " + std::to_string(options_.shingle_size - 1) +
                       " newest rows without NaN (fit leaves none; learn them with update), got " +
                       std::to_string(n_leading()));
}

void RandomCutForest::forecast(std::size_t n_paths, std::size_t horizon, std::uint64_t seed,
                               std::span<double> paths) const {
    const std::size_t columns = options_.n_columns;
    check_argument(paths.size() == n_paths * horizon * columns, "paths: one place per value is needed");
    const std::shared_lock lock(mutex_);
    check_can_forecast();
    const ForestView forest = view();
    const std::size_t n_known = geometry_.dimensions - columns;
    const float* newest = store_.values() + store_.n_rows() * columns - n_known;
    std::vector<std::uint32_t> next_row(columns);
    std::iota(next_row.begin(), next_row.end(), static_cast<std::uint32_t>(n_known));

    run_parts(n_paths * horizon * kCostliness, n_paths, n_jobs_, [&](std::size_t part, std::size_t n_parts) {
        ConditionalSampler sampler(geometry_);
        std::vector<float> series(newest, newest + n_known);  // the newest rows, then those drawn
        series.resize(n_known + horizon * columns);
        for (std::size_t path = n_paths * part / n_parts; path < n_paths * (part + 1) / n_parts; ++path) {
            Rng rng(seed, path);
            double* drawn = paths.data() + path * horizon * columns;
            for (std::size_t step = 0; step < horizon; ++step) {
                float* window = series.data() + step * columns;
                sampler.pose(window, next_row);
                Offers offers;
                for (Completion& offer : offers) {
                    offer = sampler.draw(forest, trees_[rng.below(trees_.size())].tree(), 1.0, rng);
                }
                const float* row = choose(offers, rng).point + n_known;
                std::copy_n(row, columns, window + n_known);
                std::copy_n(row, columns, drawn + step * columns);
            }
            if (preparation_) restore_rows(Rows::of(series.data() + n_known, horizon, columns), drawn);
        }
    });
}

}  // namespace fastrcf
