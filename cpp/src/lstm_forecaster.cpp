// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/lstm_forecaster.hpp"

#include <algorithm>
#include <cmath>

#include "fastrcf/types.hpp"
#include "kernels/stream_kernels.hpp"

namespace fastrcf {
namespace {

constexpr std::size_t kRowsTogether = 128;  ///< whose laws are computed together
constexpr std::size_t kStride = kMostStreams * kRowsTogether;

std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

/// [column][row], filled up to n_rows, of the columns [from, to) of a matrix whose rows are gates.
Floats transposed(std::span<const float> matrix, std::size_t columns, std::size_t from, std::size_t to,
                  std::size_t n_rows) {
    Floats packed((to - from) * n_rows);
    const std::size_t n_gates = matrix.size() / columns;
    for (std::size_t row = 0; row < n_gates; ++row) {
        const float scale = gate_scale(row / (n_gates / 4), false);
        for (std::size_t k = from; k < to; ++k) packed[(k - from) * n_rows + row] = scale * matrix[row * columns + k];
    }
    return packed;
}

}  // namespace

/// The streams that go together, and what they need.
struct LstmForecaster::Streams {
    explicit Streams(const LstmForecaster& owner)
        : states(kMostStreams * owner.layers_.size() * 3 * owner.room()),
          starts(kMostStreams * owner.layers_.front().n_gates),
          gates(kMostStreams * owner.layers_.front().n_gates + owner.kernels_->width),
          values(owner.n_params() * kStride),
          scale(kStride),
          made(owner.kernels_->width) {}

