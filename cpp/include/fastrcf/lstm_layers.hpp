// SPDX-License-Identifier: Apache-2.0
// Weights of LSTM and dense layers, in the order in which the machine reads them.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace fastrcf {

struct DenseCall;
struct LstmBlocks;
struct LstmKernels;
struct StepCall;

/// Floats that begin where a cache line does; zero at first.
class Floats {
public:
    Floats() = default;
    explicit Floats(std::size_t size);

    [[nodiscard]] float* data() noexcept { return data_.get(); }
    [[nodiscard]] const float* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    float& operator[](std::size_t i) noexcept { return data_.get()[i]; }

private:
    struct Delete {
        void operator()(float* memory) const noexcept;
    };
    std::size_t size_ = 0;
    std::unique_ptr<float[], Delete> data_;
};

/// One layer's weights as PyTorch has them: gates in the order i, f, g, o, rows of a matrix one after the other.
struct LstmWeights {
    std::size_t inputs;
    std::size_t units;
    std::span<const float> input;   ///< (4 units, inputs)
    std::span<const float> hidden;  ///< (4 units, units)
    std::span<const float> bias;    ///< (4 units)
};

/// The same of a dense layer.
struct DenseWeights {
    std::size_t inputs;
    std::size_t outputs;
    std::span<const float> weight;  ///< (outputs, inputs)
    std::span<const float> bias;    ///< (outputs)
};

/// A layer packed into tiles; missing rows of the last tile are zero.
struct PackedDense {
    /// Throws std::invalid_argument where a span has another size than the layer.
    PackedDense(const DenseWeights& weights, std::size_t tile_rows);

    std::size_t n_inputs;
    std::size_t n_tiles;
    std::size_t n_rows;  ///< with the missing ones
    Floats weights;
    Floats bias;

    /// The call without lanes and places.
    [[nodiscard]] DenseCall call() const noexcept;
};

/// A layer packed into tiles of the four gates of a few units. The sums of the gates are scaled, see gate_scale.
struct PackedLstm {
    /// Throws std::invalid_argument where a span has another size than the layer.
    PackedLstm(const LstmWeights& weights, bool relu, std::size_t tile_rows);

    std::size_t n_inputs;
    std::size_t n_units;
    std::size_t n_tiles;
    std::size_t n_states;  ///< units with those that fill the last tile, whose states are zero
    Floats input;
    Floats hidden;
    Floats bias;

    /// The call, without lanes and places, for what the input contributes to the gates, in rows like the tiles'.
    [[nodiscard]] DenseCall projection() const noexcept;
};

/// What the weights of a gate (i, f, g, o) are multiplied with, so that its sum x comes as the power of two that is
/// exp(-x), for the logistic function, or exp(-2x), for the hyperbolic tangent of g.
[[nodiscard]] float gate_scale(std::size_t gate, bool relu) noexcept;

/// States of a layer for one block: (states, lanes) each.
struct LstmState {
    LstmState(const PackedLstm& layer, std::size_t lanes);

    Floats hidden;
    Floats next;
    Floats cell;
};

}  // namespace fastrcf
