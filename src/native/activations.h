// Activations: from pre-activation z the value and its derivative dvalue/dz, both at once while z is in a
// register.
#pragma once
#include "elementary.h"
#include "interface.h"
#include "kinds.h"

namespace shoal {
namespace {

struct Activated {
    vf32 value, derivative;
};

// A row whose activation is found in steps is prepared whole, then completed: all at once, a vector takes more registers
// than a processor has for the next ones to begin meanwhile.
struct InOneStep {
    static constexpr bool PREPARES = false, BY_SIGN = false;
};
// Its derivative is that of its value, too, and of this times what is positive: 1 above 0, else `negative_slope`.
struct BySign {
    static constexpr bool PREPARES = false, BY_SIGN = true;
};
template <class F>
struct InSteps {
    static constexpr bool PREPARES = true, BY_SIGN = false;
    static Activated evaluate(vf32 z) { return F::complete(F::prepare(z)); }
};

struct Identity : BySign {
    static constexpr float negative_slope = 1;
    static Activated evaluate(vf32 z) { return {z, broadcast(1.0f)}; }
};
struct Sigmoid : InSteps<Sigmoid> {
    static vf32 prepare(vf32 z) { return exp(-z); }
    static Activated complete(vf32 power) {
        const vf32 s = 1.0f / (1.0f + power);
        return {s, s * (1.0f - s)};
    }
};
struct Tanh : InSteps<Tanh> {
    static vf32 prepare(vf32 z) {
        const vf32 bound = broadcast(20.0f);
        return expm1(max(-bound, min(bound, z + z)));
    }
    static Activated complete(vf32 power) {
        const vf32 t = power / (power + 2.0f);
        return {t, fma(-t, t, broadcast(1.0f))};
    }
};
struct Relu : BySign {
    static constexpr float negative_slope = 0;
    static Activated evaluate(vf32 z) {
        return {max(vf32{}, z), select((vi32)(z > 0.0f), broadcast(1.0f), vf32{})};
    }
};
struct LeakyRelu : BySign {
    static constexpr float negative_slope = 0.01f;
    static Activated evaluate(vf32 z) {
        const vf32 derivative = select((vi32)(z > 0.0f), broadcast(1.0f), broadcast(0.01f));
        return {z * derivative, derivative};
    }
};
struct Elu : InOneStep {  // alpha 1
    static Activated evaluate(vf32 z) {
        const vf32 e = expm1(min(vf32{}, z));
        const vi32 positive = (vi32)(z > 0.0f);
        return {select(positive, z, e), select(positive, broadcast(1.0f), e + 1.0f)};
    }
};
struct Gelu : InOneStep {  // the exact form, z Phi(z)
    static Activated evaluate(vf32 z) {
        const vf32 phi = fma(broadcast(0.5f), erf(z * 0.70710678f), broadcast(0.5f));
        const vf32 density = exp(z * z * -0.5f) * 0.39894228f;
        return {z * phi, fma(z, density, phi)};
    }
};
struct Silu : InOneStep {
    static Activated evaluate(vf32 z) {
        const vf32 e = exp(-z), s = 1.0f / (1.0f + e), value = z * s;
        return {value, fma(value, e * s, s)};
    }
};
struct Softplus : InOneStep {
    static Activated evaluate(vf32 z) {
        const vf32 u = exp(-absolute(z)), reciprocal = 1.0f / (1.0f + u);
        return {max(vf32{}, z) + log1p(u), select((vi32)(z < 0.0f), u * reciprocal, reciprocal)};
    }
};

// Calls f with the activation of that number.
template <class F>
inline void with_activation(int64_t number, F&& f) {
    static_assert(SHOAL_ACTIVATION_COUNT == 9, "a case for every activation");
    switch (number) {
        case SHOAL_IDENTITY: return f(Identity{});
        case SHOAL_SIGMOID: return f(Sigmoid{});
        case SHOAL_TANH: return f(Tanh{});
        case SHOAL_RELU: return f(Relu{});
        case SHOAL_LEAKY_RELU: return f(LeakyRelu{});
        case SHOAL_ELU: return f(Elu{});
        case SHOAL_GELU: return f(Gelu{});
        case SHOAL_SILU: return f(Silu{});
        case SHOAL_SOFTPLUS: return f(Softplus{});
        default: unknown_kind();
    }
}

}  // namespace
}  // namespace shoal
