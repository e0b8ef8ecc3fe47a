// Convolutions, forward; conv_backward.h is the way back.
//
// Blocks of 16 images go through side by side (network.h), so that a pixel of a map is a panel of columns, a row of the
// output one product for each panel of filters, and nothing is laid out anew for it. Only so many images go through
// the network together (forward, loss, backward) that most of what is known of them stays in the second cache;
// gradients add up over the batch.
//
// Letters: B images that go through together, C channels.
#pragma once
#include "map_norm.h"
#include "network.h"
#include "passing.h"
#include "pool.h"
#include "product.h"

namespace shoal {
namespace {

// Where row `y` of the sums of a block lies: of those that are kept, or of the rows at work.
inline Plane row_of_sums(const Network& net, const Conv& conv, int64_t block, int64_t y, bool kept) {
    const int64_t width = conv.output_width * PANEL;
    if (kept) return {sums_of_channel(conv, block, 0) + y * width, conv.output_stride, width};
    const int64_t rows = conv.rows_at_work();
    return {net.sums + y % rows * width, channel_floats(rows * conv.output_width), width};
}

// The product whose sums are those under the kernel, less the bias, of row `y` of a block's output. What lies in the border,
// above and below, adds nothing.
inline Product product_of_row(const Conv& conv, int64_t block, int64_t y) {
    const int64_t top = y * conv.stride.height, dilation = conv.dilation.height, height = conv.kernel.height;
    const int64_t above = max(0, conv.padding.height - top), below = conv.input_height + conv.padding.height - top;
    const int64_t first = min(height, (above + dilation - 1) / dilation);
    const int64_t end = max(first, min(height, (below + dilation - 1) / dilation));
    const bool single = conv.group_inputs == 1;
    Product p = {};
    p.a_stride = single ? PANEL : conv.kernel_area() * PANEL;
    p.b = conv.input_maps + block * conv.map_stride + top * conv.row_stride;
    p.b_row_stride = single ? conv.dilation.width * PANEL : conv.channel_stride;
    p.b_panel_stride = conv.stride.width * PANEL;
    p.c_panel_stride = PANEL;
    p.taps = single ? conv.row_taps + first : conv.pixel_taps + first * conv.kernel.width;
    p.tap_count = (end - first) * (single ? 1 : conv.kernel.width);
    return p;
}

// Applies filters to a row of a block: its sums; or, rectified, values, which are multiplied by the channels' factors.
inline void apply_filters(const Conv& conv, int64_t block, int64_t y, const Plane& to, const float* factors = nullptr) {
    const Layer& filters = conv.filters;
    const Product row = product_of_row(conv, block, y);
    for_each_run(conv, 0, filters.units, [&](int64_t h, int64_t units) {
        Product p = row;
        p.a = filters.weights + unit_offset(filters, h);
        p.b += seen_offset(conv, h);
        p.c = to.at + h * to.channel_stride;
        p.c_row_stride = to.channel_stride;
        if (factors) p.bias = p.a + filters.inputs * PANEL;
        if (factors && filters.dropout_threshold) p.row_factor = factors + h * PANEL;
        multiply<true>(p, units, conv.output_width * PANEL_VECTORS);
    });
}

// What a row's activation takes: its sums, and what a skip adds to them.
struct Terms {
    Plane sums, skipped;
};

// What the skip of a convolution adds to row `y` of a block's output: what entered, or a row that is passed of it now.
inline Plane skipped_row(const Network& net, const Conv& conv, int64_t block, int64_t y) {
    const Plane row = {net.skips, channel_floats(conv.output_width), 0};
    if (conv.source < 0) return {};
    if (conv.projection) return apply_filters(*conv.projection, block, y, row), row;
    const Conv& from = net.convs[conv.source];
    return {from.input_maps + block * from.map_stride + from.corner() + y * from.row_stride, from.channel_stride, 0};
}

// What becomes of a channel's sums in a block before its activation: with a norm, or with the bias that they lack.
template <bool NORMED>
struct Preactivation {
    NormLanes lanes[PANEL_VECTORS];
    vf32 bias;
    Preactivation(const Layer& filters, int64_t block, int64_t h) : bias(broadcast(bias_of(filters, h))) {
#pragma GCC unroll 4
        for (int v = 0; NORMED && v < PANEL_VECTORS; ++v) lanes[v] = lanes_of_channel(filters, block, h, v * W);
    }
    vf32 operator()(vf32 sum, int v) const { return NORMED ? lanes[v].output(lanes[v].normed(sum)) : sum + bias; }
};

// What a row's activation takes, from its terms.
template <bool NORMED, bool SKIPS>
inline void preactivate_row(const Conv& conv, const Terms& terms, int64_t block, const Plane& to) {
    const int64_t width = conv.output_width * PANEL;
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        const Preactivation<NORMED> preactivation(conv.filters, block, h);
        const float *sum = terms.sums.at + h * terms.sums.channel_stride,
                    *skipped = terms.skipped.at + h * terms.skipped.channel_stride;
        float* z = to.at + h * to.channel_stride;
        for (int64_t x = 0; x < width; x += PANEL)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; ++v) {
                const vf32 own = preactivation(load(sum + x + v * W), v);
                store(z + x + v * W, SKIPS ? own + load(skipped + x + v * W) : own);
            }
    }
}

