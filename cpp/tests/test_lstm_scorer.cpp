// SPDX-License-Identifier: Apache-2.0
// Every instruction set gives the errors that a slow and obvious network in double precision gives.
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

#include "fastrcf/lstm_scorer.hpp"
#include "slow_lstm.hpp"

using namespace fastrcf;
using namespace fastrcf::testing;

namespace {

struct Network {
    Network(std::size_t window, std::size_t features, const std::vector<std::size_t>& encoder_units,
            const std::vector<std::size_t>& decoder_units, bool with_relu, bool with_sigmoid)
        : window_size(window), n_features(features), relu(with_relu), sigmoid(with_sigmoid) {
        std::size_t inputs = n_features;
        for (const std::size_t units : encoder_units) inputs = encoder.emplace_back(inputs, units, rng).units;
        for (const std::size_t units : decoder_units) inputs = decoder.emplace_back(inputs, units, rng).units;
        weight = random_floats(n_features * inputs, rng);
        bias = random_floats(n_features, rng);
    }

    [[nodiscard]] AutoencoderWeights weights() const {
        AutoencoderWeights all{window_size, relu, sigmoid, {}, {}, {decoder.back().units, n_features, weight, bias}};
        for (const Layer& layer : encoder) all.encoder.push_back(layer.weights());
        for (const Layer& layer : decoder) all.decoder.push_back(layer.weights());
        return all;
    }

    [[nodiscard]] std::vector<Vector> states(const Layer& layer, const std::vector<Vector>& inputs) const {
        std::vector<Vector> made;
        SlowState state(layer.units);
        for (const Vector& x : inputs) {
            state.step(layer, x, relu);
            made.push_back(state.hidden);
        }
        return made;
    }

    /// Row minus reconstruction for each row of the window.
    [[nodiscard]] std::vector<Vector> gaps(const std::vector<Vector>& window) const {
        std::vector<Vector> states_now = window;
        for (const Layer& layer : encoder) states_now = states(layer, states_now);
        states_now.assign(window_size, Vector(states_now.back()));
        for (const Layer& layer : decoder) states_now = states(layer, states_now);
        std::vector<Vector> found = window;
        for (std::size_t t = 0; t < window_size; ++t) {
            for (std::size_t f = 0; f < n_features; ++f) {
                double made = bias[f];
                for (std::size_t k = 0; k < states_now[t].size(); ++k) {
                    made += weight[f * states_now[t].size() + k] * states_now[t][k];
                }
                found[t][f] -= sigmoid ? logistic(made) : made;
            }
        }
        return found;
    }

    Rng rng{7, 7};
    std::size_t window_size;
    std::size_t n_features;
    bool relu;
    bool sigmoid;
    std::vector<Layer> encoder;
    std::vector<Layer> decoder;
    std::vector<float> weight;
    std::vector<float> bias;
};

/// What LstmScorer::run must give for the window that begins at `start`.
Vector expected(const Network& network, const Vector& rows, std::size_t start, const Vector& center, const Vector& scale,
                WindowError error, WindowResult result) {
    const std::size_t d = network.n_features;
    std::vector<Vector> window(network.window_size, Vector(d));
    for (std::size_t t = 0; t < window.size(); ++t) {
        for (std::size_t f = 0; f < d; ++f) window[t][f] = (rows[(start + t) * d + f] - center[f]) / scale[f];
    }
    const std::vector<Vector> gaps = network.gaps(window);
    if (result == WindowResult::kLastRow) return gaps.back();
    Vector columns(d, 0.0);
    for (const Vector& gap : gaps) {
        for (std::size_t f = 0; f < d; ++f) {
            columns[f] += (error == WindowError::kMeanAbsolute ? std::abs(gap[f]) : gap[f] * gap[f]) /
                          static_cast<double>(gaps.size());
        }
    }
    if (result == WindowResult::kColumns) return columns;
    const double mean = std::accumulate(columns.begin(), columns.end(), 0.0) / static_cast<double>(d);
    return {error == WindowError::kRootMeanSquare ? std::sqrt(mean) : mean};
}

struct Series {
    Series(const Network& network, std::size_t n)
        : n_rows(n), rows(n * network.n_features), center(network.n_features), scale(network.n_features) {
        Rng rng(11, 3);
        for (double& each : rows) each = 1e3 + 4.0 * rng.uniform();
        for (double& each : center) each = 1e3 + 2.0 * rng.uniform();
        for (double& each : scale) each = 0.5 + rng.uniform();
    }

