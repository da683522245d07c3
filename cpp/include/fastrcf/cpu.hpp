// SPDX-License-Identifier: Apache-2.0
// Which instruction set the kernels use. All give the same bits; only speed differs.
#pragma once

#include <optional>

#include "fastrcf/types.hpp"

namespace fastrcf {

enum class KernelLevel : int { kBaseline = 0, kAvx2 = 1, kAvx512 = 2 };

/// The level in use: the best that this machine and build have, unless use_kernel chose another.
KernelLevel kernel_level() noexcept;

[[nodiscard]] bool kernel_available(KernelLevel level) noexcept;

/// Chooses a level for the whole process (tests, benchmarks); nothing goes back to the best one.
void use_kernel(std::optional<KernelLevel> level);

}  // namespace fastrcf
