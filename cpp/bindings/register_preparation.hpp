// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pybind11/pybind11.h>

#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf::bindings {

namespace py = pybind11;

/// Options of a preparation from a dictionary; what it does not name keeps its default.
PreparationOptions preparation_options(const py::dict& dict);
py::dict preparation_dict(const PreparationOptions& options);

void register_preparation(py::class_<RandomCutForest>& forest);

}  // namespace fastrcf::bindings
