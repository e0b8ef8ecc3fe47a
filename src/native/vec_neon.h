// Vectors of 4 floats: 64-bit Arm. See vec.h for what every target gives.
#pragma once
#include <arm_neon.h>

#define SHOAL_LANES 4
#include "vec_types.h"

namespace shoal {
namespace {

constexpr int REGISTERS = 32;
constexpr int TILE_VECTORS = 4;

inline vf32 fma(vf32 a, vf32 b, vf32 c) {
    return (vf32)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
}
inline vf32 sqrt(vf32 a) { return (vf32)vsqrtq_f32((float32x4_t)a); }
inline vf32 select(vi32 mask, vf32 a, vf32 b) {
    return (vf32)vbslq_f32((uint32x4_t)mask, (float32x4_t)a, (float32x4_t)b);
}
// Not vmaxq: the second operand comes back when either is not a number, as on x86.
inline vf32 max(vf32 a, vf32 b) { return select((vi32)(a > b), a, b); }
inline vf32 min(vf32 a, vf32 b) { return select((vi32)(a < b), a, b); }
inline bool any(vi32 mask) { return vmaxvq_u32((uint32x4_t)mask) != 0; }
inline vf64 widen_low(vf32 a) { return (vf64)vcvt_f64_f32(vget_low_f32((float32x4_t)a)); }
inline vf64 widen_high(vf32 a) { return (vf64)vcvt_high_f64_f32((float32x4_t)a); }
inline vf32 narrow(vf64 low, vf64 high) {
    return (vf32)vcvt_high_f32_f64(vcvt_f32_f64((float64x2_t)low), (float64x2_t)high);
}
inline vu32 widen(vu16 a) { return __builtin_convertvector(a, vu32); }
inline vu64 multiply_low32(vu64 a, vu64 b) {
    return (vu64)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
}
inline vu32 interleave(vu64 even, vu64 odd) { return (vu32)((even & 0xFFFFFFFFu) | odd << 32); }
inline Halves halves(vu32 a) {
    return {__builtin_convertvector(a & 0xFFFF, vu16), __builtin_convertvector(a >> 16, vu16)};
}
inline vu8 zip_low(vu8 a, vu8 b) { return (vu8)vzip1q_u8((uint8x16_t)a, (uint8x16_t)b); }
inline vu8 zip_high(vu8 a, vu8 b) { return (vu8)vzip2q_u8((uint8x16_t)a, (uint8x16_t)b); }
inline vf32 load_bytes(const uint8_t* from) {
    return vf32{(float)from[0], (float)from[1], (float)from[2], (float)from[3]};
}
inline float horizontal_sum(vf32 a) { return (a[0] + a[2]) + (a[1] + a[3]); }

inline void transpose_4x4(const float* from, float* to) {
    float32x4x2_t a = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + 16));
    float32x4x2_t b = vtrnq_f32(vld1q_f32(from + 32), vld1q_f32(from + 48));
    vst1q_f32(to, vcombine_f32(vget_low_f32(a.val[0]), vget_low_f32(b.val[0])));
    vst1q_f32(to + 16, vcombine_f32(vget_low_f32(a.val[1]), vget_low_f32(b.val[1])));
    vst1q_f32(to + 32, vcombine_f32(vget_high_f32(a.val[0]), vget_high_f32(b.val[0])));
    vst1q_f32(to + 48, vcombine_f32(vget_high_f32(a.val[1]), vget_high_f32(b.val[1])));
}

// Rows of `from` become columns of `to`; both with 16 floats from row to row.
inline void transpose_16x16(const float* from, float* to) {
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 16; j += 4) transpose_4x4(from + 16 * i + j, to + 16 * j + i);
}

inline Panel sums_of_rows(const float* from) {
    Panel sum;
    for (int i = 0; i < 16; ++i, from += 16) {
        vf32 part[4];
        __builtin_memcpy(part, from, sizeof part);
        sum.part[i / 4][i % 4] = horizontal_sum((part[0] + part[2]) + (part[1] + part[3]));
    }
    return sum;
}

}  // namespace
}  // namespace shoal
