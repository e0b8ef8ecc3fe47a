// Batch norm (Ioffe and Szegedy 2015): each unit's sums less their mean, over their deviation; then scaled and shifted.
//
// In training by the statistics of the batch, in evaluation by running ones, as torch keeps them. Sums run down columns
// of a matrix, a lane a column, so that no width of vectors shows in them: of a dense layer a column is a unit and a row
// one of the batch; of a convolution's channel a column is an image and a row a pixel, and columns are joined at the end,
// one by one. They run in blocks of rows: within a block they are sums of floats, from block to block of doubles.
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
        for (int i = 0; i < 4; ++i) sum[i] += f(b + i);
    for (int i = 0; b + i < rows; ++i) sum[i] += f(b + i);
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

inline void settle_norm_gradients(const Norm& norm) {
    for (int64_t h = 0; h < 2 * norm.width; h += W) store(norm.gradient + h, narrow(load(norm.sums + h)));
}

// One vector of a norm, a unit a lane.
struct NormLanes {
    vf32 center, inverse, scale, shift;
    vf32 normed(vf32 sum) const { return (sum - center) * inverse; }
    vf32 output(vf32 normed) const { return fma(normed, scale, shift); }
};

// The way back through a norm: a gradient less what of it runs along all outputs and along the normed sums, which no sum
// of its own can change.
struct NormSlope {
    vf32 factor, mean, along;
    vf32 pulled_back(vf32 delta, vf32 normed) const { return factor * (delta - mean - normed * along); }
};

inline NormLanes lanes_of(const Norm& norm, int64_t h) {
    return {load(norm.center + h), load(norm.inverse + h), load(norm.weights + h), load(norm.weights + norm.width + h)};
}

// The same of one unit in all lanes.
inline NormLanes lanes_of_unit(const Norm& norm, int64_t h) {
    return {broadcast(norm.center[h]), broadcast(norm.inverse[h]), broadcast(norm.weights[h]),
            broadcast(norm.weights[norm.width + h])};
}

inline NormSlope slope_of(const NormLanes& lanes, vf32 of_scale, vf32 of_shift, int64_t rows) {
    const vf32 count = broadcast((float)rows);
    return {lanes.scale * lanes.inverse, of_shift / count, of_scale / count};
}

// -- dense layers --------------------------------------------------------------------------------------------

inline Grid grid_of(const Layer& layer, int64_t rows) { return {rows, layer.output_stride, layer.output_vectors}; }

inline void clear_sums(const Norm& norm) {
    __builtin_memset(norm.sums, 0, (size_t)(2 * norm.width) * sizeof(double));
}

// Norms the sums that stand in `value`; in training keeps what they are before scale and shift.
inline void norm_forward(const Layer& layer, int64_t rows, bool training) {
    const Norm& norm = layer.norm;
    const Grid grid = grid_of(layer, rows);
    if (training) {
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
            if (training) store(norm.of_batch + at, x);
            store(layer.value + at, lanes.output(x));
        }
    });
}

// Gradients of scale and shift from those of the outputs, which become those of the sums.
inline void norm_backward(const Layer& layer, int64_t rows) {
    const Norm& norm = layer.norm;
    const Grid grid = grid_of(layer, rows);
    const auto x = [&](int64_t at) { return load(norm.of_batch + at); };
    clear_sums(norm);
    add_norm_gradients(grid, layer.delta, x, norm.sums, norm.width);
    settle_norm_gradients(norm);
    for_each_column(grid, [&](int64_t from, int64_t count, int64_t h) {
        const vf32 of_scale = load(norm.gradient + h), of_shift = load(norm.gradient + norm.width + h);
        const NormSlope slope = slope_of(lanes_of(norm, h), of_scale, of_shift, rows);
        for (int64_t at = from; at < from + count * grid.stride; at += grid.stride)
            store(layer.delta + at, slope.pulled_back(load(layer.delta + at), x(at)));
    });
}

// -- convolutions --------------------------------------------------------------------------------------------
//
// Sums lie less the bias, which no normed sum knows of: it moves the running mean alone, and has no gradient.