// The values of a row in place of those, times the channels' factors unless a pool comes first; and derivatives, unless
// these are null.
inline void activate_row(const Network& net, const Conv& conv, const Plane& row, float* derivatives) {
    const int64_t width = conv.output_width * PANEL;
    with_activation(conv.filters.activation, [&](auto kind) {
        for (int64_t h = 0; h < conv.filters.units; ++h) {
            const Panel factor = conv.pool ? broadcast_panel(1) : load_panel(net.channel_factors + h * PANEL);
            float *value = row.at + h * row.channel_stride,
                  *derivative = derivatives ? derivatives + h * conv.output_stride : nullptr;
            for (int64_t x = 0; x < width; x += PANEL)
#pragma GCC unroll 4
                for (int v = 0; v < PANEL_VECTORS; ++v) {
                    const Activated activated = decltype(kind)::evaluate(load(value + x + v * W));
                    store(value + x + v * W, activated.value * factor.part[v]);
                    if (derivative) store(derivative + x + v * W, activated.derivative);
                }
        }
    });
}

// A row of windows of values, which are pooled as they are made of their sums. Compiled for those activations alone that
// are pooled so.
template <bool NORMED>
inline void activate_windows(const Network& net, const Conv& conv, const Plane& sums, int64_t block, const Plane& to,
                             int32_t* argmax) {
    with_activation(conv.filters.activation, [&](auto kind) {
        using Activation = decltype(kind);
        if constexpr (Activation::BY_SIGN)
            for (int64_t h = 0; h < conv.filters.units; ++h) {
                const Preactivation<NORMED> preactivation(conv.filters, block, h);
                const float* sum = sums.at + h * sums.channel_stride;
                const auto value = [&](int64_t place, int v) {
                    return Activation::evaluate(preactivation(load(sum + place + v * W), v)).value;
                };
                pool_row(conv, value, to.at + h * to.channel_stride,
                         argmax ? argmax + h * conv.pooled_pixels * PANEL : nullptr,
                         load_panel(net.channel_factors + h * PANEL));
            }
    });
}

// Pools the values of a block, which lie behind each other.
inline void pool_block(const Network& net, const Conv& conv, const Plane& to, int32_t* argmax) {
    for (int64_t h = 0; h < conv.filters.units; ++h)
        for (int64_t y = 0; y < conv.pooled_height(); ++y) {
            const float* values = net.values + h * conv.output_stride +
                                  y * conv.pool_stride.height * conv.output_width * PANEL;
            pool_row(
                conv, [=](int64_t place, int v) { return load(values + place + v * W); },
                to.at + h * to.channel_stride + y * to.row_stride,
                argmax ? argmax + (h * conv.pooled_pixels + y * conv.pooled_width) * PANEL : nullptr,
                load_panel(net.channel_factors + h * PANEL));
        }
}

// Row `y` of a block's windows from its sums, as soon as the last row of these is there.
inline void finish_windows(const Network& net, const Conv& conv, int64_t block, int64_t y, bool kept, const Plane& to,
                           int32_t* argmax) {
    const int64_t pooled = y / conv.pool_stride.height, first = pooled * conv.pool_stride.height;
    if (y - first + 1 != conv.pool_size.height || pooled >= conv.pooled_height()) return;
    const Plane sums = row_of_sums(net, conv, block, first, kept),
                row = {to.at + pooled * to.row_stride, to.channel_stride, 0};
    int32_t* places = argmax ? argmax + pooled * conv.pooled_width * PANEL : nullptr;
    if (conv.filters.norm.width) return activate_windows<true>(net, conv, sums, block, row, places);
    activate_windows<false>(net, conv, sums, block, row, places);
}

