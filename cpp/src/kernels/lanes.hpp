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
    friend FASTRCF_INLINE F8 min(F8 a, F8 b) { return {_mm256_min_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 max(F8 a, F8 b) { return {_mm256_max_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F8 operator&(F8 a, F8 b) { return {_mm256_and_ps(a.v, b.v)}; }
    /// Bit l is set where lane l differs / is equal / is positive.
    friend FASTRCF_INLINE unsigned differ(F8 a, F8 b) {
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_NEQ_UQ)));
    }
    friend FASTRCF_INLINE unsigned equal(F8 a, F8 b) {
        return static_cast<unsigned>(_mm256_movemask_ps(_mm256_cmp_ps(a.v, b.v, _CMP_EQ_OQ)));
    }
    /// The other sign in all lanes, or none: `sign` is -0.0 or 0.0.
    friend FASTRCF_INLINE F8 with_sign(F8 a, float sign) { return {_mm256_xor_ps(a.v, _mm256_set1_ps(sign))}; }
    /// Four floats and four floats.
    static FASTRCF_INLINE F8 halves(const float* low, const float* high) { return {_mm256_loadu2_m128(high, low)}; }
    /// The sign of `with_sign` on the upper half alone.
    friend FASTRCF_INLINE F8 with_upper_sign(F8 a, float sign) {
        return {_mm256_xor_ps(a.v, _mm256_insertf128_ps(_mm256_setzero_ps(), _mm_set1_ps(sign), 1))};
    }
    /// Upper half added to the lower one; the upper half becomes 0.
    friend FASTRCF_INLINE F8 sum_halves(F8 a) {
        const __m128 low = _mm_add_ps(_mm256_castps256_ps128(a.v), _mm256_extractf128_ps(a.v, 1));
        return {_mm256_zextps128_ps256(low)};
    }
    /// The 4 lanes of p, then their negatives.
    static FASTRCF_INLINE F8 mirrored4(const float* p) {
        const __m256 both = _mm256_broadcast_ps(reinterpret_cast<const __m128*>(p));
        return {_mm256_xor_ps(both, _mm256_setr_ps(0.F, 0.F, 0.F, 0.F, -0.F, -0.F, -0.F, -0.F))};
    }
    /// Adds each lane, from 0 to 2^31, to an integer: rounded to the nearest one, ties to even.
    FASTRCF_INLINE void add_rounded(std::int32_t* into) const {
        auto* const at = reinterpret_cast<__m256i*>(into);
        _mm256_storeu_si256(at, _mm256_add_epi32(_mm256_loadu_si256(at), _mm256_cvtps_epi32(v)));
    }
};

struct F4 {
    __m128 v;

