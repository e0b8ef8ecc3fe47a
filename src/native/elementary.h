// exp, log1p, erf ... for vectors, from polynomials and fused multiply-adds alone: the same bits at any width.
//
// Coefficients: minimax fits by reweighted least squares in 40 digits, rounded to float. Errors against
// float64 are measured in tests/native/test_core_activations.py: about 1.5 units in the last place, save
// where said. What is not a number stays so.
#pragma once
#include "vec.h"

namespace shoal {
namespace {

// e^x = two_to_n * (1 + expm1_r), where x = n log 2 + r, for x in [-87, 88].
struct SplitExp {
    vf32 two_to_n, expm1_r;
};

inline SplitExp split_exp(vf32 x) {
    x = max(broadcast(-87.0f), min(broadcast(88.0f), x));
    // 1.5 * 2^23: adding it leaves the nearest integer in the low bits.
    const vf32 magic = broadcast(12582912.0f);
    const vf32 shifted = fma(x, broadcast(1.44269504f), magic);
    const vf32 n = shifted - magic;
    vf32 r = fma(n, broadcast(-0.693145752f), x);
    r = fma(n, broadcast(-1.42860677e-6f), r);
    vf32 q = fma(broadcast(0.0013951717f), r, broadcast(0.008369599f));
    q = fma(q, r, broadcast(0.041666187f));
    q = fma(q, r, broadcast(0.16666512f));
    q = fma(q, r, broadcast(0.5f));
    return {as_floats((as_bits(shifted) + 127) << 23), fma(q * r, r, r)};
}

// exp(x), held within [exp(-87), exp(88)]: all that follows needs no more.
inline vf32 exp(vf32 x) {
    const SplitExp e = split_exp(x);
    return fma(e.two_to_n, e.expm1_r, e.two_to_n);
}

// exp(x) - 1 without cancellation.
inline vf32 expm1(vf32 x) {
    const SplitExp e = split_exp(x);
    return fma(e.two_to_n, e.expm1_r, e.two_to_n - 1.0f);
}

// log(1 + u) for u in [0, 1], as 2 atanh(u / (2 + u)).
inline vf32 log1p(vf32 u) {
    const vf32 s = u / (u + 2.0f), s2 = s * s;
    vf32 q = fma(broadcast(0.24300937f), s2, broadcast(0.21427657f));
    q = fma(q, s2, broadcast(0.28616884f));
    q = fma(q, s2, broadcast(0.39998877f));
    q = fma(q, s2, broadcast(0.66666675f));
    return fma(q * s2, s, s + s);
}

// Odd polynomial up to 1; 1 - exp(-polynomial) from there to 4, where erf rounds to 1.
inline vf32 erf(vf32 x) {
    const vf32 size = absolute(x), x2 = x * x;
    vf32 near = fma(broadcast(-9.680137e-06f), x2, broadcast(0.00011270545f));
    near = fma(near, x2, broadcast(-0.0008484711f));
    near = fma(near, x2, broadcast(0.005221075f));
    near = fma(near, x2, broadcast(-0.026865445f));
    near = fma(near, x2, broadcast(0.11283783f));
    near = fma(near, x2, broadcast(-0.37612638f));
    near = fma(near, x2, broadcast(0.12837917f));
    near = fma(near, x, x);
    const vf32 a = min(broadcast(4.0f), size);
    vf32 far = fma(broadcast(-0.0001855749f), a, broadcast(0.0029396159f));
    far = fma(far, a, broadcast(-0.021805352f));
    far = fma(far, a, broadcast(0.10303744f));
    far = fma(far, a, broadcast(0.6382256f));
    far = fma(far, a, broadcast(1.12704f));
    far = fma(far, a, broadcast(0.00035370892f));
    far = 1.0f - exp(-far);
    far = as_floats(as_bits(far) | (as_bits(x) & INT32_MIN));
    return select((vi32)(size > 1.0f), far, near);
}

// 1 / k! for k from 13 down to 0.
constexpr int FACTORIALS = 13;
constexpr double INVERSE_FACTORIALS[] = {
    1.6059043836821613e-10, 2.08767569878681e-09, 2.505210838544172e-08,  2.755731922398589e-07,
    2.7557319223985893e-06, 2.48015873015873e-05, 0.0001984126984126984,  0.001388888888888889,
    0.008333333333333333,   0.041666666666666664, 0.16666666666666666,    0.5,
    1.0,                    1.0};

// exp(x) in double, by its series to 13 terms behind a power of two: 0 where it is below what a normal double holds,
// infinite above.
inline vf64 exp(vf64 x) {
    const double magic = 6755399441055744.0;  // 1.5 * 2^52, as above
    const vf64 shifted = x * 1.4426950408889634 + magic, n = shifted - magic;
    const vf64 r = (x - n * 0.693147180369123816) - n * 1.90821492927058770e-10;  // log 2 in two parts
    vf64 series = INVERSE_FACTORIALS[0] - vf64{};
    for (int k = 1; k <= FACTORIALS; ++k) series = series * r + INVERSE_FACTORIALS[k];
    const vf64 within = (vf64)(((vu64)shifted + 1023) << 52) * series;
    const vf64 above = select((vi64)(x > 709.0), __builtin_inf() - vf64{}, within);
    return select((vi64)(x < -708.0), vf64{}, above);
}

// log(x) in double for normal x > 0, by 2 atanh((m - 1) / (m + 1)) beside the exponent of x.
inline vf64 log(vf64 x) {
    const double shift = 4503599627370496.0;  // 2^52: its low bits are a whole number
    const vu64 bits = (vu64)x;
    vf64 exponent = (vf64)((bits >> 52) | 0x4330000000000000ull) - (shift + 1023);
    vf64 m = (vf64)((bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull);
    const vi64 upper = (vi64)(m > 1.4142135623730951);
    m = m * select(upper, 0.5 - vf64{}, 1.0 - vf64{});
    exponent = exponent + select(upper, 1.0 - vf64{}, vf64{});
    const vf64 s = (m - 1.0) / (m + 1.0), s2 = s * s;
    vf64 series = 2.0 / 23 - vf64{};
    for (int k = 21; k >= 1; k -= 2) series = series * s2 + 2.0 / k;
    return select((vi64)(x <= 1.7e308), exponent * 0.6931471805599453 + s * series, x);
}

inline Doubles exp(const Doubles& x) { return {exp(x.low), exp(x.high)}; }
inline Doubles log(const Doubles& x) { return {log(x.low), log(x.high)}; }

}  // namespace
}  // namespace shoal
