// Vectors of 8 floats: x86 with AVX2 and FMA. See vec.h for what every target gives.
#pragma once
#include <immintrin.h>

#define SHOAL_LANES 8
#include "vec_types.h"
#include "vec_x86.h"

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
inline vu32 widen(vu16 a) { return (vu32)_mm256_cvtepu16_epi32((__m128i)a); }
inline vu64 multiply_low32(vu64 a, vu64 b) { return (vu64)_mm256_mul_epu32((__m256i)a, (__m256i)b); }
inline vu32 interleave(vu64 even, vu64 odd) {
    return (vu32)_mm256_blend_epi32((__m256i)even, _mm256_slli_epi64((__m256i)odd, 32), 0xAA);
}
inline Halves halves(vu32 a) {
    const __m256i apart = _mm256_set_epi8(15, 14, 11, 10, 7, 6, 3, 2, 13, 12, 9, 8, 5, 4, 1, 0,  //
                                          15, 14, 11, 10, 7, 6, 3, 2, 13, 12, 9, 8, 5, 4, 1, 0);
    const __m256i both = _mm256_permute4x64_epi64(_mm256_shuffle_epi8((__m256i)a, apart), 0xD8);
    return {(vu16)_mm256_castsi256_si128(both), (vu16)_mm256_extracti128_si256(both, 1)};
}

inline vu8 zip_low(vu8 a, vu8 b) { return (vu8)_mm_unpacklo_epi8((__m128i)a, (__m128i)b); }
inline vu8 zip_high(vu8 a, vu8 b) { return (vu8)_mm_unpackhi_epi8((__m128i)a, (__m128i)b); }
inline vf32 load_bytes(const uint8_t* from) {
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i*)from)));
}

inline float horizontal_sum(vf32 a) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline Panel sums_of_rows(const float* from) { return {{(vf32)sums_of_8_rows(from), (vf32)sums_of_8_rows(from + 128)}}; }

}  // namespace
}  // namespace shoal
