// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/lstm_layers.hpp"

#include <algorithm>
#include <new>

#include "fastrcf/types.hpp"
#include "kernels/lstm_kernels.hpp"

namespace fastrcf {
namespace {

constexpr std::align_val_t kCacheLine{64};

std::size_t tiles_of(std::size_t n, std::size_t size) { return (n + size - 1) / size; }

/// Row of the matrix that row `r` of tile `tile` holds, or `none`: the four gates of a few units.
std::size_t gate_row(std::size_t tile, std::size_t r, std::size_t units, std::size_t tile_rows, std::size_t none) {
    const std::size_t tile_units = tile_rows / 4;
    const std::size_t unit = tile * tile_units + r % tile_units;
    return unit < units ? (r / tile_units) * units + unit : none;
}

/// [tile][column][row] of a matrix of rows.
template <class RowOf, class ScaleOf>
Floats pack(std::span<const float> matrix, std::size_t columns, std::size_t n_tiles, std::size_t tile_rows, RowOf row_of,
            ScaleOf scale_of) {
    const std::size_t none = columns == 0 ? 0 : matrix.size() / columns;
    Floats packed(n_tiles * columns * tile_rows);
    for (std::size_t tile = 0; tile < n_tiles; ++tile) {
        for (std::size_t r = 0; r < tile_rows; ++r) {
            const std::size_t row = row_of(tile, r, none);
            if (row == none) continue;
            for (std::size_t k = 0; k < columns; ++k) {
                packed[(tile * columns + k) * tile_rows + r] = matrix[row * columns + k] * scale_of(r);
            }
        }
    }
    return packed;
}

void check_size(std::span<const float> values, std::size_t size) {
    check_argument(values.size() == size, "weights: a layer has another number of them than its sizes say");
}

}  // namespace

Floats::Floats(std::size_t size)
    : size_(size), data_(static_cast<float*>(::operator new[](std::max<std::size_t>(size, 1) * sizeof(float), kCacheLine))) {
    std::fill_n(data_.get(), size, 0.F);
}

void Floats::Delete::operator()(float* memory) const noexcept { ::operator delete[](memory, kCacheLine); }

PackedDense::PackedDense(const DenseWeights& from, std::size_t tile_rows)
    : n_inputs(from.inputs), n_tiles(tiles_of(from.outputs, tile_rows)), n_rows(n_tiles * tile_rows) {
    check_size(from.weight, from.inputs * from.outputs);
    check_size(from.bias, from.outputs);
    const auto row_of = [&](std::size_t tile, std::size_t r, std::size_t none) {
        return std::min(tile * tile_rows + r, none);
    };
    const auto scale_of = [](std::size_t) { return 1.F; };
    weights = pack(from.weight, n_inputs, n_tiles, tile_rows, row_of, scale_of);
    bias = pack(from.bias, 1, n_tiles, tile_rows, row_of, scale_of);
}

PackedLstm::PackedLstm(const LstmWeights& from, bool relu, std::size_t tile_rows)
    : n_inputs(from.inputs),
      n_units(from.units),
      n_tiles(tiles_of(from.units, tile_rows / 4)),
      n_states(n_tiles * (tile_rows / 4)) {
    check_size(from.input, 4 * from.units * from.inputs);
    check_size(from.hidden, 4 * from.units * from.units);
    check_size(from.bias, 4 * from.units);
    const auto row_of = [&](std::size_t tile, std::size_t r, std::size_t none) {
        return gate_row(tile, r, from.units, tile_rows, none);
    };
    const auto scale_of = [&](std::size_t r) { return gate_scale(r / (tile_rows / 4), relu); };
    input = pack(from.input, n_inputs, n_tiles, tile_rows, row_of, scale_of);
    hidden = pack(from.hidden, n_units, n_tiles, tile_rows, row_of, scale_of);
    bias = pack(from.bias, 1, n_tiles, tile_rows, row_of, scale_of);
}

float gate_scale(std::size_t gate, bool relu) noexcept {
    constexpr float kLog2E = 1.44269504F;
    if (gate != 2) return -kLog2E;
    return relu ? 1.F : -2.F * kLog2E;
}

DenseCall PackedDense::call() const noexcept {
    return {n_tiles, n_inputs, 0, 0, 0, weights.data(), bias.data(), nullptr, nullptr};
}

DenseCall PackedLstm::projection() const noexcept {
    return {n_tiles, n_inputs, 0, 0, 0, input.data(), bias.data(), nullptr, nullptr};
}

LstmState::LstmState(const PackedLstm& layer, std::size_t lanes)
    : hidden(layer.n_states * lanes), next(layer.n_states * lanes), cell(layer.n_states * lanes) {}

}  // namespace fastrcf
