// SPDX-License-Identifier: Apache-2.0
#include "kernels/kernels.hpp"

#include <atomic>

#include "fastrcf/cpu.hpp"
#include "kernels/lstm_kernels.hpp"
#include "kernels/stream_kernels.hpp"

namespace fastrcf {
namespace {

bool cpu_has_avx2() noexcept {
#if defined(FASTRCF_HAVE_AVX2) && (defined(__GNUC__) || defined(__clang__))
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

bool cpu_has_avx512() noexcept {
#if defined(FASTRCF_HAVE_AVX512) && (defined(__GNUC__) || defined(__clang__))
    return cpu_has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512cd");
#else
    return false;
#endif
}

KernelLevel best_level() noexcept {
    static const KernelLevel best = cpu_has_avx512() ? KernelLevel::kAvx512
                                    : cpu_has_avx2() ? KernelLevel::kAvx2
                                                     : KernelLevel::kBaseline;
    return best;
}

std::atomic<int> chosen_level{-1};

}  // namespace

KernelLevel kernel_level() noexcept {
    const int chosen = chosen_level.load(std::memory_order_relaxed);
    return chosen < 0 ? best_level() : static_cast<KernelLevel>(chosen);
}

bool kernel_available(KernelLevel level) noexcept { return level <= best_level(); }

void use_kernel(std::optional<KernelLevel> level) {
    check_argument(!level || kernel_available(*level), "kernel: this machine or build does not have it");
    chosen_level = level ? static_cast<int>(*level) : -1;
}

const Kernels& kernels_for(const Geometry& geometry) {
    switch (kernel_level()) {
#if defined(FASTRCF_HAVE_AVX512)
        case KernelLevel::kAvx512: return isa_avx512::kernels_for(geometry);
#endif
#if defined(FASTRCF_HAVE_AVX2)
        case KernelLevel::kAvx2: return isa_avx2::kernels_for(geometry);
#endif
        default: return isa_baseline::kernels_for(geometry);
    }
}

const LstmBlocks& lstm_blocks() {
    switch (kernel_level()) {
#if defined(FASTRCF_HAVE_AVX512)
        case KernelLevel::kAvx512: return isa_avx512::lstm_blocks();
#endif
#if defined(FASTRCF_HAVE_AVX2)
        case KernelLevel::kAvx2: return isa_avx2::lstm_blocks();
#endif
        default: return isa_baseline::lstm_blocks();
    }
}

const StreamKernels& stream_kernels() {
    switch (kernel_level()) {
#if defined(FASTRCF_HAVE_AVX512)
        case KernelLevel::kAvx512: return isa_avx512::stream_kernels();
#endif
#if defined(FASTRCF_HAVE_AVX2)
        case KernelLevel::kAvx2: return isa_avx2::stream_kernels();
#endif
        default: return isa_baseline::stream_kernels();
    }
}

}  // namespace fastrcf
