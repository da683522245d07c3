// SPDX-License-Identifier: Apache-2.0
// Forest.merge: several forests become one.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <vector>

#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf::bindings {

namespace py = pybind11;

namespace {

std::unique_ptr<RandomCutForest> merge(const std::vector<const RandomCutForest*>& forests) {
    for (const RandomCutForest* forest : forests) {
        if (forest == nullptr) throw py::type_error("forests: expected forests, got None");
    }
    const py::gil_scoped_release release;  // the caller holds the forests
    return RandomCutForest::merge(forests);
}

bool is_fitted(const RandomCutForest& forest) {
    const py::gil_scoped_release release;
    return forest.is_fitted();
}

}  // namespace

void register_merge(py::class_<RandomCutForest>& forest) {
    forest.def_static("merge", &merge, py::arg("forests"), "One forest of the trees of several.")
        .def_property_readonly("is_fitted", &is_fitted);
}

}  // namespace fastrcf::bindings
