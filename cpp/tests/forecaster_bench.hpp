// SPDX-License-Identifier: Apache-2.0
// Networks along series, rows for them in memory of any layout, and what a slow network makes of these.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "fastrcf/lstm_forecaster.hpp"
#include "slow_lstm.hpp"

namespace fastrcf::testing {

inline constexpr auto kStudentT = ForecastLaw::kStudentT;
inline constexpr auto kCounts = ForecastLaw::kNegativeBinomial;
inline constexpr float kLeastSpread = 1e-4F;
inline constexpr float kLeastDispersion = 1e-3F;

/// A network: its weights, and what it gives in double precision.
struct Forecaster {
    Forecaster(std::size_t n_layers, std::size_t units, std::size_t rolled, std::size_t embedded, ForecastLaw with_law)
        : n_rolled(rolled), n_embedded(embedded), law(with_law) {
        const double size = 1.5 / std::sqrt(static_cast<double>(units) + 1.0);  // none that magnifies rounding
        for (std::size_t l = 0; l < n_layers; ++l) {
            layers.emplace_back(l == 0 ? rolled + embedded : units, units, rng, size);
        }
        weight = random_floats(n_params() * units, rng);
        bias = random_floats(n_params(), rng);
    }

    [[nodiscard]] std::size_t n_params() const { return law == kStudentT ? 3 : 2; }
    [[nodiscard]] std::size_t n_units() const { return layers.front().units; }

    [[nodiscard]] ForecasterWeights weights() const {
        ForecasterWeights all{
            {}, {n_units(), n_params(), weight, bias}, n_embedded, law, kLeastSpread, kLeastDispersion};
        for (const Layer& layer : layers) all.layers.push_back(layer.weights());
        return all;
    }

    [[nodiscard]] Vector law_of(const Vector& hidden, double scale) const {
        Vector raw(bias.begin(), bias.end());
        for (std::size_t p = 0; p < raw.size(); ++p) {
            for (std::size_t k = 0; k < hidden.size(); ++k) raw[p] += weight[p * hidden.size() + k] * hidden[k];
        }
        if (law == kStudentT) {
            return {raw[0] * scale, (softplus(raw[1]) + kLeastSpread) * scale, softplus(raw[2]) + 2.0};
        }
        return {(softplus(raw[0]) + kLeastSpread) * scale, softplus(raw[1]) / std::sqrt(scale) + kLeastDispersion};
    }

    Rng rng{5, 9};
    std::size_t n_rolled;
    std::size_t n_embedded;
    ForecastLaw law;
    std::vector<Layer> layers;
    std::vector<float> weight;
    std::vector<float> bias;
};

/// Values for rows, groups, series and one axis more, far apart or in any order, in memory that ends where they do.
template <class T>
class Field {
public:
    using Sizes = std::array<std::size_t, 4>;
    using Steps = std::array<std::ptrdiff_t, 4>;

    Field(const Sizes& sizes, const Steps& steps, T filling) : sizes_(sizes), steps_(steps) {
        std::ptrdiff_t extent = 1;
        for (std::size_t axis = 0; axis < 4; ++axis) {
            if (sizes[axis] == 0) return;
            const std::ptrdiff_t reach = static_cast<std::ptrdiff_t>(sizes[axis] - 1) * steps[axis];
            extent += std::abs(reach);
            if (reach < 0) origin_ -= reach;
        }
        memory_.assign(static_cast<std::size_t>(extent), filling);
    }

    [[nodiscard]] T& at(std::size_t row, std::size_t group, std::size_t series, std::size_t value) {
        const Sizes place{row, group, series, value};
        std::ptrdiff_t where = origin_;
        for (std::size_t axis = 0; axis < 4; ++axis) where += static_cast<std::ptrdiff_t>(place[axis]) * steps_[axis];
        return memory_[static_cast<std::size_t>(where)];
    }

