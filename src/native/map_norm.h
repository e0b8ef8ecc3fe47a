// Norms of convolutions, whose sums lie channel by channel, a lane an image; see norm.h.
//
// Sums lie less the bias. Batch norm takes it off with the mean: it moves the running mean alone, and has no gradient.
#pragma once
#include "norm.h"

namespace shoal {
namespace {

// Where the sums of channel h of a block begin.
inline float* sums_of_channel(const Conv& conv, int64_t block, int64_t h) {
    return conv.filters.norm.kept + block * conv.output_floats() + h * conv.output_stride;
}

inline Grid grid_of_channel(const Conv& conv) { return {conv.output_pixels, PANEL, PANEL_VECTORS}; }

inline float bias_of(const Layer& filters, int64_t h) {
    return filters.weights[unit_offset(filters, h) + filters.inputs * PANEL];
}

// Sums of channel h over the batch, image by image of a block: (2, 16).
inline double* sums_of_images(const Conv& conv, int64_t h) { return conv.filters.norm.of_images + 2 * PANEL * h; }

inline void clear_sums_of_images(const Conv& conv) {
    __builtin_memset(conv.filters.norm.of_images, 0, (size_t)(2 * PANEL * conv.filters.units) * sizeof(double));
}

// What W images' sums of channel h are normed by, from image `v` of a block on.
inline NormLanes lanes_of_channel(const Layer& filters, int64_t block, int64_t h, int64_t v) {
    const Norm& norm = filters.norm;
    const vf32 scale = broadcast(norm.weights[h]), shift = broadcast(norm.weights[norm.width + h]);
    if (norm.kind == SHOAL_BATCH_NORM) return {broadcast(norm.center[h]), broadcast(norm.inverse[h]), scale, shift};
    const int64_t image = block * PANEL + v;
    return {load(norm.center + image) - bias_of(filters, h), load(norm.inverse + image), scale, shift};
}

// -- batch norm ----------------------------------------------------------------------------------------------

// Takes row `y` of a block's sums in; lanes behind its last image stay as they are.
inline void add_row_statistics(const Conv& conv, int64_t block, int64_t y, int64_t images) {
    const Grid row = {conv.output_width, PANEL, PANEL_VECTORS};
    const int64_t pixels = block * conv.output_pixels + y * conv.output_width;
    double before[2 * PANEL];
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        double* sums = sums_of_images(conv, h);
        if (images < PANEL) __builtin_memcpy(before, sums, sizeof before);
        add_statistics(row, sums_of_channel(conv, block, h) + y * conv.output_width * PANEL, pixels, sums, PANEL);
        for (int64_t n = images; n < PANEL; ++n) sums[n] = before[n], sums[PANEL + n] = before[PANEL + n];
    }
}

inline void set_offset(const Conv& conv) {
    for (int64_t h = 0; h < conv.filters.units; ++h) conv.filters.norm.offset[h] = bias_of(conv.filters, h);
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

// -- layer norm ----------------------------------------------------------------------------------------------

// What the images of a block are normed by, over all pixels of all channels.
inline void settle_statistics_of_block(const Conv& conv, int64_t block) {
    const Norm& norm = conv.filters.norm;
    double means[PANEL] = {}, squares[PANEL] = {};
    const double pixels = (double)conv.output_pixels;
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        double sums[2 * PANEL] = {};
        add_statistics(grid_of_channel(conv), sums_of_channel(conv, block, h), 0, sums, PANEL);
        const double seen = (double)h * pixels, share = pixels / (seen + pixels), bias = (double)bias_of(conv.filters, h);
        for (int64_t n = 0; n < PANEL; ++n) {
            const double off = sums[n] + bias - means[n];
            means[n] += off * share;
            squares[n] += sums[PANEL + n] + off * off * (seen * share);
        }
    }
    for (int64_t n = 0; n < PANEL; ++n) {
        const float variance = (float)(squares[n] / (pixels * (double)conv.filters.units));
        norm.center[block * PANEL + n] = (float)means[n];
        norm.inverse[block * PANEL + n] = 1 / __builtin_sqrtf(variance + NORM_EPSILON);
    }
}

// -- the way back --------------------------------------------------------------------------------------------

// What of the gradients of a block's images runs along all their sums, or along those normed: (2, 16).
struct BlockSlope {
    double along[PANEL] = {}, mean[PANEL] = {};
};

// Takes the gradients of channel h of a block in, row by row: for those of scale and shift, and for what layer norm takes
// off.
struct NormGradients {
    const Conv& conv;
    int64_t h;
    const float* sums;
    NormLanes lanes[PANEL_VECTORS];
    double own[2 * PANEL] = {};
    NormGradients(const Conv& conv, int64_t block, int64_t h) : conv(conv), h(h), sums(sums_of_channel(conv, block, h)) {
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; ++v) lanes[v] = lanes_of_channel(conv.filters, block, h, v * W);
    }
    void add_row(const float* delta, int64_t y) {
        const float* row = sums + y * conv.output_width * PANEL;
        add_norm_gradients(
            {conv.output_width, PANEL, PANEL_VECTORS}, delta,
            [&](int64_t at) { return lanes[at % PANEL / W].normed(load(row + at)); }, own, PANEL);
    }
    void settle(BlockSlope& slope) const {
        double* all = sums_of_images(conv, h);
        const double scale = (double)conv.filters.norm.weights[h];
        for (int64_t n = 0; n < PANEL; ++n) {
            all[n] += own[n], all[PANEL + n] += own[PANEL + n];
            slope.along[n] += scale * own[n], slope.mean[n] += scale * own[PANEL + n];
        }
    }
};

