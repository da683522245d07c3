// SPDX-License-Identifier: Apache-2.0
// What this build is and which kernels it uses.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <array>
#include <string>

#include "fastrcf/cpu.hpp"

namespace fastrcf::bindings {
namespace {

namespace py = pybind11;

constexpr std::array<const char*, 3> kLevelNames = {"baseline", "avx2", "avx512"};

py::dict cpu_features() {
    py::dict features;
    features["avx2"] = kernel_available(KernelLevel::kAvx2);
    features["avx512"] = kernel_available(KernelLevel::kAvx512);
    features["kernel"] = kLevelNames[static_cast<std::size_t>(kernel_level())];
    return features;
}

void use_kernel_named(const std::string& name) {
    if (name == "auto") {
        use_kernel(std::nullopt);
        return;
    }
    for (std::size_t level = 0; level < kLevelNames.size(); ++level) {
        if (name == kLevelNames[level]) {
            use_kernel(static_cast<KernelLevel>(level));
            return;
        }
    }
    throw py::value_error("kernel must be 'auto', 'baseline', 'avx2' or 'avx512', got '" + name + "'");
}

std::string compiler() {
#if defined(__clang__)
    return "Clang " __clang_version__;
#elif defined(__GNUC__)
    return "GCC " __VERSION__;
#else
    return "unknown";
#endif
}

}  // namespace

void register_build(py::module_& module) {
    module.def("cpu_features", &cpu_features, "Instruction sets that this machine and build have, and the kernels in use.");
    module.def("use_kernel", &use_kernel_named, py::arg("name"),
               "Choose the kernels for the whole process: 'auto', 'baseline', 'avx2' or 'avx512'.");
    module.def("version", [] { return FASTRCF_VERSION; }, "Version of the library.");
    module.def("compiler", &compiler, "Compiler that built the core.");
}

}  // namespace fastrcf::bindings
