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

#include "forecaster_bench.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

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

void check_close(const Streams& got, const Streams& want) {
    CHECK(largest_gap(got.params.memory(), want.params.memory()) < 1e-5);
    CHECK(largest_gap(got.quantiles.memory(), want.quantiles.memory()) < 3e-5);
    CHECK(largest_gap(got.hidden, want.hidden) < 3e-6);
    CHECK(largest_gap(got.cell, want.cell) < 6e-6);
}

void check_same(const Streams& got, const Streams& want) {
    CHECK(got.params.memory() == want.params.memory());
    CHECK(got.quantiles.memory() == want.quantiles.memory());
    CHECK(got.hidden == want.hidden);
    CHECK(got.cell == want.cell);
}

/// A series as it stands among others: its place in groups and series.
Streams alone(const Forecaster& network, Streams& all, std::size_t group, std::size_t s) {
    Streams one(network, all.n_rows, 1, 1, Layout::kRowsFirst);
    const std::size_t n_streams = all.n_groups * all.n_series;
    for (std::size_t row = 0; row < all.n_rows; ++row) {
        for (std::size_t k = 0; k < network.n_rolled; ++k) {
            one.inputs.at(row, 0, 0, k) = all.inputs.at(row, group, s, k);
        }
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
                    const Forecaster network(n_layers, units, 1 + units % 4, n_embedded, law);
                    for (const Shape& shape : kShapes) {
                        CAPTURE(n_layers);
                        CAPTURE(units);
                        CAPTURE(n_embedded);
                        CAPTURE(shape.n_groups * shape.n_series);
                        const Streams given(network, shape.n_rows, shape.n_groups, shape.n_series, shape.layout);
                        const Streams want = expected(network, given);
                        on_every_level([&] { check_close(run(network, given), want); });
                    }
                }
            }
        }
    }
}

