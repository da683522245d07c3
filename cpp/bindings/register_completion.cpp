// SPDX-License-Identifier: Apache-2.0
// Forest: imputed, expected and forecast values.
#include <pybind11/pybind11.h>

#include "arrays.hpp"
#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf::bindings {
namespace {

py::array_t<double> table_of(std::size_t n_rows, std::size_t n_columns) {
    return py::array_t<double>({static_cast<py::ssize_t>(n_rows), static_cast<py::ssize_t>(n_columns)});
}

std::span<double> span_of(py::array_t<double>& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

py::array_t<double> impute(const RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    py::array_t<double> values = table_of(rows.n_rows, rows.n_columns);
    const std::span<double> into = span_of(values);
    {
        const py::gil_scoped_release release;
        for (std::size_t i = 0; i < into.size(); ++i) into[i] = rows.at(i / rows.n_columns, i % rows.n_columns);
        forest.impute(rows, into);
    }
    return values;
}

py::array_t<double> expect(const RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    py::array_t<double> values = table_of(rows.n_rows, rows.n_columns);
    const std::span<double> into = span_of(values);
    {
        const py::gil_scoped_release release;
        forest.expect(rows, into);
    }
    return values;
}

py::array_t<double> forecast(const RandomCutForest& forest, std::size_t n_paths, std::size_t horizon,
                             std::uint64_t seed) {
    py::array_t<double> paths({static_cast<py::ssize_t>(n_paths), static_cast<py::ssize_t>(horizon),
                               static_cast<py::ssize_t>(forest.options().n_columns)});
    const std::span<double> into = span_of(paths);
    {
        const py::gil_scoped_release release;
        forest.forecast(n_paths, horizon, seed, into);
    }
    return paths;
}

}  // namespace

void register_completion(py::class_<RandomCutForest>& forest) {
    forest.def("impute", &impute, py::arg("X"), "The rows with their missing values filled in; changes nothing.")
        .def("expect", &expect, py::arg("X"), "What each row might have been expected to be; changes nothing.")
        .def("forecast", &forecast, py::arg("n_paths"), py::arg("horizon"), py::arg("random_state"),
             "Drawn continuations of the stream, (n_paths, horizon, n_columns); changes nothing.");
}

}  // namespace fastrcf::bindings
