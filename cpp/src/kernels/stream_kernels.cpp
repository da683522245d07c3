// SPDX-License-Identifier: Apache-2.0
// LSTM layers along series, the units of a layer side by side. Compiled once per instruction set with FASTRCF_ISA naming
// the namespace, so that no two object files share a function.
#include "kernels/stream_kernels.hpp"

#include <array>
#include <utility>

#include "kernels/cell.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// Sums for T registers of gates and S streams stay in registers themselves.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr std::size_t kStreams = 6;
#else
constexpr std::size_t kStreams = 3;
#endif
static_assert(kStreams <= kMostStreams);
constexpr std::size_t kTogether = 4;  // registers of gates at once for several streams
constexpr std::size_t kAlone = 12;    // for one, whose few sums would wait for each other

template <std::size_t T, std::size_t S>
FASTRCF_INLINE void multiply(Wide (&sums)[T][S], const float* weights, std::size_t n_gates, const float* const* in,
                             std::size_t n) {
    const float* x[S];
    for (std::size_t s = 0; s < S; ++s) x[s] = in[s];
    for (std::size_t k = 0; k < n; ++k, weights += n_gates) {
        Wide value[S];
        for (std::size_t s = 0; s < S; ++s) value[s] = all(x[s][k]);
#pragma GCC unroll 12
        for (std::size_t t = 0; t < T; ++t) {
            const Wide w = load(weights + t * kWidth);
            for (std::size_t s = 0; s < S; ++s) sums[t][s] += w * value[s];
        }
    }
}

/// The sums of T registers of gates from gate `at` on, for S streams from `first` on.
template <std::size_t T, std::size_t S>
void sum_gates(const StreamStep& step, std::size_t at, std::size_t first) {
    const StreamLayer& layer = *step.layer;
    Wide sums[T][S];
    for (std::size_t t = 0; t < T; ++t) {
        for (std::size_t s = 0; s < S; ++s) sums[t][s] = load(step.start[first + s] + at + t * kWidth);
    }
    multiply<T, S>(sums, layer.input + at, layer.n_gates, step.in + first, layer.n_inputs);
    multiply<T, S>(sums, layer.hidden + at, layer.n_gates, step.hidden + first, layer.n_units);
    for (std::size_t t = 0; t < T; ++t) {
        for (std::size_t s = 0; s < S; ++s) store(step.gates + s * layer.n_gates + at + t * kWidth, sums[t][s]);
    }
}

using SumGates = void (*)(const StreamStep& step, std::size_t at, std::size_t first);

template <std::size_t S, std::size_t... T>
constexpr std::array<SumGates, sizeof...(T)> sums_of(std::index_sequence<T...>) {
    return {sum_gates<T + 1, S>...};
}

constexpr auto kSumsTogether = sums_of<kStreams>(std::make_index_sequence<kTogether>());
constexpr auto kSumsAlone = sums_of<1>(std::make_index_sequence<kAlone>());

/// All gates of some streams, in passes of about equally many registers.
template <std::size_t n>
void sum_all(const std::array<SumGates, n>& sums, const StreamStep& step, std::size_t first) {
    const std::size_t n_gates = step.layer->n_gates;
    for (std::size_t at = 0; at < n_gates;) {
        const std::size_t left = (n_gates - at) / kWidth;
        const std::size_t passes = (left + n - 1) / n;
        const std::size_t now = (left + passes - 1) / passes;
        sums[now - 1](step, at, first);
        at += now * kWidth;
    }
}

/// From a stream's gates to its states. Units that fill the last register are anything.
void turn(const float* gates, std::size_t n_units, float* cells, float* hidden) {
    for (std::size_t at = 0; at < n_units; at += kWidth) {
        const float* const unit = gates + at;
        Wide cell = load(cells + at);
        Wide shown;
        turn_cell<false, false>(load(unit), load(unit + n_units), load(unit + 2 * n_units), load(unit + 3 * n_units),
                                cell, shown);
        store(cells + at, cell);
        store(hidden + at, shown);
    }
}

void step(const StreamStep& step) {
    for (std::size_t first = 0; first < step.n_streams;) {
        const bool together = step.n_streams - first >= kStreams;
        together ? sum_all(kSumsTogether, step, first) : sum_all(kSumsAlone, step, first);
        const std::size_t n = together ? kStreams : 1;
        for (std::size_t s = 0; s < n; ++s) {
            turn(step.gates + s * step.layer->n_gates, step.layer->n_units, step.cell[first + s],
                 step.next_hidden[first + s]);
        }
        first += n;
    }
}

void read_out(const ReadOut& call, const float* in, float* out) {
    constexpr std::size_t kChains = 4;  // sums that need not wait for each other
    Wide sums[kChains] = {load(call.bias)};
    std::size_t k = 0;
    for (; k + kChains <= call.n_inputs; k += kChains) {
        for (std::size_t c = 0; c < kChains; ++c) sums[c] += load(call.weights + (k + c) * kWidth) * all(in[k + c]);
    }
    for (; k < call.n_inputs; ++k) sums[0] += load(call.weights + k * kWidth) * all(in[k]);
    store(out, (sums[0] + sums[1]) + (sums[2] + sums[3]));
}

void student(const LawCall& call) {
    for (std::size_t i = 0; i < call.n; i += kWidth) {
        const Wide scale = load(call.scale + i);
        float* const place = call.values + i;
        float* const spread = place + call.stride;
        float* const df = spread + call.stride;
        store(place, load(place) * scale);
        store(spread, (softplus(load(spread)) + call.least_spread) * scale);
        store(df, softplus(load(df)) + 2.F);
    }
}

/// The dispersion shrinks with the root of the scale (Salinas et al. 2020, section 3.3).
void counts(const LawCall& call) {
    for (std::size_t i = 0; i < call.n; i += kWidth) {
        const Wide scale = load(call.scale + i);
        float* const mean = call.values + i;
        float* const dispersion = mean + call.stride;
        store(mean, (softplus(load(mean)) + call.least_spread) * scale);
        store(dispersion, softplus(load(dispersion)) / root(scale) + call.least_dispersion);
    }
}

}  // namespace

const StreamKernels& stream_kernels() {
    static constexpr StreamKernels kernels = {kWidth, kStreams, step, read_out, student, counts};
    return kernels;
}

}  // namespace fastrcf::FASTRCF_ISA
