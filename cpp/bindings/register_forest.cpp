// SPDX-License-Identifier: Apache-2.0
// Forest: checks, views, releases the interpreter lock, calls.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <memory>
#include <span>
#include <string_view>

#include "arrays.hpp"
#include "fastrcf/random_cut_forest.hpp"
#include "register_preparation.hpp"

namespace fastrcf::bindings {

void register_attribution(pybind11::class_<RandomCutForest>& forest);
void register_completion(pybind11::class_<RandomCutForest>& forest);
void register_merge(pybind11::class_<RandomCutForest>& forest);
void register_visitors(pybind11::class_<RandomCutForest>& forest);

namespace {

/// A row handed in as a 1-D array or, for one column, as a plain number.
class OneRow {
public:
    explicit OneRow(const py::object& x) {
        if (py::isinstance<py::array>(x)) {
            array_ = py::reinterpret_borrow<py::array>(x);
            if (array_.ndim() != 1) {
                throw py::value_error("x must have 1 dimension, got " + std::to_string(array_.ndim()));
            }
            const bool narrow = py::isinstance<py::array_t<float>>(array_);
            if (!narrow && !py::isinstance<py::array_t<double>>(array_)) {
                throw py::type_error("x must be a float32 or float64 array, got " +
                                     py::str(array_.dtype()).cast<std::string>());
            }
            rows_ = {static_cast<const std::byte*>(array_.data()), 1, static_cast<std::size_t>(array_.shape(0)), 0,
                     static_cast<std::ptrdiff_t>(array_.strides(0)),
                     narrow ? Rows::Type::kFloat32 : Rows::Type::kFloat64};
        } else {
            number_ = x.cast<double>();
            rows_ = Rows::of(&number_, 1, 1);
        }
    }
    OneRow(const OneRow&) = delete;
    OneRow& operator=(const OneRow&) = delete;
    [[nodiscard]] const Rows& rows() const noexcept { return rows_; }

private:
    py::array array_;
    double number_ = 0.0;
    Rows rows_;
};

Scoring scoring_named(const std::string& name) {
    if (name == "standard") return Scoring::kStandard;
    if (name == "kinesis") return Scoring::kKinesis;
    throw py::value_error("scoring must be 'standard' or 'kinesis', got '" + name + "'");
}

py::array_t<double> score(const RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    py::array_t<double> scores(static_cast<py::ssize_t>(rows.n_rows));
    const std::span<double> into(scores.mutable_data(), rows.n_rows);
    {
        const py::gil_scoped_release release;  // the arrays are held by the caller and by `scores`
        forest.score(rows, into);
    }
    return scores;
}

py::array_t<double> score_update(RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    py::array_t<double> scores(static_cast<py::ssize_t>(rows.n_rows));
    const std::span<double> into(scores.mutable_data(), rows.n_rows);
    {
        const py::gil_scoped_release release;
        forest.score_update(rows, into);
    }
    return scores;
}

void update(RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    const py::gil_scoped_release release;
    forest.update(rows);
}

void fit(RandomCutForest& forest, const py::array& x) {
    const Rows rows = rows_of(x);
    const py::gil_scoped_release release;
    forest.fit(rows);
}

double score_one(const RandomCutForest& forest, const py::object& x) {
    const OneRow row(x);
    double score = 0.0;
    const py::gil_scoped_release release;
    forest.score(row.rows(), {&score, 1});
    return score;
}

double score_update_one(RandomCutForest& forest, const py::object& x) {
    const OneRow row(x);
    double score = 0.0;
    const py::gil_scoped_release release;
    forest.score_update(row.rows(), {&score, 1});
    return score;
}

void update_one(RandomCutForest& forest, const py::object& x) {
    const OneRow row(x);
    const py::gil_scoped_release release;
    forest.update(row.rows());
}

py::bytes to_bytes(const RandomCutForest& forest) {
    std::vector<std::byte> bytes;
    {
        const py::gil_scoped_release release;
        bytes = forest.to_bytes();
    }
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::unique_ptr<RandomCutForest> from_bytes(const py::bytes& bytes) {
    const std::string_view view = bytes;
    const py::gil_scoped_release release;
    return RandomCutForest::from_bytes({reinterpret_cast<const std::byte*>(view.data()), view.size()});
}

py::dict options(const RandomCutForest& forest) {
    const ForestOptions& options = forest.options();
    py::dict result;
    result["n_columns"] = options.n_columns;
    result["n_trees"] = options.n_trees;
    result["sample_size"] = options.sample_size;
    result["shingle_size"] = options.shingle_size;
    result["time_decay"] = options.time_decay;
    result["output_after"] = options.output_after;
    result["initial_accept_fraction"] = options.initial_accept_fraction;
    result["random_state"] = options.random_state;
    result["scoring"] = options.scoring == Scoring::kKinesis ? "kinesis" : "standard";
    result["n_jobs"] = forest.n_jobs();
    result["preparation"] = preparation_dict(options.preparation);
    return result;
}

/// A getter that waits for the forest's lock without holding up other Python threads.
template <class T>
py::cpp_function waiting(T (RandomCutForest::*getter)() const) {
    return py::cpp_function(getter, py::call_guard<py::gil_scoped_release>());
}

/// One tree, depth first from the root; before the forest is ready its leaves alone, by arrival. Leaves have
/// dimension -1; children are positions in the arrays.
py::dict tree(const RandomCutForest& forest, std::size_t index) {
    if (index >= forest.options().n_trees) throw py::index_error("tree index out of range");
    auto without_gil = std::make_unique<py::gil_scoped_release>();
    return forest.inspect([&](const RandomCutForest& quiet) {
        without_gil.reset();  // the forest's lock is held: nobody who holds the interpreter can be waiting for us
        const SampledTree& sampled = quiet.tree(index);
        const TreeArrays& arrays = sampled.tree().arrays();
        const Geometry& geometry = quiet.geometry();
        std::vector<NodeId> order;
        std::vector<NodeId> open;
        if (sampled.tree().is_bare()) {
            sampled.tree().for_each_leaf([&](NodeId leaf) { open.push_back(leaf); });
            std::sort(open.begin(), open.end(),
                      [&](NodeId a, NodeId b) { return arrays.payload[a] > arrays.payload[b]; });
        } else {
            open.push_back(arrays.root);
        }
        std::vector<std::size_t> place(2 * static_cast<std::size_t>(arrays.first_leaf) + 1, 0);
        while (!open.empty()) {
            const NodeId node = open.back();
            open.pop_back();
            place[node] = order.size();
            order.push_back(node);
            if (sampled.tree().is_leaf(node)) continue;
            open.push_back(arrays.child[2 * node + 1]);
            open.push_back(arrays.child[2 * node]);
        }
        const auto n = static_cast<py::ssize_t>(order.size());
        const auto d = static_cast<py::ssize_t>(geometry.dimensions);
        py::array_t<std::int64_t> dimension(n), left(n), right(n), mass(n), arrival(n);
        py::array_t<float> cut(n), low({n, d}), high({n, d});
        for (py::ssize_t i = 0; i < n; ++i) {
            const NodeId node = order[static_cast<std::size_t>(i)];
            const bool leaf = sampled.tree().is_leaf(node);
            mass.mutable_at(i) = arrays.mass[node];
            dimension.mutable_at(i) = leaf ? -1 : arrays.dimension[node];
            cut.mutable_at(i) = leaf ? 0.0F : from_order_key(arrays.payload[node]);
            left.mutable_at(i) = leaf ? -1 : static_cast<std::int64_t>(place[arrays.child[2 * node]]);
            right.mutable_at(i) = leaf ? -1 : static_cast<std::int64_t>(place[arrays.child[2 * node + 1]]);
            arrival.mutable_at(i) =
                leaf ? static_cast<std::int64_t>(quiet.store().arrival(static_cast<std::uint32_t>(arrays.payload[node]))) : -1;
            for (py::ssize_t k = 0; k < d; ++k) {
                const auto [lowest, highest] =
                    sampled.tree().sides(geometry, quiet.store().values(), node, static_cast<std::uint32_t>(k));
                low.mutable_at(i, k) = lowest;
                high.mutable_at(i, k) = highest;
            }
        }
        py::dict result;
        result["dimension"] = dimension;
        result["cut"] = cut;
        result["left"] = left;
        result["right"] = right;
        result["mass"] = mass;
        result["arrival"] = arrival;
        result["low"] = low;
        result["high"] = high;
        std::vector<double> keys;
        std::vector<std::size_t> leaves;
        for (const StreamSampler::Entry& entry : sampled.sampler().entries()) {
            keys.push_back(entry.key);
            leaves.push_back(place[entry.leaf]);
        }
        result["sample_keys"] = array_of<double>(keys);
        result["sample_leaves"] = array_of<std::int64_t>(leaves);
        result["next_index"] = sampled.sampler().next().index;
        return result;
    });
}

}  // namespace


void register_forest(py::module_& module) {
    py::class_<RandomCutForest> forest(module, "Forest",
                                       "Random cut forest on float rows; see fastrcf.RandomCutForest.");
    forest
        .def(py::init([](std::uint32_t n_columns, std::uint32_t n_trees, std::uint32_t sample_size,
                         std::uint32_t shingle_size, double time_decay, std::uint64_t output_after,
                         double initial_accept_fraction, std::uint64_t random_state, const std::string& scoring,
                         std::uint32_t n_jobs, const py::dict& preparation) {
                 return std::make_unique<RandomCutForest>(
                     ForestOptions{n_columns, shingle_size, n_trees, sample_size, time_decay, output_after,
                                   initial_accept_fraction, random_state, scoring_named(scoring), n_jobs,
                                   preparation_options(preparation)});
             }),
             py::kw_only(), py::arg("n_columns"), py::arg("n_trees"), py::arg("sample_size"), py::arg("shingle_size"),
             py::arg("time_decay"), py::arg("output_after"), py::arg("initial_accept_fraction"),
             py::arg("random_state"), py::arg("scoring") = "standard", py::arg("n_jobs"), py::arg("preparation") = py::dict())
        .def("score", &score, py::arg("X"), "Scores of rows that would follow the newest one; changes nothing.")
        .def("update", &update, py::arg("X"), "Learn rows.")
        .def("score_update", &score_update, py::arg("X"), "Score each row, then learn it.")
        .def("fit", &fit, py::arg("X"), "Fill an unused forest with a batch sample of the rows.")
        .def("score_one", &score_one, py::arg("x"))
        .def("update_one", &update_one, py::arg("x"))
        .def("score_update_one", &score_update_one, py::arg("x"))
        .def("to_bytes", &to_bytes, "The whole state, checksummed.")
        .def_static("from_bytes", &from_bytes, py::arg("data"))
        .def("options", &options, "The constructor's keywords.")
        .def("tree", &tree, py::arg("index"), "One tree as arrays, depth first from the root.")
        .def_property_readonly("n_seen", waiting(&RandomCutForest::n_seen))
        .def_property_readonly("n_skipped", waiting(&RandomCutForest::n_skipped))
        .def_property_readonly("is_ready", waiting(&RandomCutForest::is_ready))
        .def_property_readonly("memory_bytes", waiting(&RandomCutForest::memory_bytes))
        .def_property("n_jobs", &RandomCutForest::n_jobs, &RandomCutForest::set_n_jobs);
    register_visitors(forest);
    register_merge(forest);
    register_attribution(forest);
    register_completion(forest);
    register_preparation(forest);
}

}  // namespace fastrcf::bindings