    std::size_t n = 0;
    std::array<const float*, kMostStreams> inputs{};
    std::array<const float*, kMostStreams> scales{};
    std::array<double*, kMostStreams> params{};
    std::array<double*, kMostStreams> quantiles{};
    Floats states;  ///< [stream][layer]: hidden, the next hidden, cell
    Floats starts;  ///< [stream]: what the first layer's sums start from
    Floats gates;
    Floats values;  ///< [parameter][row][stream]
    Floats scale;   ///< [row][stream]
    Floats made;
    std::size_t turn = 0;  ///< which of the two places holds the hidden states
};

LstmForecaster::LstmForecaster(const ForecasterWeights& weights)
    : kernels_(&stream_kernels()),
      law_(weights.law),
      least_spread_(weights.least_spread),
      least_dispersion_(weights.least_dispersion),
      n_embedded_(weights.n_embedded) {
    check_argument(!weights.layers.empty(), "weights: expected at least one layer");
    const std::size_t units = weights.layers.front().units;
    for (const LstmWeights& layer : weights.layers) {
        check_argument(layers_.empty() ? layer.inputs > n_embedded_ : layer.inputs == units,
                       "weights: a layer's inputs are not the units before it");
        check_argument(layer.units == units && units > 0, "weights: all layers have the same units");
        layers_.push_back(pack(layer, layers_.empty() ? n_embedded_ : 0));
    }
    const DenseWeights& output = weights.output;
    check_argument(output.inputs == units && output.outputs == n_params() && output.outputs <= kernels_->width &&
                       output.weight.size() == output.inputs * output.outputs && output.bias.size() == output.outputs,
                   "weights: the output layer does not fit");
    read_out_ = Floats(units * kernels_->width);
    read_out_bias_ = Floats(kernels_->width);
    for (std::size_t o = 0; o < output.outputs; ++o) {
        read_out_bias_[o] = output.bias[o];
        for (std::size_t k = 0; k < units; ++k) read_out_[k * kernels_->width + o] = output.weight[o * units + k];
    }
}

LstmForecaster::Layer LstmForecaster::pack(const LstmWeights& from, std::size_t n_embedded) const {
    check_argument(from.input.size() == 4 * from.units * from.inputs &&
                       from.hidden.size() == 4 * from.units * from.units && from.bias.size() == 4 * from.units,
                   "weights: a layer has another number of them than its sizes say");
    Layer layer{};
    layer.n_inputs = from.inputs - n_embedded;
    layer.n_units = from.units;
    layer.n_gates = round_up(4 * from.units, kernels_->width);
    layer.input = transposed(from.input, from.inputs, 0, layer.n_inputs, layer.n_gates);
    layer.embedded = transposed(from.input, from.inputs, layer.n_inputs, from.inputs, layer.n_gates);
    layer.hidden = transposed(from.hidden, from.units, 0, from.units, layer.n_gates);
    layer.bias = transposed(from.bias, 1, 0, 1, layer.n_gates);
    return layer;
}

/// Floats of a stream's states, to whole registers.
std::size_t LstmForecaster::room() const noexcept { return round_up(n_units(), kernels_->width); }

void LstmForecaster::run(const ForecastRows& rows, const ForecastResults& results) const {
    const std::size_t n_streams = rows.n_groups * rows.n_series;
    const std::size_t n_states = layers_.size() * n_streams * n_units();
    check_argument(rows.hidden.size() == n_states && rows.cell.size() == n_states,
                   "state: expected one number for each layer, series and unit");
    check_argument(rows.embedded.size() == rows.n_series * n_embedded_, "embedded: not those of the series");
    if (results.quantiles.data != nullptr) {
        check_argument(law_ == ForecastLaw::kStudentT, "quantiles: expected a network with the law that a table is for");
        check_argument(results.n_places >= 2 && results.table.size() % results.n_places == 0 && !results.table.empty(),
                       "table: expected at least two places for each quantile");
    }
    Streams streams(*this);
    for (std::size_t first = 0; first < n_streams;) {
        const std::size_t left = n_streams - first;
        streams.n = left >= kernels_->streams ? kernels_->streams : 1;
        run_streams(rows, results, first, streams);
        first += streams.n;
    }
}

void LstmForecaster::run_streams(const ForecastRows& rows, const ForecastResults& results, std::size_t first,
                                 Streams& streams) const {
    for (std::size_t s = 0; s < streams.n; ++s) {
        const std::size_t group = (first + s) / rows.n_series;
        const std::size_t series = (first + s) % rows.n_series;
        streams.inputs[s] = rows.inputs.of(group, series);
        streams.scales[s] = rows.scale.of(group, series);
        streams.params[s] = results.params.of(group, series);
        streams.quantiles[s] = results.quantiles.of(group, series);
    }
    load_states(rows, first, streams);
    for (std::size_t row = 0; row < rows.n_rows; row += kRowsTogether) {
        const std::size_t n = std::min(kRowsTogether, rows.n_rows - row);
        for (std::size_t i = 0; i < n; ++i) advance(rows, row, i, streams);
        if (results.params.data != nullptr || results.quantiles.data != nullptr) conclude(results, row, n, streams);
    }
    save_states(rows, first, streams);
}

float* LstmForecaster::state(Streams& streams, std::size_t stream, std::size_t layer, std::size_t kind) const noexcept {
    return streams.states.data() + ((stream * layers_.size() + layer) * 3 + kind) * room();
}

void LstmForecaster::load_states(const ForecastRows& rows, std::size_t first, Streams& streams) const {
    const std::size_t n_streams = rows.n_groups * rows.n_series;
    const Layer& below = layers_.front();
    streams.turn = 0;
    for (std::size_t s = 0; s < streams.n; ++s) {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const std::size_t at = (l * n_streams + first + s) * n_units();
            std::copy_n(rows.hidden.data() + at, n_units(), state(streams, s, l, 0));
            std::copy_n(rows.cell.data() + at, n_units(), state(streams, s, l, 2));
        }
        float* const start = streams.starts.data() + s * below.n_gates;
        std::copy_n(below.bias.data(), below.n_gates, start);
        const float* const given = rows.embedded.data() + (first + s) % rows.n_series * n_embedded_;
        for (std::size_t k = 0; k < n_embedded_; ++k) {
            const float* const weights = below.embedded.data() + k * below.n_gates;
            for (std::size_t i = 0; i < below.n_gates; ++i) start[i] += weights[i] * given[k];
        }
    }
}

