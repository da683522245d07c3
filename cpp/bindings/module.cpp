// SPDX-License-Identifier: Apache-2.0
// Table of contents of the extension module.
#include <pybind11/pybind11.h>

namespace fastrcf::bindings {
void register_forest(pybind11::module_& module);
void register_build(pybind11::module_& module);
void register_fleet(pybind11::module_& module);
void register_lstm(pybind11::module_& module);
}  // namespace fastrcf::bindings

PYBIND11_MODULE(_core, module, pybind11::mod_gil_not_used()) {
    module.doc() = "Native core of fastrcf.";
    fastrcf::bindings::register_forest(module);
    fastrcf::bindings::register_fleet(module);
    fastrcf::bindings::register_lstm(module);
    fastrcf::bindings::register_build(module);
}