    template <class View = T>
    [[nodiscard]] Strided<View> view(std::size_t from_row = 0) {
        return {memory_.data() + origin_ + static_cast<std::ptrdiff_t>(from_row) * steps_[0],
                {steps_[0], steps_[1], steps_[2]}};
    }

    [[nodiscard]] std::ptrdiff_t value_step() const { return steps_[3]; }
    [[nodiscard]] const Sizes& sizes() const { return sizes_; }
    [[nodiscard]] const std::vector<T>& memory() const { return memory_; }

private:
    Sizes sizes_;
    Steps steps_;
    std::ptrdiff_t origin_ = 0;
    std::vector<T> memory_;
};

enum class Layout { kRowsFirst, kSeriesFirst, kBackwards };

/// Steps at which no two values share a place and some places are nobody's; those of one place lie side by side
/// where `together` says so.
inline std::array<std::ptrdiff_t, 4> steps_of(const std::array<std::size_t, 4>& sizes, Layout layout, bool together) {
    std::array<std::size_t, 4> order{0, 1, 2, 3};  // from the longest steps to the shortest
    if (layout == Layout::kSeriesFirst) order = {2, 1, 0, 3};
    if (layout == Layout::kBackwards && !together) order = {3, 0, 2, 1};
    std::array<std::ptrdiff_t, 4> steps{};
    std::ptrdiff_t step = 1;
    for (std::size_t i = 4; i-- > 0;) {
        const bool back = layout == Layout::kBackwards && (order[i] == 0 || order[i] == 2);
        steps[order[i]] = back ? -step : step;
        step = step * static_cast<std::ptrdiff_t>(std::max<std::size_t>(sizes[order[i]], 1)) + 1;
    }
    return steps;
}

template <class T>
Field<T> field_of(const std::array<std::size_t, 4>& sizes, Layout layout, bool together, T filling) {
    return Field<T>(sizes, steps_of(sizes, layout, together), filling);
}

/// Student's t it is not, but what a table may hold: smooth, and another curve for each quantile.
inline std::vector<float> table_of(std::size_t n_quantiles, std::size_t n_places) {
    std::vector<float> table(n_quantiles * n_places);
    for (std::size_t i = 0; i < table.size(); ++i) {
        const double place = static_cast<double>(i % n_places) / static_cast<double>(n_places - 1);
        table[i] = static_cast<float>(std::sin(3.0 * place) + 2.0 * static_cast<double>(i / n_places) - 1.5);
    }
    return table;
}

inline constexpr std::size_t kQuantiles = 3;
inline constexpr std::size_t kPlaces = 17;

/// Rows for a network, the states before them, and room for what comes of them.
struct Streams {
    Streams(const Forecaster& network, std::size_t n, std::size_t groups, std::size_t series, Layout layout)
        : n_rows(n),
          n_groups(groups),
          n_series(series),
          n_units(network.n_units()),
          inputs(field_of<float>({n, groups, series, network.n_rolled}, layout, true, kNothing)),
          scale(field_of<float>({n, groups, series, 1}, layout, true, kNothing)),
          params(field_of<double>({n, groups, series, network.n_params()}, layout, false, kUntouched)),
          quantiles(field_of<double>({n, groups, series, kQuantiles}, layout, false, kUntouched)),
          embedded(random_floats(series * network.n_embedded, rng)),
          hidden(random_floats(network.layers.size() * groups * series * network.n_units(), rng)),
          cell(random_floats(network.layers.size() * groups * series * network.n_units(), rng, 2.0)),
          table(table_of(kQuantiles, kPlaces)) {
        each_place([&](std::size_t row, std::size_t group, std::size_t s) {
            for (std::size_t k = 0; k < network.n_rolled; ++k) {
                inputs.at(row, group, s, k) = random_floats(1, rng, 2.0)[0];
            }
            scale.at(row, group, s, 0) = static_cast<float>(0.25 + 4.0 * rng.uniform());
        });
    }

    template <class Call>
    void each_place(Call call) const {
        for (std::size_t row = 0; row < n_rows; ++row) {
            for (std::size_t group = 0; group < n_groups; ++group) {
                for (std::size_t s = 0; s < n_series; ++s) call(row, group, s);
            }
        }
    }

