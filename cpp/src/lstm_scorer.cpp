// SPDX-License-Identifier: Apache-2.0
#include "fastrcf/lstm_scorer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "fastrcf/parallel.hpp"
#include "fastrcf/types.hpp"
#include "kernels/lstm_kernels.hpp"

namespace fastrcf {
namespace {

/// Bytes of the projected rows of a chunk: about a half of what one core's second cache holds.
constexpr std::size_t kChunkBytes = 1U << 19U;
constexpr std::size_t kMostWindows = 4080;  // a multiple of every block
constexpr std::size_t kLeastBlocks = 4;

std::size_t round_up(std::size_t n, std::size_t step) { return (n + step - 1) / step * step; }

std::vector<PackedLstm> packed(const std::vector<LstmWeights>& layers, std::size_t inputs, bool relu,
                               std::size_t tile_rows) {
    check_argument(!layers.empty(), "weights: expected a layer in encoder and decoder");
    std::vector<PackedLstm> made;
    for (const LstmWeights& layer : layers) {
        check_argument(layer.inputs == inputs && layer.units > 0, "weights: a layer's inputs are not the units before it");
        made.emplace_back(layer, relu, tile_rows);
        inputs = layer.units;
    }
    return made;
}

std::vector<LstmState> states_of(const std::vector<PackedLstm>& layers, std::size_t lanes) {
    std::vector<LstmState> states;
    for (const PackedLstm& layer : layers) states.emplace_back(layer, lanes);
    return states;
}

/// Writes n scaled rows from `first` on: column f of row t to into[f * column_step + t * row_step].
template <class T>
void scatter_as(const Rows& rows, std::span<const double> center, std::span<const double> scale, std::size_t first,
                std::size_t n, float* into, std::size_t column_step, std::size_t row_step) {
    for (std::size_t t = 0; t < n; ++t) {
        const std::byte* where = rows.data + static_cast<std::ptrdiff_t>(first + t) * rows.row_step;
        for (std::size_t f = 0; f < rows.n_columns; ++f, where += rows.column_step) {
            T value;
            std::memcpy(&value, where, sizeof value);
            into[f * column_step + t * row_step] =
                scale.empty() ? static_cast<float>(value)
                              : static_cast<float>((static_cast<double>(value) - center[f]) / scale[f]);
        }
    }
}

}  // namespace

struct LstmScorer::Call {
    const Rows& rows;
    std::span<const std::int64_t> starts;
    std::span<const double> center;
    std::span<const double> scale;
    WindowError error;
    WindowResult result;
    float* out;

    void scatter(std::size_t first, std::size_t n, float* into, std::size_t column_step, std::size_t row_step) const {
        const auto copy = rows.type == Rows::Type::kFloat32 ? scatter_as<float> : scatter_as<double>;
        copy(rows, center, scale, first, n, into, column_step, row_step);
    }
};

/// Where the rows of a block's windows lie: those of lane 0 and step 0 at `rows`, the next lane's beside them.
struct LstmScorer::Place {
    const float* rows;
    std::size_t column_step;
    std::size_t step;
    const float* projected;  ///< what they contribute to the gates, likewise; null where that is still to be computed
    std::size_t projected_step;
};

/// What one thread needs for a chunk and for the block that is being computed.
struct LstmScorer::Workspace {
    Workspace(const LstmScorer& scorer, std::size_t n_windows)
        : stride(round_up(n_windows + scorer.window_size_ - 1, scorer.blocks_->wide.lanes)),
          rows(scorer.n_features_ * stride),
          projected(4 * scorer.encoder_.front().n_states * stride),
          encoder(states_of(scorer.encoder_, scorer.blocks_->wide.lanes)),
          decoder(states_of(scorer.decoder_, scorer.blocks_->wide.lanes)),
          repeated(4 * scorer.decoder_.front().n_states * scorer.blocks_->wide.lanes),
          made(scorer.output_.n_rows * scorer.blocks_->wide.lanes),
          total(scorer.n_features_ * scorer.blocks_->wide.lanes) {}

