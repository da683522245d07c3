// SPDX-License-Identifier: Apache-2.0
// Expected gaps of rows, for the strength of a direction.
#include <pybind11/pybind11.h>

#include <span>

#include "arrays.hpp"
#include "fastrcf/visitors/expected_gap.hpp"

namespace fastrcf::bindings {
namespace {

py::tuple gaps_of(const RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    rows.check(forest.options().n_columns);
    const py::ssize_t shape[] = {static_cast<py::ssize_t>(rows.n_rows), forest.options().dimensions()};
    py::array_t<double> high(shape);
    py::array_t<double> low(shape);
    const std::span<double> above(high.mutable_data(), static_cast<std::size_t>(high.size()));
    const std::span<double> below(low.mutable_data(), static_cast<std::size_t>(low.size()));
    {
        const py::gil_scoped_release release;  // the arrays are held by the caller and by the answer
        expected_gaps(forest, rows, above, below);
    }
    return py::make_tuple(high, low);
}

}  // namespace

void register_expected_gap(py::class_<RandomCutForest>& forest) {
    forest.def("expected_gaps", &gaps_of, py::arg("X"));
}

}  // namespace fastrcf::bindings
