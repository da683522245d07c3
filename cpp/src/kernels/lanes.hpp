// SPDX-License-Identifier: Apache-2.0
// Eight and sixteen floats at once, written once per instruction set. Every operation rounds as plain float
// arithmetic does and every sum has one fixed order, so all instruction sets give the same bits.
// Included only by tree_kernels.cpp; everything lives in the namespace of its instruction set.
#pragma once

#include <cstdint>
#include <cstring>

#if defined(__AVX2__)
#include <immintrin.h>
#endif

#include "fastrcf/types.hpp"

namespace fastrcf::FASTRCF_ISA {

#if defined(__AVX2__)

struct F8 {
    __m256 v;

    static FASTRCF_INLINE F8 load(const float* p) { return {_mm256_loadu_ps(p)}; }
    static FASTRCF_INLINE F8 all(float x) { return {_mm256_set1_ps(x)}; }
    FASTRCF_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
    friend FASTRCF_INLINE F8 operator+(F8 a, F8 b) { return {_mm256_add_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 operator-(F8 a, F8 b) { return {_mm256_sub_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 operator*(F8 a, F8 b) { return {_mm256_mul_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 operator/(F8 a, F8 b) { return {_mm256_div_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 operator&(F8 a, F8 b) { return {_mm256_and_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 operator^(F8 a, F8 b) { return {_mm256_xor_ps(a.v, b.v)}; }
    /// Bit l is set where lane l differs / is equal / is positive.
    friend FASTRCF_INLINE unsigned differ(F8 a, F8 b) {
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)));
    }
    friend FASTRCF_INLINE unsigned equal(F8 a, F8 b) {
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)));
    }
    /// The 4 lanes of p, then their negatives.
    static FASTRCF_INLINE F8 mirrored4(const float* p) {
        const __m256 both = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(p));
        return {_mm256_xor_ps(both, _mm256_setr_ps(0.F, 0.F, 0.F, 0.F, -0.F, -0.F, -0.F, -0.F))};
    }
};

/// Lane l of the result is the sum of rows[8·l … 8·l+7], each as ((0+1)+(2+3))+((4+5)+(6+7)).
FASTRCF_INLINE F8 sum_rows(const float* rows) {
    const auto row = [rows](int i) { return _mm256_loadu_ps(rows + 8 * i); };
    const __m256 s01 = _mm256_hadd_ps(row(0), row(1));
    const __m256 s23 = _mm256_hadd_ps(row(2), row(3));
    const __m256 s45 = _mm256_hadd_ps(row(4), row(5));
    const __m256 s67 = _mm256_hadd_ps(row(6), row(7));
    const __m256 low = _mm256_hadd_ps(s01, s23);   // 0 1 2 3 | the same rows, upper halves
    const __m256 high = _mm256_hadd_ps(s45, s67);  // 4 5 6 7 | the same rows, upper halves
    const __m256 first = _mm256_permute2f128_ps(low, high, 0x20);
    const __m256 second = _mm256_permute2f128_ps(low, high, 0x31);
    return {_mm256_add_ps(first, second)};
}

/// Sum of the lanes in the same order as sum_rows.
FASTRCF_INLINE float sum(F8 a) {
    __m128 low = _mm256_castps256_ps128(a.v);
    __m128 high = _mm256_extractf128_ps(a.v, 1);
    const __m128 pairs = _mm_hadd_ps(low, high);       // 0+1 2+3 | 4+5 6+7
    const __m128 quads = _mm_hadd_ps(pairs, pairs);    // (0+1)+(2+3) (4+5)+(6+7)
    return _mm_cvtss_f32(_mm_add_ss(quads, _mm_movehdup_ps(quads)));
}

/// Adds the lanes, rounded to integers, to eight 64-bit sums.
FASTRCF_INLINE void add_rounded(F8 a, std::int64_t* sums) {
    const __m256i whole = _mm256_cvtps_epi32(a.v);
    auto* low = reinterpret_cast<__m256i*>(sums);
    auto* high = reinterpret_cast<__m256i*>(sums + 4);
    _mm256_storeu_si256(low, _mm256_add_epi64(_mm256_loadu_si256(low),
                                              _mm256_cvtepi32_epi64(_mm256_castsi256_si128(whole))));
    _mm256_storeu_si256(high, _mm256_add_epi64(_mm256_loadu_si256(high),
                                               _mm256_cvtepi32_epi64(_mm256_extracti128_si256(whole, 1))));
}

#else

// Portable: the vector extension of GCC and Clang, which they turn into whatever the target has.
struct F8 {
    typedef float Vector __attribute__((vector_size(32)));
    typedef std::int32_t Bits __attribute__((vector_size(32)));
    Vector v;

    static FASTRCF_INLINE F8 load(const float* p) {
        F8 r;
        std::memcpy(&r.v, p, sizeof r.v);
        return r;
    }
    static FASTRCF_INLINE F8 all(float x) { return {Vector{x, x, x, x, x, x, x, x}}; }
    FASTRCF_INLINE void store(float* p) const { std::memcpy(p, &v, sizeof v); }
    friend FASTRCF_INLINE F8 operator+(F8 a, F8 b) { return {a.v + b.v}; }
    friend FASTRCF_INLINE F8 operator-(F8 a, F8 b) { return {a.v - b.v}; }
    friend FASTRCF_INLINE F8 operator*(F8 a, F8 b) { return {a.v * b.v}; }
    friend FASTRCF_INLINE F8 operator/(F8 a, F8 b) { return {a.v / b.v}; }
    friend FASTRCF_INLINE F8 min(F8 a, F8 b) { return {a.v < b.v ? a.v : b.v}; }
    friend FASTRCF_INLINE F8 max(F8 a, F8 b) { return {a.v > b.v ? a.v : b.v}; }
    friend FASTRCF_INLINE F8 operator&(F8 a, F8 b) {
        return {reinterpret_cast<Vector>(reinterpret_cast<Bits>(a.v) & reinterpret_cast<Bits>(b.v))};
    }
    friend FASTRCF_INLINE unsigned differ(F8 a, F8 b) {
        const Bits bits = a.v != b.v;
        unsigned mask = 0;
        for (int i = 0; i < 8; ++i) mask |= static_cast<unsigned>(bits[i] & 1) << i;
        return mask;
    }
    friend FASTRCF_INLINE unsigned equal(F8 a, F8 b) { return differ(a, b) ^ 0xFFU; }
    static FASTRCF_INLINE F8 mirrored4(const float* p) {
        return {Vector{p[0], p[1], p[2], p[3], -p[0], -p[1], -p[2], -p[3]}};
    }
};

FASTRCF_INLINE float sum(F8 a) {
    return ((a.v[0] + a.v[1]) + (a.v[2] + a.v[3])) + ((a.v[4] + a.v[5]) + (a.v[6] + a.v[7]));
}

FASTRCF_INLINE F8 sum_rows(const float* rows) {
    const auto row = [rows](int i) { return sum(F8::load(rows + 8 * i)); };
    return {F8::Vector{row(0), row(1), row(2), row(3), row(4), row(5), row(6), row(7)}};
}

FASTRCF_INLINE void add_rounded(F8 a, std::int64_t* sums) {
    // Adding and taking away 1.5 * 2^52 rounds to the nearest integer, ties to even, as the vector units do.
    constexpr double kMagic = 6755399441055744.0;
    for (int i = 0; i < 8; ++i) {
        sums[i] += static_cast<std::int64_t>((static_cast<double>(a.v[i]) + kMagic) - kMagic);
    }
}

#endif

/// Sixteen lanes: side lo of eight coordinates, then side -hi of the same.
#if defined(__AVX512F__)
struct F16 {
    __m512 v;

    static FASTRCF_INLINE F16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static FASTRCF_INLINE F16 all(float x) { return {_mm512_set1_ps(x)}; }
    FASTRCF_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
    static FASTRCF_INLINE F16 mirrored(F8 p) {
        const __m512d both = _mm512_broadcast_f64x4(_mm256_castps_pd(p.v));
        const __m512 sign = _mm512_castsi512_ps(_mm512_inserti64x4(
            _mm512_setzero_si512(), _mm256_set1_epi32(static_cast<int>(0x80000000U)), 1));
        return {_mm512_xor_ps(_mm512_castpd_ps(both), sign)};
    }
    friend FASTRCF_INLINE F16 operator+(F16 a, F16 b) { return {_mm512_add_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F16 operator-(F16 a, F16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F16 min(F16 a, F16 b) { return {_mm512_min_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F16 max(F16 a, F16 b) { return {_mm512_max_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE unsigned differ(F16 a, F16 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_NEQ_UQ); }
    friend FASTRCF_INLINE unsigned equal(F16 a, F16 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_EQ_OQ); }
    /// Lower half plus upper half.
    friend FASTRCF_INLINE F8 fold(F16 a) {
        const __m256 low = _mm512_castps512_ps256(a.v);
        const __m256 high = _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(a.v), 1));
        return {_mm256_add_ps(low, high)};
    }
};
#else
struct F16 {
    F8 low;
    F8 high;

    static FASTRCF_INLINE F16 load(const float* p) { return {F8::load(p), F8::load(p + 8)}; }
    static FASTRCF_INLINE F16 all(float x) { return {F8::all(x), F8::all(x)}; }
    FASTRCF_INLINE void store(float* p) const {
        low.store(p);
        high.store(p + 8);
    }
    static FASTRCF_INLINE F16 mirrored(F8 p) { return {p, F8::all(-0.F) - p}; }
    friend FASTRCF_INLINE F16 operator+(F16 a, F16 b) { return {a.low + b.low, a.high + b.high}; }
    friend FASTRCF_INLINE F16 operator-(F16 a, F16 b) { return {a.low - b.low, a.high - b.high}; }
    friend FASTRCF_INLINE F16 min(F16 a, F16 b) { return {min(a.low, b.low), min(a.high, b.high)}; }
    friend FASTRCF_INLINE F16 max(F16 a, F16 b) { return {max(a.low, b.low), max(a.high, b.high)}; }
    friend FASTRCF_INLINE unsigned differ(F16 a, F16 b) { return differ(a.low, b.low) | differ(a.high, b.high) << 8; }
    friend FASTRCF_INLINE unsigned equal(F16 a, F16 b) { return equal(a.low, b.low) | equal(a.high, b.high) << 8; }
    friend FASTRCF_INLINE F8 fold(F16 a) { return a.low + a.high; }
};
#endif

/// Four coordinates use one F8, [lo | -hi]; its sum needs no folding.
FASTRCF_INLINE F8 fold(F8 a) { return a; }

}  // namespace fastrcf::FASTRCF_ISA
