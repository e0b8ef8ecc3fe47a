// Losses: the terms of one row, added up, and the gradient by the outputs.
//
// `prepare`: what is done for `rows` rows at once before their terms are added up; `delta` holds what comes of it.
// `term_count`: how many terms the mean over rows has; of weighted rows, whose weights add up to `rows`, what the
// terms weigh. `add_row`: adds the terms of one row up, and writes the gradient, scaled by `scale`, which is
// GRADIENT_FACTOR over the terms of a batch, times the row's weight. A loss that has an
// option is made of it. Where more is said of a target than one number, its outputs stand side by side.
// Letters: K outputs.
#pragma once
#include "elementary.h"
#include "interface.h"
#include "kinds.h"

namespace shoal {
namespace {

// Terms added up, and how many rows are classified correctly; both weighted where rows are.
struct Score {
    double loss_sum = 0;
    double correct = 0;
};

// What losses have in common that take row by row.
struct RowByRow {
    static void prepare(const float*, float*, int64_t, int64_t, int64_t) {}
};

// What losses of numbers have in common: a term of every output.
struct OfOutputs : RowByRow {
    static constexpr bool CLASSIFIES = false;
    static double term_count(double rows, int64_t outputs) { return rows * (double)outputs; }
};

// A loss of the error alone: `Own` adds its term to a sum, and gives its slope over GRADIENT_FACTOR.
template <class Own>
struct OfErrors : OfOutputs {
    void add_row(const float* y, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                 float* delta, Score& score) const {
        const float* target = data.values + row * outputs;
        const Own own = *static_cast<const Own*>(this);
        for (int64_t k = 0; k < outputs; ++k) delta[k] = own.slope(y[k] - target[k], score.loss_sum) * scale;
    }
};

struct Mse : OfErrors<Mse> {
    static constexpr double GRADIENT_FACTOR = 2;
    float slope(float error, double& sum) const {
        sum += (double)error * (double)error;
        return error;
    }
};

struct Mae : OfErrors<Mae> {
    static constexpr double GRADIENT_FACTOR = 1;
    float slope(float error, double& sum) const {
        sum += __builtin_fabs((double)error);
        return (float)((error > 0) - (error < 0));
    }
};

struct Huber : OfErrors<Huber> {  // half the square up to `bound` (torch's delta), from there on a straight line
    static constexpr double GRADIENT_FACTOR = 1;
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
    static constexpr double GRADIENT_FACTOR = 1;
    void add_row(const float* y, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                 float* delta, Score& score) const {
        const float* target = data.values + row * outputs;
        for (int64_t k = 0; k < outputs; k += W) store(delta + k, exp(load(y + k)));
        for (int64_t k = 0; k < outputs; ++k) {
            // Of a rate that no float holds the loss is still a number: of training rows it ends the fit.
            const double rate = y[k] > LARGEST_OF_FLOATS ? exp((double)y[k]) : (double)delta[k];
            score.loss_sum += rate - (double)target[k] * (double)y[k];
            delta[k] = (float)(rate - (double)target[k]) * scale;
        }
        for (int64_t k = outputs; k < round_up(outputs, W); ++k) delta[k] = 0;
    }

  private:
    static constexpr float LARGEST_OF_FLOATS = 87;
};

// Pinball loss of an output for each level: an error costs the level where it is too low, else 1 less the level.
struct Quantile : OfOutputs {
    static constexpr double GRADIENT_FACTOR = 1;
    const double* levels;
    int64_t count;
    Quantile(const double* levels, int64_t count) : levels(levels), count(count) {}
    void add_row(const float* y, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                 float* delta, Score& score) const {
        const float* target = data.values + row * (outputs / count);
        for (int64_t k = 0; k < outputs; k += count, ++target)
            for (int64_t l = 0; l < count; ++l) {
                const double error = (double)y[k + l] - (double)*target, tilt = 0.5 - levels[l];
                score.loss_sum += 0.5 * __builtin_fabs(error) + tilt * error;
                delta[k + l] = (float)(0.5 * ((error > 0) - (error < 0)) + tilt) * scale;
            }
    }
};

// -log of a normal density: of a target's two outputs one is the mean, one the logarithm of the deviation. That is
// held within bounds, and beyond them its gradient is the one at the bound, so that it leads back.
struct Gaussian {
    static constexpr bool CLASSIFIES = false;
    static constexpr double GRADIENT_FACTOR = 1;
    static double term_count(double rows, int64_t outputs) { return rows * (double)(outputs / 2); }

