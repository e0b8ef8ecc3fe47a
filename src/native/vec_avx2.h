// Vectors of 8 floats: x86 with AVX2 and FMA. See vec.h for what every target gives.
#pragma once
#include <immintrin.h>

#define SHOAL_LANES 8
#include "vec_types.h"

namespace shoal {
namespace {

constexpr int REGISTERS = 16;
constexpr int TILE_VECTORS = 2;  // columns of a product tile

inline vf32 fma(vf32 a, vf32 b, vf32 c) { return _mm256_fmadd_ps(a, b, c); }
inline vf32 sqrt(vf32 a) { return _mm256_sqrt_ps(a); }
inline vf32 max(vf32 a, vf32 b) { return _mm256_max_ps(a, b); }
inline vf32 min(vf32 a, vf32 b) { return _mm256_min_ps(a, b); }
inline vf32 select(vi32 mask, vf32 a, vf32 b) {
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps((__m256i)mask));
}
inline bool any(vi32 mask) { return !_mm256_testz_si256((__m256i)mask, (__m256i)mask); }
inline vf64 widen_low(vf32 a) { return _mm256_cvtps_pd(_mm256_castps256_ps128(a)); }
inline vf64 widen_high(vf32 a) { return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1)); }
inline vf32 narrow(vf64 low, vf64 high) { return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low)); }
inline vu64 multiply_low32(vu64 a, vu64 b) { return (vu64)_mm256_mul_epu32((__m256i)a, (__m256i)b); }

inline vf32 load_bytes(const uint8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)from)));
}

inline float horizontal_sum(vf32 a) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

// 8 x 8: rows of `from` become columns of `to`; both with 16 floats from row to row.
inline void transpose_8x8(const float* from, float* to) {
    __m256 r[8], s[8];
    for (int i = 0; i < 8; ++i) r[i] = _mm256_loadu_ps(from + 16 * i);
    for (int i = 0; i < 4; ++i) {
        s[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        s[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
    for (int i = 0; i < 2; ++i) {
        r[4 * i] = _mm256_shuffle_ps(s[4 * i], s[4 * i + 2], 0x44);
        r[4 * i + 1] = _mm256_shuffle_ps(s[4 * i], s[4 * i + 2], 0xEE);
        r[4 * i + 2] = _mm256_shuffle_ps(s[4 * i + 1], s[4 * i + 3], 0x44);
        r[4 * i + 3] = _mm256_shuffle_ps(s[4 * i + 1], s[4 * i + 3], 0xEE);
    }
    for (int i = 0; i < 4; ++i) {
        _mm256_storeu_ps(to + 16 * i, _mm256_permute2f128_ps(r[i], r[i + 4], 0x20));
        _mm256_storeu_ps(to + 16 * (i + 4), _mm256_permute2f128_ps(r[i], r[i + 4], 0x31));
    }
}

inline void transpose_16x16(const float* from, float* to) {
    for (int i = 0; i < 16; i += 8)
        for (int j = 0; j < 16; j += 8) transpose_8x8(from + 16 * i + j, to + 16 * j + i);
}

// The sums of 8 of them.
inline __m256 sums_of_8_rows(const float* from) {
    __m256 eight[8], four[4], two[2];  // so many lanes are left of each row
    for (int i = 0; i < 8; ++i) {
        const float* row = from + 16 * (i % 2 * 4 + i / 2);
        eight[i] = _mm256_add_ps(_mm256_loadu_ps(row), _mm256_loadu_ps(row + 8));
    }
    for (int i = 0; i < 4; ++i)
        four[i] = _mm256_add_ps(_mm256_permute2f128_ps(eight[2 * i], eight[2 * i + 1], 0x20),
                                _mm256_permute2f128_ps(eight[2 * i], eight[2 * i + 1], 0x31));
    for (int i = 0; i < 2; ++i)
        two[i] = _mm256_add_ps(_mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0x44),
                               _mm256_shuffle_ps(four[2 * i], four[2 * i + 1], 0xEE));
    return _mm256_add_ps(_mm256_shuffle_ps(two[0], two[1], 0x88), _mm256_shuffle_ps(two[0], two[1], 0xDD));
}

inline Panel sums_of_rows(const float* from) { return {{sums_of_8_rows(from), sums_of_8_rows(from + 128)}}; }

}  // namespace
}  // namespace shoal
