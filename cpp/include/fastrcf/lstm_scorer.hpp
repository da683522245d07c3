// SPDX-License-Identifier: Apache-2.0
// An LSTM autoencoder run over the windows of a series: rows in, what is wrong with each window out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/lstm_layers.hpp"
#include "fastrcf/rows.hpp"

namespace fastrcf {

/// The encoder reads a window; the decoder reads the encoder's last state at each step; a dense layer makes the
/// reconstruction of the decoder's states.
struct AutoencoderWeights {
    std::size_t window_size = 1;
    bool relu = false;     ///< of candidate and output of the cells, in place of tanh
    bool sigmoid = false;  ///< at the end of the reconstruction
    std::vector<LstmWeights> encoder;
    std::vector<LstmWeights> decoder;
    DenseWeights output{};
};

/// How a row is compared with its reconstruction, and what is made of the mean over a window's rows.
enum class WindowError : std::uint8_t { kMeanSquare, kRootMeanSquare, kMeanAbsolute };

/// What is given for each window: its error over all cells, the same for each column (without the root), or its
/// last row minus the reconstruction, whatever the error.
enum class WindowResult : std::uint8_t { kScore, kColumns, kLastRow };

class LstmScorer {
public:
    /// Throws std::invalid_argument where sizes do not fit together.
    explicit LstmScorer(const AutoencoderWeights& weights);

    [[nodiscard]] std::size_t window_size() const noexcept { return window_size_; }
    [[nodiscard]] std::size_t n_features() const noexcept { return n_features_; }

    /// Numbers in the result for one window.
    [[nodiscard]] std::size_t width(WindowResult result) const noexcept {
        return result == WindowResult::kScore ? 1 : n_features_;
    }

    /// Runs the windows of `rows` that begin at `starts`; rows are scaled to (x - center) / scale unless these are empty.
    /// Writes width() numbers for each window. They have the same bits whatever else is computed, and for any number
    /// of threads; windows that begin in consecutive rows share work. Throws std::invalid_argument where sizes do
    /// not fit or a window leaves the rows.
    void run(const Rows& rows, std::span<const std::int64_t> starts, std::span<const double> center,
             std::span<const double> scale, WindowError error, WindowResult result, std::size_t n_threads,
             std::span<float> out) const;

private:
    struct Call;
    struct Place;
    struct Workspace;

    std::size_t chunk_windows(std::size_t n_windows, std::size_t n_threads) const;
    void run_chunk(const Call& call, std::size_t first, std::size_t n, Workspace& work) const;
    void share_rows(const Call& call, std::size_t first, std::size_t n, Workspace& work) const;
    void run_block(const Call& call, const LstmKernels& kernels, const Place& place, Workspace& work) const;
    void advance(const std::vector<PackedLstm>& layers, std::vector<LstmState>& states, const LstmKernels& kernels,
                 StepCall call, bool first) const;
    void deviate(const Call& call, const LstmKernels& kernels, const float* rows, std::size_t stride,
                 Workspace& work) const;
    void write(const Call& call, const LstmKernels& kernels, std::size_t n, float* out, const Workspace& work) const;

    const LstmBlocks* blocks_;
    std::size_t window_size_;
    std::size_t n_features_;
    bool relu_;
    bool sigmoid_;
    std::vector<PackedLstm> encoder_;
    std::vector<PackedLstm> decoder_;
    PackedDense output_;
};

}  // namespace fastrcf
