// Losses: terms, and gradients by the outputs.
//
// `evaluate` takes many targets at once, one a lane (targets.h): it writes their terms, and, with GRADIENT, the
// gradient by their outputs, scaled by the lane's `scale`: GRADIENT_FACTOR over the terms of a batch, times the row's
// weight.
// Where a loss CLASSIFIES, it writes `right`; OF_CLASSES, a target is a label. A loss of errors is taken ROW_BY_ROW.
// `term_count`: how many terms the mean over rows has; of weighted rows, whose weights add up to `rows`, what the
// terms weigh. A loss that has an option is made of it.
// Letters: K outputs of a row.
#pragma once
#include "elementary.h"
#include "interface.h"
#include "kinds.h"
#include "targets.h"

namespace shoal {
namespace {

// What losses of numbers have in common that take output by output: a target, and a term, for each.
struct OfOutputs {
    static constexpr bool ROW_BY_ROW = false, CLASSIFIES = false, OF_CLASSES = false;
    static constexpr double GRADIENT_FACTOR = 1;
    static constexpr int64_t outputs_of_target(int64_t) { return 1; }
    static constexpr int64_t terms_of_target() { return 1; }
    static double term_count(double rows, int64_t outputs) { return rows * (double)outputs; }
};

// A loss of the error alone: `slope` adds its term to a sum, and gives its slope over GRADIENT_FACTOR.
struct OfErrors : OfOutputs {
    static constexpr bool ROW_BY_ROW = true;
};

struct Mse : OfErrors {
    static constexpr double GRADIENT_FACTOR = 2;
    float slope(float error, double& sum) const {
        sum += (double)error * (double)error;
        return error;
    }
};

struct Mae : OfErrors {
    float slope(float error, double& sum) const {
        sum += __builtin_fabs((double)error);
        return (float)((error > 0) - (error < 0));
    }
};

struct Huber : OfErrors {  // half the square up to `bound` (torch's delta), from there on a straight line
    double bound;
    explicit Huber(double delta) : bound(delta) {}
    float slope(float error, double& sum) const {
        const float most = (float)bound;
        const float within = error > most ? most : error < -most ? -most : error;
        sum += (double)within * ((double)error - 0.5 * (double)within);
        return within;
    }
};

// exp(y) - target * y: y is the logarithm of the rate, and what the target alone says is left out.
struct Poisson : OfOutputs {
    template <bool GRADIENT>
    void evaluate(const Targets& t) const {
        for_lanes(t, [&](int64_t n) {
            const vf32 y = load(t.output + n);
            const Doubles target = widen(load(t.value + n)), wide = widen(y);
            Doubles rate = widen(exp(y));
            // Of a rate that no float holds the loss is still a number: of training rows it ends the fit.
            if (any((vi32)(y > LARGEST_OF_FLOATS))) rate = greater_of(wide, rate);
            store(t.term + n, rate - target * wide);
            if (GRADIENT) store(t.delta + n, narrow(rate - target) * load(t.scale + n));
        });
    }

  private:
    static constexpr float LARGEST_OF_FLOATS = 87;
    static __attribute__((noinline)) Doubles greater_of(const Doubles& y, const Doubles& rate) {
        const double bound = LARGEST_OF_FLOATS;
        const Doubles exact = exp(y);
        return {select((vi64)(y.low > bound), exact.low, rate.low),
                select((vi64)(y.high > bound), exact.high, rate.high)};
    }
};

// Pinball loss of an output for each level: an error costs the level where it is too low, else 1 less the level.
struct Quantile : OfOutputs {
    const double* levels;
    int64_t count;
    Quantile(const double* levels, int64_t count) : levels(levels), count(count) {}
    int64_t outputs_of_target(int64_t) const { return count; }
    int64_t terms_of_target() const { return count; }
    // 1 above the target, -1 below it, else 0.
    static vf32 side(vf32 y, vf32 target) {
        const vf32 one = broadcast(1.0f);
        return select((vi32)(y > target), one, vf32{}) - select((vi32)(y < target), one, vf32{});
    }
    template <bool GRADIENT>
    void evaluate(const Targets& t) const {
        for (int64_t l = 0; l < count; ++l) {
            const Doubles tilt = 0.5 - levels[l];
            const int64_t first = l * t.stride;
            for_lanes(t, [&](int64_t n) {
                const vf32 y = load(t.output + first + n), target = load(t.value + n);
                const Doubles error = widen(y) - widen(target);
                store(t.term + first + n, 0.5 * absolute(error) + tilt * error);
                if (GRADIENT)
                    store(t.delta + first + n, narrow(0.5 * widen(side(y, target)) + tilt) * load(t.scale + n));
            });
        }
    }
};

// -log of a normal density: of a target's two outputs one is the mean, one the logarithm of the deviation. That is
// held within bounds, and beyond them its gradient is the one at the bound, so that it leads back.
struct Gaussian : OfOutputs {
    static constexpr int64_t outputs_of_target(int64_t) { return 2; }
    static double term_count(double rows, int64_t outputs) { return rows * (double)(outputs / 2); }
    template <bool GRADIENT>
    void evaluate(const Targets& t) const {
        for_lanes(t, [&](int64_t n) {
            const vf32 widest = broadcast(WIDEST), scale = load(t.scale + n);
            const Doubles log_deviation = widen(max(-widest, min(widest, load(t.output + t.stride + n))));
            const Doubles inverse = exp(0.0 - log_deviation);
            const Doubles off = (widen(load(t.output + n)) - widen(load(t.value + n))) * inverse;
            store(t.term + n, 0.5 * off * off + log_deviation + HALF_LOG_2_PI);
            if (!GRADIENT) return;
            store(t.delta + n, narrow(off * inverse) * scale);
            store(t.delta + t.stride + n, narrow(1.0 - off * off) * scale);
        });
    }