    [[nodiscard]] ForecastRows rows(std::size_t from = 0, std::size_t to = kAll) {
        return {std::min(n_rows, to) - from, n_groups, n_series, inputs.view<const float>(from),
                scale.view<const float>(from), embedded, hidden, cell};
    }

    [[nodiscard]] ForecastResults results(ForecastLaw law, std::size_t from = 0) {
        ForecastResults all;
        all.params = params.view(from);
        all.params_step = params.value_step();
        if (law != kStudentT) return all;
        all.quantiles = quantiles.view(from);
        all.quantiles_step = quantiles.value_step();
        all.table = table;
        all.n_places = kPlaces;
        return all;
    }

    static constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
    static constexpr float kNothing = std::numeric_limits<float>::quiet_NaN();  // between the inputs
    static constexpr double kUntouched = -777.0;                                // between the results

    Rng rng{3, 1};
    std::size_t n_rows;
    std::size_t n_groups;
    std::size_t n_series;
    std::size_t n_units;
    Field<float> inputs;
    Field<float> scale;
    Field<double> params;
    Field<double> quantiles;
    std::vector<float> embedded;
    std::vector<float> hidden;
    std::vector<float> cell;
    std::vector<float> table;
};

inline Streams run(const Forecaster& network, Streams series) {
    const LstmForecaster forecaster(network.weights());
    forecaster.run(series.rows(), series.results(network.law));
    return series;
}

/// Results of the slow network, with the states behind the last row.
inline Streams expected(const Forecaster& network, Streams series) {
    const std::size_t n_streams = series.n_groups * series.n_series;
    const std::size_t units = network.n_units();
    for (std::size_t stream = 0; stream < n_streams; ++stream) {
        const std::size_t group = stream / series.n_series;
        const std::size_t s = stream % series.n_series;
        std::vector<SlowState> states(network.layers.size(), SlowState(units));
        for (std::size_t l = 0; l < states.size(); ++l) {
            const auto at = static_cast<std::ptrdiff_t>((l * n_streams + stream) * units);
            std::copy_n(series.hidden.begin() + at, units, states[l].hidden.begin());
            std::copy_n(series.cell.begin() + at, units, states[l].cell.begin());
        }
        for (std::size_t row = 0; row < series.n_rows; ++row) {
            Vector x(network.n_rolled + network.n_embedded);
            for (std::size_t k = 0; k < network.n_rolled; ++k) x[k] = series.inputs.at(row, group, s, k);
            for (std::size_t k = 0; k < network.n_embedded; ++k) {
                x[network.n_rolled + k] = series.embedded[s * network.n_embedded + k];
            }
            for (std::size_t l = 0; l < states.size(); ++l) {
                states[l].step(network.layers[l], x);
                x = states[l].hidden;
            }
            const Vector law = network.law_of(x, series.scale.at(row, group, s, 0));
            for (std::size_t p = 0; p < law.size(); ++p) series.params.at(row, group, s, p) = law[p];
            if (network.law != kStudentT) continue;
            const double place = 2.0 * (kPlaces - 1) / law[2];
            const auto left = std::min(static_cast<std::size_t>(place), kPlaces - 2);
            for (std::size_t q = 0; q < kQuantiles; ++q) {
                const double below = series.table[q * kPlaces + left];
                const double above = series.table[q * kPlaces + left + 1];
                const double t = below + (above - below) * (place - static_cast<double>(left));
                series.quantiles.at(row, group, s, q) = law[0] + t * law[1];
            }
        }
        for (std::size_t l = 0; l < states.size(); ++l) {
            const auto at = static_cast<std::ptrdiff_t>((l * n_streams + stream) * units);
            std::copy_n(states[l].hidden.begin(), units, series.hidden.begin() + at);
            std::copy_n(states[l].cell.begin(), units, series.cell.begin() + at);
        }
    }
    return series;
}

}  // namespace fastrcf::testing
