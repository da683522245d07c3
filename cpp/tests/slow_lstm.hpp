// SPDX-License-Identifier: Apache-2.0
// A layer of an LSTM in double precision, written so that it can be seen to be right.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include "fastrcf/cpu.hpp"
#include "fastrcf/lstm_layers.hpp"
#include "fastrcf/rng.hpp"

namespace fastrcf::testing {

using Vector = std::vector<double>;

/// n numbers within -size and size, in memory that ends where they do: sanitizers see what goes beyond.
inline std::vector<float> random_floats(std::size_t n, Rng& rng, double size = 1.0) {
    std::vector<float> values(n);
    for (float& each : values) each = static_cast<float>(size * (2.0 * rng.uniform() - 1.0));
    return values;
}

inline double logistic(double x) { return 1.0 / (1.0 + std::exp(-x)); }

/// log(1 + exp(x))
inline double softplus(double x) { return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x))); }

/// Owns what LstmWeights views.
struct Layer {
    Layer(std::size_t n_inputs, std::size_t n_units, Rng& rng, double size = 1.0)
        : inputs(n_inputs),
          units(n_units),
          input(random_floats(4 * n_units * n_inputs, rng, size)),
          hidden(random_floats(4 * n_units * n_units, rng, size)),
          bias(random_floats(4 * n_units, rng, size)) {}

    [[nodiscard]] LstmWeights weights() const { return {inputs, units, input, hidden, bias}; }

    std::size_t inputs;
    std::size_t units;
    std::vector<float> input;
    std::vector<float> hidden;
    std::vector<float> bias;
};

/// What a layer remembers and shows.
struct SlowState {
    explicit SlowState(std::size_t units) : hidden(units, 0.0), cell(units, 0.0) {}

    /// Takes a step of the layer; with ReLU in place of tanh where that is asked for.
    void step(const Layer& layer, const Vector& x, bool relu = false) {
        const auto shown = [relu](double value) { return relu ? std::max(value, 0.0) : std::tanh(value); };
        Vector gates(4 * layer.units);
        for (std::size_t r = 0; r < gates.size(); ++r) {
            gates[r] = layer.bias[r];
            for (std::size_t k = 0; k < layer.inputs; ++k) gates[r] += layer.input[r * layer.inputs + k] * x[k];
            for (std::size_t k = 0; k < layer.units; ++k) gates[r] += layer.hidden[r * layer.units + k] * hidden[k];
        }
        for (std::size_t u = 0; u < layer.units; ++u) {
            const double candidate = gates[2 * layer.units + u];
            cell[u] = logistic(gates[layer.units + u]) * cell[u] + logistic(gates[u]) * shown(candidate);
            hidden[u] = logistic(gates[3 * layer.units + u]) * shown(cell[u]);
        }
    }

    Vector hidden;
    Vector cell;
};

/// The larger of two; unlike std::max, this does not lose a NaN.
inline double larger(double a, double b) { return b <= a ? a : b; }

/// How far a number is from what it must be, for large ones as a share of them.
inline double gap_of(double got, double want) { return std::abs(got - want) / std::max(std::abs(want), 1.0); }

/// Calls `check` with each instruction set of this machine.
template <class Check>
void on_every_level(Check check) {
    for (const auto level : {KernelLevel::kBaseline, KernelLevel::kAvx2, KernelLevel::kAvx512}) {
        if (!kernel_available(level)) continue;
        use_kernel(level);
        check();
        use_kernel(std::nullopt);
    }
}

}  // namespace fastrcf::testing