// Turns gradients of a block of `images` images' norm into those of the sums, 0 where a block has no image; slope(h, v) is
// what W images of channel h lose. Adds up what the bias gets of them, with layer norm.
template <class F>
inline void pull_back_block(const Conv& conv, int64_t block, int64_t images, float* deltas, F&& slope_of_lanes) {
    const Layer& filters = conv.filters;
    const int64_t width = conv.output_width * PANEL;
    for (int64_t h = 0; h < filters.units; ++h) {
        Panel total = broadcast_panel(0);
#pragma GCC unroll 4
        for (int v = 0; v < PANEL_VECTORS; ++v) {
            const NormLanes lanes = lanes_of_channel(filters, block, h, v * W);
            const NormSlope slope = slope_of_lanes(h, v * W);
            const vi32 inside = lane_mask(images - v * W);
            const float* sums = sums_of_channel(conv, block, h) + v * W;
            float* delta = deltas + h * conv.delta_stride + conv.margin * PANEL + v * W;
            for (int64_t y = 0; y < conv.output_height(); ++y, sums += width, delta += conv.delta_row_stride)
                for (int64_t at = 0; at < width; at += PANEL) {
                    const vf32 pulled = slope.pulled_back(lanes, load(delta + at), lanes.normed(load(sums + at)));
                    const vf32 of_images = as_floats(as_bits(pulled) & inside);
                    store(delta + at, of_images);
                    total.part[v] += of_images;
                }
        }
        if (filters.norm.kind == SHOAL_LAYER_NORM)
            filters.gradient[unit_offset(filters, h) + filters.inputs * PANEL] += horizontal_sum_16(total.part);
    }
}

inline void pull_back_batch_norm(const Conv& conv, int64_t block, int64_t images, int64_t total, float* deltas) {
    const Norm& norm = conv.filters.norm;
    pull_back_block(conv, block, images, deltas, [&](int64_t h, int64_t) {
        return slope_of(broadcast(norm.weights[h]), broadcast(norm.gradient[h]),
                        broadcast(norm.gradient[norm.width + h]), total * conv.output_pixels);
    });
}

inline void pull_back_layer_norm(const Conv& conv, int64_t block, int64_t images, const BlockSlope& slope, float* deltas) {
    const double share = 1 / (double)(conv.filters.units * conv.output_pixels);
    float means[PANEL], alongs[PANEL];
    for (int64_t n = 0; n < PANEL; ++n) means[n] = (float)(slope.mean[n] * share), alongs[n] = (float)(slope.along[n] * share);
    pull_back_block(conv, block, images, deltas,
                    [&](int64_t, int64_t v) { return NormSlope{load(means + v), load(alongs + v)}; });
}

}  // namespace
}  // namespace shoal