    static FASTRCF_INLINE F4 load(const float* p) { return {_mm_loadu_ps(p)}; }
    static FASTRCF_INLINE F4 of(float a, float b, float c, float d) { return {_mm_setr_ps(a, b, c, d)}; }
    static FASTRCF_INLINE F4 all(float x) { return {_mm_set1_ps(x)}; }
    FASTRCF_INLINE void store(float* p) const { _mm_storeu_ps(p, v); }
    friend FASTRCF_INLINE F4 max(F4 a, F4 b) { return {_mm_max_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F4 operator-(F4 a, F4 b) { return {_mm_sub_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F4 operator*(F4 a, F4 b) { return {_mm_mul_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE F4 operator/(F4 a, F4 b) { return {_mm_div_ps(a.v, b.v)}; }
    FASTRCF_INLINE float first() const { return _mm_cvtss_f32(v); }
    FASTRCF_INLINE float last() const { return _mm_cvtss_f32(_mm_shuffle_ps(v, v, 0xFF)); }
    /// (0+1)+(2+3)
    FASTRCF_INLINE float sum() const {
        const __m128 pairs = _mm_add_ps(v, _mm_movehdup_ps(v));
        return _mm_cvtss_f32(_mm_add_ss(pairs, _mm_movehl_ps(pairs, pairs)));
    }
};

/// Lane i becomes lane i + N; lanes past the end become 1.
template <int N>
FASTRCF_INLINE F4 shift_in_ones(F4 a) {
    return {_mm_castsi128_ps(
        _mm_alignr_epi8(_mm_castps_si128(_mm_set1_ps(1.F)), _mm_castps_si128(a.v), 4 * N))};
}

/// Sums of four and four rows: lane l of `a` is the sum of a[l], each as ((0+1)+(2+3))+((4+5)+(6+7)).
struct RowSums {
    F4 a;
    F4 b;
};

FASTRCF_INLINE RowSums sum_rows(const F8 (&a)[4], const F8 (&b)[4]) {
    const __m256 pairs_a = _mm256_hadd_ps(_mm256_hadd_ps(a[0].v, a[1].v), _mm256_hadd_ps(a[2].v, a[3].v));
    const __m256 pairs_b = _mm256_hadd_ps(_mm256_hadd_ps(b[0].v, b[1].v), _mm256_hadd_ps(b[2].v, b[3].v));
    return {{_mm_add_ps(_mm256_castps256_ps128(pairs_a), _mm256_extractf128_ps(pairs_a, 1))},
            {_mm_add_ps(_mm256_castps256_ps128(pairs_b), _mm256_extractf128_ps(pairs_b, 1))}};
}

/// Sum of the lanes in the same order as sum_rows.
FASTRCF_INLINE float sum(F8 a) {
    __m128 low = _mm256_castps256_ps128(a.v);
    __m128 high = _mm256_extractf128_ps(a.v, 1);
    const __m128 pairs = _mm_hadd_ps(low, high);       // 0+1 2+3 | 4+5 6+7
    const __m128 quads = _mm_hadd_ps(pairs, pairs);    // (0+1)+(2+3) (4+5)+(6+7)
    return _mm_cvtss_f32(_mm_add_ss(quads, _mm_movehdup_ps(quads)));
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
    friend FASTRCF_INLINE F8 with_sign(F8 a, float sign) {
        return {reinterpret_cast<Vector>(reinterpret_cast<Bits>(a.v) ^ reinterpret_cast<Bits>(all(sign).v))};
    }
    static FASTRCF_INLINE F8 halves(const float* low, const float* high) {
        return {Vector{low[0], low[1], low[2], low[3], high[0], high[1], high[2], high[3]}};
    }
    friend FASTRCF_INLINE F8 with_upper_sign(F8 a, float sign) {
        const F8 signs = {Vector{0.F, 0.F, 0.F, 0.F, sign, sign, sign, sign}};
        return {reinterpret_cast<Vector>(reinterpret_cast<Bits>(a.v) ^ reinterpret_cast<Bits>(signs.v))};
    }
    friend FASTRCF_INLINE F8 sum_halves(F8 a) {
        return {Vector{a.v[0] + a.v[4], a.v[1] + a.v[5], a.v[2] + a.v[6], a.v[3] + a.v[7], 0.F, 0.F, 0.F, 0.F}};
    }
    static FASTRCF_INLINE F8 mirrored4(const float* p) {
        return {Vector{p[0], p[1], p[2], p[3], -p[0], -p[1], -p[2], -p[3]}};
    }
    FASTRCF_INLINE void add_rounded(std::int32_t* into) const {
        const Bits whole = __builtin_convertvector(v, Bits);
        const Vector rest = v - __builtin_convertvector(whole, Vector);
        const Bits up = (rest > 0.5F) | ((rest == 0.5F) & -(whole & 1));  // -1 where it is rounded up
        Bits sum;
        std::memcpy(&sum, into, sizeof sum);
        sum += whole - up;
        std::memcpy(into, &sum, sizeof sum);
    }
};

FASTRCF_INLINE float sum(F8 a) {
    return ((a.v[0] + a.v[1]) + (a.v[2] + a.v[3])) + ((a.v[4] + a.v[5]) + (a.v[6] + a.v[7]));
}

struct F4 {
    typedef float Vector __attribute__((vector_size(16)));
    Vector v;

    static FASTRCF_INLINE F4 load(const float* p) {
        F4 r;
        std::memcpy(&r.v, p, sizeof r.v);
        return r;
    }
    static FASTRCF_INLINE F4 of(float a, float b, float c, float d) { return {Vector{a, b, c, d}}; }
    static FASTRCF_INLINE F4 all(float x) { return {Vector{x, x, x, x}}; }
    FASTRCF_INLINE void store(float* p) const { std::memcpy(p, &v, sizeof v); }
    friend FASTRCF_INLINE F4 max(F4 a, F4 b) { return {a.v > b.v ? a.v : b.v}; }
    friend FASTRCF_INLINE F4 operator-(F4 a, F4 b) { return {a.v - b.v}; }
    friend FASTRCF_INLINE F4 operator*(F4 a, F4 b) { return {a.v * b.v}; }
    friend FASTRCF_INLINE F4 operator/(F4 a, F4 b) { return {a.v / b.v}; }
    FASTRCF_INLINE float first() const { return v[0]; }
    FASTRCF_INLINE float last() const { return v[3]; }
    FASTRCF_INLINE float sum() const { return (v[0] + v[1]) + (v[2] + v[3]); }
};

template <int N>
FASTRCF_INLINE F4 shift_in_ones(F4 a) {
    static_assert(N == 1 || N == 2);
    if constexpr (N == 1) return {F4::Vector{a.v[1], a.v[2], a.v[3], 1.F}};
    else return {F4::Vector{a.v[2], a.v[3], 1.F, 1.F}};
}

struct RowSums {
    F4 a;
    F4 b;
};

FASTRCF_INLINE RowSums sum_rows(const F8 (&a)[4], const F8 (&b)[4]) {
    return {{F4::Vector{sum(a[0]), sum(a[1]), sum(a[2]), sum(a[3])}},
            {F4::Vector{sum(b[0]), sum(b[1]), sum(b[2]), sum(b[3])}}};
}

#endif

/// Sixteen lanes: side lo of eight coordinates, then side -hi of the same. Two vectors of eight are as fast as
/// one of sixteen here, because every result is folded to eight lanes at once.
struct F16 {
    F8 low;
    F8 high;

    static FASTRCF_INLINE F16 load(const float* p) { return {F8::load(p), F8::load(p + 8)}; }
    static FASTRCF_INLINE F16 all(float x) { return {F8::all(x), F8::all(x)}; }
    FASTRCF_INLINE void store(float* p) const {
        low.store(p);
        high.store(p + 8);
    }
    FASTRCF_INLINE void add_rounded(std::int32_t* into) const {
        low.add_rounded(into);
        high.add_rounded(into + 8);
    }
    static FASTRCF_INLINE F16 mirrored(F8 p) { return {p, F8::all(-0.F) - p}; }
    friend FASTRCF_INLINE F16 operator+(F16 a, F16 b) { return {a.low + b.low, a.high + b.high}; }
    friend FASTRCF_INLINE F16 operator-(F16 a, F16 b) { return {a.low - b.low, a.high - b.high}; }
    friend FASTRCF_INLINE F16 operator*(F16 a, F16 b) { return {a.low * b.low, a.high * b.high}; }
    friend FASTRCF_INLINE F16 min(F16 a, F16 b) { return {min(a.low, b.low), min(a.high, b.high)}; }
    friend FASTRCF_INLINE F16 max(F16 a, F16 b) { return {max(a.low, b.low), max(a.high, b.high)}; }
    friend FASTRCF_INLINE unsigned differ(F16 a, F16 b) { return differ(a.low, b.low) | differ(a.high, b.high) << 8; }
    friend FASTRCF_INLINE unsigned equal(F16 a, F16 b) { return equal(a.low, b.low) | equal(a.high, b.high) << 8; }
    friend FASTRCF_INLINE F8 fold(F16 a) { return a.low + a.high; }
};

/// The same in one register where there is such: for work that never folds them.
#if defined(__AVX512F__)
struct W16 {
    __m512 v;

    static FASTRCF_INLINE W16 load(const float* p) { return {_mm512_loadu_ps(p)}; }
    static FASTRCF_INLINE W16 all(float x) { return {_mm512_set1_ps(x)}; }
    FASTRCF_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
    friend FASTRCF_INLINE W16 operator+(W16 a, W16 b) { return {_mm512_add_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE W16 operator-(W16 a, W16 b) { return {_mm512_sub_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE W16 operator*(W16 a, W16 b) { return {_mm512_mul_ps(a.v, b.v)}; }
    friend FASTRCF_INLINE W16 max(W16 a, W16 b) { return {_mm512_max_ps(a.v, b.v)}; }
    FASTRCF_INLINE void add_rounded(std::int32_t* into) const {
        _mm512_storeu_si512(into, _mm512_add_epi32(_mm512_loadu_si512(into), _mm512_cvtps_epi32(v)));
    }
};

FASTRCF_INLINE W16 wide(F16 a) { return {_mm512_insertf32x8(_mm512_castps256_ps512(a.low.v), a.high.v, 1)}; }
#else
FASTRCF_INLINE F16 wide(F16 a) { return a; }
#endif
FASTRCF_INLINE F8 wide(F8 a) { return a; }

/// Both sides of a single coordinate.
struct F2 {
    float low;
    float high;

    static FASTRCF_INLINE F2 load(const float* p) { return {p[0], p[1]}; }
    static FASTRCF_INLINE F2 all(float x) { return {x, x}; }
    FASTRCF_INLINE void store(float* p) const {
        p[0] = low;
        p[1] = high;
    }
    FASTRCF_INLINE void add_rounded(std::int32_t* into) const {
        constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: adding it leaves the nearest integer
        into[0] += static_cast<std::int32_t>((static_cast<double>(low) + kMagic) - kMagic);
        into[1] += static_cast<std::int32_t>((static_cast<double>(high) + kMagic) - kMagic);
    }
    static FASTRCF_INLINE F2 mirrored(float p) { return {p, -0.F - p}; }
    friend FASTRCF_INLINE F2 operator+(F2 a, F2 b) { return {a.low + b.low, a.high + b.high}; }
    friend FASTRCF_INLINE F2 operator-(F2 a, F2 b) { return {a.low - b.low, a.high - b.high}; }
    friend FASTRCF_INLINE F2 operator*(F2 a, F2 b) { return {a.low * b.low, a.high * b.high}; }
    friend FASTRCF_INLINE F2 min(F2 a, F2 b) {
        return {a.low < b.low ? a.low : b.low, a.high < b.high ? a.high : b.high};
    }
    friend FASTRCF_INLINE F2 max(F2 a, F2 b) {
        return {a.low > b.low ? a.low : b.low, a.high > b.high ? a.high : b.high};
    }
    friend FASTRCF_INLINE unsigned differ(F2 a, F2 b) { return (a.low != b.low ? 1U : 0U) | (a.high != b.high ? 2U : 0U); }
    friend FASTRCF_INLINE unsigned equal(F2 a, F2 b) { return (a.low == b.low ? 1U : 0U) | (a.high == b.high ? 2U : 0U); }
    friend FASTRCF_INLINE float fold(F2 a) { return a.low + a.high; }
    friend FASTRCF_INLINE float minus_sides(F2 a) { return a.low + a.high; }
    friend FASTRCF_INLINE F2 wide(F2 a) { return a; }
};

/// Sums that are made already.
FASTRCF_INLINE float sum(float a) { return a; }
FASTRCF_INLINE RowSums sum_rows(const float (&a)[4], const float (&b)[4]) {
    return {F4::of(a[0], a[1], a[2], a[3]), F4::of(b[0], b[1], b[2], b[3])};
}

/// Four coordinates use one F8, [lo | -hi]; a sum of gaps needs no folding.
FASTRCF_INLINE F8 fold(F8 a) { return a; }

/// Minus the sides of a block of a box, lo + -hi coordinate by coordinate: sums over coordinates come later, or
/// coordinates far from zero would lose their small sides.
FASTRCF_INLINE F8 minus_sides(F8 a) { return sum_halves(a); }
FASTRCF_INLINE F8 minus_sides(F16 a) { return fold(a); }

}  // namespace fastrcf::FASTRCF_ISA