void LstmForecaster::save_states(const ForecastRows& rows, std::size_t first, Streams& streams) const {
    const std::size_t n_streams = rows.n_groups * rows.n_series;
    for (std::size_t s = 0; s < streams.n; ++s) {
        for (std::size_t l = 0; l < layers_.size(); ++l) {
            const std::size_t at = (l * n_streams + first + s) * n_units();
            std::copy_n(state(streams, s, l, streams.turn), n_units(), rows.hidden.data() + at);
            std::copy_n(state(streams, s, l, 2), n_units(), rows.cell.data() + at);
        }
    }
}

/// Takes all streams through row `row + i`; what the network says of it goes to place i of the values.
void LstmForecaster::advance(const ForecastRows& rows, std::size_t row, std::size_t i, Streams& streams) const {
    const auto at = static_cast<std::ptrdiff_t>(row + i);
    const float* start[kMostStreams];
    const float* in[kMostStreams];
    const float* hidden[kMostStreams];
    float* next[kMostStreams];
    float* cell[kMostStreams];
    for (std::size_t s = 0; s < streams.n; ++s) {
        start[s] = streams.starts.data() + s * layers_.front().n_gates;
        in[s] = streams.inputs[s] + at * rows.inputs.steps[0];
        streams.scale[i * streams.n + s] = streams.scales[s][at * rows.scale.steps[0]];
    }
    for (std::size_t l = 0; l < layers_.size(); ++l) {
        const Layer& layer = layers_[l];
        for (std::size_t s = 0; s < streams.n; ++s) {
            if (l > 0) start[s] = layer.bias.data();
            hidden[s] = state(streams, s, l, streams.turn);
            next[s] = state(streams, s, l, 1 - streams.turn);
            cell[s] = state(streams, s, l, 2);
        }
        const StreamLayer shape{layer.n_gates, layer.n_inputs, layer.n_units, layer.input.data(), layer.hidden.data()};
        kernels_->step({&shape, streams.n, start, in, hidden, next, cell, streams.gates.data()});
        std::copy_n(next, streams.n, in);
    }
    streams.turn = 1 - streams.turn;
    for (std::size_t s = 0; s < streams.n; ++s) {
        kernels_->read_out({n_units(), read_out_.data(), read_out_bias_.data()}, in[s], streams.made.data());
        for (std::size_t p = 0; p < n_params(); ++p) streams.values[p * kStride + i * streams.n + s] = streams.made[p];
    }
}

/// Makes laws and quantiles of what the network said of n rows.
void LstmForecaster::conclude(const ForecastResults& results, std::size_t row, std::size_t n, Streams& streams) const {
    const LawCall call{round_up(n * streams.n, kernels_->width), kStride, streams.scale.data(), streams.values.data(),
                       least_spread_, least_dispersion_};
    law_ == ForecastLaw::kStudentT ? kernels_->student(call) : kernels_->counts(call);
    const std::size_t n_quantiles = results.quantiles.data == nullptr ? 0 : results.table.size() / results.n_places;
    const auto last = static_cast<float>(results.n_places - 2);
    for (std::size_t i = 0; i < n * streams.n; ++i) {
        const auto at = static_cast<std::ptrdiff_t>(row + i / streams.n);
        const float* const values = streams.values.data() + i;
        if (results.params.data != nullptr) {
            double* const into = streams.params[i % streams.n] + at * results.params.steps[0];
            for (std::size_t p = 0; p < n_params(); ++p) {
                into[static_cast<std::ptrdiff_t>(p) * results.params_step] = static_cast<double>(values[p * kStride]);
            }
        }
        if (n_quantiles == 0) continue;
        // 1 / df lies in (0, 1/2]; the last interval belongs to its upper end, too.
        const float place = 2.F * static_cast<float>(results.n_places - 1) / values[2 * kStride];
        const float left = place < last ? std::floor(place) : last;
        const float share = place - left;
        double* const into = streams.quantiles[i % streams.n] + at * results.quantiles.steps[0];
        for (std::size_t q = 0; q < n_quantiles; ++q) {
            const float* const t = results.table.data() + q * results.n_places + static_cast<std::size_t>(left);
            const float found = (t[0] + (t[1] - t[0]) * share) * values[kStride] + values[0];
            into[static_cast<std::ptrdiff_t>(q) * results.quantiles_step] = static_cast<double>(found);
        }
    }
}

}  // namespace fastrcf
