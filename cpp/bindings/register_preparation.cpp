// SPDX-License-Identifier: Apache-2.0
// What happens to rows before the trees see them: options, and what the forest says of its data.
#include "register_preparation.hpp"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <string>
#include <string_view>

#include "arrays.hpp"

namespace fastrcf::bindings {
namespace {

constexpr std::array<std::string_view, 4> kTransformations = {"none", "normalize", "difference", "normalize_difference"};
constexpr std::array<std::string_view, 4> kMissing = {"skip", "impute", "previous", "constant"};
constexpr std::array<std::string_view, 3> kIrregular = {"refuse", "gap", "augment"};

template <class Choice, std::size_t n>
void read_choice(const py::dict& dict, const char* name, const std::array<std::string_view, n>& names, Choice& into) {
    if (!dict.contains(name)) return;
    const auto value = dict[name].cast<std::string>();
    for (std::size_t i = 0; i < n; ++i) {
        if (names[i] == value) {
            into = static_cast<Choice>(i);
            return;
        }
    }
    throw py::value_error(std::string(name) + " is not known: '" + value + "'");
}

template <class T>
void read_value(const py::dict& dict, const char* name, T& into) {
    if (dict.contains(name)) into = dict[name].cast<T>();
}

template <class Choice, std::size_t n>
std::string name_of(Choice choice, const std::array<std::string_view, n>& names) {
    return std::string(names[static_cast<std::size_t>(choice)]);
}

py::array_t<double> restore(const RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    py::array_t<double> restored({static_cast<py::ssize_t>(rows.n_rows), static_cast<py::ssize_t>(rows.n_columns)});
    const std::span<double> into(restored.mutable_data(), rows.n_rows * rows.n_columns);
    {
        const py::gil_scoped_release release;
        forest.restore(rows, into);
    }
    return restored;
}

}  // namespace

PreparationOptions preparation_options(const py::dict& dict) {
    PreparationOptions options;
    read_choice(dict, "transformation", kTransformations, options.transformation);
    read_choice(dict, "missing", kMissing, options.missing);
    read_choice(dict, "irregular", kIrregular, options.irregular);
    read_value(dict, "weights", options.weights);
    read_value(dict, "fill_value", options.fill_value);
    read_value(dict, "noise_floor", options.noise_floor);
    read_value(dict, "max_missing", options.max_missing);
    return options;
}

py::dict preparation_dict(const PreparationOptions& options) {
    py::dict result;
    result["transformation"] = name_of(options.transformation, kTransformations);
    result["weights"] = options.weights;
    result["noise_floor"] = options.noise_floor;
    result["missing"] = name_of(options.missing, kMissing);
    result["fill_value"] = options.fill_value;
    result["max_missing"] = options.max_missing;
    result["irregular"] = name_of(options.irregular, kIrregular);
    return result;
}

void register_preparation(py::class_<RandomCutForest>& forest) {
    const auto without_gil = py::call_guard<py::gil_scoped_release>();
    forest
        .def("restore", &restore, py::arg("X"), "Rows of the trees' units that would follow, in the caller's units.")
        .def_property_readonly("data_quality", py::cpp_function(&RandomCutForest::data_quality, without_gil))
        .def_property_readonly("confidence", py::cpp_function(&RandomCutForest::confidence, without_gil));
}

}  // namespace fastrcf::bindings
