// SPDX-License-Identifier: Apache-2.0
// LSTM layers for blocks of windows, one window a lane. Compiled once per instruction set with FASTRCF_ISA naming the
// namespace, so that no two object files share a function.
#include "kernels/lstm_kernels.hpp"

#include "kernels/cell.hpp"

namespace fastrcf::FASTRCF_ISA {
namespace {

// A tile of sums stays in registers: kRows outputs times V registers of lanes.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRows = 8;
#else
constexpr int kRows = 4;
#endif
constexpr int kUnits = kRows / 4;
constexpr int kVectors = 3;

/// sums[r] += weights[k][r] in[k] over k; rows from Skip to Skip + kUnits are left out where Skip is not 0.
template <int V, int Skip = 0>
FASTRCF_INLINE void multiply(Wide (&sums)[kRows][V], const float* weights, const float* in, std::size_t stride,
                             std::size_t n) {
    for (std::size_t k = 0; k < n; ++k) {
        Wide x[V];
        for (int v = 0; v < V; ++v) x[v] = load(in + v * kWidth);
#pragma GCC unroll 8
        for (int r = 0; r < kRows; ++r) {
            if (Skip != 0 && r >= Skip && r < Skip + kUnits) continue;
            const Wide w = all(weights[r]);
            for (int v = 0; v < V; ++v) sums[r][v] += w * x[v];
        }
        weights += kRows;
        in += stride;
    }
}

template <int V>
void dense(const DenseCall& call) {
    constexpr std::size_t kLanes = V * kWidth;
    for (std::size_t lane = 0; lane < call.n_lanes; lane += kLanes) {
        const float* weights = call.weights;
        for (std::size_t tile = 0; tile < call.n_tiles; ++tile) {
            Wide sums[kRows][V];
            for (int r = 0; r < kRows; ++r) {
                for (int v = 0; v < V; ++v) sums[r][v] = all(call.bias[tile * kRows + r]);
            }
            multiply<V>(sums, weights, call.in + lane, call.in_stride, call.n_inputs);
            float* out = call.out + tile * kRows * call.out_stride + lane;
            for (int r = 0; r < kRows; ++r) {
                for (int v = 0; v < V; ++v) store(out + r * call.out_stride + v * kWidth, sums[r][v]);
            }
            weights += call.n_inputs * kRows;
        }
    }
}

/// From the sums of a tile's gates, which lie [row][lane], to the states of its units. Not a part of the loop over tiles: its constants would take the
/// registers of the sums.
template <int V, bool First, bool Relu>
__attribute__((noinline)) void turn(const float* sums, float* cells, float* hidden) {
    constexpr int kGate = kUnits * V * kWidth;
    for (int at = 0; at < kGate; at += kWidth) {
        Wide cell = First ? Wide{} : load(cells + at);
        Wide shown;
        turn_cell<First, Relu>(load(sums + at), load(sums + kGate + at), load(sums + 2 * kGate + at),
                               load(sums + 3 * kGate + at), cell, shown);
        store(cells + at, cell);
        store(hidden + at, shown);
    }
}

template <int V, bool First, bool Relu>
void step_as(const StepCall& call) {
    constexpr std::size_t kLanes = V * kWidth;
    constexpr int kSkip = First ? kUnits : 0;  // the state that the forget gate would keep is zero
    for (std::size_t tile = 0; tile < call.n_tiles; ++tile) {
        Wide sums[kRows][V];
        for (int r = 0; r < kRows; ++r) {
            const std::size_t row = tile * kRows + static_cast<std::size_t>(r);
            for (int v = 0; v < V; ++v) {
                sums[r][v] = call.start == nullptr ? all(call.bias[row])
                                                   : load(call.start + row * call.start_stride + v * kWidth);
            }
        }
        if (call.input_weights != nullptr) {
            multiply<V, kSkip>(sums, call.input_weights + tile * call.n_inputs * kRows, call.in, kLanes, call.n_inputs);
        }
        if constexpr (!First) {
            multiply<V>(sums, call.hidden_weights + tile * call.n_units * kRows, call.hidden, kLanes, call.n_units);
        }
        alignas(64) float made[kRows * kLanes];
        for (int r = 0; r < kRows; ++r) {
            for (int v = 0; v < V; ++v) store(made + (r * V + v) * kWidth, sums[r][v]);
        }
        const std::size_t at = tile * kUnits * kLanes;
        turn<V, First, Relu>(made, call.cell + at, call.next_hidden + at);
    }
}

template <int V>
void step(const StepCall& call) {
    if (call.hidden_weights == nullptr) {
        call.relu ? step_as<V, true, true>(call) : step_as<V, true, false>(call);
    } else {
        call.relu ? step_as<V, false, true>(call) : step_as<V, false, false>(call);
    }
}

template <int V>
void deviate(const DeviationCall& call) {
    constexpr std::size_t kLanes = V * kWidth;
    for (std::size_t f = 0; f < call.n_features; ++f) {
        for (int v = 0; v < V; ++v) {
            const std::size_t at = f * kLanes + static_cast<std::size_t>(v) * kWidth;
            const Wide made = load(call.made + at);
            const Wide row = load(call.rows + f * call.rows_stride + v * kWidth);
            const Wide gap = row - (call.sigmoid ? logistic(made) : made);
            if (call.deviation == Deviation::kSigned) {
                store(call.total + at, gap);
            } else {
                const Wide size = call.deviation == Deviation::kSquare ? gap * gap : absolute(gap);
                store(call.total + at, load(call.total + at) + size);
            }
        }
    }
}

template <int V>
constexpr LstmKernels kTable = {V * kWidth, kRows, dense<V>, step<V>, deviate<V>};

}  // namespace

const LstmBlocks& lstm_blocks() {
    static constexpr LstmBlocks blocks = {kTable<kVectors>, kTable<1>};
    return blocks;
}

}  // namespace fastrcf::FASTRCF_ISA