    std::size_t stride;  ///< rows of the chunk
    Floats rows;         ///< (features, stride), scaled
    Floats projected;    ///< (gates, stride)
    Floats windows;      ///< (steps, features, lanes), scaled, where rows are not shared
    std::vector<LstmState> encoder;
    std::vector<LstmState> decoder;
    Floats repeated;  ///< (gates, lanes)
    Floats made;      ///< (outputs, lanes)
    Floats total;     ///< (features, lanes)
};

LstmScorer::LstmScorer(const AutoencoderWeights& weights)
    : blocks_(&lstm_blocks()),
      window_size_(weights.window_size),
      n_features_(weights.output.outputs),
      relu_(weights.relu),
      sigmoid_(weights.sigmoid),
      encoder_(packed(weights.encoder, n_features_, relu_, blocks_->wide.rows)),
      decoder_(packed(weights.decoder, encoder_.back().n_units, relu_, blocks_->wide.rows)),
      output_(weights.output, blocks_->wide.rows) {
    check_argument(window_size_ > 0 && n_features_ > 0, "weights: expected a window of at least one row and column");
    check_argument(output_.n_inputs == decoder_.back().n_units, "weights: the output layer does not fit the decoder");
}

void LstmScorer::run(const Rows& rows, std::span<const std::int64_t> starts, std::span<const double> center,
                     std::span<const double> scale, WindowError error, WindowResult result, std::size_t n_threads,
                     std::span<float> out) const {
    check_argument(rows.n_columns == n_features_, "X: rows have another number of columns than the network");
    check_argument(center.size() == scale.size() && (scale.empty() || scale.size() == n_features_),
                   "center, scale: expected one number for each column");
    check_argument(out.size() == starts.size() * width(result), "out: expected one result for each window");
    const auto last = static_cast<std::int64_t>(rows.n_rows) - static_cast<std::int64_t>(window_size_);
    check_argument(std::ranges::all_of(starts, [&](std::int64_t start) { return start >= 0 && start <= last; }),
                   "starts: a window leaves the rows");
    if (starts.empty()) return;
    const std::size_t n = starts.size();
    const Call call{rows, starts, center, scale, error, result, out.data()};
    const std::size_t chunk = chunk_windows(n, std::max<std::size_t>(n_threads, 1));
    const std::size_t n_chunks = (n + chunk - 1) / chunk;
    const std::size_t n_workers = std::clamp<std::size_t>(n_threads, 1, n_chunks);
    std::atomic<std::size_t> next{0};
    ThreadPool(n_workers).run(n_workers, [&](std::size_t) {
        Workspace work(*this, chunk);
        for (std::size_t mine = next++; mine < n_chunks; mine = next++) {
            run_chunk(call, mine * chunk, std::min(chunk, n - mine * chunk), work);
        }
    });
}

std::size_t LstmScorer::chunk_windows(std::size_t n_windows, std::size_t n_threads) const {
    const std::size_t lanes = blocks_->wide.lanes;
    const std::size_t fitting = kChunkBytes / (sizeof(float) * encoder_.front().n_states * 4);
    const std::size_t least = std::max(kLeastBlocks * lanes, window_size_);  // neighbours share projected rows
    const std::size_t share = (n_windows + n_threads - 1) / n_threads;
    return round_up(std::min(std::clamp(fitting, least, std::max(least, kMostWindows)), share), lanes);
}

void LstmScorer::run_chunk(const Call& call, std::size_t first, std::size_t n, Workspace& work) const {
    const std::span<const std::int64_t> starts = call.starts.subspan(first, n);
    const bool shared = std::ranges::adjacent_find(starts, [](auto a, auto b) { return b != a + 1; }) == starts.end();
    if (shared) {
        share_rows(call, static_cast<std::size_t>(starts.front()), n + window_size_ - 1, work);
    } else if (work.windows.size() == 0) {
        work.windows = Floats(window_size_ * n_features_ * blocks_->wide.lanes);
    }
    for (std::size_t at = 0; at < n;) {
        const LstmKernels& kernels = n - at > blocks_->narrow.lanes ? blocks_->wide : blocks_->narrow;
        const std::size_t filled = std::min(n - at, kernels.lanes);
        if (shared) {
            const Place place{work.rows.data() + at, work.stride, 1, work.projected.data() + at, work.stride};
            run_block(call, kernels, place, work);
        } else {
            const std::size_t step = n_features_ * kernels.lanes;
            for (std::size_t lane = 0; lane < filled; ++lane) {
                call.scatter(static_cast<std::size_t>(starts[at + lane]), window_size_, work.windows.data() + lane,
                             kernels.lanes, step);
            }
            run_block(call, kernels, {work.windows.data(), kernels.lanes, step, nullptr, 0}, work);
        }
        write(call, kernels, filled, call.out + (first + at) * width(call.result), work);
        at += kernels.lanes;
    }
}

/// Scales the rows of consecutive windows, and projects them onto the first layer's gates once for all of them.
void LstmScorer::share_rows(const Call& call, std::size_t first, std::size_t n, Workspace& work) const {
    call.scatter(first, n, work.rows.data(), work.stride, 1);
    DenseCall project = encoder_.front().projection();
    project.in_stride = project.out_stride = work.stride;
    for (std::size_t at = 0; at < n;) {
        const LstmKernels& kernels = n - at > blocks_->narrow.lanes ? blocks_->wide : blocks_->narrow;
        project.n_lanes = kernels.lanes;
        project.in = work.rows.data() + at;
        project.out = work.projected.data() + at;
        kernels.dense(project);
        at += kernels.lanes;
    }
}

void LstmScorer::run_block(const Call& call, const LstmKernels& kernels, const Place& place, Workspace& work) const {
    for (std::size_t step = 0; step < window_size_; ++step) {
        StepCall given{};
        if (place.projected != nullptr) {
            given.start = place.projected + step * place.step;
            given.start_stride = place.projected_step;
        } else {
            given.in = place.rows + step * place.step;
        }
        advance(encoder_, work.encoder, kernels, given, step == 0);
    }
    DenseCall repeat = decoder_.front().projection();
    repeat.n_lanes = repeat.in_stride = repeat.out_stride = kernels.lanes;
    repeat.in = work.encoder.back().hidden.data();
    repeat.out = work.repeated.data();
    kernels.dense(repeat);
    StepCall code{};
    code.start = work.repeated.data();
    code.start_stride = kernels.lanes;
    std::fill_n(work.total.data(), work.total.size(), 0.F);
    for (std::size_t step = 0; step < window_size_; ++step) {
        advance(decoder_, work.decoder, kernels, code, step == 0);
        if (call.result != WindowResult::kLastRow || step + 1 == window_size_) {
            deviate(call, kernels, place.rows + step * place.step, place.column_step, work);
        }
    }
}

/// Lets all layers of one half take a step; `call` says what the first of them is given.
void LstmScorer::advance(const std::vector<PackedLstm>& layers, std::vector<LstmState>& states,
                         const LstmKernels& kernels, StepCall call, bool first) const {
    call.relu = relu_;
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const PackedLstm& layer = layers[i];
        LstmState& state = states[i];
        call.n_tiles = layer.n_tiles;
        call.n_inputs = layer.n_inputs;
        call.n_units = layer.n_units;
        call.bias = layer.bias.data();
        call.input_weights = call.start == nullptr ? layer.input.data() : nullptr;
        call.hidden_weights = first ? nullptr : layer.hidden.data();
        call.hidden = state.hidden.data();
        call.next_hidden = state.next.data();
        call.cell = state.cell.data();
        kernels.step(call);
        std::swap(state.hidden, state.next);
        call.start = nullptr;
        call.in = state.hidden.data();
    }
}