  private:
    static constexpr float WIDEST = 30;
    static constexpr double HALF_LOG_2_PI = 0.9189385332046727;
};

// max(z, 0) - z * target + log(1 + exp(-|z|)) of each label, and sigmoid(z) - target.
struct BinaryCrossEntropy : OfOutputs {
    static constexpr bool CLASSIFIES = true;
    template <bool GRADIENT>
    void evaluate(const Targets& t) const {
        for_lanes(t, [&](int64_t n) {
            const vf32 z = load(t.output + n), target = load(t.value + n), power = exp(-absolute(z));
            const Doubles wide = widen(target), above = 1.0 + widen(power);
            const Doubles counts = t.share ? widen(load(t.share + n)) : Doubles(1.0);
            store(t.term + n, counts * (widen(max(z, vf32{})) - widen(z) * wide + log(above)));
            store(t.right + n, (vi32)((vi32)(z > 0.0f) == (vi32)(target > 0.5f)));
            if (!GRADIENT) return;
            const Doubles answer = widen(select((vi32)(z >= 0.0f), broadcast(1.0f), power)) / above;
            store(t.delta + n, narrow(counts * (answer - wide)) * load(t.scale + n));
        });
    }
};

// -log softmax(z)[label], a lane a row; smoothed, that share of it is the mean of -log softmax(z) over all classes instead.
struct CrossEntropy {
    static constexpr bool ROW_BY_ROW = false, CLASSIFIES = true, OF_CLASSES = true;
    static constexpr double GRADIENT_FACTOR = 1;
    double smoothing;
    explicit CrossEntropy(double smoothing) : smoothing(smoothing) {}
    static constexpr int64_t outputs_of_target(int64_t outputs) { return outputs; }
    int64_t terms_of_target() const { return smoothing > 0 ? 2 : 1; }
    static double term_count(double rows, int64_t) { return rows; }
    template <bool GRADIENT>
    void evaluate(const Targets& t) const {
        for_lanes(t, [&](int64_t n) {
            const vf32 most = choose(t, n), of_label = load(t.value + n);
            Doubles sum = 0.0;
            for (int64_t k = 0; k < t.outputs; ++k) {
                const vf32 power = exp(load(t.output + k * t.stride + n) - most);
                if (GRADIENT) store(t.delta + k * t.stride + n, power);
                sum = sum + widen(power);
            }
            store(t.term + n, log(sum) + (1 - smoothing) * widen(most - of_label));
            if (smoothing > 0) smooth(t, n, most);
            if (GRADIENT) scale_powers(t, n, load(t.scale + n) * narrow(1.0 / sum));
        });
    }

  private:
    // The largest output; whether it is that of the label: the first of equal ones is chosen.
    static vf32 choose(const Targets& t, int64_t n) {
        vf32 most = load(t.output + n);
        vi32 best = {};
        for (int64_t k = 1; k < t.outputs; ++k) {
            const vf32 z = load(t.output + k * t.stride + n);
            const vi32 more = (vi32)(z > most);
            most = select(more, z, most);
            best = (more & (int32_t)k) | (~more & best);
        }
        store(t.right + n, (vi32)(best == load(t.label + n)));
        return most;
    }

    void smooth(const Targets& t, int64_t n, vf32 most) const {
        Doubles below = 0.0;
        for (int64_t k = 0; k < t.outputs; ++k)
            below = below + widen(most - load(t.output + k * t.stride + n));
        store(t.term + t.stride + n, smoothing / (double)t.outputs * below);
    }

    // The share of every class, less what the label has of it and what all have.
    void scale_powers(const Targets& t, int64_t n, vf32 scale_over_sum) const {
        const vf32 scale = load(t.scale + n), of_label = (float)(1 - smoothing) * scale,
                   of_each = (float)(smoothing / (double)t.outputs) * scale;
        const vi32 label = load(t.label + n);
        for (int64_t k = 0; k < t.outputs; ++k) {
            float* delta = t.delta + k * t.stride + n;
            const vf32 own = select((vi32)(label == (int32_t)k), of_label, vf32{});
            store(delta, load(delta) * scale_over_sum - own - of_each);
        }
    }
};

// Calls f with the loss of a fit.
template <class F>
inline void with_loss(const ShoalFit& fit, F&& f) {
    static_assert(SHOAL_LOSS_COUNT == 8, "a case for every loss");
    switch (fit.loss) {
        case SHOAL_MSE: return f(Mse{});
        case SHOAL_CROSS_ENTROPY: return f(CrossEntropy(fit.loss_option));
        case SHOAL_MAE: return f(Mae{});
        case SHOAL_HUBER: return f(Huber{fit.loss_option});
        case SHOAL_POISSON: return f(Poisson{});
        case SHOAL_QUANTILE: return f(Quantile{fit.levels, fit.level_count});
        case SHOAL_GAUSSIAN: return f(Gaussian{});
        case SHOAL_BINARY_CROSS_ENTROPY: return f(BinaryCrossEntropy{});
        default: unknown_kind();
    }
}

}  // namespace
}  // namespace shoal
