// Norms of a layer's sums: less their mean, over their deviation; then scaled and shifted.
//
// Batch norm (Ioffe and Szegedy 2015) norms each unit over a batch, in evaluation by running statistics, as torch keeps
// them; layer norm (Ba, Kiros, Hinton 2016) norms each row over its units, or each image over all pixels of all channels.
//
// Sums run down columns of a matrix, a lane a column, so that no width of vectors shows in them: of a dense layer a column
// is a unit and a row one of the batch; of a convolution's channel a column is an image and a row a pixel, and columns are
// joined at the end, one by one. They run in blocks of rows: within a block they are sums of floats, from block to block
// of doubles. Along a row they run as 16 sums side by side.
//
// Letters: B rows of a batch.
#pragma once
#include "network.h"

namespace shoal {
namespace {

constexpr int64_t NORM_BLOCK = 64;
constexpr float NORM_EPSILON = 1e-5f;  // torch's own constants
constexpr double NORM_MOMENTUM = 0.1;

// Rows that lie `stride` floats apart, each of so many vectors.
struct Grid {
    int64_t rows, stride, vectors;
};

// Calls f(place of its first number, rows, column) for a vector of columns of a block at a time.
template <class F>
inline void for_each_column(const Grid& grid, F&& f) {
    for (int64_t from = 0; from < grid.rows; from += NORM_BLOCK)
        for (int64_t h = 0; h < grid.vectors * W; h += W)
            f(from * grid.stride + h, min(NORM_BLOCK, grid.rows - from), h);
}

// The sum of f(b) over the rows of a block, as four sums side by side.
template <class F>
inline vf32 sum_of_block(int64_t rows, F&& f) {
    vf32 sum[4] = {};
    int64_t b = 0;
    for (; b + 4 <= rows; b += 4)
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) sum[i] += f(b + i);
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i)
        if (b + i < rows) sum[i] += f(b + i);
    return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

// Takes rows of `z` into each column's mean and squared differences, `width` numbers behind, which are of `before` rows
// so far (Chan, Golub, LeVeque 1983).
inline void add_statistics(const Grid& grid, const float* z, int64_t before, double* sums, int64_t width) {
    for_each_column(grid, [=](int64_t from, int64_t count, int64_t h) {
        const double seen = (double)(before + from / grid.stride), n = (double)count, share = n / (seen + n);
        const auto number = [=](int64_t b) { return load(z + from + b * grid.stride); };
        const vf32 mean = sum_of_block(count, number) / (float)n;
        const auto square = [=](int64_t b) { return (number(b) - mean) * (number(b) - mean); };
        double *means = sums + h, *squares = means + width;
        const Doubles old = load(means), off = widen(mean) - old;
        store(means, old + off * share);
        store(squares, load(squares) + widen(sum_of_block(count, square)) + off * off * (seen * share));
    });
}

// Adds gradients of a norm's outputs up, `width` numbers behind those of its scale; x(place) is what is scaled.
template <class F>
inline void add_norm_gradients(const Grid& grid, const float* delta, F&& x, double* sums, int64_t width) {
    for_each_column(grid, [&](int64_t from, int64_t count, int64_t h) {
        const auto slope = [=](int64_t b) { return load(delta + from + b * grid.stride); };
        const auto of_scale = [&](int64_t b) { return slope(b) * x(from + b * grid.stride); };
        double *scales = sums + h, *shifts = scales + width;
        store(scales, load(scales) + widen(sum_of_block(count, of_scale)));
        store(shifts, load(shifts) + widen(sum_of_block(count, slope)));
    });
}

// What the batch's `rows` sums are normed by; and how that moves the running statistics, whose variance is unbiased.
inline void settle_statistics(const Norm& norm, int64_t rows) {
    const double n = (double)rows;
    for (int64_t h = 0; h < norm.width; h += W) {
        const Doubles mean = load(norm.sums + h), squares = load(norm.sums + norm.width + h);
        store(norm.center + h, narrow(mean));
        store(norm.inverse + h, broadcast(1) / sqrt(narrow(squares * (1 / n)) + NORM_EPSILON));
        const auto move = [=](float* running, const Doubles& value) {
            store(running + h, narrow(widen(load(running + h)) * (1 - NORM_MOMENTUM) + value * NORM_MOMENTUM));
        };
        move(norm.mean, mean + widen(load(norm.offset + h)));
        move(norm.variance, squares * (1 / (n - 1)));
    }
}

// What sums are normed by in evaluation.
inline void take_running_statistics(const Norm& norm) {
    for (int64_t h = 0; h < norm.width; h += W) {
        store(norm.center + h, load(norm.mean + h) - load(norm.offset + h));
        store(norm.inverse + h, broadcast(1) / sqrt(load(norm.variance + h) + NORM_EPSILON));
    }
}

// Adds the gradients of a group of rows up.
inline void settle_norm_gradients(const Norm& norm) {
    for (int64_t h = 0; h < 2 * norm.width; h += W)
        store(norm.gradient + h, load(norm.gradient + h) + narrow(load(norm.sums + h)));
}

// One vector of a norm, a unit a lane.
struct NormLanes {
    vf32 center, inverse, scale, shift;
    vf32 normed(vf32 sum) const { return (sum - center) * inverse; }
    vf32 output(vf32 normed) const { return fma(normed, scale, shift); }
};

// The way back through a norm: a gradient of what is scaled, less what of it runs along all of them and along the normed
// sums, which no sum of its own can change.
struct NormSlope {
    vf32 mean, along;
    vf32 pulled_back(const NormLanes& lanes, vf32 delta, vf32 normed) const {
        return lanes.inverse * (lanes.scale * delta - mean - normed * along);
    }
};

inline NormLanes lanes_of(const Norm& norm, int64_t h) {
    return {load(norm.center + h), load(norm.inverse + h), load(norm.weights + h), load(norm.weights + norm.width + h)};
}

inline NormSlope slope_of(vf32 scale, vf32 of_scale, vf32 of_shift, int64_t rows) {
    const vf32 share = scale / broadcast((float)rows);
    return {of_shift * share, of_scale * share};
}

// -- dense layers --------------------------------------------------------------------------------------------

inline Grid grid_of(const Layer& layer, int64_t rows) { return {rows, layer.output_stride, layer.output_vectors}; }

inline void clear_sums(const Norm& norm) {
    __builtin_memset(norm.sums, 0, (size_t)(2 * norm.width) * sizeof(double));
}

inline void batch_norm_forward(const Layer& layer, int64_t rows, bool training, bool by_batch) {
    const Norm& norm = layer.norm;
    const Grid grid = grid_of(layer, rows);
    if (by_batch) {
        clear_sums(norm);
        add_statistics(grid, layer.value, 0, norm.sums, norm.width);
        settle_statistics(norm, rows);
    } else {
        take_running_statistics(norm);
    }
    for_each_column(grid, [&](int64_t from, int64_t count, int64_t h) {
        const NormLanes lanes = lanes_of(norm, h);
        for (int64_t at = from; at < from + count * grid.stride; at += grid.stride) {
            const vf32 x = lanes.normed(load(layer.value + at));
            if (training) store(norm.kept + at, x);
            store(layer.value + at, lanes.output(x));
        }
    });
}

// The sum of f(h) over the units of a row.
template <class F>
inline float sum_of_row(int64_t units, F&& f) {
    Panel sum = broadcast_panel(0);
    for (int64_t h = 0; h < units; h += PANEL)
        sum = sum + panel_of([&](int v) {
                  return as_floats(as_bits(f(h + v * W)) & lane_mask(units - h - v * W));
              });
    return horizontal_sum_16(sum.part);
}

inline void layer_norm_forward(const Layer& layer, int64_t rows, bool training) {
    const Norm& norm = layer.norm;
    for (int64_t b = 0; b < rows; ++b) {
        float* value = layer.value + b * layer.output_stride;
        const float count = (float)layer.units;
        const float mean = sum_of_row(layer.units, [=](int64_t h) { return load(value + h); }) / count;
        const auto square = [=](int64_t h) { return (load(value + h) - mean) * (load(value + h) - mean); };
        norm.inverse[b] = 1 / __builtin_sqrtf(sum_of_row(layer.units, square) / count + NORM_EPSILON);
        for (int64_t h = 0; h < layer.output_vectors * W; h += W) {
            const vf32 x = (load(value + h) - mean) * norm.inverse[b];
            if (training) store(norm.kept + b * layer.output_stride + h, x);
            store(value + h, fma(x, load(norm.weights + h), load(norm.weights + norm.width + h)));
        }
    }
}

// Norms the sums that stand in `value`; in training keeps what they are before scale and shift. A batch norm goes by this
// batch, or by its running statistics.
inline void norm_forward(const Layer& layer, int64_t rows, bool training, bool by_batch) {
    if (layer.norm.kind == SHOAL_BATCH_NORM) return batch_norm_forward(layer, rows, training, by_batch);
    layer_norm_forward(layer, rows, training);
}

inline void batch_norm_backward(const Layer& layer, int64_t rows) {
    const Norm& norm = layer.norm;
    const Grid grid = grid_of(layer, rows);
    for_each_column(grid, [&](int64_t from, int64_t count, int64_t h) {
        const NormLanes lanes = lanes_of(norm, h);
        const vf32 of_scale = load(norm.gradient + h), of_shift = load(norm.gradient + norm.width + h);
        const NormSlope slope = slope_of(lanes.scale, of_scale, of_shift, rows);
        for (int64_t at = from; at < from + count * grid.stride; at += grid.stride)
            store(layer.delta + at, slope.pulled_back(lanes, load(layer.delta + at), load(norm.kept + at)));
    });
}

inline void layer_norm_backward(const Layer& layer, int64_t rows) {
    const Norm& norm = layer.norm;
    const vf32 count = broadcast((float)layer.units);
    for (int64_t b = 0; b < rows; ++b) {
        float* delta = layer.delta + b * layer.output_stride;
        const float* x = norm.kept + b * layer.output_stride;
        const auto scaled = [=](int64_t h) { return load(delta + h) * load(norm.weights + h); };
        const float sum = sum_of_row(layer.units, scaled);
        const float along = sum_of_row(layer.units, [=](int64_t h) { return scaled(h) * load(x + h); });
        const NormSlope slope = {broadcast(sum) / count, broadcast(along) / count};
        for (int64_t h = 0; h < layer.output_vectors * W; h += W) {
            const NormLanes lanes = {{}, broadcast(norm.inverse[b]), load(norm.weights + h), {}};
            const vf32 pulled = slope.pulled_back(lanes, load(delta + h), load(x + h));
            store(delta + h, as_floats(as_bits(pulled) & lane_mask(layer.units - h)));
        }
    }
}

// Gradients of scale and shift from those of the outputs, which become those of the sums.
inline void norm_backward(const Layer& layer, int64_t rows) {
    const Norm& norm = layer.norm;
    clear_sums(norm);
    add_norm_gradients(grid_of(layer, rows), layer.delta, [&](int64_t at) { return load(norm.kept + at); }, norm.sums,
                       norm.width);
    settle_norm_gradients(norm);
    if (norm.kind == SHOAL_BATCH_NORM) return batch_norm_backward(layer, rows);
    layer_norm_backward(layer, rows);
}

}  // namespace
}  // namespace shoal
