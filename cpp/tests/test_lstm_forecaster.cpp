// SPDX-License-Identifier: Apache-2.0
// Every instruction set gives the laws, quantiles and states that a slow and obvious network in double precision gives.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/lstm_forecaster.hpp"
#include "slow_lstm.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

constexpr auto kStudentT = ForecastLaw::kStudentT;
constexpr auto kCounts = ForecastLaw::kNegativeBinomial;
constexpr float kLeastSpread = 1e-4F;
constexpr float kLeastDispersion = 1e-3F;

/// A network: its weights, and what it gives in double precision.
struct Network {
    Network(std::size_t n_layers, std::size_t units, std::size_t rolled, std::size_t embedded, ForecastLaw with_law)
        : n_rolled(rolled), n_embedded(embedded), law(with_law) {
        const double size = 1.5 / std::sqrt(static_cast<double>(units) + 1.0);  // none that magnifies rounding
        for (std::size_t l = 0; l < n_layers; ++l) layers.emplace_back(l == 0 ? rolled + embedded : units, units, rng, size);
        weight = random_floats(n_params() * units, rng);
        bias = random_floats(n_params(), rng);
    }

    [[nodiscard]] std::size_t n_params() const { return law == kStudentT ? 3 : 2; }
    [[nodiscard]] std::size_t n_units() const { return layers.front().units; }