    // The inverse of every deviation, in the place of the gradients of its two outputs.
    static void prepare(const float* y, float* delta, int64_t stride, int64_t rows, int64_t outputs) {
        Eight inverse = {};
        int64_t place[EIGHT], count = 0;
        for (int64_t b = 0; b < rows; ++b)
            for (int64_t k = 0; k < outputs; k += 2) {
                place[count] = b * stride + k;
                inverse[count++] = -log_deviation(y[b * stride + k + 1]);
                if (count < EIGHT && (b + 1 < rows || k + 2 < outputs)) continue;
                exp_of(inverse);
                for (; count; --count) {
                    const double of_target = inverse[count - 1];
                    __builtin_memcpy(delta + place[count - 1], &of_target, sizeof of_target);
                }
            }
    }

    void add_row(const float* y, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                 float* delta, Score& score) const {
        const float* target = data.values + row * (outputs / 2);
        for (int64_t k = 0; k < outputs; k += 2, ++target) {
            const double log_deviation = Gaussian::log_deviation(y[k + 1]);
            double inverse;
            __builtin_memcpy(&inverse, delta + k, sizeof inverse);
            const double off = ((double)y[k] - (double)*target) * inverse;
            score.loss_sum += 0.5 * off * off + log_deviation + HALF_LOG_2_PI;
            delta[k] = (float)(off * inverse) * scale;
            delta[k + 1] = (float)(1 - off * off) * scale;
        }
    }

  private:
    static double log_deviation(float output) { return output > WIDEST ? WIDEST : output < -WIDEST ? -WIDEST : output; }
    static constexpr double WIDEST = 30, HALF_LOG_2_PI = 0.9189385332046727;
};

// max(z, 0) - z * target + log(1 + exp(-|z|)) of each label, and sigmoid(z) - target; a row is right where each label is.
struct BinaryCrossEntropy : OfOutputs {
    static constexpr bool CLASSIFIES = true;
    static constexpr double GRADIENT_FACTOR = 1;
    void add_row(const float* z, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                 float* delta, Score& score) const {
        const float* target = data.values + row * outputs;
        const float* share = data.shares ? data.shares + row * outputs : nullptr;
        bool right = true;
        for (int64_t k = 0; k < outputs; k += W) store(delta + k, exp(-absolute(load(z + k))));
        for (int64_t k = 0; k < outputs; ++k) {
            const double power = (double)delta[k], counts = share ? (double)share[k] : 1;
            const double positive = z[k] > 0 ? (double)z[k] : 0;
            score.loss_sum += counts * (positive - (double)z[k] * (double)target[k] + log(1 + power));
            const double answer = (z[k] >= 0 ? 1 : power) / (1 + power);
            right = right && (z[k] > 0) == (target[k] > 0.5f);
            delta[k] = (float)(counts * (answer - (double)target[k])) * scale;
        }
        for (int64_t k = outputs; k < round_up(outputs, W); ++k) delta[k] = 0;
        score.correct += right;
    }
};

// -log softmax(z)[label]; smoothed, that share of it is the mean of -log softmax(z) over all classes instead.
struct CrossEntropy : RowByRow {
    explicit CrossEntropy(double smoothing) : smoothing(smoothing) {}
    static constexpr bool CLASSIFIES = true;
    static constexpr double GRADIENT_FACTOR = 1;
    double smoothing;
    static double term_count(double rows, int64_t) { return rows; }
    void add_row(const float* z, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                 float* delta, Score& score) const {
        const int64_t label = data.labels[row];
        int64_t best = 0;
        float most = z[0];
        for (int64_t k = 1; k < outputs; ++k) {  // without a branch, which would be foretold wrongly
            const bool more = z[k] > most;
            most = more ? z[k] : most;
            best = more ? k : best;
        }
        for (int64_t k = 0; k < outputs; k += W) store(delta + k, exp(load(z + k) - most));
        double sum = 0;
        for (int64_t k = 0; k < outputs; ++k) sum += (double)delta[k];
        const vf32 scale_over_sum = vf32{} + scale * (float)(1 / sum);
        for (int64_t k = 0; k < outputs; k += W)
            store(delta + k, select(lane_mask(outputs - k), load(delta + k) * scale_over_sum, vf32{}));
        delta[label] -= (float)(1 - smoothing) * scale;
        score.loss_sum += log(sum) + (1 - smoothing) * (double)(most - z[label]);
        score.correct += best == label;
        if (smoothing > 0) smooth(z, outputs, most, scale, delta, score);
    }

  private:
    void smooth(const float* z, int64_t outputs, float best, float scale, float* delta, Score& score) const {
        const float share = (float)(smoothing / (double)outputs) * scale;
        double below = 0;
        for (int64_t k = 0; k < outputs; ++k) {
            below += (double)(best - z[k]);
            delta[k] -= share;
        }
        score.loss_sum += smoothing / (double)outputs * below;
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