TEST_CASE("a stream has the same bits alone and among others") {
    for (const ForecastLaw law : {kStudentT, kCounts}) {
        const Forecaster network(2, 21, 2, 3, law);
        on_every_level([&] {
            Streams given(network, 140, 2, 7, Layout::kBackwards);
            Streams among = run(network, given);
            for (const std::size_t stream : {0U, 2U, 3U, 6U, 7U, 11U, 12U, 13U}) {
                const std::size_t group = stream / 7;
                const std::size_t s = stream % 7;
                Streams one = run(network, alone(network, given, group, s));
                Streams want = alone(network, among, group, s);
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
        const Forecaster network(2, 10, 3, 2, kStudentT);
        on_every_level([&] {
            const Streams given(network, 270, 1, 8, Layout::kSeriesFirst);
            const LstmForecaster forecaster(network.weights());
            Streams parts = given;
            for (std::size_t from = 0; from < given.n_rows; from += cut) {
                forecaster.run(parts.rows(from, from + cut), parts.results(network.law, from));
            }
            check_same(parts, run(network, given));
        });
    }
}

TEST_CASE("inputs may lie at the same place for many rows, groups and series") {
    const Forecaster network(1, 6, 2, 0, kStudentT);
    Streams given(network, 20, 3, 5, Layout::kRowsFirst);
    given.inputs = Field<float>({20, 3, 5, 2}, {0, 0, 0, 1}, 0.5F);
    given.scale = Field<float>({20, 3, 5, 1}, {0, 0, 0, 1}, 2.F);
    const Streams want = expected(network, given);
    on_every_level([&] { check_close(run(network, given), want); });
}

TEST_CASE("what is not wanted is not given, and changes nothing") {
    for (const ForecastLaw law : {kStudentT, kCounts}) {
        const Forecaster network(2, 5, 2, 1, law);
        const Streams given(network, 150, 1, 8, Layout::kRowsFirst);
        const LstmForecaster forecaster(network.weights());
        const Streams whole = run(network, given);
        Streams none = given;
        forecaster.run(none.rows(), {});
        CHECK(none.hidden == whole.hidden);
        CHECK(none.cell == whole.cell);
        CHECK(none.params.memory() == given.params.memory());
        Streams laws = given;
        ForecastResults wanted = laws.results(kCounts);  // without quantiles
        forecaster.run(laws.rows(), wanted);
        CHECK(laws.params.memory() == whole.params.memory());
        CHECK(laws.quantiles.memory() == given.quantiles.memory());
        if (law != kStudentT) continue;
        Streams bands = given;
        wanted = bands.results(law);
        wanted.params = {};
        forecaster.run(bands.rows(), wanted);
        CHECK(bands.quantiles.memory() == whole.quantiles.memory());
        CHECK(bands.params.memory() == given.params.memory());
    }
}

TEST_CASE("no rows and no series leave everything as it is") {
    const Forecaster network(2, 5, 2, 1, kStudentT);
    constexpr std::array<std::size_t, 3> kNothing[] = {{0, 1, 7}, {4, 0, 3}, {4, 2, 0}};
    for (const auto& [n_rows, n_groups, n_series] : kNothing) {
        const Streams given(network, n_rows, n_groups, n_series, Layout::kRowsFirst);
        check_same(run(network, given), given);
    }
}

TEST_CASE("what is missing or beyond all bounds reaches its own stream only") {
    const Forecaster network(2, 7, 2, 0, kStudentT);
    on_every_level([&] {
        const Streams given(network, 40, 1, 13, Layout::kRowsFirst);
        Streams clean = run(network, given);
        Streams bad = given;
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
Forecaster bare_cell(ForecastLaw law) {
    Forecaster network(1, 1, 4, 0, law);
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
    const Forecaster network = bare_cell(kStudentT);
    const Vector xs = sweep();
    // Which of i, f, g, o and the state before is swept; the others let it through.
    const std::array<double, 5> open[] = {{0, -90, 90, 90, 0}, {-90, 0, 0, 90, 1}, {90, -90, 0, 90, 0},
                                          {-90, 90, 0, 0, 90}, {-90, 90, 0, 90, 0}};
    for (std::size_t swept = 0; swept < 5; ++swept) {
        CAPTURE(swept);
        Streams given(network, 1, 1, xs.size(), Layout::kRowsFirst);
        std::fill(given.hidden.begin(), given.hidden.end(), 0.F);
        for (std::size_t s = 0; s < xs.size(); ++s) {
            std::array<double, 5> values = open[swept];
            values[swept] = xs[s];
            for (std::size_t k = 0; k < 4; ++k) given.inputs.at(0, 0, s, k) = static_cast<float>(values[k]);
            given.cell[s] = static_cast<float>(values[4]);
        }
        const Streams want = expected(network, given);
        on_every_level([&] {
            const Streams got = run(network, given);
            CHECK(largest_gap(got.cell, want.cell) < 3e-7);
            CHECK(largest_gap(got.hidden, want.hidden) < 3e-7);
        });
    }
}

TEST_CASE("the laws hold over the whole range of what the network says") {
    for (const ForecastLaw law : {kStudentT, kCounts}) {
        const Forecaster network = bare_cell(law);
        const Vector xs = sweep();
        Streams given(network, 1, 1, xs.size(), Layout::kRowsFirst);
        std::fill(given.hidden.begin(), given.hidden.end(), 0.F);
        for (std::size_t s = 0; s < xs.size(); ++s) {
            const double values[] = {-90.0, 90.0, 0.0, 90.0};
            for (std::size_t k = 0; k < 4; ++k) given.inputs.at(0, 0, s, k) = static_cast<float>(values[k]);
            given.cell[s] = static_cast<float>(std::atanh(std::clamp(xs[s] / 128.0, -0.9999, 0.9999)));
        }
        on_every_level([&] {
            Streams got = run(network, given);
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
    const Forecaster network(2, 5, 2, 1, kStudentT);
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
    const Forecaster network(2, 5, 2, 1, kStudentT);
    const Streams given(network, 6, 1, 7, Layout::kRowsFirst);
    const auto refused = [&](const Forecaster& with, auto spoil) {
        Streams series = given;
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
    refused(network, [](ForecastRows&, ForecastResults& r) { r.n_places = 16; });  // of 51 numbers
    refused(Forecaster(2, 5, 2, 1, kCounts), [](ForecastRows&, ForecastResults&) {});  // the table is of Student's t
}

TEST_SUITE("parallel") {
    TEST_CASE("threads share a forecaster and give the bits of one") {
        const Forecaster network(2, 12, 3, 2, kStudentT);
        const LstmForecaster forecaster(network.weights());
        const Streams given(network, 200, 1, 7, Layout::kRowsFirst);
        const Streams one = run(network, given);
        std::vector<Streams> found(3, given);
        std::vector<std::thread> threads;
        for (Streams& each : found) {
            threads.emplace_back([&] { forecaster.run(each.rows(), each.results(network.law)); });
        }
        for (std::thread& thread : threads) thread.join();
        for (const Streams& each : found) check_same(each, one);
    }
}