    [[nodiscard]] ForecasterWeights weights() const {
        ForecasterWeights all{{}, {n_units(), n_params(), weight, bias}, n_embedded, law, kLeastSpread, kLeastDispersion};
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
std::array<std::ptrdiff_t, 4> steps_of(const std::array<std::size_t, 4>& sizes, Layout layout, bool together) {
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
std::vector<float> table_of(std::size_t n_quantiles, std::size_t n_places) {
    std::vector<float> table(n_quantiles * n_places);
    for (std::size_t i = 0; i < table.size(); ++i) {
        const double place = static_cast<double>(i % n_places) / static_cast<double>(n_places - 1);
        table[i] = static_cast<float>(std::sin(3.0 * place) + 2.0 * static_cast<double>(i / n_places) - 1.5);
    }
    return table;
}

constexpr std::size_t kQuantiles = 3;
constexpr std::size_t kPlaces = 17;

/// Rows for a network, the states before them, and room for what comes of them.
struct Series {
    Series(const Network& network, std::size_t n, std::size_t groups, std::size_t series, Layout layout)
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
            for (std::size_t k = 0; k < network.n_rolled; ++k) inputs.at(row, group, s, k) = random_floats(1, rng, 2.0)[0];
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

Series run(const Network& network, Series series) {
    const LstmForecaster forecaster(network.weights());
    forecaster.run(series.rows(), series.results(network.law));
    return series;
}

/// Results of the slow network, with the states behind the last row.
Series expected(const Network& network, Series series) {
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

/// The largest gap between two memories; what lies between results counts, too.
template <class T>
double largest_gap(const std::vector<T>& got, const std::vector<T>& want) {
    REQUIRE(got.size() == want.size());
    double largest = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        largest = larger(largest, gap_of(static_cast<double>(got[i]), static_cast<double>(want[i])));
    }
    return largest;
}

void check_close(const Series& got, const Series& want) {
    CHECK(largest_gap(got.params.memory(), want.params.memory()) < 1e-5);
    CHECK(largest_gap(got.quantiles.memory(), want.quantiles.memory()) < 3e-5);
    CHECK(largest_gap(got.hidden, want.hidden) < 3e-6);
    CHECK(largest_gap(got.cell, want.cell) < 6e-6);
}

void check_same(const Series& got, const Series& want) {
    CHECK(got.params.memory() == want.params.memory());
    CHECK(got.quantiles.memory() == want.quantiles.memory());
    CHECK(got.hidden == want.hidden);
    CHECK(got.cell == want.cell);
}

/// A series as it stands among others: its place in groups and series.
Series alone(const Network& network, Series& all, std::size_t group, std::size_t s) {
    Series one(network, all.n_rows, 1, 1, Layout::kRowsFirst);
    const std::size_t n_streams = all.n_groups * all.n_series;
    for (std::size_t row = 0; row < all.n_rows; ++row) {
        for (std::size_t k = 0; k < network.n_rolled; ++k) one.inputs.at(row, 0, 0, k) = all.inputs.at(row, group, s, k);
        one.scale.at(row, 0, 0, 0) = all.scale.at(row, group, s, 0);
    }
    for (std::size_t k = 0; k < network.n_embedded; ++k) one.embedded[k] = all.embedded[s * network.n_embedded + k];
    for (std::size_t l = 0; l < network.layers.size(); ++l) {
        const std::size_t at = (l * n_streams + group * all.n_series + s) * one.n_units;
        for (std::size_t u = 0; u < one.n_units; ++u) {
            one.hidden[l * one.n_units + u] = all.hidden[at + u];
            one.cell[l * one.n_units + u] = all.cell[at + u];
        }
    }
    return one;
}

struct Shape {
    std::size_t n_rows;
    std::size_t n_groups;
    std::size_t n_series;
    Layout layout;
};

constexpr Shape kShapes[] = {
    {33, 1, 1, Layout::kRowsFirst},   {33, 2, 3, Layout::kBackwards},   {131, 1, 7, Layout::kSeriesFirst},
    {33, 13, 1, Layout::kSeriesFirst}, {5, 1, 13, Layout::kBackwards},
};

}  // namespace

TEST_CASE("laws, quantiles and states are those of the slow network on every instruction set") {
    for (const std::size_t n_layers : {1U, 2U}) {
        for (const std::size_t units : {1U, 5U, 16U, 33U}) {
            for (const std::size_t n_embedded : {0U, 3U}) {
                for (const ForecastLaw law : {kStudentT, kCounts}) {
                    const Network network(n_layers, units, 1 + units % 4, n_embedded, law);
                    for (const Shape& shape : kShapes) {
                        CAPTURE(n_layers);
                        CAPTURE(units);
                        CAPTURE(n_embedded);
                        CAPTURE(shape.n_groups * shape.n_series);
                        const Series given(network, shape.n_rows, shape.n_groups, shape.n_series, shape.layout);
                        const Series want = expected(network, given);
                        on_every_level([&] { check_close(run(network, given), want); });
                    }
                }
            }
        }
    }
}

TEST_CASE("a stream has the same bits alone and among others") {
    for (const ForecastLaw law : {kStudentT, kCounts}) {
        const Network network(2, 21, 2, 3, law);
        on_every_level([&] {
            Series given(network, 140, 2, 7, Layout::kBackwards);
            Series among = run(network, given);
            for (const std::size_t stream : {0U, 2U, 3U, 6U, 7U, 11U, 12U, 13U}) {
                const std::size_t group = stream / 7;
                const std::size_t s = stream % 7;
                Series one = run(network, alone(network, given, group, s));
                Series want = alone(network, among, group, s);
                CHECK(one.hidden == want.hidden);
                CHECK(one.cell == want.cell);
                bool same = true;
                for (std::size_t row = 0; row < given.n_rows; ++row) {
                    for (std::size_t p = 0; p < network.n_params(); ++p) {
                        same = same && one.params.at(row, 0, 0, p) == among.params.at(row, group, s, p);
                    }
                    for (std::size_t q = 0; q < kQuantiles; ++q) {
                        same = same && one.quantiles.at(row, 0, 0, q) == among.quantiles.at(row, group, s, q);
                    }
                }
                CHECK(same);
            }
        });
    }
}

TEST_CASE("rows have the same bits however they are cut, and states are carried") {
    for (const std::size_t cut : {1U, 2U, 127U, 128U, 129U}) {
        const Network network(2, 10, 3, 2, kStudentT);
        on_every_level([&] {
            const Series given(network, 270, 1, 8, Layout::kSeriesFirst);
            const LstmForecaster forecaster(network.weights());
            Series parts = given;
            for (std::size_t from = 0; from < given.n_rows; from += cut) {
                forecaster.run(parts.rows(from, from + cut), parts.results(network.law, from));
            }
            check_same(parts, run(network, given));
        });
    }
}

TEST_CASE("inputs may lie at the same place for many rows, groups and series") {
    const Network network(1, 6, 2, 0, kStudentT);
    Series given(network, 20, 3, 5, Layout::kRowsFirst);
    given.inputs = Field<float>({20, 3, 5, 2}, {0, 0, 0, 1}, 0.5F);
    given.scale = Field<float>({20, 3, 5, 1}, {0, 0, 0, 1}, 2.F);
    const Series want = expected(network, given);
    on_every_level([&] { check_close(run(network, given), want); });
}

TEST_CASE("what is not wanted is not given, and changes nothing") {
    for (const ForecastLaw law : {kStudentT, kCounts}) {
        const Network network(2, 5, 2, 1, law);
        const Series given(network, 150, 1, 8, Layout::kRowsFirst);
        const LstmForecaster forecaster(network.weights());
        const Series whole = run(network, given);
        Series none = given;
        forecaster.run(none.rows(), {});
        CHECK(none.hidden == whole.hidden);
        CHECK(none.cell == whole.cell);
        CHECK(none.params.memory() == given.params.memory());
        Series laws = given;
        ForecastResults wanted = laws.results(kCounts);  // without quantiles
        forecaster.run(laws.rows(), wanted);
        CHECK(laws.params.memory() == whole.params.memory());
        CHECK(laws.quantiles.memory() == given.quantiles.memory());
        if (law != kStudentT) continue;
        Series bands = given;
        wanted = bands.results(law);
        wanted.params = {};
        forecaster.run(bands.rows(), wanted);
        CHECK(bands.quantiles.memory() == whole.quantiles.memory());
        CHECK(bands.params.memory() == given.params.memory());
    }
}

TEST_CASE("no rows and no series leave everything as it is") {
    const Network network(2, 5, 2, 1, kStudentT);
    for (const auto& [n_rows, n_groups, n_series] : {std::array{0U, 1U, 7U}, std::array{4U, 0U, 3U}, std::array{4U, 2U, 0U}}) {
        const Series given(network, n_rows, n_groups, n_series, Layout::kRowsFirst);
        check_same(run(network, given), given);
    }
}

TEST_CASE("what is missing or beyond all bounds reaches its own stream only") {
    const Network network(2, 7, 2, 0, kStudentT);
    on_every_level([&] {
        const Series given(network, 40, 1, 13, Layout::kRowsFirst);
        Series clean = run(network, given);
        Series bad = given;
        bad.inputs.at(3, 0, 4, 1) = std::numeric_limits<float>::quiet_NaN();
        bad.inputs.at(3, 0, 9, 1) = std::numeric_limits<float>::infinity();
        bad.inputs.at(3, 0, 12, 0) = -1e38F;
        bad = run(network, bad);
        bool others = true;
        bool before = true;
        for (std::size_t row = 0; row < 40; ++row) {
            for (std::size_t s = 0; s < 13; ++s) {
                const bool same = bad.quantiles.at(row, 0, s, 1) == clean.quantiles.at(row, 0, s, 1);
                if (s != 4 && s != 9 && s != 12) others = others && same;
                if (row < 3) before = before && same;
            }
            if (row >= 3) CHECK(std::isnan(bad.params.at(row, 0, 4, 0)));
            CHECK(std::isfinite(bad.params.at(row, 0, 12, 0)));
        }
        CHECK(others);
        CHECK(before);
    });
}

namespace {

/// One unit whose gates are the four inputs: i, f, g, o. Its raw outputs are 128 times what it shows.
Network bare_cell(ForecastLaw law) {
    Network network(1, 1, 4, 0, law);
    Layer& layer = network.layers.front();
    for (std::size_t i = 0; i < 16; ++i) layer.input[i] = i % 5 == 0 ? 1.F : 0.F;
    for (auto* each : {&layer.hidden, &layer.bias, &network.bias}) std::fill(each->begin(), each->end(), 0.F);
    std::fill(network.weight.begin(), network.weight.end(), 128.F);
    return network;
}

/// From far below 0 to far above it, close together near 0.
Vector sweep() {
    Vector values{0.0, 1e-30, -1e-30, 1e-7, -1e-7};
    for (double x = 1e-3; x < 4e4; x *= 1.05) values.insert(values.end(), {x, -x});
    for (double x = -30.0; x < 30.0; x += 0.02) values.push_back(x);
    return values;
}

}  // namespace

TEST_CASE("logistic function and tangent hold over their whole range") {
    const Network network = bare_cell(kStudentT);
    const Vector xs = sweep();
    // Which of i, f, g, o and the state before is swept; the others let it through.
    const std::array<double, 5> open[] = {{0, -90, 90, 90, 0}, {-90, 0, 0, 90, 1}, {90, -90, 0, 90, 0},
                                          {-90, 90, 0, 0, 90}, {-90, 90, 0, 90, 0}};
    for (std::size_t swept = 0; swept < 5; ++swept) {
        CAPTURE(swept);
        Series given(network, 1, 1, xs.size(), Layout::kRowsFirst);
        std::fill(given.hidden.begin(), given.hidden.end(), 0.F);
        for (std::size_t s = 0; s < xs.size(); ++s) {
            std::array<double, 5> values = open[swept];
            values[swept] = xs[s];
            for (std::size_t k = 0; k < 4; ++k) given.inputs.at(0, 0, s, k) = static_cast<float>(values[k]);
            given.cell[s] = static_cast<float>(values[4]);
        }
        const Series want = expected(network, given);
        on_every_level([&] {
            const Series got = run(network, given);
            CHECK(largest_gap(got.cell, want.cell) < 3e-7);
            CHECK(largest_gap(got.hidden, want.hidden) < 3e-7);
        });
    }
}

TEST_CASE("the laws hold over the whole range of what the network says") {
    for (const ForecastLaw law : {kStudentT, kCounts}) {
        const Network network = bare_cell(law);
        const Vector xs = sweep();
        Series given(network, 1, 1, xs.size(), Layout::kRowsFirst);
        std::fill(given.hidden.begin(), given.hidden.end(), 0.F);
        for (std::size_t s = 0; s < xs.size(); ++s) {
            const double values[] = {-90.0, 90.0, 0.0, 90.0};
            for (std::size_t k = 0; k < 4; ++k) given.inputs.at(0, 0, s, k) = static_cast<float>(values[k]);
            given.cell[s] = static_cast<float>(std::atanh(std::clamp(xs[s] / 128.0, -0.9999, 0.9999)));
        }
        on_every_level([&] {
            Series got = run(network, given);
            double largest = 0.0;
            for (std::size_t s = 0; s < xs.size(); ++s) {
                const Vector want = network.law_of({static_cast<double>(got.hidden[s])}, given.scale.at(0, 0, s, 0));
                for (std::size_t p = 0; p < want.size(); ++p) {
                    largest = larger(largest, std::abs(got.params.at(0, 0, s, p) - want[p]) / std::abs(want[p]));
                }
            }
            CHECK(largest < 1e-6);
        });
    }
}

TEST_CASE("networks that do not fit together are refused") {
    const Network network(2, 5, 2, 1, kStudentT);
    const auto refused = [&](auto spoil) {
        ForecasterWeights weights = network.weights();
        spoil(weights);
        CHECK_THROWS_AS(LstmForecaster{weights}, std::invalid_argument);
    };
    refused([](ForecasterWeights& w) { w.layers.clear(); });
    refused([](ForecasterWeights& w) { w.n_embedded = 3; });  // nothing would be left to roll
    refused([](ForecasterWeights& w) { w.law = kCounts; });
    refused([](ForecasterWeights& w) { w.output.inputs = 4; });
    refused([](ForecasterWeights& w) { w.output.bias = w.output.bias.first(2); });
    refused([](ForecasterWeights& w) { w.output.weight = w.output.weight.first(14); });
    refused([](ForecasterWeights& w) { w.layers[0].input = w.layers[0].input.first(59); });
    refused([](ForecasterWeights& w) { w.layers[1].hidden = w.layers[1].hidden.first(99); });
    refused([](ForecasterWeights& w) { w.layers[1].bias = w.layers[1].bias.first(19); });
    refused([](ForecasterWeights& w) { w.layers[1].inputs = 4; });
    refused([](ForecasterWeights& w) { w.layers[0] = {3, 0, {}, {}, {}}; });
}

TEST_CASE("rows and results that do not fit the network are refused, and change nothing") {
    const Network network(2, 5, 2, 1, kStudentT);
    const Series given(network, 6, 1, 7, Layout::kRowsFirst);
    const auto refused = [&](const Network& with, auto spoil) {
        Series series = given;
        ForecastRows rows = series.rows();
        ForecastResults results = series.results(kStudentT);
        spoil(rows, results);
        CHECK_THROWS_AS(LstmForecaster(with.weights()).run(rows, results), std::invalid_argument);
        check_same(series, given);
    };
    refused(network, [](ForecastRows& r, ForecastResults&) { r.hidden = r.hidden.first(69); });
    refused(network, [](ForecastRows& r, ForecastResults&) { r.cell = r.cell.first(69); });
    refused(network, [](ForecastRows& r, ForecastResults&) { r.embedded = r.embedded.first(6); });
    refused(network, [](ForecastRows& r, ForecastResults&) { r.n_groups = 2; });
    refused(network, [](ForecastRows&, ForecastResults& r) { r.table = {}; });
    refused(network, [](ForecastRows&, ForecastResults& r) { r.n_places = 0; });
    refused(network, [](ForecastRows&, ForecastResults& r) { r.n_places = 1; });
    refused(network, [](ForecastRows&, ForecastResults& r) { r.n_places = 16; });  // the table is no whole number of rows
    refused(Network(2, 5, 2, 1, kCounts), [](ForecastRows&, ForecastResults&) {});  // the table is of Student's t
}

TEST_SUITE("parallel") {
    TEST_CASE("threads share a forecaster and give the bits of one") {
        const Network network(2, 12, 3, 2, kStudentT);
        const LstmForecaster forecaster(network.weights());
        const Series given(network, 200, 1, 7, Layout::kRowsFirst);
        const Series one = run(network, given);
        std::vector<Series> found(3, given);
        std::vector<std::thread> threads;
        for (Series& each : found) {
            threads.emplace_back([&] { forecaster.run(each.rows(), each.results(network.law)); });
        }
        for (std::thread& thread : threads) thread.join();
        for (const Series& each : found) check_same(each, one);
    }
}
