// Losses: the terms of one row, added up, and the gradient by the outputs.
//
// `term_count`: how many terms the mean over rows has. `add_row`: adds the terms of one row up, and writes
// the gradient, scaled by `scale`, which is GRADIENT_FACTOR over the terms of a batch. Letters: K outputs.
#pragma once
#include "elementary.h"
#include "interface.h"
#include "kinds.h"

namespace shoal {
namespace {

// Terms added up, and how many rows are classified correctly.
struct Score {
    double loss_sum = 0;
    int64_t correct = 0;
};

struct Mse {
    static constexpr bool CLASSIFIES = false;
    static constexpr double GRADIENT_FACTOR = 2;
    static double term_count(int64_t rows, int64_t outputs) { return (double)rows * (double)outputs; }
    static void add_row(const float* y, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                        float* delta, Score& score) {
        const float* target = data.values + row * outputs;
        for (int64_t k = 0; k < outputs; ++k) {
            const float error = y[k] - target[k];
            score.loss_sum += (double)error * (double)error;
            delta[k] = error * scale;
        }
    }
};

struct CrossEntropy {  // -log softmax(z)[label]
    static constexpr bool CLASSIFIES = true;
    static constexpr double GRADIENT_FACTOR = 1;
    static double term_count(int64_t rows, int64_t) { return (double)rows; }
    static void add_row(const float* z, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                        float* delta, Score& score) {
        const int64_t label = data.labels[row];
        int64_t best = 0;
        for (int64_t k = 1; k < outputs; ++k)
            if (z[k] > z[best]) best = k;
        for (int64_t k = 0; k < outputs; k += W) store(delta + k, exp(load(z + k) - z[best]));
        double sum = 0;
        for (int64_t k = 0; k < outputs; ++k) sum += (double)delta[k];
        const float scale_over_sum = scale * (float)(1 / sum);
        for (int64_t k = 0; k < outputs; ++k) delta[k] *= scale_over_sum;
        for (int64_t k = outputs; k < round_up(outputs, W); ++k) delta[k] = 0;
        delta[label] -= scale;
        score.loss_sum += log(sum) + (double)(z[best] - z[label]);
        score.correct += best == label;
    }
};

// Calls f with the loss of that number.
template <class F>
inline void with_loss(int64_t number, F&& f) {
    static_assert(SHOAL_LOSS_COUNT == 2, "a case for every loss");
    switch (number) {
        case SHOAL_MSE: return f(Mse{});
        case SHOAL_CROSS_ENTROPY: return f(CrossEntropy{});
        default: unknown_kind();
    }
}

}  // namespace
}  // namespace shoal
