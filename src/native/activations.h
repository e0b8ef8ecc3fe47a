// Activations: from pre-activation z the value and its slope dvalue/dz, both at once while z is in a
// register.
#pragma once
#include "functions.h"
#include "interface.h"
#include "kinds.h"

namespace shoal {
namespace {

struct Both {
    vf value, slope;
};

struct Identity {
    static Both at(vf z) { return {z, all(1.0f)}; }
};
struct Sigmoid {
    static Both at(vf z) {
        const vf s = logistic(z);
        return {s, s * (1.0f - s)};
    }
};
struct Tanh {
    static Both at(vf z) {
        const vf t = tanh(z);
        return {t, fma(-t, t, all(1.0f))};
    }
};
struct Relu {
    static Both at(vf z) { return {larger(vf{}, z), pick((vi)(z > 0.0f), all(1.0f), vf{})}; }
};
struct LeakyRelu {  // slope 0.01
    static Both at(vf z) {
        const vf slope = pick((vi)(z > 0.0f), all(1.0f), all(0.01f));
        return {z * slope, slope};
    }
};
struct Elu {  // alpha 1
    static Both at(vf z) {
        const vf e = exp_minus_1(smaller(vf{}, z));
        const vi positive = (vi)(z > 0.0f);
        return {pick(positive, z, e), pick(positive, all(1.0f), e + 1.0f)};
    }
};
struct Gelu {  // the exact form, z Phi(z)
    static Both at(vf z) {
        const vf phi = fma(all(0.5f), erf(z * 0.70710678f), all(0.5f));
        const vf density = exp(z * z * -0.5f) * 0.39894228f;
        return {z * phi, fma(z, density, phi)};
    }
};
struct Silu {
    static Both at(vf z) {
        const vf e = exp(-z), s = 1.0f / (1.0f + e), value = z * s;
        return {value, fma(value, e * s, s)};
    }
};
struct Softplus {
    static Both at(vf z) {
        const vf u = exp(-absolute(z)), over = 1.0f / (1.0f + u);
        return {larger(vf{}, z) + log_1_plus(u), pick((vi)(z < 0.0f), u * over, over)};
    }
};

// Calls f with the activation of that number.
template <class F>
inline void with_activation(int64_t number, F&& f) {
    static_assert(SHOAL_ACTIVATIONS == 9, "a case for every activation");
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
