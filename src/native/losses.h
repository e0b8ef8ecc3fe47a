// Losses: the terms of one row, added up, and the gradient by the outputs.
//
// `terms`: how many terms the mean over rows has. `add`: adds the terms of one row up, and writes the gradient,
// scaled by `scale`, which is FACTOR over the terms of a batch. Letters: K outputs.
#pragma once
#include "functions.h"
#include "interface.h"
#include "kinds.h"

namespace shoal {
namespace {

// Terms added up, and how many rows are classed right.
struct Score {
    double loss = 0;
    int64_t right = 0;
};

struct SquaredError {
    static constexpr bool CLASSES = false;
    static constexpr double FACTOR = 2;
    static double terms(int64_t rows, int64_t outputs) { return (double)rows * (double)outputs; }
    static void add(const float* y, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                    float* delta, Score& score) {
        const float* target = data.values + row * outputs;
        for (int64_t k = 0; k < outputs; ++k) {
            const float error = y[k] - target[k];
            score.loss += (double)error * (double)error;
            delta[k] = error * scale;
        }
    }
};

struct CrossEntropy {  // -log softmax(z)[label]
    static constexpr bool CLASSES = true;
    static constexpr double FACTOR = 1;
    static double terms(int64_t rows, int64_t) { return (double)rows; }
    static void add(const float* z, const ShoalRows& data, int64_t row, int64_t outputs, float scale,
                    float* delta, Score& score) {
        const int64_t label = data.labels[row];
        int64_t best = 0;
        for (int64_t k = 1; k < outputs; ++k)
            if (z[k] > z[best]) best = k;
        for (int64_t k = 0; k < outputs; k += W) store(delta + k, exp(load(z + k) - z[best]));
        double sum = 0;
        for (int64_t k = 0; k < outputs; ++k) sum += (double)delta[k];
        const float share = scale * (float)(1 / sum);
        for (int64_t k = 0; k < outputs; ++k) delta[k] *= share;
        for (int64_t k = outputs; k < up_to(outputs, W); ++k) delta[k] = 0;
        delta[label] -= scale;
        score.loss += log(sum) + (double)(z[best] - z[label]);
        score.right += best == label;
    }
};

// Calls f with the loss of that number.
template <class F>
inline void with_loss(int64_t number, F&& f) {
    static_assert(SHOAL_LOSSES == 2, "a case for every loss");
    switch (number) {
        case SHOAL_MSE: return f(SquaredError{});
        case SHOAL_CROSS_ENTROPY: return f(CrossEntropy{});
        default: unknown_kind();
    }
}

}  // namespace
}  // namespace shoal
