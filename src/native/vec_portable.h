// Vectors of 4 floats in plain C++: any processor whose compiler knows a fused multiply-add. It is the
// reference that the other widths are compared with, byte for byte. See vec.h for what every target gives.
#pragma once
#include <stdint.h>

namespace shoal {
namespace {

constexpr int W = 4;
constexpr int REGISTERS = 16;
constexpr int TILE_VECTORS = 2;

typedef float vf __attribute__((vector_size(16)));
typedef int32_t vi __attribute__((vector_size(16)));
typedef uint32_t vu __attribute__((vector_size(16)));
typedef uint64_t vq __attribute__((vector_size(16)));
typedef uint16_t vh __attribute__((vector_size(8)));

inline vf fma(vf a, vf b, vf c) {
    for (int i = 0; i < W; ++i) c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
}
inline vf root(vf a) {
    for (int i = 0; i < W; ++i) a[i] = __builtin_sqrtf(a[i]);
    return a;
}
inline vf pick(vi mask, vf a, vf b) { return mask ? a : b; }
inline vf larger(vf a, vf b) { return a > b ? a : b; }
inline vf smaller(vf a, vf b) { return a < b ? a : b; }
inline vq times32(vq a, vq b) { return (a & 0xFFFFFFFFu) * (b & 0xFFFFFFFFu); }
inline float total(vf a) { return (a[0] + a[2]) + (a[1] + a[3]); }

// Rows of `from` become columns of `to`; both with 16 floats from row to row.
inline void transpose_16x16(const float* from, float* to) {
    for (int i = 0; i < 16; ++i)
        for (int j = 0; j < 16; ++j) to[16 * j + i] = from[16 * i + j];
}

}  // namespace
}  // namespace shoal
