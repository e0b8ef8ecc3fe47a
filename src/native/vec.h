// Vectors, the same names on every target. A target's own header (vec_avx2.h ...) is included before this
// one.
//
// It gives the width `W`; the types vf, vi, vu (W 32-bit lanes), vq (W/2 64-bit lanes), vh (W 16-bit lanes)
// as vector types of the compiler, so that + - * / < & are lane by lane; and the few functions below that C++
// has no operator for:
//   fma(a, b, c)      a * b + c, rounded once         root(a)      square root, correctly rounded
//   larger(a, b)      a > b ? a : b                   smaller(a, b)  a < b ? a : b
//   pick(mask, a, b)  mask ? a : b                    times32(a, b)  low 32 bits of each 64-bit lane,
//   multiplied total(a)          lanes summed by halving         transpose_16x16(from, to)
//
// All of these round in one way only (IEEE 754), and every sum in this core runs in an order that does not
// depend on W: so all targets give the same bytes (tests/native/test_widths.py).
#pragma once
#include <stdint.h>

namespace shoal {
namespace {

constexpr int PANEL = 16;      // matrices are padded to, and laid out in panels of, 16 columns
constexpr int VP = PANEL / W;  // vectors of a panel row

inline vf all(float value) { return value - vf{}; }
inline vf load(const float* from) {
    vf value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}
inline void store(float* to, vf value) { __builtin_memcpy(to, &value, sizeof value); }
inline vi lanes(vf value) { return (vi)value; }
inline vf floats(vi bits) { return (vf)bits; }
inline vf absolute(vf a) { return floats(lanes(a) & 0x7FFFFFFF); }

// All bits set in lanes 0 to `count` - 1; count may lie outside [0, W].
inline vi first_lanes(int64_t count) {
    vi index;
    for (int i = 0; i < W; ++i) index[i] = i;
    return (vi)(index < (int32_t)count);
}

// The sum of 16 lanes held in 16/W vectors: halves are added until one lane is left.
inline float total_of_16(vf* part) {
    for (int half = VP / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    return total(part[0]);
}

// Which of two that are not numbers comes out of a sum is the processor's choice; what leaves the core is
// one.
inline float one_nan(float a) { return a == a ? a : __builtin_nanf(""); }
inline double one_nan(double a) { return a == a ? a : __builtin_nan(""); }

inline int64_t up_to(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }
inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace
}  // namespace shoal
