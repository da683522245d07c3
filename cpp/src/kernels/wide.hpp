// SPDX-License-Identifier: Apache-2.0
// As many floats as a register holds, and the functions that cells of a network apply to them. Fused
// multiply-adds are welcome here: a lane gives the same bits at any place of any block, not on any processor.
// Included only by kernels of networks; everything lives in the namespace of its instruction set.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "fastrcf/types.hpp"

namespace fastrcf::FASTRCF_ISA {

#if defined(__AVX512F__)
inline constexpr int kWidth = 16;
#elif defined(__AVX2__)
inline constexpr int kWidth = 8;
#else
inline constexpr int kWidth = 4;
#endif

typedef float Wide __attribute__((vector_size(4 * kWidth)));
typedef std::int32_t WideBits __attribute__((vector_size(4 * kWidth)));

FASTRCF_INLINE Wide load(const float* p) {
    Wide r;
    std::memcpy(&r, p, sizeof r);
    return r;
}

FASTRCF_INLINE void store(float* p, Wide x) { std::memcpy(p, &x, sizeof x); }

FASTRCF_INLINE Wide all(float x) { return x - Wide{}; }

FASTRCF_INLINE WideBits bits_of(Wide x) {
    WideBits r;
    std::memcpy(&r, &x, sizeof r);
    return r;
}

FASTRCF_INLINE Wide floats_of(WideBits x) {
    Wide r;
    std::memcpy(&r, &x, sizeof r);
    return r;
}

/// The largest power of two that `power_of_two` gives: the product of three such numbers plus one is finite.
inline constexpr float kLargestPower = 40.F;

/// 2^rest for rest from 0 to 1, to 2e-7, by Chebyshev interpolation.
FASTRCF_INLINE Wide small_power(Wide rest) {
    Wide made = all(1.893754058e-3F);
    made = made * rest + 8.949590424e-3F;
    made = made * rest + 5.586033708e-2F;
    made = made * rest + 2.401418182e-1F;
    made = made * rest + 6.931544897e-1F;
    return made * rest + 9.999998984e-1F;
}

/// 2^x, at most 2^kLargestPower; below the least float it may be any tiny number. NaN stays NaN.
FASTRCF_INLINE Wide power_of_two(Wide x) {
#if defined(__AVX512F__)
    x = _mm512_min_ps(_mm512_set1_ps(kLargestPower), x);
    const Wide rest = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    return _mm512_scalef_ps(small_power(rest), x);  // which takes the whole part of x itself
#else
    constexpr float kMagic = 12583039.F;  // 1.5 * 2^23 + 127: adding it leaves the biased exponent in the low bits
    x = x > kLargestPower ? all(kLargestPower) : x;
    x = x < -126.F ? all(-126.F) : x;
    const Wide shifted = (x - 0.5F) + kMagic;  // rounds to a whole number not above x, or x + 1 where x is one
    return small_power(x - (shifted - kMagic)) * floats_of(bits_of(shifted) << 23);
#endif
}

/// What turns x into the power of two that is exp(-x).
inline constexpr float kDecay = -1.44269504F;

/// 1/x for x from 1 to 2^125, to the last bit but one.
FASTRCF_INLINE Wide inverse(Wide x) {
#if defined(__AVX512F__)
    const Wide guess = _mm512_rcp14_ps(x);
    return guess * (2.F - x * guess);  // one step of Newton's method doubles its 14 bits
#else
    return 1.F / x;
#endif
}

FASTRCF_INLINE Wide logistic(Wide x) { return inverse(1.F + power_of_two(x * kDecay)); }

FASTRCF_INLINE Wide root(Wide x) {
#if defined(__AVX512F__)
    return _mm512_sqrt_ps(x);
#elif defined(__AVX2__)
    return _mm256_sqrt_ps(x);
#else
    for (int i = 0; i < kWidth; ++i) x[i] = std::sqrt(x[i]);
    return x;
#endif
}

/// log(1 + x) for x from 0 to 1, by the series of the inverse hyperbolic tangent of x / (2 + x).
FASTRCF_INLINE Wide log_one_plus(Wide x) {
    const Wide s = x / (x + 2.F);
    const Wide square = s * s;
    Wide made = all(1.F / 11.F);
    made = made * square + 1.F / 9.F;
    made = made * square + 1.F / 7.F;
    made = made * square + 1.F / 5.F;
    made = made * square + 1.F / 3.F;
    made = made * square + 1.F;
    return 2.F * s * made;
}

/// max(x, 0); NaN stays NaN.
FASTRCF_INLINE Wide rectified(Wide x) {
#if defined(__AVX512F__)
    return _mm512_max_ps(_mm512_setzero_ps(), x);
#elif defined(__AVX2__)
    return _mm256_max_ps(_mm256_setzero_ps(), x);
#else
    return x < 0.F ? Wide{} : x;
#endif
}

FASTRCF_INLINE Wide absolute(Wide x) { return floats_of(bits_of(x) & 0x7FFFFFFF); }

/// log(1 + exp(x)).
FASTRCF_INLINE Wide softplus(Wide x) { return rectified(x) + log_one_plus(power_of_two(absolute(x) * kDecay)); }

}  // namespace fastrcf::FASTRCF_ISA
