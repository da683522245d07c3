// SPDX-License-Identifier: Apache-2.0
// Logarithm and exponential from additions, multiplications and divisions alone: the same bits on every platform
// and compiler, where the C library promises none, and no function call. Relative error below 1e-13.
#pragma once

#include <bit>
#include <cstdint>

#include "fastrcf/types.hpp"

namespace fastrcf::portable {

/// ln((1 + s) / (1 - s)) = 2·(s + s^3/3 + s^5/5 + …) for |s| <= 0.172.
FASTRCF_INLINE double log_ratio(double s) noexcept {
    const double z = s * s;
    const double z2 = z * z;
    const double z4 = z2 * z2;
    const double low = (1.0 + z * (1.0 / 3.0)) + z2 * (1.0 / 5.0 + z * (1.0 / 7.0));
    const double high = (1.0 / 9.0 + z * (1.0 / 11.0)) + z2 * (1.0 / 13.0 + z * (1.0 / 15.0));
    return 2.0 * s * (low + z4 * (high + z4 * (1.0 / 17.0)));
}

inline constexpr double kLn2High = 0x1.62e42fee00000p-1;  ///< leading bits of ln 2: products with exponents are exact
inline constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

/// Natural logarithm of a positive, finite, normal number.
FASTRCF_INLINE double log(double x) noexcept {
    constexpr std::int64_t kRootHalf = 0x3FE6A09E667F3BCD;
    const auto bits = std::bit_cast<std::int64_t>(x);
    const std::int64_t exponent = (bits - kRootHalf) >> 52;
    const auto mantissa = std::bit_cast<double>(bits - (exponent << 52));  // in [sqrt(1/2), sqrt(2))
    const auto e = static_cast<double>(exponent);
    return e * kLn2High + (log_ratio((mantissa - 1.0) / (mantissa + 1.0)) + e * kLn2Low);
}

/// ln(1 + x) for x >= 0.
FASTRCF_INLINE double log1p(double x) noexcept { return x < 0.4 ? log_ratio(x / (x + 2.0)) : log(1.0 + x); }

/// e^x - 1. Below -700 it is -1, above 700 it is that of 700.
FASTRCF_INLINE double expm1(double x) noexcept {
    x = x < -700.0 ? -700.0 : (x > 700.0 ? 700.0 : x);
    constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves the nearest integer
    const double n = (x * 1.4426950408889634 + kRound) - kRound;
    const double r = (x - n * kLn2High) - n * kLn2Low;  // |r| <= 0.347
    const double r2 = r * r;
    const double r4 = r2 * r2;
    const double low = (1.0 / 2.0 + r * (1.0 / 6.0)) + r2 * (1.0 / 24.0 + r * (1.0 / 120.0));
    const double high = (1.0 / 720.0 + r * (1.0 / 5040.0)) + r2 * (1.0 / 40320.0 + r * (1.0 / 362880.0));
    const double series = r + r2 * (low + r4 * (high + r4 * (1.0 / 3628800.0 + r * (1.0 / 39916800.0))));
    const auto scale = std::bit_cast<double>((static_cast<std::int64_t>(n) + 1023) << 52);
    return scale * series + (scale - 1.0);
}

FASTRCF_INLINE double exp(double x) noexcept { return 1.0 + expm1(x); }

}  // namespace fastrcf::portable
