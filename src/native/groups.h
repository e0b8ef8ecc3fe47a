// Convolutions whose channels fall into groups: a unit sees those of its own group alone.
//
// A unit is a lane here, too: what it sees of a pixel is laid out input by input, its first input beside that of the next
// unit (depthwise, the map lies so by itself); some rows of a map at a time, a strip. Each sum has the terms of its group
// and no others, in the order of all filters: pixel by pixel under the kernel, channel by channel.
#pragma once
#include "network.h"

namespace shoal {
namespace {

// Some rows of an image: of its output, and of what they are made of.
struct Strip {
    float* inputs;             // laid out; depthwise the map itself
    int64_t pixel, row;        // floats from pixel to pixel, from row to row
    int64_t first, height;     // rows of the output
};

// Calls f(map's first pixel of a row, where it is laid out) for the rows of a map that a strip of `height` rows sees.
template <class F>
inline void for_each_spread_row(const Network& net, const Conv& conv, float* map, int64_t height, F&& f) {
    const int64_t rows = (height - 1) * conv.stride + conv.kernel;
    for (int64_t y = 0; y < rows; ++y) f(map + y * conv.row_stride, net.spread + y * spread_row(conv));
}

// Calls f(channel, place of its first unit) for the inputs of every group of a pixel that is laid out.
template <class F>
inline void for_each_group_input(const Conv& conv, F&& f) {
    const int64_t lanes = round_up(conv.filters.units, PANEL);
    for (int64_t j = 0; j < conv.group_inputs; ++j)
        for (int64_t g = 0; g < conv.groups; ++g)
            f(g * conv.group_inputs + j, j * lanes + g * conv.group_units);
}

// Lays out a strip's part of a map.
inline void spread(const Network& net, const Conv& conv, float* map, int64_t height) {
    const int64_t channels = conv.input_channels, units = conv.group_units;
    const int64_t pixel = conv.group_inputs * round_up(conv.filters.units, PANEL);
    for_each_spread_row(net, conv, map, height, [&](const float* from, float* to) {
        for (const float* end = from + conv.row_stride; from < end; from += channels, to += pixel)
            for_each_group_input(conv, [=](int64_t c, int64_t at) {
                for (int64_t i = 0; i < units; ++i) to[at + i] = from[c];
            });
    });
}

// Adds gradients of what was laid out to those of the map.
inline void collect(const Network& net, const Conv& conv, float* map, int64_t height) {
    const int64_t channels = conv.input_channels, units = conv.group_units;
    const int64_t pixel = conv.group_inputs * round_up(conv.filters.units, PANEL);
    for_each_spread_row(net, conv, map, height, [&](float* to, const float* from) {
        for (float* end = to + conv.row_stride; to < end; to += channels, from += pixel)
            for_each_group_input(conv, [=](int64_t c, int64_t at) {
                float sum = to[c];
                for (int64_t i = 0; i < units; ++i) sum += from[at + i];
                to[c] = sum;
            });
    });
}

// Calls f(strip, image's map at it) for the strips of image i.
template <class F>
inline void for_each_strip(const Network& net, const Conv& conv, float* maps, int64_t i, F&& f) {
    const int64_t height = conv.output_pixels / conv.output_width, most = strip_height(conv);
    for (int64_t y = 0; y < height; y += most) {
        float* map = maps + i * conv.map_stride + y * conv.stride * conv.row_stride;
        if (is_depthwise(conv)) {
            f(Strip{map, conv.input_channels, conv.row_stride, y, min(most, height - y)}, map);
            continue;
        }
        const int64_t pixel = conv.group_inputs * round_up(conv.filters.units, PANEL);
        f(Strip{net.spread, pixel, spread_row(conv), y, min(most, height - y)}, map);
    }
}

// Sums of as many neighbouring pixels as go by R from pixel x of a row on; gives the first pixel that is left.
template <int R>
inline int64_t sum_pixels(const Conv& conv, const Strip& strip, const float* from, const float* weights, float* to,
                          int64_t x) {
    const int64_t step = conv.stride * strip.pixel, inputs = conv.filters.inputs, out = conv.filters.output_stride;
    const int64_t* offsets = conv.offsets;
    for (; x + R <= conv.output_width; x += R) {
        const float* corner = from + x * step;
        vf32 sum[R] = {};
        for (int64_t r = 0; r < inputs; ++r) {
            const vf32 weight = load(weights + r * PANEL);
            const float* input = corner + offsets[r];
#pragma GCC unroll 8
            for (int i = 0; i < R; ++i) sum[i] = fma(load(input + i * step), weight, sum[i]);
        }
        const vf32 bias = load(weights + inputs * PANEL);
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) store(to + (x + i) * out, sum[i] + bias);
    }
    return x;
}

// Calls f(unit, its weights) for every vector of units.
template <class F>
inline void for_each_unit_vector(const Layer& filters, float* matrix, F&& f) {
    for (int64_t h = 0; h < filters.output_vectors * W; h += W)
        f(h, matrix + h / PANEL * filters.panel_stride + h % PANEL);
}

// Sums of `images` images from their maps.
inline void apply_groups(const Network& net, const Conv& conv, int64_t images) {
    const Layer& filters = conv.filters;
    const int64_t down = conv.output_width * filters.output_stride;
    for (int64_t i = 0; i < images; ++i)
        for_each_strip(net, conv, conv.input_maps, i, [&](const Strip& strip, float* map) {
            if (!is_depthwise(conv)) spread(net, conv, map, strip.height);
            float* to = net.values + (i * (conv.output_pixels / conv.output_width) + strip.first) * down;
            for_each_unit_vector(filters, filters.weights, [&](int64_t h, const float* weights) {
                for (int64_t y = 0; y < strip.height; ++y) {
                    const float* from = strip.inputs + y * conv.stride * strip.row + h;
                    int64_t x = sum_pixels<8>(conv, strip, from, weights, to + y * down + h, 0);
                    x = sum_pixels<4>(conv, strip, from, weights, to + y * down + h, x);
                    sum_pixels<1>(conv, strip, from, weights, to + y * down + h, x);
                }
            });
        });
}

// Calls f(first of its inputs, its gradient) for the pixels of a strip, of the vector of units h.
template <class F>
inline void for_each_delta(const Conv& conv, const Strip& strip, const float* deltas, F&& f) {
    const int64_t step = conv.stride * strip.pixel, out = conv.filters.output_stride;
    for (int64_t y = 0; y < strip.height; ++y) {
        float* from = strip.inputs + y * conv.stride * strip.row;
        for (int64_t x = 0; x < conv.output_width; ++x, from += step, deltas += out) f(from, load(deltas));
    }
}

// Adds the gradients of as many weights as go by R from input r on up; gives the first input that is left.
template <int R>
inline int64_t weight_gradients(const Conv& conv, const Strip& strip, const float* deltas, float* gradient, int64_t h,
                                int64_t r) {
    for (; r + R <= conv.filters.inputs; r += R) {
        vf32 sum[R];
        const int64_t* offsets = conv.offsets + r;
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) sum[i] = load(gradient + (r + i) * PANEL);
        for_each_delta(conv, strip, deltas, [&](const float* from, vf32 delta) {
#pragma GCC unroll 8
            for (int i = 0; i < R; ++i) sum[i] = fma(load(from + h + offsets[i]), delta, sum[i]);
        });
#pragma GCC unroll 8
        for (int i = 0; i < R; ++i) store(gradient + (r + i) * PANEL, sum[i]);
    }
    return r;
}

