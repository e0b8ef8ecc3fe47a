// Vectors, the same names on every target. A target's own header (vec_avx2.h ...) is included before this
// one.
//
// It gives the width `W`; the types vf32, vi32, vu32 (W lanes of 32 bits), vf64, vi64, vu64 (W/2 of 64) and vu16 (W
// of 16) as vector types of the compiler, so that + - * / < & are lane by lane; how many REGISTERS the processor
// has, and how many vectors a tile of a product is wide (TILE_VECTORS); and what C++ has no operator for:
//   fma(a, b, c)             a * b + c, rounded once
//   sqrt(a)                  square root, correctly rounded
//   max(a, b), min(a, b)     a > b ? a : b, a < b ? a : b: b where either is not a number
//   select(mask, a, b)       mask ? a : b
//   any(mask)                whether the mask is set in some lane
//   widen_low(a), widen_high(a), narrow(low, high)
//                            the lower and the upper half as doubles; and back, rounded
//   widen(a)                 W numbers of 16 bits in lanes of 32
//   multiply_low32(a, b)     low 32 bits of each 64-bit lane, multiplied
//   interleave(even, odd)    the low 32 bits of 64-bit lanes, by turns
//   halves(a)                the lower and the upper 16 bits of each lane
//   horizontal_sum(a)        lanes summed by halving
//   sums_of_rows(from)       of 16 rows of 16 floats, each by halving: a panel
//   load_bytes(from)         W bytes as floats
//   zip_low(a, b), zip_high(a, b)
//                            the lower and the upper halves of 16 bytes each, by turns
//   transpose_16x16(from, to)
//
// All of these round in one way only (IEEE 754), and every sum in this core runs in an order that does not
// depend on W: so all targets give the same bytes (tests/native/test_core_steps.py).
#pragma once
#include <stdint.h>

namespace shoal {
namespace {


inline vf32 broadcast(float value) { return value - vf32{}; }
inline vf32 load(const float* from) {
    vf32 value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}
inline void store(float* to, vf32 value) { __builtin_memcpy(to, &value, sizeof value); }
inline vi32 load(const int32_t* from) {
    vi32 value;
    __builtin_memcpy(&value, from, sizeof value);
    return value;
}
inline void store(int32_t* to, vi32 value) { __builtin_memcpy(to, &value, sizeof value); }
inline vi32 as_bits(vf32 value) { return (vi32)value; }
inline vf32 as_floats(vi32 bits) { return (vf32)bits; }
inline vf32 absolute(vf32 a) { return as_floats(as_bits(a) & 0x7FFFFFFF); }

inline vf64 select(vi64 mask, vf64 a, vf64 b) { return (vf64)((mask & (vi64)a) | (~mask & (vi64)b)); }

// W doubles, for as many floats.
struct Doubles {
    vf64 low, high;
    Doubles(double value) : low(value - vf64{}), high(value - vf64{}) {}
    Doubles(vf64 low, vf64 high) : low(low), high(high) {}
};
inline Doubles operator+(const Doubles& a, const Doubles& b) { return {a.low + b.low, a.high + b.high}; }
inline Doubles operator-(const Doubles& a, const Doubles& b) { return {a.low - b.low, a.high - b.high}; }
inline Doubles operator*(const Doubles& a, const Doubles& b) { return {a.low * b.low, a.high * b.high}; }
inline Doubles operator/(const Doubles& a, const Doubles& b) { return {a.low / b.low, a.high / b.high}; }
inline vf64 absolute(vf64 a) { return (vf64)((vi64)a & INT64_MAX); }
inline Doubles absolute(const Doubles& a) { return {absolute(a.low), absolute(a.high)}; }
inline Doubles widen(vf32 a) { return {widen_low(a), widen_high(a)}; }
inline vf32 narrow(const Doubles& a) { return narrow(a.low, a.high); }
inline Doubles load(const double* from) {
    vf64 low, high;
    __builtin_memcpy(&low, from, sizeof low);
    __builtin_memcpy(&high, from + W / 2, sizeof high);
    return {low, high};
}
inline void store(double* to, const Doubles& value) { __builtin_memcpy(to, &value, sizeof value); }

template <class F>
inline Panel panel_of(F&& f) {
    Panel panel;
#pragma GCC unroll 4
    for (int v = 0; v < PANEL_VECTORS; ++v) panel.part[v] = f(v);
    return panel;
}
inline Panel broadcast_panel(float value) { return panel_of([=](int) { return broadcast(value); }); }
inline Panel load_panel(const float* from) { return panel_of([=](int v) { return load(from + v * W); }); }
inline void store(float* to, const Panel& panel) { __builtin_memcpy(to, &panel, sizeof panel); }
inline Panel operator+(const Panel& a, const Panel& b) { return panel_of([&](int v) { return a.part[v] + b.part[v]; }); }
inline Panel operator*(const Panel& a, const Panel& b) { return panel_of([&](int v) { return a.part[v] * b.part[v]; }); }

// All bits set in lanes 0 to `count` - 1; count may lie outside [0, W].
inline vi32 lane_mask(int64_t count) {
    vi32 index;
    for (int i = 0; i < W; ++i) index[i] = i;
    return (vi32)(index < (int32_t)count);
}

// The sum of 16 lanes held in 16/W vectors: halves are added until one lane is left.
inline float horizontal_sum_16(vf32* part) {
    for (int half = PANEL_VECTORS / 2; half >= 1; half /= 2)
        for (int i = 0; i < half; ++i) part[i] += part[i + half];
    return horizontal_sum(part[0]);
}

// Which of two NaNs comes out of a sum is the processor's choice; what leaves the core is always the same
// one.
inline float canonical_nan(float a) { return a == a ? a : __builtin_nanf(""); }
inline double canonical_nan(double a) { return a == a ? a : __builtin_nan(""); }

inline int64_t round_up(int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; }
inline int64_t min(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t max(int64_t a, int64_t b) { return a > b ? a : b; }

}  // namespace
}  // namespace shoal
