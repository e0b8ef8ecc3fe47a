// Batch norm (Ioffe and Szegedy 2015): each unit's sums less their mean, over their deviation; then scaled and shifted.
//
// In training by the statistics of the batch, in evaluation by running ones, as torch keeps them. Rows are those of the
// batch, or, in a convolution, the pixels of all its images. A unit is a lane, and its sums run over rows in blocks that
// begin at the batch's or an image's first row: no width of vectors shows in them. Within a block they are sums of
// floats, from block to block of doubles.
//
// Letters: B rows, U units.
#pragma once
#include "network.h"

namespace shoal {
namespace {

constexpr int64_t NORM_BLOCK = 64;
constexpr float NORM_EPSILON = 1e-5f;  // torch's own constants
constexpr double NORM_MOMENTUM = 0.1;

// The sum of f(b) over the rows of a block, as four sums side by side.
template <class F>
inline vf32 sum_of_block(int64_t rows, F&& f) {
    vf32 sum[4] = {};
    int64_t b = 0;
    for (; b + 4 <= rows; b += 4)
        for (int i = 0; i < 4; ++i) sum[i] += f(b + i);
    for (int i = 0; b + i < rows; ++i) sum[i] += f(b + i);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Calls f(place of its first number, rows, unit) for a vector of units of a block at a time.
template <class F>
inline void for_each_column(const Layer& layer, int64_t rows, F&& f) {
    for (int64_t from = 0; from < rows; from += NORM_BLOCK)
        for (int64_t h = 0; h < layer.output_vectors * W; h += W)
            f(from * layer.output_stride + h, min(NORM_BLOCK, rows - from), h);
}

inline void clear_sums(const Norm& norm) {
    __builtin_memset(norm.sums, 0, (size_t)(2 * norm.width) * sizeof(double));
}

// Takes `rows` rows of sums `z` into mean and squared differences, which are of `before` rows so far (Chan, Golub,
// LeVeque 1983).
inline void add_statistics(const Layer& layer, const float* z, int64_t before, int64_t rows) {
    const Norm& norm = layer.norm;
    const int64_t stride = layer.output_stride;
    for_each_column(layer, rows, [=](int64_t from, int64_t count, int64_t h) {
        const double seen = (double)(before + from / stride), n = (double)count, share = n / (seen + n);
        const auto number = [=](int64_t b) { return load(z + from + b * stride); };
        const vf32 mean = sum_of_block(count, number) / (float)n;
        const auto square = [=](int64_t b) { return (number(b) - mean) * (number(b) - mean); };
        double *means = norm.sums + h, *squares = means + norm.width;
        const Doubles old = load(means), off = widen(mean) - old;
        store(means, old + off * share);
        store(squares, load(squares) + widen(sum_of_block(count, square)) + off * off * (seen * share));
    });
}

// What the batch's `rows` rows are normed by; and how that moves the running statistics, whose variance is unbiased.
inline void settle_statistics(const Norm& norm, int64_t rows) {
    const double n = (double)rows;
    for (int64_t h = 0; h < norm.width; h += W) {
        const Doubles mean = load(norm.sums + h), squares = load(norm.sums + norm.width + h);
        store(norm.center + h, narrow(mean));
        store(norm.inverse + h, broadcast(1) / sqrt(narrow(squares * (1 / n)) + NORM_EPSILON));
        const auto move = [=](float* running, const Doubles& value) {
            store(running + h, narrow(widen(load(running + h)) * (1 - NORM_MOMENTUM) + value * NORM_MOMENTUM));
        };
        move(norm.mean, mean);
        move(norm.variance, squares * (1 / (n - 1)));
    }
}

// What rows are normed by in evaluation.
inline void take_running_statistics(const Norm& norm) {
    for (int64_t h = 0; h < norm.width; h += W) {
        store(norm.center + h, load(norm.mean + h));
        store(norm.inverse + h, broadcast(1) / sqrt(load(norm.variance + h) + NORM_EPSILON));
    }
}

// Norms `rows` rows of sums in place; with `normed` what they are before scale and shift is kept there.
inline void normalise(const Layer& layer, float* z, float* normed, int64_t rows) {
    const Norm& norm = layer.norm;
    const int64_t stride = layer.output_stride;
    for_each_column(layer, rows, [=](int64_t from, int64_t count, int64_t h) {
        const vf32 center = load(norm.center + h), inverse = load(norm.inverse + h),
                   scale = load(norm.weights + h), shift = load(norm.weights + norm.width + h);
        for (int64_t at = from; at < from + count * stride; at += stride) {
            const vf32 x = (load(z + at) - center) * inverse;
            if (normed) store(normed + at, x);
            store(z + at, fma(x, scale, shift));
        }
    });
}

// Adds the gradients of `rows` rows of a norm's outputs up to those of its scale and shift.
inline void add_norm_gradients(const Layer& layer, const float* delta, const float* normed, int64_t rows) {
    const Norm& norm = layer.norm;
    const int64_t stride = layer.output_stride;
    for_each_column(layer, rows, [=](int64_t from, int64_t count, int64_t h) {
        const auto slope = [=](int64_t b) { return load(delta + from + b * stride); };
        const auto of_scale = [=](int64_t b) { return slope(b) * load(normed + from + b * stride); };
        double *scales = norm.sums + h, *shifts = scales + norm.width;
        store(scales, load(scales) + widen(sum_of_block(count, of_scale)));
        store(shifts, load(shifts) + widen(sum_of_block(count, slope)));
    });
}

inline void settle_norm_gradients(const Norm& norm) {
    for (int64_t h = 0; h < 2 * norm.width; h += W) store(norm.gradient + h, narrow(load(norm.sums + h)));
}

// Turns gradients of `rows` rows of a norm's outputs into those of the sums that it was given; the batch has `total`
// rows.
inline void pull_back(const Layer& layer, float* delta, const float* normed, int64_t rows, int64_t total) {
    const Norm& norm = layer.norm;
    const int64_t stride = layer.output_stride;
    const vf32 count_of_batch = broadcast((float)total);
    for_each_column(layer, rows, [=](int64_t from, int64_t count, int64_t h) {
        const vf32 factor = load(norm.weights + h) * load(norm.inverse + h),
                   along = load(norm.gradient + h) / count_of_batch,
                   mean = load(norm.gradient + norm.width + h) / count_of_batch;
        for (int64_t at = from; at < from + count * stride; at += stride)
            store(delta + at, factor * (load(delta + at) - mean - load(normed + at) * along));
    });
}

// -- dense layers, whose rows are all at hand ----------------------------------------------------------------

inline void norm_forward(const Layer& layer, int64_t rows, bool training) {
    if (training) {
        clear_sums(layer.norm);
        add_statistics(layer, layer.value, 0, rows);
        settle_statistics(layer.norm, rows);
    } else {
        take_running_statistics(layer.norm);
    }
    normalise(layer, layer.value, training ? layer.norm.normed : nullptr, rows);
}

inline void norm_backward(const Layer& layer, int64_t rows) {
    clear_sums(layer.norm);
    add_norm_gradients(layer, layer.delta, layer.norm.normed, rows);
    settle_norm_gradients(layer.norm);
    pull_back(layer, layer.delta, layer.norm.normed, rows, rows);
}

}  // namespace
}  // namespace shoal
