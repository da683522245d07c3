// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/visitors/density.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "fastrcf/visitors/visit.hpp"

namespace fastrcf {

Surroundings::Surroundings(std::uint32_t dimensions)
    : dimensions_(dimensions), tree_(6 * dimensions_), totals_(6 * dimensions_) {}

void Surroundings::clear() noexcept { std::fill(totals_.begin(), totals_.end(), 0.0); }

void Surroundings::add(std::uint32_t tree_mass, Ascent& ascent) noexcept {
    const double copies = ascent.at_copy() ? ascent.mass() : 0.0;
    start(ascent);
    // A copy lies in no direction. What would be said if it were not there tells the directions.
    if (ascent.at_copy()) ascent.restart(Ascent::Boxes::kWithoutLeaf);
    while (ascent.up() && ascent.gap() > 0.0) take(ascent, ascent.chance(), ascent.mass() + copies + 1.0);

    const std::size_t n = 2 * dimensions_;
    const double tree_share = 1.0 / tree_mass;
    for (std::size_t i = 0; i < n; ++i) totals_[i] += tree_[i];
    for (std::size_t i = n; i < 2 * n; ++i) totals_[i] += tree_[i] * tree_share;
    for (std::size_t i = 2 * n; i < 3 * n; ++i) totals_[i] += tree_[i];
}

void Surroundings::start(const Ascent& ascent) noexcept {
    std::fill(tree_.begin(), tree_.end(), 0.0);
    const double points = ascent.mass() + 1.0;
    if (!ascent.at_copy()) {
        take(ascent, 1.0, points);
        return;
    }
    const auto n = static_cast<std::ptrdiff_t>(2 * dimensions_);
    const double each = 1.0 / static_cast<double>(n);
    std::fill_n(tree_.begin(), n, each);
    std::fill_n(tree_.begin() + n, n, each * points);
}

/// One level up: the cut falls into a gap of this box, or everything stays as further down.
void Surroundings::take(const Ascent& ascent, double chance, double points) noexcept {
    const AscentBuffers& box = ascent.box();
    const double per_gap = 1.0 / (ascent.gap() + ascent.range());
    const double miss = 1.0 - chance;
    const std::size_t d = dimensions_;
    const auto take_side = [&](const double* gaps, double* chances, double* masses, double* distances) {
        for (std::size_t i = 0; i < d; ++i) {
            const double share = gaps[i] * per_gap;
            const double side = static_cast<double>(box.high[i]) - static_cast<double>(box.low[i]);
            chances[i] = share + miss * chances[i];
            masses[i] = share * points + miss * masses[i];
            distances[i] = share * (gaps[i] + side) + miss * distances[i];
        }
    };
    double* const values = tree_.data();
    take_side(box.above.data(), values, values + 2 * d, values + 4 * d);
    take_side(box.below.data(), values + d, values + 3 * d, values + 5 * d);
}

void Surroundings::divide(std::size_t n_trees) noexcept {
    const double each = 1.0 / static_cast<double>(n_trees);
    for (double& value : totals_) value *= each;
}

// The volume is that of a ball as wide as the distances; the smoothing term keeps it from vanishing.
double Surroundings::density(const DensityOptions& options) const noexcept {
    const std::span<const double> chances = chance();
    const std::span<const double> shares = share();
    const std::span<const double> far = distance();
    const double points = std::accumulate(shares.begin(), shares.end(), 0.0);
    double volume = options.smoothing * points;
    for (std::size_t i = 0; i < dimensions_; ++i) {
        const double weight = chances[i] + chances[dimensions_ + i];
        if (weight == 0.0) continue;
        volume += std::pow((far[i] + far[dimensions_ + i]) / weight, options.dimension) * weight;
    }
    return points / volume;
}

void Surroundings::directional_density(const DensityOptions& options, std::span<double> high,
                                       std::span<double> low) const noexcept {
    const std::span<const double> shares = share();
    const double scale = density(options) / std::accumulate(shares.begin(), shares.end(), 0.0);
    for (std::size_t i = 0; i < dimensions_; ++i) {
        high[i] = shares[i] * scale;
        low[i] = shares[dimensions_ + i] * scale;
    }
}

namespace {

/// Calls write(row, surroundings) for the point that each row completes.
template <class Write>
void look_around(const RandomCutForest& forest, const Rows& rows, Write write) {
    forest.ask(rows, [&](const ForestView& view, const RandomCutForest::Question& question) {
        Surroundings surroundings(view.geometry.dimensions);
        visit_trees(forest, view, question, [&](const RandomCutTree& tree, Ascent& ascent) {
            surroundings.add(tree.mass(), ascent);
        });
        surroundings.divide(forest.options().n_trees);
        write(question.row, surroundings);
    });
}

template <class Write>
void look_around(const RandomCutForest& forest, const Rows& rows, const DirectionalSpans& values, Write write) {
    const std::size_t d = forest.geometry().dimensions;
    for (const std::span<double> side : {values.high, values.low}) {
        check_argument(side.size() == rows.n_rows * d, "values: one place per row and coordinate is needed");
        std::fill(side.begin(), side.end(), std::numeric_limits<double>::quiet_NaN());
    }
    look_around(forest, rows, [&](std::size_t row, const Surroundings& surroundings) {
        write(surroundings, values.high.subspan(row * d, d), values.low.subspan(row * d, d));
    });
}

}  // namespace

void density(const RandomCutForest& forest, const Rows& rows, const DensityOptions& options, std::span<double> values) {
    check_argument(values.size() == rows.n_rows, "values: one place per row is needed");
    std::fill(values.begin(), values.end(), std::numeric_limits<double>::quiet_NaN());
    look_around(forest, rows, [&](std::size_t row, const Surroundings& surroundings) {
        values[row] = surroundings.density(options);
    });
}

void directional_density(const RandomCutForest& forest, const Rows& rows, const DensityOptions& options,
                         const DirectionalSpans& values) {
    look_around(forest, rows, values,
                [&](const Surroundings& surroundings, std::span<double> high, std::span<double> low) {
                    surroundings.directional_density(options, high, low);
                });
}

void distances(const RandomCutForest& forest, const Rows& rows, const DirectionalSpans& values) {
    look_around(forest, rows, values,
                [](const Surroundings& surroundings, std::span<double> high, std::span<double> low) {
                    const auto far = surroundings.distance();
                    std::copy_n(far.begin(), high.size(), high.begin());
                    std::copy_n(far.begin() + static_cast<std::ptrdiff_t>(high.size()), low.size(), low.begin());
                });
}

}  // namespace fastrcf