// Where the sums of channel h of a block begin.
inline float* sums_of_channel(const Conv& conv, int64_t block, int64_t h) {
    return conv.filters.norm.of_batch + block * conv.output_floats() + h * conv.output_stride;
}

inline Grid grid_of_channel(const Conv& conv) { return {conv.output_pixels, PANEL, PANEL_VECTORS}; }

// Sums of channel h over the batch, image by image of a block: (2, 16).
inline double* sums_of_images(const Conv& conv, int64_t h) { return conv.filters.norm.of_images + 2 * PANEL * h; }

inline void clear_sums_of_images(const Conv& conv) {
    __builtin_memset(conv.filters.norm.of_images, 0, (size_t)(2 * PANEL * conv.filters.units) * sizeof(double));
}

// Takes the sums of a block in; lanes behind its last image stay as they are.
inline void add_block_statistics(const Conv& conv, int64_t block, int64_t images) {
    double before[2 * PANEL];
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        double* sums = sums_of_images(conv, h);
        __builtin_memcpy(before, sums, sizeof before);
        add_statistics(grid_of_channel(conv), sums_of_channel(conv, block, h), block * conv.output_pixels, sums, PANEL);
        for (int64_t n = images; n < PANEL; ++n) sums[n] = before[n], sums[PANEL + n] = before[PANEL + n];
    }
}

inline void set_offset(const Conv& conv) {
    const Layer& filters = conv.filters;
    for (int64_t h = 0; h < filters.units; ++h)
        filters.norm.offset[h] = filters.weights[unit_offset(filters, h) + filters.inputs * PANEL];
}

// What a batch of `images` images is normed by.
inline void settle_statistics_of_images(const Conv& conv, int64_t images) {
    const Norm& norm = conv.filters.norm;
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        const double* sums = sums_of_images(conv, h);
        double seen = 0, mean = 0, squares = 0;
        for (int64_t n = 0; n < min(PANEL, images); ++n) {
            const double count = (double)((images - n + PANEL - 1) / PANEL * conv.output_pixels);
            const double share = count / (seen + count), off = sums[n] - mean;
            mean += off * share;
            squares += sums[PANEL + n] + off * off * (seen * share);
            seen += count;
        }
        norm.sums[h] = mean;
        norm.sums[norm.width + h] = squares;
    }
    settle_statistics(norm, images * conv.output_pixels);
}

// Gradients of scales and shifts of all channels.
inline void settle_norm_gradients_of_images(const Conv& conv) {
    const Norm& norm = conv.filters.norm;
    for (int64_t h = 0; h < conv.filters.units; ++h)
        for (int64_t part = 0; part < 2; ++part) {
            double sum = 0;
            for (int64_t n = 0; n < PANEL; ++n) sum += sums_of_images(conv, h)[part * PANEL + n];
            norm.sums[part * norm.width + h] = sum;
        }
    settle_norm_gradients(norm);
}

// Turns gradients of a block of `images` images' norm, of a batch of `total`, into those of the sums; 0 where a block has
// no image.
inline void pull_back_block(const Conv& conv, int64_t block, int64_t images, int64_t total, float* deltas) {
    const Norm& norm = conv.filters.norm;
    const int64_t width = conv.output_width * PANEL;
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        const NormLanes lanes = lanes_of_unit(norm, h);
        const vf32 of_scale = broadcast(norm.gradient[h]), of_shift = broadcast(norm.gradient[norm.width + h]);
        const NormSlope slope = slope_of(lanes, of_scale, of_shift, total * conv.output_pixels);
        const float* sums = sums_of_channel(conv, block, h);
        float* delta = deltas + h * conv.delta_stride + conv.margin * PANEL;
        for (int64_t y = 0; y < conv.output_height(); ++y, sums += width, delta += conv.delta_row_stride)
            for (int v = 0; v < PANEL; v += W) {
                const vi32 inside = lane_mask(images - v);
                for (int64_t at = v; at < width; at += PANEL) {
                    const vf32 pulled = slope.pulled_back(load(delta + at), lanes.normed(load(sums + at)));
                    store(delta + at, as_floats(as_bits(pulled) & inside));
                }
            }
    }
}

}  // namespace
}  // namespace shoal
