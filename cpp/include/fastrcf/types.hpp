// SPDX-License-Identifier: Apache-2.0
// Index types and the order-preserving integer image of a float, shared by every part of the core.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#if defined(_MSC_VER)
#define FASTRCF_INLINE __forceinline
#else
#define FASTRCF_INLINE inline __attribute__((always_inline))
#endif

namespace fastrcf {

/// A node of one tree. Internal nodes come first, leaves after them.
using NodeId = std::uint16_t;
inline constexpr NodeId kNoNode = 0xFFFF;

/// Twice the sample size plus one nodes must fit a NodeId.
inline constexpr std::uint32_t kMaxSampleSize = 32000;

/// A cut compares integers instead of floats: the map keeps the order of all finite floats.
/// It presumes that -0.0 has been replaced by +0.0.
FASTRCF_INLINE std::int32_t order_key(float value) noexcept {
    const auto bits = std::bit_cast<std::int32_t>(value);
    return bits ^ ((bits >> 31) & 0x7FFFFFFF);
}

/// Inverse of order_key.
FASTRCF_INLINE float from_order_key(std::int32_t key) noexcept {
    return std::bit_cast<float>(key ^ ((key >> 31) & 0x7FFFFFFF));
}

/// Throws std::invalid_argument(message) unless the condition holds.
inline void check_argument(bool condition, const std::string& message) {
    if (!condition) {
        throw std::invalid_argument(message);
    }
}

}  // namespace fastrcf