    [[nodiscard]] Rows view() const { return Rows::of(rows.data(), n_rows, center.size()); }

    std::size_t n_rows;
    Vector rows;
    Vector center;
    Vector scale;
};

std::vector<float> run(const LstmScorer& scorer, const Series& series, const std::vector<std::int64_t>& starts,
                       WindowError error, WindowResult result, std::size_t n_threads = 1) {
    std::vector<float> out(starts.size() * scorer.width(result), -1.F);
    scorer.run(series.view(), starts, series.center, series.scale, error, result, n_threads, out);
    return out;
}

std::vector<std::int64_t> all_starts(const Network& network, const Series& series) {
    std::vector<std::int64_t> starts(series.n_rows - network.window_size + 1);
    std::iota(starts.begin(), starts.end(), 0);
    return starts;
}

const Network kNetworks[] = {
    {5, 3, {2}, {4}, false, true},   {4, 5, {9, 6}, {6, 9}, true, false}, {1, 1, {1}, {1}, true, true},
    {3, 2, {17}, {3}, false, false}, {7, 9, {5, 4, 3}, {8}, true, false},
};

}  // namespace

TEST_CASE("errors are those of the slow network on every instruction set") {
    on_every_level([] {
        for (const Network& network : kNetworks) {
            const LstmScorer scorer(network.weights());
            const Series series(network, 70);
            const auto starts = all_starts(network, series);
            for (const auto result : {WindowResult::kScore, WindowResult::kColumns, WindowResult::kLastRow}) {
                for (const auto error :
                     {WindowError::kMeanSquare, WindowError::kRootMeanSquare, WindowError::kMeanAbsolute}) {
                    const auto got = run(scorer, series, starts, error, result);
                    const std::size_t width = scorer.width(result);
                    double largest = 0.0;
                    for (std::size_t i = 0; i < starts.size(); ++i) {
                        const Vector want =
                            expected(network, series.rows, i, series.center, series.scale, error, result);
                        for (std::size_t k = 0; k < width; ++k) {
                            largest = larger(largest, gap_of(static_cast<double>(got[i * width + k]), want[k]));
                        }
                    }
                    CHECK(largest < 3e-6);
                }
            }
        }
    });
}

TEST_CASE("a window has the same bits alone, among others, in any order") {
    on_every_level([] {
        const Network& network = kNetworks[1];
        const LstmScorer scorer(network.weights());
        const Series series(network, 9000);  // several chunks
        auto starts = all_starts(network, series);
        const auto whole = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kScore);
        for (const std::int64_t start : {0, 47, 48, 4079, 8990}) {
            CHECK(run(scorer, series, {start}, WindowError::kMeanSquare, WindowResult::kScore).front() ==
                  whole[static_cast<std::size_t>(start)]);
        }
        std::reverse(starts.begin(), starts.end());
        auto reversed = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kScore);
        std::reverse(reversed.begin(), reversed.end());
        CHECK(reversed == whole);
    });
}

TEST_CASE("rows are read from any place, backwards and at odd addresses") {
    const Network& network = kNetworks[1];
    const LstmScorer scorer(network.weights());
    Series series(network, 60);
    for (double& each : series.rows) each = std::round(each);
    const auto starts = all_starts(network, series);
    const std::vector<std::int64_t> some{0, 3, 17, 18, 40};  // not side by side
    const auto check = [&]<class T>(T, Rows::Type type) {
        constexpr auto kStep = static_cast<std::ptrdiff_t>(sizeof(T)) + 1;  // from one value back to the one before
        const std::size_t n = series.rows.size();
        std::vector<std::byte> memory((n - 1) * static_cast<std::size_t>(kStep) + sizeof(T));
        for (std::size_t i = 0; i < n; ++i) {
            const auto value = static_cast<T>(series.rows[i]);
            std::memcpy(memory.data() + (n - 1 - i) * static_cast<std::size_t>(kStep), &value, sizeof value);
        }
        const auto width = static_cast<std::ptrdiff_t>(network.n_features);
        const Rows rows{memory.data() + (n - 1) * static_cast<std::size_t>(kStep), series.n_rows, network.n_features,
                        -kStep * width, -kStep, type};
        for (const auto& each : {starts, some}) {
            std::vector<float> got(each.size());
            scorer.run(rows, each, series.center, series.scale, WindowError::kMeanSquare, WindowResult::kScore, 1, got);
            CHECK(got == run(scorer, series, each, WindowError::kMeanSquare, WindowResult::kScore));
        }
    };
    check(0.0, Rows::Type::kFloat64);
    check(0.F, Rows::Type::kFloat32);
}

