// Optimisers as torch.optim defines them, one vector of parameters at a time.
//
// Each is a value made once a step from the epoch's learning rate and the step's number; called with the
// addresses of parameters and moments and with their gradient in a register, it updates them in place.
// `first_moment` and `second_moment` are what State.first_P and second_P hold: for sgd, and for rmsprop, the
// first is the momentum buffer.
#pragma once
#include "interface.h"
#include "kinds.h"
#include "vec.h"

namespace shoal {
namespace {

// torch's own constants of Adam.
constexpr double BETA1 = 0.9, BETA2 = 0.999;

struct Sgd {
    vf32 rate, decay;
    void operator()(float* w, float*, float*, vf32 g) const {
        const vf32 old = load(w);
        store(w, fma(-rate, fma(decay, old, g), old));
    }
};

struct SgdMomentum {
    vf32 rate, decay, momentum;
    bool nesterov;
    void operator()(float* w, float* first_moment, float*, vf32 g) const {
        const vf32 old = load(w);
        g = fma(decay, old, g);
        const vf32 velocity = fma(momentum, load(first_moment), g);
        store(first_moment, velocity);
        store(w, fma(-rate, nesterov ? fma(momentum, velocity, g) : velocity, old));
    }
};

// Adam (Kingma and Ba 2015) and, with `decay_factor` below 1 in place of `decay`, AdamW (Loshchilov and
// Hutter 2019).
template <bool WEIGHT_DECAY>
struct Adam {
    vf32 rate, root_correction, decay, decay_factor;  // the rate is corrected for bias, too
    vf32 one_minus_beta1 = broadcast(1 - BETA1), one_minus_beta2 = broadcast(1 - BETA2),
         epsilon = broadcast(1e-8f);
    void operator()(float* w, float* first_moment, float* second_moment, vf32 g) const {
        vf32 old = load(w);
        if (WEIGHT_DECAY) {
            g = fma(decay, old, g);
            old *= decay_factor;
        }
        const vf32 m0 = load(first_moment), m = fma(one_minus_beta1, g - m0, m0);
        const vf32 v0 = load(second_moment), v = fma(one_minus_beta2, fma(g, g, -v0), v0);
        store(first_moment, m);
        store(second_moment, v);
        store(w, fma(-rate, m / fma(sqrt(v), root_correction, epsilon), old));
    }
};

// RMSprop (Tieleman and Hinton 2012), alpha 0.99, not centred; with momentum `first_moment` is the
// momentum buffer.
struct Rmsprop {
    vf32 rate, decay, momentum;
    bool has_momentum;
    void operator()(float* w, float* first_moment, float* second_moment, vf32 g) const {
        const vf32 old = load(w);
        g = fma(decay, old, g);
        const vf32 v = fma(g * (float)(1 - 0.99), g, load(second_moment) * 0.99f);
        store(second_moment, v);
        vf32 step = g / (sqrt(v) + 1e-8f);
        if (has_momentum) {
            step = fma(momentum, load(first_moment), step);
            store(first_moment, step);
        }
        store(w, fma(-rate, step, old));
    }
};

// base^exponent by squaring: no libm, so the same on every machine.
inline double power(double base, int64_t exponent) {
    double result = 1;
    for (; exponent; exponent >>= 1, base *= base)
        if (exponent & 1) result *= base;
    return result;
}

// Adam's bias correction: beta1^t and beta2^t of step t, from the epoch's first step on by multiplication.
struct BiasCorrection {
    double beta1_power, beta2_power;
    explicit BiasCorrection(int64_t steps_done)
        : beta1_power(power(BETA1, steps_done)), beta2_power(power(BETA2, steps_done)) {}
    void next_step() {
        beta1_power *= BETA1;
        beta2_power *= BETA2;
    }
};

// Calls f with the optimiser of one step.
template <class F>
inline void with_optimizer(const ShoalFit& fit, double rate, const BiasCorrection& bias, F&& f) {
    const vf32 lr = broadcast((float)rate), decay = broadcast((float)fit.weight_decay),
               momentum = broadcast((float)fit.momentum);
    static_assert(SHOAL_OPTIMIZER_COUNT == 4, "a case for every optimiser");
    switch (fit.optimizer) {
        case SHOAL_SGD:
            if (fit.momentum > 0) return f(SgdMomentum{lr, decay, momentum, fit.nesterov != 0});
            return f(Sgd{lr, decay});
        case SHOAL_ADAM:
        case SHOAL_ADAMW: {
            const vf32 corrected_rate = broadcast((float)(rate / (1 - bias.beta1_power)));
            const vf32 root_correction = broadcast((float)(1 / __builtin_sqrt(1 - bias.beta2_power)));
            const vf32 decay_factor = broadcast((float)(1 - rate * fit.weight_decay));
            if (!(fit.weight_decay > 0)) return f(Adam<false>{corrected_rate, root_correction, {}, {}});
            if (fit.optimizer == SHOAL_ADAM)
                return f(Adam<true>{corrected_rate, root_correction, decay, broadcast(1.0f)});
            return f(Adam<true>{corrected_rate, root_correction, {}, decay_factor});
        }
        case SHOAL_RMSPROP: return f(Rmsprop{lr, decay, momentum, fit.momentum > 0});
        default: unknown_kind();
    }
}

}  // namespace
}  // namespace shoal
