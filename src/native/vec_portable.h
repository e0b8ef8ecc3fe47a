// Vectors of 4 floats in plain C++: any processor whose compiler knows a fused multiply-add. It is the
// reference that the other widths are compared with, byte for byte. See vec.h for what every target gives.
#pragma once

#define SHOAL_LANES 4
#include "vec_types.h"

namespace shoal {
namespace {

constexpr int REGISTERS = 16;
constexpr int TILE_VECTORS = 2;

inline vf32 fma(vf32 a, vf32 b, vf32 c) {
    for (int i = 0; i < W; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
inline vf32 sqrt(vf32 a) {
    for (int i = 0; i < W; ++i) a[i] = __builtin_sqrtf(a[i]);
    return a;
}
inline vf32 select(vi32 mask, vf32 a, vf32 b) { return mask ? a : b; }
inline vf32 max(vf32 a, vf32 b) { return a > b ? a : b; }
inline vf32 min(vf32 a, vf32 b) { return a < b ? a : b; }
inline bool any(vi32 mask) { return mask[0] | mask[1] | mask[2] | mask[3]; }
inline vf64 widen_low(vf32 a) { return vf64{a[0], a[1]}; }
inline vf64 widen_high(vf32 a) { return vf64{a[2], a[3]}; }
inline vf32 narrow(vf64 low, vf64 high) {
    return vf32{(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
}
inline vu32 widen(vu16 a) { return __builtin_convertvector(a, vu32); }
inline vu64 multiply_low32(vu64 a, vu64 b) { return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu); }
inline vu32 interleave(vu64 even, vu64 odd) { return (vu32)((even & 0xFFFFFFFFu) | odd << 32); }
inline Halves halves(vu32 a) {
    return {__builtin_convertvector(a & 0xFFFF, vu16), __builtin_convertvector(a >> 16, vu16)};
}
inline vu8 zip_low(vu8 a, vu8 b) {
    vu8 both;
    for (int i = 0; i < 16; ++i) both[i] = i % 2 ? b[i / 2] : a[i / 2];
    return both;
}
inline vu8 zip_high(vu8 a, vu8 b) {
    vu8 both;
    for (int i = 0; i < 16; ++i) both[i] = i % 2 ? b[8 + i / 2] : a[8 + i / 2];
    return both;
}
inline vf32 load_bytes(const uint8_t* from) {
    return vf32{(float)from[0], (float)from[1], (float)from[2], (float)from[3]};
}
inline float horizontal_sum(vf32 a) { return (a[0] + a[2]) + (a[1] + a[3]); }

// Rows of `from` become columns of `to`; both with 16 floats from row to row.
inline void transpose_16x16(const float* from, float* to) {
    for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j) to[16 * j + i] = from[16 * i + j];
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
