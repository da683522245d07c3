// SPDX-License-Identifier: Apache-2.0
// The inner loops of LSTM layers, one table of functions per instruction set.
//
// Windows (or series) that are computed side by side form a block, one a lane; values lie [feature][lane]. Weights are
// packed into tiles of `rows` outputs, [tile][input][row], which is the order in which they are read; a tile of
// a layer holds the four gates of rows / 4 units, gate by gate in the order i, f, g, o.
#pragma once

#include <cstddef>

namespace fastrcf {

/// out[r][x] = bias[r] + sum over k of weights[r][k] in[k][x], for n_lanes lanes, a multiple of the block's.
struct DenseCall {
    std::size_t n_tiles;
    std::size_t n_inputs;
    std::size_t n_lanes;
    std::size_t in_stride;
    std::size_t out_stride;
    const float* weights;
    const float* bias;
    const float* in;
    float* out;
};

/// One step of one layer for one block: from the states (units, lanes) to the next ones.
struct StepCall {
    std::size_t n_tiles;
    std::size_t n_inputs;
    std::size_t n_units;
    const float* bias;       ///< what the gates' sums start from where `start` is null
    const float* start;      ///< the same lane by lane, start_stride floats from row to row
    std::size_t start_stride;
    const float* input_weights;  ///< null where the input is part of `start`
    const float* in;
    const float* hidden_weights;  ///< null in the first step, when all states are zero
    const float* hidden;
    float* next_hidden;  ///< another place than `hidden`
    float* cell;         ///< becomes the next one
    bool relu;           ///< of candidate and output, in place of tanh
};

/// What a window's reconstruction is compared with, and how.
enum class Deviation { kSquare, kAbsolute, kSigned };

/// total[f] += the deviation of rows[f] from made[f] for one block; kSigned stores it instead.
struct DeviationCall {
    std::size_t n_features;
    const float* rows;  ///< rows_stride floats from feature to feature
    std::size_t rows_stride;
    const float* made;
    float* total;
    Deviation deviation;
    bool sigmoid;  ///< the reconstruction is the logistic function of `made`
};

/// The functions for blocks of one size.
struct LstmKernels {
    std::size_t lanes;
    std::size_t rows;
    void (*dense)(const DenseCall& call);
    void (*step)(const StepCall& call);
    void (*deviate)(const DeviationCall& call);
};

/// Blocks of many lanes, and of as few as a register holds, for the machine's best instruction set.
struct LstmBlocks {
    LstmKernels wide;
    LstmKernels narrow;
};

namespace isa_baseline { const LstmBlocks& lstm_blocks(); }
namespace isa_avx2 { const LstmBlocks& lstm_blocks(); }
namespace isa_avx512 { const LstmBlocks& lstm_blocks(); }

[[nodiscard]] const LstmBlocks& lstm_blocks();

}  // namespace fastrcf
