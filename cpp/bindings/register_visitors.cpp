// SPDX-License-Identifier: Apache-2.0
// Questions to a forest: displacement, collusive displacement, density, neighbours.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <cmath>
#include <optional>
#include <span>
#include <string>

#include "arrays.hpp"
#include "fastrcf/random_cut_forest.hpp"
#include "fastrcf/visitors/codisp.hpp"
#include "fastrcf/visitors/density.hpp"
#include "fastrcf/visitors/displacement.hpp"
#include "fastrcf/visitors/expected_gap.hpp"
#include "fastrcf/visitors/near_neighbors.hpp"

namespace fastrcf::bindings {
namespace {

template <class T>
std::span<T> span_of(py::array_t<T>& array) {
    return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

py::ssize_t signed_size(std::size_t size) { return static_cast<py::ssize_t>(size); }

/// One value per row.
template <class Question>
py::array_t<double> values_of(const py::array& x, Question question) {
    const Rows rows = rows_of(x);
    py::array_t<double> values(signed_size(rows.n_rows));
    const std::span<double> into = span_of(values);
    {
        const py::gil_scoped_release release;  // the arrays are held by the caller and by `values`
        question(rows, into);
    }
    return values;
}

/// One value per row, coordinate and direction: (high, low).
template <class Question>
py::tuple directions_of(const RandomCutForest& forest, const py::array& x, Question question) {
    const Rows rows = rows_of(x);
    rows.check(forest.options().n_columns);
    const py::ssize_t shape[] = {signed_size(rows.n_rows), forest.options().dimensions()};
    py::array_t<double> high(shape);
    py::array_t<double> low(shape);
    const DirectionalSpans into{span_of(high), span_of(low)};
    {
        const py::gil_scoped_release release;
        question(rows, into);
    }
    return py::make_tuple(high, low);
}

py::array_t<double> displacements(const RandomCutForest& forest, const py::array& x) {
    return values_of(x, [&](const Rows& rows, std::span<double> into) { displacement(forest, rows, into); });
}

py::array_t<double> codisps(const RandomCutForest& forest, const py::array& x, bool sampled) {
    return values_of(x, [&](const Rows& rows, std::span<double> into) {
        if (sampled) codisp_held(forest, rows, into);
        else codisp_inserted(forest, rows, into);
    });
}

/// Points fill all their dimensions unless the caller knows better.
DensityOptions density_options(const RandomCutForest& forest, double smoothing, std::optional<double> manifold) {
    const double dimension = manifold.value_or(forest.options().dimensions());
    if (!(smoothing > 0.0) || !std::isfinite(smoothing)) {
        throw py::value_error("smoothing must be a positive number, got " + std::to_string(smoothing));
    }
    if (!(dimension > 0.0) || !std::isfinite(dimension)) {
        throw py::value_error("manifold_dimension must be a positive number, got " + std::to_string(dimension));
    }
    return {smoothing, dimension};
}

py::array_t<double> densities(const RandomCutForest& forest, const py::array& x, double smoothing,
                              std::optional<double> manifold) {
    const DensityOptions options = density_options(forest, smoothing, manifold);
    return values_of(x, [&](const Rows& rows, std::span<double> into) { density(forest, rows, options, into); });
}

py::tuple directional_densities(const RandomCutForest& forest, const py::array& x, double smoothing,
                                std::optional<double> manifold) {
    const DensityOptions options = density_options(forest, smoothing, manifold);
    return directions_of(forest, x, [&](const Rows& rows, const DirectionalSpans& into) {
        directional_density(forest, rows, options, into);
    });
}

py::tuple all_distances(const RandomCutForest& forest, const py::array& x) {
    return directions_of(forest, x,
                         [&](const Rows& rows, const DirectionalSpans& into) { distances(forest, rows, into); });
}

py::tuple all_expected_gaps(const RandomCutForest& forest, const py::array& x) {
    return directions_of(forest, x,
                         [&](const Rows& rows, const DirectionalSpans& into) { expected_gaps(forest, rows, into); });
}

py::tuple neighbors(const RandomCutForest& forest, const py::array& x, std::size_t k, double max_distance) {
    if (k < 1) throw py::value_error("k must be at least 1, got 0");
    if (!(max_distance >= 0.0)) {
        throw py::value_error("max_distance must not be negative, got " + std::to_string(max_distance));
    }
    const Rows rows = rows_of(x);
    rows.check(forest.options().n_columns);
    const py::ssize_t shape[] = {signed_size(rows.n_rows), signed_size(k)};
    const py::ssize_t point_shape[] = {shape[0], shape[1], forest.options().dimensions()};
    py::array_t<double> distance(shape);
    py::array_t<std::int64_t> arrival(shape);
    py::array_t<std::int64_t> n_trees(shape);
    py::array_t<float> point(point_shape);
    const NeighborSpans into{k, span_of(distance), span_of(arrival), span_of(n_trees), span_of(point)};
    {
        const py::gil_scoped_release release;
        near_neighbors(forest, rows, max_distance, into);
    }
    return py::make_tuple(distance, arrival, n_trees, point);
}

}  // namespace

void register_visitors(py::class_<RandomCutForest>& forest) {
    forest.def("displacement", &displacements, py::arg("X"))
        .def("codisp", &codisps, py::arg("X"), py::kw_only(), py::arg("sampled"))
        .def("density", &densities, py::arg("X"), py::kw_only(), py::arg("smoothing"), py::arg("manifold_dimension"))
        .def("directional_density", &directional_densities, py::arg("X"), py::kw_only(), py::arg("smoothing"),
             py::arg("manifold_dimension"))
        .def("distances", &all_distances, py::arg("X"))
        .def("expected_gaps", &all_expected_gaps, py::arg("X"))
        .def("near_neighbors", &neighbors, py::arg("X"), py::kw_only(), py::arg("k"), py::arg("max_distance"));
}

}  // namespace fastrcf::bindings
