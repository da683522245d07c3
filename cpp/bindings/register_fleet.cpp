// SPDX-License-Identifier: Apache-2.0
// Fleet: keys from Python, views of arrays, calls without the interpreter lock.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "arrays.hpp"
#include "fastrcf/forest_fleet.hpp"

namespace fastrcf::bindings {
namespace {

std::string type_name(py::handle object) {
    return py::str(py::type::handle_of(object).attr("__name__")).cast<std::string>();
}

/// A key handed in as str or int; `where` names it in errors.
template <class Where>
FleetKey key_of(py::handle key, const Where& where) {
    PyObject* object = key.ptr();
    if (PyUnicode_Check(object)) {
        Py_ssize_t size = 0;
        const char* text = PyUnicode_AsUTF8AndSize(object, &size);
        if (text == nullptr) {
            PyErr_Clear();
            throw py::value_error(where() + " is not valid Unicode text");
        }
        return FleetKey(std::string_view(text, static_cast<std::size_t>(size)));
    }
    py::object number;
    if (PyLong_Check(object)) {
        number = py::reinterpret_borrow<py::object>(key);
    } else if (PyIndex_Check(object)) {
        number = py::reinterpret_steal<py::object>(PyNumber_Index(object));
        if (!number) PyErr_Clear();
    }
    if (!number || PyBool_Check(object)) {
        throw py::type_error(where() + ": expected a str or an int, got " + type_name(key));
    }
    int overflow = 0;
    const long long value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (overflow != 0) {
        throw py::value_error(where() + ": an int must lie in [-2**63, 2**63 - 1], got " +
                              py::str(number).cast<std::string>());
    }
    return FleetKey(static_cast<std::int64_t>(value));
}

FleetKey one_key(const py::object& key) {
    return key_of(key, [] { return std::string("key"); });
}

py::object to_python(const FleetKey& key) {
    if (key.is_text()) return py::str(key.text().data(), key.text().size());
    return py::int_(key.number());
}

py::list to_python(const std::vector<FleetKey>& keys) {
    py::list list;
    for (const FleetKey& key : keys) list.append(to_python(key));
    return list;
}

std::unique_ptr<KeyBatch> batch_of(const py::list& keys) {
    auto batch = std::make_unique<KeyBatch>();
    std::size_t row = 0;
    for (const py::handle key : keys) {
        batch->add(key_of(key, [row] { return "keys: row " + std::to_string(row); }));
        ++row;
    }
    return batch;
}

std::unique_ptr<KeyBatch> batch_of_numbers(const py::array_t<std::int64_t>& keys) {
    auto batch = std::make_unique<KeyBatch>();
    const auto numbers = keys.unchecked<1>();
    for (py::ssize_t row = 0; row < numbers.shape(0); ++row) batch->add(FleetKey(numbers(row)));
    return batch;
}

template <class Call>
py::array_t<double> scores_of(const py::array& x, const Call& call) {
    const Rows rows = rows_of(x);
    py::array_t<double> scores(static_cast<py::ssize_t>(rows.n_rows));
    const std::span<double> into(scores.mutable_data(), rows.n_rows);
    {
        const py::gil_scoped_release release;  // the arrays are held by the caller and by `scores`
        call(rows, into);
    }
    return scores;
}

py::array_t<double> score(const ForestFleet& fleet, const KeyBatch& batch, const py::array& x) {
    return scores_of(x, [&](const Rows& rows, std::span<double> scores) { fleet.score(batch, rows, scores); });
}

py::array_t<double> score_update(ForestFleet& fleet, const KeyBatch& batch, const py::array& x) {
    return scores_of(x, [&](const Rows& rows, std::span<double> scores) { fleet.score_update(batch, rows, scores); });
}

void update(ForestFleet& fleet, const KeyBatch& batch, const py::array& x) {
    const Rows rows = rows_of(x);
    const py::gil_scoped_release release;
    fleet.update(batch, rows);
}

void check(const ForestFleet& fleet, const KeyBatch& batch, const py::array& x) {
    const Rows rows = rows_of(x);
    const py::gil_scoped_release release;
    fleet.check(batch, rows);
}

py::bytes to_bytes(const ForestFleet& fleet, const py::object& key) {
    const FleetKey native = one_key(key);
    std::vector<std::byte> bytes;
    {
        const py::gil_scoped_release release;
        bytes = fleet.to_bytes(native);
    }
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void restore(ForestFleet& fleet, const py::object& key, const py::bytes& bytes) {
    const FleetKey native = one_key(key);
    const std::string_view view = bytes;
    const py::gil_scoped_release release;
    fleet.restore(native, {reinterpret_cast<const std::byte*>(view.data()), view.size()});
}

/// Runs what takes the fleet's lock without holding up other Python threads.
template <class Call>
auto quietly(const Call& call) {
    const py::gil_scoped_release release;
    return call();
}

/// Something that a key's forest says of itself.
template <class T>
auto asking(T (RandomCutForest::*getter)() const) {
    return [getter](const ForestFleet& fleet, const py::object& key) {
        const FleetKey native = one_key(key);
        return quietly([&] {
            T answer{};
            fleet.inspect(native, [&](const RandomCutForest& forest) { answer = (forest.*getter)(); });
            return answer;
        });
    };
}

}  // namespace

void register_fleet(py::module_& module) {
    using Released = py::call_guard<py::gil_scoped_release>;
    py::class_<KeyBatch>(module, "KeyBatch", "Keys of the rows of a batch, grouped.")
        .def(py::init(&batch_of_numbers), py::arg("keys").noconvert())
        .def(py::init(&batch_of), py::arg("keys"));
    py::class_<ForestFleet>(module, "Fleet", "One forest per key; see fastrcf.ForestFleet.")
        .def(py::init([](const RandomCutForest& like, std::uint32_t n_jobs) {
                 ForestOptions options = like.options();
                 options.n_jobs = n_jobs;
                 return std::make_unique<ForestFleet>(options);
             }),
             py::arg("like"), py::arg("n_jobs"))
        .def("score", &score, py::arg("keys"), py::arg("X"))
        .def("update", &update, py::arg("keys"), py::arg("X"))
        .def("score_update", &score_update, py::arg("keys"), py::arg("X"))
        .def("check", &check, py::arg("keys"), py::arg("X"), "Raise what a call with these arguments would raise.")
        .def("missing", [](const ForestFleet& fleet, const KeyBatch& batch) { 
            return to_python(quietly([&] { return fleet.missing(batch); }));
        },
             py::arg("keys"), "Keys of the batch that have no forest, in the order of first appearance.")
        .def("seed_of", [](const ForestFleet& fleet, const py::object& key) { return fleet.seed_of(one_key(key)); },
             py::arg("key"))
        .def("__len__", &ForestFleet::size, Released())
        .def("__contains__", [](const ForestFleet& fleet, const py::object& key) { 
            const FleetKey native = one_key(key);
            return quietly([&] { return fleet.contains(native); });
        }, py::arg("key"))
        .def("keys", [](const ForestFleet& fleet) { 
            return to_python(quietly([&] { return fleet.keys(); }));
        }, "Keys in memory, the one that has not learned for the longest time first.")
        .def("oldest", [](const ForestFleet& fleet) { 
            return to_python(quietly([&] { return fleet.oldest(); }));
        })
        .def("to_bytes", &to_bytes, py::arg("key"))
        .def("restore", &restore, py::arg("key"), py::arg("data"))
        .def("remove", [](ForestFleet& fleet, const py::object& key) { 
            const FleetKey native = one_key(key);
            return quietly([&] { return fleet.remove(native); });
        }, py::arg("key"))
        .def("n_seen", asking(&RandomCutForest::n_seen), py::arg("key"))
        .def("n_skipped", asking(&RandomCutForest::n_skipped), py::arg("key"))
        .def("is_ready", asking(&RandomCutForest::is_ready), py::arg("key"))
        .def_property_readonly("memory_bytes", py::cpp_function(&ForestFleet::memory_bytes, Released()))
        .def_property("n_jobs", &ForestFleet::n_jobs, &ForestFleet::set_n_jobs);
}

}  // namespace fastrcf::bindings
