// SPDX-License-Identifier: Apache-2.0
// LSTM autoencoders over windows.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "arrays.hpp"
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

LstmScorer make_scorer(std::size_t window_size, bool relu, bool sigmoid, const std::vector<LayerArrays>& encoder,
                       const std::vector<LayerArrays>& decoder, const std::tuple<Array, Array>& output) {
    const auto& [weight, bias] = output;
    const DenseWeights dense{columns_of(weight), static_cast<std::size_t>(bias.size()), span_of(weight), span_of(bias)};
    return LstmScorer({window_size, relu, sigmoid, layers_of(encoder), layers_of(decoder), dense});
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

}  // namespace

void register_lstm(py::module_& module) {
    py::class_<LstmScorer>(module, "LstmScorer")
        .def(py::init(&make_scorer), py::kw_only(), py::arg("window_size"), py::arg("relu"), py::arg("sigmoid"),
             py::arg("encoder"), py::arg("decoder"), py::arg("output"))
        .def("run", &run, py::arg("X"), py::arg("starts"), py::kw_only(), py::arg("center"), py::arg("scale"), py::arg("error"),
             py::arg("result"), py::arg("n_threads"));
}

}  // namespace fastrcf::bindings