// Adds gradients of a strip's inputs up; those of the lanes behind the last unit stay as they are.
inline void input_gradients(const Conv& conv, const Strip& strip, const float* deltas, const float* weights, int64_t h) {
    const vi32 inside = lane_mask(conv.filters.units - h);
    const int64_t inputs = conv.filters.inputs;
    const int64_t* offsets = conv.offsets;
    for_each_delta(conv, strip, deltas, [=](float* to, vf32 delta) {
        for (int64_t r = 0; r < inputs; ++r) {
            float* at = to + h + offsets[r];
            const vf32 old = load(at);
            store(at, select(inside, fma(delta, load(weights + r * PANEL), old), old));
        }
    });
}

// Adds the filters' gradients of `images` images up, and finds those of its input, which are 0 so far, where they are
// needed.
inline void groups_backward(const Network& net, const Conv& conv, int64_t images, bool needs_input_gradient) {
    const Layer& filters = conv.filters;
    const int64_t down = conv.output_width * filters.output_stride, height = conv.output_pixels / conv.output_width;
    const bool lies_ready = is_depthwise(conv);
    for (int64_t i = 0; i < images; ++i) {
        const float* deltas = net.deltas + i * height * down;
        for_each_strip(net, conv, conv.input_maps, i, [&](const Strip& strip, float* map) {
            if (!lies_ready) spread(net, conv, map, strip.height);
            for_each_unit_vector(filters, filters.gradient, [&](int64_t h, float* gradient) {
                const float* delta = deltas + strip.first * down + h;
                const int64_t r = weight_gradients<8>(conv, strip, delta, gradient, h, 0);
                weight_gradients<1>(conv, strip, delta, gradient, h, r);
                vf32 bias = load(gradient + filters.inputs * PANEL);
                for_each_delta(conv, strip, delta, [&](const float*, vf32 slope) { bias += slope; });
                store(gradient + filters.inputs * PANEL, bias);
            });
        });
        if (!needs_input_gradient) continue;
        for_each_strip(net, conv, net.map_deltas, i, [&](const Strip& strip, float* map) {
            if (!lies_ready) __builtin_memset(net.spread, 0, (size_t)strip_floats(conv) * sizeof(float));
            for_each_unit_vector(filters, filters.weights, [&](int64_t h, const float* weights) {
                input_gradients(conv, strip, deltas + strip.first * down + h, weights, h);
            });
            if (!lies_ready) collect(net, conv, map, strip.height);
        });
    }
}

}  // namespace
}  // namespace shoal
