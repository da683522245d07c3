// SPDX-License-Identifier: Apache-2.0
// What each coordinate adds to a score.
#include <pybind11/pybind11.h>

#include <span>

#include "arrays.hpp"
#include "fastrcf/random_cut_forest.hpp"

namespace fastrcf::bindings {
namespace {

/// Arrays for the answers to n rows.
class Answers {
public:
    Answers(const RandomCutForest& forest, std::size_t n_rows)
        : scores_(static_cast<py::ssize_t>(n_rows)),
          high_({static_cast<py::ssize_t>(n_rows), static_cast<py::ssize_t>(forest.geometry().dimensions)}),
          low_({static_cast<py::ssize_t>(n_rows), static_cast<py::ssize_t>(forest.geometry().dimensions)}) {}

    [[nodiscard]] AttributionSpans spans() {
        return {span_of(scores_), span_of(high_), span_of(low_)};
    }
    [[nodiscard]] py::tuple tuple() const { return py::make_tuple(scores_, high_, low_); }

private:
    static std::span<double> span_of(py::array_t<double>& array) {
        return {array.mutable_data(), static_cast<std::size_t>(array.size())};
    }

    py::array_t<double> scores_;
    py::array_t<double> high_;
    py::array_t<double> low_;
};

py::tuple attribution(const RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    Answers answers(forest, rows.n_rows);
    const AttributionSpans into = answers.spans();
    {
        const py::gil_scoped_release release;
        forest.attribution(rows, into);
    }
    return answers.tuple();
}

py::tuple score_update_attribution(RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    Answers answers(forest, rows.n_rows);
    const AttributionSpans into = answers.spans();
    {
        const py::gil_scoped_release release;
        forest.score_update(rows, into);
    }
    return answers.tuple();
}

}  // namespace

void register_attribution(py::class_<RandomCutForest>& forest) {
    forest
        .def("attribution", &attribution, py::arg("X"),
             "Scores, and what each coordinate adds from above and from below; changes nothing.")
        .def("score_update_attribution", &score_update_attribution, py::arg("X"),
             "The same for each row, before it is learned.");
}

}  // namespace fastrcf::bindings
