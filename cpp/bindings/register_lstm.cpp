// SPDX-License-Identifier: Apache-2.0
// Networks of LSTM layers: autoencoders over windows, forecasters along series.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "arrays.hpp"
#include "fastrcf/lstm_forecaster.hpp"
#include "fastrcf/lstm_scorer.hpp"

namespace fastrcf::bindings {
namespace {

using Array = py::array_t<float, py::array::c_style>;
using Numbers = py::array_t<double, py::array::c_style | py::array::forcecast>;
using Starts = py::array_t<std::int64_t, py::array::c_style | py::array::forcecast>;
using LayerArrays = std::tuple<Array, Array, Array>;  // input, hidden, bias

template <class T, int flags>
std::span<const T> span_of(const py::array_t<T, flags>& array) {
    return {array.data(), static_cast<std::size_t>(array.size())};
}

std::size_t columns_of(const Array& matrix) {
    if (matrix.ndim() != 2) throw py::value_error("weights: a matrix must have 2 dimensions");
    return static_cast<std::size_t>(matrix.shape(1));
}

std::vector<LstmWeights> layers_of(const std::vector<LayerArrays>& layers) {
    std::vector<LstmWeights> views;
    for (const auto& [input, hidden, bias] : layers) {
        views.push_back({columns_of(input), columns_of(hidden), span_of(input), span_of(hidden), span_of(bias)});
    }
    return views;
}

DenseWeights dense_of(const std::tuple<Array, Array>& layer) {
    const auto& [weight, bias] = layer;
    return {columns_of(weight), static_cast<std::size_t>(bias.size()), span_of(weight), span_of(bias)};
}

LstmScorer make_scorer(std::size_t window_size, bool relu, bool sigmoid, const std::vector<LayerArrays>& encoder,
                       const std::vector<LayerArrays>& decoder, const std::tuple<Array, Array>& output) {
    return LstmScorer({window_size, relu, sigmoid, layers_of(encoder), layers_of(decoder), dense_of(output)});
}

constexpr std::array<std::string_view, 3> kErrors = {"mse", "rmse", "mae"};
constexpr std::array<std::string_view, 3> kResults = {"score", "errors", "residuals"};

template <class Choice, std::size_t n>
Choice choice_of(const std::string& word, const std::array<std::string_view, n>& words) {
    for (std::size_t i = 0; i < n; ++i) {
        if (words[i] == word) return static_cast<Choice>(i);
    }
    throw py::value_error("not known: '" + word + "'");
}

py::array_t<float> run(const LstmScorer& scorer, const py::array& x, const Starts& starts, const Numbers& center,
                       const Numbers& scale, const std::string& error, const std::string& result,
                       std::size_t n_threads) {
    const Rows rows = rows_of(x);
    const auto what = choice_of<WindowResult>(result, kResults);
    const auto how = choice_of<WindowError>(error, kErrors);
    std::vector<py::ssize_t> shape = {starts.size()};
    if (what != WindowResult::kScore) shape.push_back(static_cast<py::ssize_t>(scorer.n_features()));
    py::array_t<float> out(shape);
    const std::span<float> into(out.mutable_data(), static_cast<std::size_t>(out.size()));
    {
        const py::gil_scoped_release release;
        scorer.run(rows, span_of(starts), span_of(center), span_of(scale), how, what, n_threads, into);
    }
    return out;
}

constexpr std::array<std::string_view, 2> kLaws = {"student-t", "negative-binomial"};

LstmForecaster make_forecaster(const std::vector<LayerArrays>& layers, const std::tuple<Array, Array>& output,
                               std::size_t n_embedded, const std::string& law, float least_spread,
                               float least_dispersion) {
    return LstmForecaster({layers_of(layers), dense_of(output), n_embedded, choice_of<ForecastLaw>(law, kLaws),
                           least_spread, least_dispersion});
}

/// A view of an array's rows, groups and series, which are its axes from `axis` on.
template <class T>
Strided<T> strided_of(T* data, const py::array& array, py::ssize_t axis) {
    Strided<T> view{data, {}};
    bool aligned = reinterpret_cast<std::uintptr_t>(data) % alignof(T) == 0;
    for (py::ssize_t i = 0; i < 3; ++i) {
        const py::ssize_t step = array.strides(axis + i);
        aligned = aligned && step % static_cast<py::ssize_t>(sizeof(T)) == 0;
        view.steps[static_cast<std::size_t>(i)] = step / static_cast<py::ssize_t>(sizeof(T));
    }
    if (!aligned) throw py::value_error("inputs, scale and results: expected aligned arrays");
    return view;
}

void check_shape(const char* name, const py::array& array, const std::vector<py::ssize_t>& shape) {
    bool same = array.ndim() == static_cast<py::ssize_t>(shape.size());
    for (std::size_t i = 0; same && i < shape.size(); ++i) same = array.shape(static_cast<py::ssize_t>(i)) == shape[i];
    if (!same) throw py::value_error(std::string(name) + ": another shape than was expected");
}

template <class T>
std::span<T> writable(py::array_t<T, py::array::c_style>& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

/// Results for each value, row, group and series.
Strided<double> results_of(const char* name, std::optional<py::array_t<double>>& array, py::ssize_t n_values,
                           const py::array& scale, std::ptrdiff_t& step) {
    if (!array) return {};
    check_shape(name, *array, {n_values, scale.shape(0), scale.shape(1), scale.shape(2)});
    step = array->strides(0) / static_cast<py::ssize_t>(sizeof(double));
    return strided_of(array->mutable_data(), *array, 1);
}

void forecast(const LstmForecaster& forecaster, const py::array_t<float>& inputs, const py::array_t<float>& scale,
              const Array& embedded, py::array_t<float, py::array::c_style>& hidden,
              py::array_t<float, py::array::c_style>& cell, std::optional<py::array_t<double>>& params,
              std::optional<py::array_t<double>>& quantiles, const std::optional<Array>& table) {
    if (scale.ndim() != 3) throw py::value_error("scale: another shape than was expected");
    check_shape("inputs", inputs,
                {scale.shape(0), scale.shape(1), scale.shape(2), static_cast<py::ssize_t>(forecaster.n_rolled())});
    if (inputs.strides(3) != sizeof(float) && inputs.shape(3) > 1) throw py::value_error("inputs: not side by side");
    if (quantiles && !table) throw py::value_error("table: expected one for quantiles");
    ForecastRows rows{static_cast<std::size_t>(scale.shape(0)), static_cast<std::size_t>(scale.shape(1)),
                      static_cast<std::size_t>(scale.shape(2)), strided_of(inputs.data(), inputs, 0),
                      strided_of(scale.data(), scale, 0), span_of(embedded), writable(hidden), writable(cell)};
    ForecastResults results;
    results.params = results_of("params", params, static_cast<py::ssize_t>(forecaster.n_params()), scale,
                                results.params_step);
    if (table) {
        results.n_places = columns_of(*table);
        results.table = span_of(*table);
        results.quantiles = results_of("quantiles", quantiles, table->shape(0), scale, results.quantiles_step);
    }
    const py::gil_scoped_release release;
    forecaster.run(rows, results);
}

}  // namespace

void register_lstm(py::module_& module) {
    py::class_<LstmScorer>(module, "LstmScorer")
        .def(py::init(&make_scorer), py::kw_only(), py::arg("window_size"), py::arg("relu"), py::arg("sigmoid"),
             py::arg("encoder"), py::arg("decoder"), py::arg("output"))
        .def("run", &run, py::arg("X"), py::arg("starts"), py::kw_only(), py::arg("center"), py::arg("scale"), py::arg("error"),
             py::arg("result"), py::arg("n_threads"));
    py::class_<LstmForecaster>(module, "LstmForecaster")
        .def(py::init(&make_forecaster), py::kw_only(), py::arg("layers"), py::arg("output"), py::arg("n_embedded"),
             py::arg("law"), py::arg("least_spread"), py::arg("least_dispersion"))
        .def("run", &forecast, py::arg("inputs"), py::kw_only(), py::arg("scale"), py::arg("embedded"),
             py::arg("hidden").noconvert(), py::arg("cell").noconvert(), py::arg("params").noconvert(),
             py::arg("quantiles").noconvert(), py::arg("table"));
}

}  // namespace fastrcf::bindings