void LstmScorer::deviate(const Call& call, const LstmKernels& kernels, const float* rows, std::size_t stride,
                         Workspace& work) const {
    DenseCall make = output_.call();
    make.n_lanes = make.in_stride = make.out_stride = kernels.lanes;
    make.in = work.decoder.back().hidden.data();
    make.out = work.made.data();
    kernels.dense(make);
    DeviationCall compare{};
    compare.n_features = n_features_;
    compare.rows = rows;
    compare.rows_stride = stride;
    compare.made = work.made.data();
    compare.total = work.total.data();
    compare.deviation = call.result == WindowResult::kLastRow      ? Deviation::kSigned
                        : call.error == WindowError::kMeanAbsolute ? Deviation::kAbsolute
                                                                   : Deviation::kSquare;
    compare.sigmoid = sigmoid_;
    kernels.deviate(compare);
}

void LstmScorer::write(const Call& call, const LstmKernels& kernels, std::size_t n, float* out,
                       const Workspace& work) const {
    const float* total = work.total.data();
    const auto n_rows = static_cast<float>(call.result == WindowResult::kLastRow ? 1 : window_size_);
    for (std::size_t lane = 0; lane < n; ++lane) {
        if (call.result != WindowResult::kScore) {
            for (std::size_t f = 0; f < n_features_; ++f) *out++ = total[f * kernels.lanes + lane] / n_rows;
            continue;
        }
        float sum = 0.F;
        for (std::size_t f = 0; f < n_features_; ++f) sum += total[f * kernels.lanes + lane];
        const float mean = sum / (n_rows * static_cast<float>(n_features_));
        *out++ = call.error == WindowError::kRootMeanSquare ? std::sqrt(mean) : mean;
    }
}

}  // namespace fastrcf
