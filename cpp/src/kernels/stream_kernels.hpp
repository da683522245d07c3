// SPDX-License-Identifier: Apache-2.0
// The inner loops of a network that runs along series, one table of functions per instruction set.
//
// A stream is a series whose state is carried from row to row. Here a layer's gates lie side by side: all units' i, then
// f, g and o. Weights are packed [input][gate and unit], filled up with zeros to whole registers. A few streams go
// through a layer together.
#pragma once

#include <cstddef>

namespace fastrcf {

/// Streams that go together, at the most.
inline constexpr std::size_t kMostStreams = 6;

struct StreamLayer {
    std::size_t n_gates;   ///< four for each unit, filled up to whole registers
    std::size_t n_inputs;
    std::size_t n_units;
    const float* input;
    const float* hidden;
};

/// One row of some streams through one layer. Pointers: one for each stream. States have room for whole registers.
struct StreamStep {
    const StreamLayer* layer;
    std::size_t n_streams;
    const float* const* start;  ///< what the gates' sums start from
    const float* const* in;
    const float* const* hidden;
    float* const* next_hidden;  ///< another place than `hidden`
    float* const* cell;         ///< becomes the next one
    float* gates;               ///< room for the gates of all streams and one register more
};

/// out[o] = bias[o] + sum over k of weights[k][o] in[k] for up to `width` outputs; all `width` are written.
struct ReadOut {
    std::size_t n_inputs;
    const float* weights;
    const float* bias;
};

/// What the network gives for n rows, value by value, `stride` floats apart, becomes the parameters of their laws.
struct LawCall {
    std::size_t n;  ///< a multiple of the width
    std::size_t stride;
    const float* scale;
    float* values;  ///< raw, then location, scale and degrees of freedom; or mean and dispersion
    float least_spread;
    float least_dispersion;
};

struct StreamKernels {
    std::size_t width;    ///< floats in a register
    std::size_t streams;  ///< that go together best; 1 is possible, too
    void (*step)(const StreamStep& step);
    void (*read_out)(const ReadOut& call, const float* in, float* out);
    void (*student)(const LawCall& call);
    void (*counts)(const LawCall& call);
};

namespace isa_baseline { const StreamKernels& stream_kernels(); }
namespace isa_avx2 { const StreamKernels& stream_kernels(); }
namespace isa_avx512 { const StreamKernels& stream_kernels(); }

[[nodiscard]] const StreamKernels& stream_kernels();

}  // namespace fastrcf
