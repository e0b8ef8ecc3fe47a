// Optimisers as torch.optim defines them, one vector of parameters at a time.
//
// Each is a value made once a step from the epoch's learning rate and the step's number; called with the
// addresses of parameters and moments and with their gradient in a register, it updates them in place.
// `first` and `second` are what State.first_P and second_P hold.
#pragma once
#include "interface.h"
#include "kinds.h"
#include "vec.h"

namespace shoal {
namespace {

struct Sgd {
    vf rate, decay;
    void operator()(float* w, float*, float*, vf g) const {
        const vf old = load(w);
        store(w, fma(-rate, fma(decay, old, g), old));
    }
};

struct SgdMomentum {
    vf rate, decay, momentum;
    bool nesterov;
    void operator()(float* w, float* first, float*, vf g) const {
        const vf old = load(w);
        g = fma(decay, old, g);
        const vf speed = fma(momentum, load(first), g);
        store(first, speed);
        store(w, fma(-rate, nesterov ? fma(momentum, speed, g) : speed, old));
    }
};

// Adam (Kingma and Ba 2015) and, with `shrink` below 1 in place of `decay`, AdamW (Loshchilov and Hutter
// 2019).
template <bool DECAYS>
struct Adam {
    vf step, root_scale, decay, shrink;
    vf take_first = all(1 - 0.9), take_second = all(1 - 0.999), epsilon = all(1e-8f);
    void operator()(float* w, float* first, float* second, vf g) const {
        vf old = load(w);
        if (DECAYS) {
            g = fma(decay, old, g);
            old *= shrink;
        }
        const vf m0 = load(first), m = fma(take_first, g - m0, m0);
        const vf v0 = load(second), v = fma(take_second, fma(g, g, -v0), v0);
        store(first, m);
        store(second, v);
        store(w, fma(-step, m / fma(root(v), root_scale, epsilon), old));
    }
};

// RMSprop (Tieleman and Hinton 2012), alpha 0.99, not centred; with momentum the steps are summed in `first`.
struct RmsProp {
    vf rate, decay, momentum;
    bool heavy;
    void operator()(float* w, float* first, float* second, vf g) const {
        const vf old = load(w);
        g = fma(decay, old, g);
        const vf v = fma(g * (float)(1 - 0.99), g, load(second) * 0.99f);
        store(second, v);
        vf step = g / (root(v) + 1e-8f);
        if (heavy) {
            step = fma(momentum, load(first), step);
            store(first, step);
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

// Adam's bias corrections: 0.9^t and 0.999^t for step t, from the epoch's first step on by multiplication.
struct Bias {
    double first, second;
    explicit Bias(int64_t steps_before)
        : first(power(0.9, steps_before)), second(power(0.999, steps_before)) {}
    void next() {
        first *= 0.9;
        second *= 0.999;
    }
};

// Calls f with the optimiser of one step.
template <class F>
inline void with_optimizer(const ShoalFit& fit, double rate, const Bias& bias, F&& f) {
    const vf lr = all((float)rate), decay = all((float)fit.weight_decay), momentum = all((float)fit.momentum);
    static_assert(SHOAL_OPTIMIZERS == 4, "a case for every optimiser");
    switch (fit.optimizer) {
        case SHOAL_SGD:
            if (fit.momentum > 0) return f(SgdMomentum{lr, decay, momentum, fit.nesterov != 0});
            return f(Sgd{lr, decay});
        case SHOAL_ADAM:
        case SHOAL_ADAMW: {
            const vf step = all((float)(rate / (1 - bias.first)));
            const vf root_scale = all((float)(1 / __builtin_sqrt(1 - bias.second)));
            const vf shrink = all((float)(1 - rate * fit.weight_decay));
            if (!(fit.weight_decay > 0)) return f(Adam<false>{step, root_scale, {}, {}});
            if (fit.optimizer == SHOAL_ADAM) return f(Adam<true>{step, root_scale, decay, all(1.0f)});
            return f(Adam<true>{step, root_scale, {}, shrink});
        }
        case SHOAL_RMSPROP: return f(RmsProp{lr, decay, momentum, fit.momentum > 0});
        default: unknown_kind();
    }
}

}  // namespace
}  // namespace shoal
