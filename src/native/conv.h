// Convolutions, forward and backward, and dropout of whole channels.
//
// The values under the kernel, for one pixel of the output, are a patch: one row of a matrix whose product
// with the filters gives the channels of that pixel. Patches are laid out for PATCH_BLOCK pixels at a time,
// and only so many images go through the network together (forward, loss, backward) that nothing of them
// leaves the second cache; gradients add up over the batch. Every sum runs over patches and pixels in one
// order, wherever blocks and groups end.
//
// Letters: B images that go through together, C channels.
#pragma once
#include "network.h"
#include "pool.h"
#include "product.h"

namespace shoal {
namespace {

// -- patches -----------------------------------------------------------------------------------------------

// Calls f(corner, i) for `count` output pixels from `from` on of the images at `maps`: where the patch of the
// i-th begins.
template <class T, class F>
inline void for_each_patch(const Conv& conv, T* maps, int64_t from, int64_t count, F&& f) {
    int64_t x = from % conv.output_pixels % conv.output_width,
            y = from % conv.output_pixels / conv.output_width;
    T* map = maps + from / conv.output_pixels * conv.map_stride;
    const int64_t step = conv.stride * conv.input_channels, down = conv.stride * conv.row_stride;
    const int64_t height = conv.output_pixels / conv.output_width;
    for (int64_t i = 0; i < count; ++i) {
        f(map + y * down + x * step, i);
        if (++x < conv.output_width) continue;
        x = 0;
        if (++y < height) continue;
        y = 0;
        map += conv.map_stride;
    }
}

// Lays patches out as rows of a matrix, each with a constant 1 behind it. Whole vectors are copied: what
// spills over is written again by the next run or row.
inline void im2col(const Conv& conv, const float* maps, int64_t from, int64_t count, float* patches) {
    const int64_t run = conv.kernel * conv.input_channels, kernel = conv.kernel, row = conv.row_stride;
    const int64_t stride = conv.filters.input_stride, inputs = conv.filters.inputs;
    for_each_patch(conv, maps, from, count, [=](const float* corner, int64_t i) {
        float* to = patches + i * stride;
        for (int64_t y = 0; y < kernel; ++y)
            for (int64_t j = 0; j < run; j += W) store(to + y * run + j, load(corner + y * row + j));
        to[inputs] = 1;
    });
}

// Adds gradients of patches to the gradients of the maps that they were cut from.
inline void col2im(const Conv& conv, const float* patches, int64_t from, int64_t count, float* maps) {
    const int64_t run = conv.kernel * conv.input_channels, kernel = conv.kernel, row = conv.row_stride,
                  whole = run / W * W;
    const int64_t stride = conv.filters.input_stride;
    const vi32 rest = lane_mask(run - whole);
    for_each_patch(conv, maps, from, count, [=](float* corner, int64_t i) {
        for (int64_t y = 0; y < kernel; ++y) {
            const float* patch = patches + i * stride + y * run;
            float* to = corner + y * row;
            for (int64_t j = 0; j < whole; j += W) store(to + j, load(to + j) + load(patch + j));
            if (whole == run) continue;
            const vf32 old = load(to + whole);
            store(to + whole, select(rest, old + load(patch + whole), old));
        }
    });
}

// Calls f(from, count) for all pixels of `images` images, PATCH_BLOCK at a time.
template <class F>
inline void for_each_patch_block(const Conv& conv, int64_t images, F&& f) {
    for (int64_t from = 0; from < images * conv.output_pixels; from += PATCH_BLOCK)
        f(from, min(PATCH_BLOCK, images * conv.output_pixels - from));
}

// -- forward -----------------------------------------------------------------------------------------------

// Values, and derivatives, of `images` images from their maps.
inline void apply_filters(const Network& net, const Conv& conv, int64_t images) {
    const Layer& filters = conv.filters;
    for_each_patch_block(conv, images, [&](int64_t from, int64_t count) {
        im2col(conv, conv.input_maps, from, count, net.patches);
        multiply_blocked({net.patches, filters.input_stride, filters.weights, filters.row_stride,
                          filters.panel_stride, net.values + from * filters.output_stride,
                          filters.output_stride, PANEL, nullptr, filters.inputs + 1, false},
                         count, filters.vectors);
    });
    const int64_t count = images * conv.output_pixels * filters.output_stride;
    float *value = net.values, *derivative = filters.derivative;
    with_activation(filters.activation, [=](auto kind) {
        for (int64_t i = 0; i < count; i += W) {
            const Activated y = decltype(kind)::evaluate(load(value + i));
            store(value + i, y.value);
            store(derivative + i, y.derivative);
        }
    });
}

// Calls f(pixel, where its first channel goes, from channel to channel) for what convolution `l` passes on of
// one image: to the next one's map, or, channel by channel, to the dense layers.
template <class F>
inline void for_each_passed_pixel(const Network& net, int64_t l, float* to, F&& f) {
    const Conv& conv = net.convs[l];
    const bool last = l == net.conv_count - 1;
    const Conv& next = net.convs[last ? l : l + 1];
    if (last) {
        for (int64_t p = 0; p < conv.pooled_pixels; ++p) f(p, to + p, conv.pooled_pixels);
        return;
    }
    int64_t p = 0;
    for (to += next.padding * (next.row_stride + next.input_channels); p < conv.pooled_pixels;
         to += next.row_stride)
        for (int64_t x = 0; x < conv.pooled_width; ++x) f(p++, to + x * next.input_channels, 1);
}

// Dropout of the channels of one image. Channel c of row b of the batch has draw b * C + c.
struct ChannelDropout {
    const uint16_t* draws;  // of this image, or null
    vu32 threshold;
    vf32 scale;
    ChannelDropout(const Layer& filters, int64_t row)
        : draws(row == NO_DROPOUT || !filters.dropout_threshold
                    ? nullptr
                    : filters.dropout_draws + row * filters.units),
          threshold(vu32{} + (uint32_t)filters.dropout_threshold),
          scale(broadcast((float)(65536.0 / (double)(65536 - filters.dropout_threshold)))) {}
    // The values of W channels from c on, dropped or scaled.
    vf32 apply(int64_t c, vf32 value) const {
        if (!draws) return value;
        vu16 draw;
        __builtin_memcpy(&draw, draws + c, sizeof draw);
        return value * as_floats(as_bits(scale) & (vi32)(widen(draw) >= threshold));
    }
};

// Values of one image, row `row` of the batch (NO_DROPOUT: nothing is dropped), to the next layer's input.
inline void pass_on(const Network& net, int64_t l, int64_t i, const float* values, int64_t row) {
    const Conv& conv = net.convs[l];
    const int64_t units = conv.filters.units, pixel_floats = conv.filters.output_stride;
    const ChannelDropout dropout(conv.filters, row);
    float* to = l == net.conv_count - 1 ? net.dense_input.value + i * net.dense_input.output_stride
                                        : net.convs[l + 1].input_maps + i * net.convs[l + 1].map_stride;
    for_each_passed_pixel(net, l, to, [=](int64_t p, float* at, int64_t step) {
        for (int64_t c = 0; c < pixel_floats; c += W) {
            const vf32 value = dropout.apply(c, load(values + p * pixel_floats + c));
            if (step == 1 && c + W <= units)
                store(at + c, value);
            else
                for (int64_t j = 0; j < min(W, units - c); ++j) at[(c + j) * step] = value[j];
        }
    });
}

// All convolutions of `rows` images, which begin with row `first_row` of the batch; or, with NO_DROPOUT,
// nothing is dropped.
inline void forward_convs(const Network& net, int64_t rows, int64_t first_row) {
    for (int64_t l = 0; l < net.conv_count; ++l) {
        const Conv& conv = net.convs[l];
        apply_filters(net, conv, rows);
        pool_forward(net, conv, rows);
        for (int64_t i = 0; i < rows; ++i)
            pass_on(net, l, i, net.values + i * conv.pooled_pixels * conv.filters.output_stride,
                    first_row == NO_DROPOUT ? NO_DROPOUT : first_row + i);
    }
}

// -- backward ----------------------------------------------------------------------------------------------

// Gradients of what was passed on of one image, with its dropout; 0 in what fills the last vector.
inline void output_gradient(const Network& net, int64_t l, int64_t i, int64_t row, float* deltas) {
    const Conv& conv = net.convs[l];
    const int64_t units = conv.filters.units, pixel_floats = conv.filters.output_stride;
    const ChannelDropout dropout(conv.filters, row);
    float* from = l == net.conv_count - 1 ? net.dense_input.delta + i * net.dense_input.output_stride
                                          : net.map_deltas + i * net.convs[l + 1].map_stride;
    for_each_passed_pixel(net, l, from, [=](int64_t p, const float* at, int64_t step) {
        for (int64_t c = 0; c < pixel_floats; c += W) {
            vf32 delta = {};
            if (step == 1 && c + W <= units)
                delta = load(at + c);
            else
                for (int64_t j = 0; j < min(W, units - c); ++j) delta[j] = at[(c + j) * step];
            store(deltas + p * pixel_floats + c, dropout.apply(c, delta));
        }
    });
}

// Gradients of the pre-activations of `images` images, into `deltas`; they begin with row `first_row` of the
// batch.
inline void activation_backward(const Network& net, int64_t l, int64_t images, int64_t first_row) {
    const Conv& conv = net.convs[l];
    const int64_t pixel_floats = conv.filters.output_stride;
    const int64_t image = conv.output_pixels * pixel_floats, pooled = conv.pooled_pixels * pixel_floats;
    for (int64_t i = 0; i < images; ++i) {
        output_gradient(net, l, i, first_row + i, conv.pool ? net.values : net.deltas + i * image);
        if (conv.pool) pool_backward(conv, net.values, conv.pool_argmax + i * pooled, net.deltas + i * image);
    }
    for (int64_t i = 0; i < images * image; i += W)
        store(net.deltas + i, load(net.deltas + i) * load(conv.filters.derivative + i));
}

// Adds the filters' gradients of `images` images up, and finds those of its input where they are needed.
inline void filters_backward(const Network& net, const Conv& conv, int64_t images,
                             bool needs_input_gradient) {
    const Layer& filters = conv.filters;
    const int64_t pixel_floats = filters.output_stride, depth = round_up(filters.units, PANEL);
    if (needs_input_gradient)
        __builtin_memset(net.map_deltas, 0, (size_t)(images * conv.map_stride) * sizeof(float));
    for_each_patch_block(conv, images, [&](int64_t from, int64_t count) {
        const float* delta = net.deltas + from * pixel_floats;
        im2col(conv, conv.input_maps, from, count, net.patches);
        multiply<true>({net.patches, filters.input_stride, delta, pixel_floats, PANEL, filters.gradient,
                        filters.row_stride, filters.panel_stride, nullptr, count, true},
                       filters.rows, filters.vectors);
        if (!needs_input_gradient) return;
        multiply_blocked({delta, pixel_floats, filters.transposed, PANEL, depth * PANEL, net.patches,
                          filters.input_stride, PANEL, nullptr, filters.units, false},
                         count, (filters.inputs + W - 1) / W);
        col2im(conv, net.patches, from, count, net.map_deltas);
    });
}

inline void backward_convs(const Network& net, int64_t rows, int64_t first_row) {
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        activation_backward(net, l, rows, first_row);
        filters_backward(net, net.convs[l], rows, l > 0);
    }
}

}  // namespace
}  // namespace shoal
