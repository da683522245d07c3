// SPDX-License-Identifier: Apache-2.0
// An LSTM that runs along series and gives, for each row, the parameters of its law and quantiles of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "fastrcf/lstm_layers.hpp"

namespace fastrcf {

struct StreamKernels;

enum class ForecastLaw : std::uint8_t { kStudentT, kNegativeBinomial };

struct ForecasterWeights {
    std::vector<LstmWeights> layers;
    DenseWeights output{};
    std::size_t n_embedded = 0;  ///< inputs of a series that are the same in all rows; they come last
    ForecastLaw law = ForecastLaw::kStudentT;
    float least_spread = 0.F;
    float least_dispersion = 0.F;
};

/// Values for rows, groups of series and series, with any steps, counted in values; null where there are none.
template <class T>
struct Strided {
    T* data = nullptr;
    std::array<std::ptrdiff_t, 3> steps{};

    /// Those of one series.
    [[nodiscard]] T* of(std::size_t group, std::size_t series) const noexcept {
        if (data == nullptr) return nullptr;
        return data + static_cast<std::ptrdiff_t>(group) * steps[1] + static_cast<std::ptrdiff_t>(series) * steps[2];
    }
};

/// What is run: all series of all groups are streams of their own.
struct ForecastRows {
    std::size_t n_rows = 0;
    std::size_t n_groups = 0;
    std::size_t n_series = 0;
    Strided<const float> inputs;     ///< at each place, the inputs that differ from row to row, side by side
    Strided<const float> scale;
    std::span<const float> embedded;  ///< (series, n_embedded)
    std::span<float> hidden;          ///< (layers, groups, series, units): before the first row, then behind the last
    std::span<float> cell;            ///< likewise
};

/// Where results go; null pointers where they are not wanted. Values of a kind are `step` apart.
struct ForecastResults {
    Strided<double> params;
    std::ptrdiff_t params_step = 0;
    Strided<double> quantiles;
    std::ptrdiff_t quantiles_step = 0;
    std::span<const float> table;  ///< (quantiles, places): of Student's t over 1 / df, from 0 to 1/2
    std::size_t n_places = 0;
};

class LstmForecaster {
public:
    /// Throws std::invalid_argument where sizes do not fit together.
    explicit LstmForecaster(const ForecasterWeights& weights);

    [[nodiscard]] std::size_t n_layers() const noexcept { return layers_.size(); }
    [[nodiscard]] std::size_t n_units() const noexcept { return layers_.front().n_units; }
    [[nodiscard]] std::size_t n_rolled() const noexcept { return layers_.front().n_inputs; }
    [[nodiscard]] std::size_t n_params() const noexcept { return law_ == ForecastLaw::kStudentT ? 3 : 2; }

    /// Runs one thread. A stream's results have the same bits whatever runs beside it and however its rows are cut.
    void run(const ForecastRows& rows, const ForecastResults& results) const;

private:
    struct Layer {
        std::size_t n_inputs;
        std::size_t n_units;
        std::size_t n_gates;  ///< four for each unit, filled up to whole registers
        Floats input;         ///< [input][gate and unit]
        Floats hidden;        ///< [unit][gate and unit]
        Floats bias;          ///< [gate and unit]
        Floats embedded;      ///< as `input`, of the inputs that are the same in all rows
    };
    struct Streams;

    Layer pack(const LstmWeights& weights, std::size_t n_embedded) const;
    void run_streams(const ForecastRows& rows, const ForecastResults& results, std::size_t first, Streams& streams) const;
    void load_states(const ForecastRows& rows, std::size_t first, Streams& streams) const;
    void save_states(const ForecastRows& rows, std::size_t first, Streams& streams) const;
    void advance(const ForecastRows& rows, std::size_t row, std::size_t i, Streams& streams) const;
    void conclude(const ForecastResults& results, std::size_t row, std::size_t n_rows, Streams& streams) const;

    [[nodiscard]] std::size_t room() const noexcept;
    float* state(Streams& streams, std::size_t stream, std::size_t layer, std::size_t kind) const noexcept;

    const StreamKernels* kernels_;
    ForecastLaw law_;
    float least_spread_;
    float least_dispersion_;
    std::vector<Layer> layers_;
    std::size_t n_embedded_;
    Floats read_out_;       ///< [unit][output]
    Floats read_out_bias_;
};

}  // namespace fastrcf