TEST_CASE("values beyond all bounds reach their own windows only") {
    const Network& network = kNetworks[1];
    const LstmScorer scorer(network.weights());
    Series series(network, 200);
    const auto starts = all_starts(network, series);
    const auto clean = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kScore);
    series.rows[60 * network.n_features] = std::nan("");
    series.rows[150 * network.n_features] = 1e300;
    const auto got = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kScore);
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const bool missing = i <= 60 && i + network.window_size > 60;
        const bool huge = i <= 150 && i + network.window_size > 150;
        if (missing) CHECK(std::isnan(got[i]));
        if (huge) CHECK_FALSE(std::isfinite(got[i]));
        if (!missing && !huge) CHECK(got[i] == clean[i]);
    }
}

TEST_CASE("large sums saturate the gates") {
    Network network(2, 1, {3}, {3}, false, false);
    for (Layer* layer : {&network.encoder.front(), &network.decoder.front()}) {
        for (float& each : layer->input) each *= 1e4F;
        for (float& each : layer->bias) each *= 1e4F;
    }
    const LstmScorer scorer(network.weights());
    const Series series(network, 20);
    const auto starts = all_starts(network, series);
    const auto got = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kLastRow);
    for (std::size_t i = 0; i < starts.size(); ++i) {
        const Vector want = expected(network, series.rows, i, series.center, series.scale, WindowError::kMeanSquare,
                                     WindowResult::kLastRow);
        CHECK(static_cast<double>(got[i]) == doctest::Approx(want[0]).epsilon(1e-4));
    }
}

TEST_CASE("what does not fit together is refused") {
    AutoencoderWeights weights = kNetworks[1].weights();
    weights.encoder[1].inputs = 8;
    CHECK_THROWS_AS(LstmScorer{weights}, std::invalid_argument);
    weights = kNetworks[1].weights();
    weights.decoder[0].hidden = weights.decoder[0].bias;
    CHECK_THROWS_AS(LstmScorer{weights}, std::invalid_argument);
    weights = kNetworks[1].weights();
    weights.output.inputs = 8;
    CHECK_THROWS_AS(LstmScorer{weights}, std::invalid_argument);
    weights = kNetworks[1].weights();
    weights.decoder.clear();
    CHECK_THROWS_AS(LstmScorer{weights}, std::invalid_argument);

    const LstmScorer scorer(kNetworks[1].weights());
    const Series series(kNetworks[1], 20);
    for (const std::int64_t start : {-1, 17}) {
        CHECK_THROWS_AS(run(scorer, series, {start}, WindowError::kMeanSquare, WindowResult::kScore),
                        std::invalid_argument);
    }
    CHECK(run(scorer, series, {}, WindowError::kMeanSquare, WindowResult::kScore).empty());
}

TEST_SUITE("parallel") {
    TEST_CASE("threads share a scorer and give the bits of one") {
        const Network& network = kNetworks[1];
        const LstmScorer scorer(network.weights());
        const Series series(network, 3000);
        const auto starts = all_starts(network, series);
        const auto one = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kScore);
        std::vector<std::vector<float>> found(2);
        std::vector<std::thread> threads;
        for (auto& each : found) {
            threads.emplace_back([&] {
                each = run(scorer, series, starts, WindowError::kMeanSquare, WindowResult::kScore, 3);
            });
        }
        for (std::thread& thread : threads) thread.join();
        for (const auto& each : found) CHECK(each == one);
    }
}
