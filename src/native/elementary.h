// exp, tanh, erf ... for vectors, from polynomials and fused multiply-adds alone: the same bits at any width.
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

inline vf32 sigmoid(vf32 x) { return 1.0f / (1.0f + exp(-x)); }

inline vf32 tanh(vf32 x) {
    const vf32 bound = broadcast(20.0f), e = expm1(max(-bound, min(bound, x + x)));
    return e / (e + 2.0f);
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
constexpr double INVERSE_FACTORIALS[] = {
    1.6059043836821613e-10, 2.08767569878681e-09, 2.505210838544172e-08,  2.755731922398589e-07,
    2.7557319223985893e-06, 2.48015873015873e-05, 0.0001984126984126984,  0.001388888888888889,
    0.008333333333333333,   0.041666666666666664, 0.16666666666666666,    0.5,
    1.0,                    1.0};

// exp(x) in double, one number at a time, by its series to 13 terms behind a power of two: 0 where it is
// below what a normal double holds, infinite above. What is not a number stays so.
inline double exp(double x) {
    if (!(x <= 709)) return x > 709 ? (double)__builtin_inff() : x;
    if (x < -708) return 0;
    const double magic = 6755399441055744.0;  // 1.5 * 2^52, as above
    const double n = (x * 1.4426950408889634 + magic) - magic;
    const double r = (x - n * 0.693147180369123816) - n * 1.90821492927058770e-10;  // log 2 in two parts
    double series = 0;
    for (const double one_over_factorial : INVERSE_FACTORIALS) series = series * r + one_over_factorial;
    const uint64_t bits = (uint64_t)((int64_t)n + 1023) << 52;
    double two_to_n;
    __builtin_memcpy(&two_to_n, &bits, sizeof two_to_n);
    return two_to_n * series;
}

// Eight doubles, whatever the width of vectors.
constexpr int64_t EIGHT = 8;
typedef double Eight __attribute__((vector_size(64)));
typedef uint64_t EightBits __attribute__((vector_size(64)));

// exp(x) of eight numbers within -708 and 709 in their place, each the same as by itself, in a fraction of the time.
inline void exp_of(Eight& x) {
    const double magic = 6755399441055744.0;
    const Eight shifted = x * 1.4426950408889634 + magic, n = shifted - magic;  // its low bits are n
    const Eight r = (x - n * 0.693147180369123816) - n * 1.90821492927058770e-10;
    Eight series = {};
    for (const double one_over_factorial : INVERSE_FACTORIALS) series = series * r + one_over_factorial;
    x = (Eight)(((EightBits)shifted + 1023) << 52) * series;
}

// log(x) in double for normal x > 0, by 2 atanh((m - 1) / (m + 1)): the loss alone needs it, one row at a
// time.
inline double log(double x) {
    if (!(x <= 1.7e308)) return x;
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    int64_t exponent = (int64_t)(bits >> 52) - 1023;
    bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FF0000000000000ull;
    double m;
    __builtin_memcpy(&m, &bits, sizeof m);
    const bool upper = m > 1.4142135623730951;  // as often as not: no branch
    m *= upper ? 0.5 : 1.0;
    exponent += upper;
    const double s = (m - 1) / (m + 1), s2 = s * s;
    double series = 0;
    for (int k = 23; k >= 1; k -= 2) series = series * s2 + 2.0 / k;
    return (double)exponent * 0.6931471805599453 + s * series;
}

}  // namespace
}  // namespace shoal