// Row `y` of a block from its sums, before a pool.
inline void finish_row(const Network& net, const Conv& conv, int64_t block, int64_t y, bool kept, const Plane& to,
                       float* derivatives) {
    static constexpr decltype(&preactivate_row<false, false>) preactivate[2][2] = {
        {preactivate_row<false, false>, preactivate_row<false, true>},
        {preactivate_row<true, false>, preactivate_row<true, true>}};
    const Terms terms = {row_of_sums(net, conv, block, y, kept), skipped_row(net, conv, block, y)};
    const Plane row = {to.at + y * to.row_stride, to.channel_stride, 0};
    preactivate[conv.filters.norm.width > 0][conv.source >= 0](conv, terms, block, row);
    activate_row(net, conv, row, derivatives ? derivatives + y * conv.output_width * PANEL : nullptr);
}

// Convolution `l` of a block, whose first image is row `first_row` of the batch; with NO_DROPOUT nothing is dropped, and
// nothing kept for a backward pass. Where the batch has been normed its sums are there; with layer norm they are all made
// before any is normed. Calls see(where they lie) with the values before the pool, where they are kept.
template <class F>
inline void forward_block(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row, F&& see) {
    const Conv& conv = net.convs[l];
    const Layer& filters = conv.filters;
    const bool training = first_row != NO_DROPOUT, by_row = filters.norm.kind == SHOAL_LAYER_NORM,
               kept = by_row || (training && !net.stands && filters.norm.kind == SHOAL_BATCH_NORM);
    float* derivatives = training && conv.keeps_derivatives ? filters.derivative + block * conv.output_floats() : nullptr;
    int32_t* argmax = training ? conv.pool_argmax + block * conv.pooled_floats() : nullptr;
    const Plane passed = passed_values(net, l, block);
    const Plane own = {net.values, conv.output_stride, conv.output_width * PANEL};
    const Plane& to = conv.pool && !conv.pools_at_once ? own : passed;
    channel_factors(filters, first_row, images, net.channel_factors);
    const auto filter_row = [&](int64_t y) { apply_filters(conv, block, y, row_of_sums(net, conv, block, y, kept)); };
    for (int64_t y = 0; by_row && y < conv.output_height(); ++y) filter_row(y);
    if (by_row) settle_statistics_of_block(conv, block);
    for (int64_t y = 0; y < conv.output_height(); ++y) {
        const Plane row = {to.at + y * to.row_stride, to.channel_stride, 0};
        if (conv.rectifies)
            apply_filters(conv, block, y, row, net.channel_factors);
        else if (!kept)
            filter_row(y);
        if (conv.pools_at_once)
            finish_windows(net, conv, block, y, kept, to, argmax);
        else if (!conv.rectifies)
            finish_row(net, conv, block, y, kept, to, derivatives);
    }
    see(to);
    if (conv.pool && !conv.pools_at_once) pool_block(net, conv, passed, argmax);
    if (l == net.conv_count - 1) panels_to_rows(net, block, images);
}

// The sums of a convolution of a whole batch, and what they are normed by.
inline void norm_batch(const Network& net, const Conv& conv, int64_t rows) {
    clear_sums_of_images(conv);
    for (int64_t block = 0; block < blocks_of(rows); ++block) {
        for (int64_t y = 0; y < conv.output_height(); ++y) {
            apply_filters(conv, block, y, row_of_sums(net, conv, block, y, true));
            add_row_statistics(conv, block, y, rows - block * PANEL);  // while they are in the first cache
        }
    }
    settle_statistics_of_images(conv, rows);
}

// What norms of convolutions need before the first block: unless they go by the batch, all of it.
inline void begin_norms(const Network& net, bool by_batch) {
    for (int64_t l = 0; l < net.conv_count; ++l) {
        const Norm& norm = net.convs[l].filters.norm;
        if (norm.kind != SHOAL_BATCH_NORM) continue;
        set_offset(net.convs[l]);
        if (!by_batch) take_running_statistics(norm);
    }
}

// All convolutions of `rows` images, which begin with row `first_row` of the batch; or, with NO_DROPOUT, nothing is
// dropped. Block by block through all of them, as far as none norms a whole batch.
inline void forward_convs(const Network& net, int64_t rows, int64_t first_row) {
    const bool training = first_row != NO_DROPOUT, by_batch = training && !net.stands;
    const auto norms = [&](int64_t l) { return by_batch && net.convs[l].filters.norm.kind == SHOAL_BATCH_NORM; };
    begin_norms(net, by_batch);
    for (int64_t l = 0, end; l < net.conv_count; l = end) {
        if (norms(l)) norm_batch(net, net.convs[l], rows);
        for (end = l + 1; end < net.conv_count && !norms(end);) ++end;
        for (int64_t b = 0; b < rows; b += PANEL)
            for (int64_t k = l; k < end; ++k)
                forward_block(net, k, b / PANEL, rows - b, training ? first_row + b : NO_DROPOUT, [](const Plane&) {});
    }
}

}  // namespace
}  // namespace shoal
