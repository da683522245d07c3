// SPDX-License-Identifier: Apache-2.0
// NumPy arrays as views of the core.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <string>

#include "fastrcf/rows.hpp"

namespace fastrcf::bindings {

namespace py = pybind11;

/// The rows of a 2-D float32 or float64 array with any strides; the array must outlive the view.
inline Rows rows_of(const py::array& array) {
    if (array.ndim() != 2) {
        throw py::value_error("X must have 2 dimensions, got " + std::to_string(array.ndim()));
    }
    const bool narrow = py::isinstance<py::array_t<float>>(array);
    if (!narrow && !py::isinstance<py::array_t<double>>(array)) {
        throw py::type_error("X must be a float32 or float64 array, got " + py::str(array.dtype()).cast<std::string>());
    }
    return {static_cast<const std::byte*>(array.data()),
            static_cast<std::size_t>(array.shape(0)),
            static_cast<std::size_t>(array.shape(1)),
            static_cast<std::ptrdiff_t>(array.strides(0)),
            static_cast<std::ptrdiff_t>(array.strides(1)),
            narrow ? Rows::Type::kFloat32 : Rows::Type::kFloat64};
}

/// Copies a container into a new array.
template <class T, class Container>
py::array_t<T> array_of(const Container& values) {
    py::array_t<T> array(static_cast<py::ssize_t>(values.size()));
    T* into = array.mutable_data();
    for (const auto& value : values) *into++ = static_cast<T>(value);
    return array;
}

}  // namespace fastrcf::bindings
