// Vectors of 16 floats: x86 with AVX-512 F, BW, DQ and VL. See vec.h for what every target gives.
#pragma once
#include <immintrin.h>

#define SHOAL_LANES 16
#include "vec_types.h"
#include "vec_x86.h"

namespace shoal {
namespace {

constexpr int REGISTERS = 32;
constexpr int TILE_VECTORS = 4;

inline vf32 fma(vf32 a, vf32 b, vf32 c) { return _mm512_fmadd_ps(a, b, c); }
inline vf32 sqrt(vf32 a) { return _mm512_sqrt_ps(a); }
inline vf32 max(vf32 a, vf32 b) { return _mm512_max_ps(a, b); }
inline vf32 min(vf32 a, vf32 b) { return _mm512_min_ps(a, b); }
inline vf32 select(vi32 mask, vf32 a, vf32 b) {
    return _mm512_mask_blend_ps(_mm512_movepi32_mask((__m512i)mask), b, a);
}
inline bool any(vi32 mask) { return _mm512_movepi32_mask((__m512i)mask) != 0; }
inline vf64 widen_low(vf32 a) { return _mm512_cvtps_pd(_mm512_castps512_ps256(a)); }
inline vf64 widen_high(vf32 a) { return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1)); }
inline vf32 narrow(vf64 low, vf64 high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high), 1);
}
inline vu32 widen(vu16 a) { return (vu32)_mm512_cvtepu16_epi32((__m256i)a); }
inline vu64 multiply_low32(vu64 a, vu64 b) { return (vu64)_mm512_mul_epu32((__m512i)a, (__m512i)b); }
inline vu32 interleave(vu64 even, vu64 odd) {
    return (vu32)_mm512_mask_blend_epi32(0xAAAA, (__m512i)even, _mm512_slli_epi64((__m512i)odd, 32));
}
inline Halves halves(vu32 a) {
    return {(vu16)_mm512_cvtepi32_epi16((__m512i)a), (vu16)_mm512_cvtepi32_epi16(_mm512_srli_epi32((__m512i)a, 16))};
}

inline vu8 zip_low(vu8 a, vu8 b) { return (vu8)_mm_unpacklo_epi8((__m128i)a, (__m128i)b); }
inline vu8 zip_high(vu8 a, vu8 b) { return (vu8)_mm_unpackhi_epi8((__m128i)a, (__m128i)b); }
inline vf32 load_bytes(const uint8_t* from) {
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i*)from)));
}

inline float horizontal_sum(vf32 a) {
    __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}

inline Panel sums_of_rows(const float* from) {
    return {{(vf32)_mm512_insertf32x8(_mm512_castps256_ps512(sums_of_8_rows(from)), sums_of_8_rows(from + 128), 1)}};
}

}  // namespace
}  // namespace shoal
