// Convolutions, forward and backward.
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

// -- forward -----------------------------------------------------------------------------------------------

// Where the sums of a block lie: those that are kept, or of the row at work.
inline Plane plane_of_sums(const Network& net, const Conv& conv, int64_t block, bool kept) {
    if (kept) return {sums_of_channel(conv, block, 0), conv.output_stride, conv.output_width * PANEL};
    return {net.sums, channel_floats(conv.output_width), 0};
}

// Sums under the kernel, less the bias, of row `y` of a block's output.
inline void apply_filters(const Conv& conv, int64_t block, int64_t y, const Plane& sums) {
    const Layer& filters = conv.filters;
    const float* row = conv.input_maps + block * conv.map_stride + y * conv.stride.height * conv.row_stride;
    float* to = sums.at + y * sums.row_stride;
    for_each_run(conv, 0, filters.units, [&](int64_t h, int64_t units) {
        multiply<true>({filters.weights + unit_offset(filters, h), conv.kernel_area() * PANEL,
                        row + seen_offset(conv, h), conv.channel_stride, conv.stride.width * PANEL,
                        to + h * sums.channel_stride, sums.channel_stride, PANEL, nullptr, 0, false, conv.pixel_taps,
                        conv.kernel_area()},
                       units, conv.output_width * PANEL_VECTORS);
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
        for (int v = 0; NORMED && v < PANEL_VECTORS; ++v) lanes[v] = lanes_of_channel(filters, block, h, v * W);
    }
    vf32 operator()(vf32 sum, int v) const { return NORMED ? lanes[v].output(lanes[v].normed(sum)) : sum + bias; }
};

// Values of row `y` from its sums, times the channels' factors unless these are null; and derivatives, unless these are.
template <bool NORMED, bool SKIPS>
inline void activate_row(const Conv& conv, const Terms& terms, int64_t block, int64_t y, const Plane& to,
                         float* derivatives, const float* factors) {
    const Layer& filters = conv.filters;
    const int64_t width = conv.output_width * PANEL;
    with_activation(filters.activation, [&](auto kind) {
        for (int64_t h = 0; h < filters.units; ++h) {
            const Preactivation<NORMED> preactivation(filters, block, h);
            const Panel factor = factors ? load_panel(factors + h * PANEL) : broadcast_panel(1);
            const float *sum = terms.sums.at + h * terms.sums.channel_stride + y * terms.sums.row_stride,
                        *skipped = terms.skipped.at + h * terms.skipped.channel_stride;
            float *value = to.at + h * to.channel_stride + y * to.row_stride,
                  *derivative = derivatives ? derivatives + h * conv.output_stride + y * width : nullptr;
            for (int64_t x = 0; x < width; x += PANEL)
                for (int v = 0; v < PANEL_VECTORS; ++v) {
                    vf32 z = preactivation(load(sum + x + v * W), v);
                    if (SKIPS) z += load(skipped + x + v * W);
                    const Activated activated = decltype(kind)::evaluate(z);
                    store(value + x + v * W, activated.value * factor.part[v]);
                    if (derivative) store(derivative + x + v * W, activated.derivative);
                }
        }
    });
}

// Convolution `l` of a block, whose first image is row `first_row` of the batch; with NO_DROPOUT nothing is dropped, and
// nothing kept for a backward pass. Where the batch has been normed its sums are there; with layer norm they are all made
// before any is normed. Calls see(where they lie) with the values before the pool.
template <class F>
inline void forward_block(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row, F&& see) {
    const Conv& conv = net.convs[l];
    const Layer& filters = conv.filters;
    const bool training = first_row != NO_DROPOUT, by_row = filters.norm.kind == SHOAL_LAYER_NORM,
               there = training && !net.stands && filters.norm.kind == SHOAL_BATCH_NORM;
    float* derivatives = training && conv.keeps_derivatives ? filters.derivative + block * conv.output_floats() : nullptr;
    const Plane to = passed_plane(net, l, block, &Conv::input_maps);
    const Plane own = {net.values, conv.output_stride, conv.output_width * PANEL}, &values = conv.pool ? own : to;
    static constexpr decltype(&activate_row<false, false>) activate[2][2] = {
        {activate_row<false, false>, activate_row<false, true>}, {activate_row<true, false>, activate_row<true, true>}};
    channel_factors(filters, first_row, images, net.channel_factors);
    const float* factors = conv.pool ? nullptr : net.channel_factors;
    const Plane sums = plane_of_sums(net, conv, block, there || by_row);
    for (int64_t y = 0; by_row && y < conv.output_height(); ++y) apply_filters(conv, block, y, sums);
    if (by_row) settle_statistics_of_block(conv, block);
    for (int64_t y = 0; y < conv.output_height(); ++y) {
        if (!there && !by_row) apply_filters(conv, block, y, sums);
        const Terms terms = {sums, skipped_row(net, conv, block, y)};
        activate[filters.norm.width > 0][conv.source >= 0](conv, terms, block, y, values, derivatives, factors);
    }
    see(values);
    int32_t* argmax = conv.pool_argmax + block * conv.pooled_floats();
    for (int64_t h = 0; conv.pool && h < filters.units; ++h)
        pool_forward(conv, own.at + h * own.channel_stride, to.at + h * to.channel_stride, to.row_stride,
                     training ? argmax + h * conv.pooled_pixels * PANEL : nullptr,
                     load_panel(net.channel_factors + h * PANEL));
    if (l == net.conv_count - 1) panels_to_rows(net, net.values, block * PANEL, images);
}

// The sums of a convolution of a whole batch, and what they are normed by.
inline void norm_batch(const Network& net, const Conv& conv, int64_t rows) {
    clear_sums_of_images(conv);
    for (int64_t block = 0; block < blocks_of(rows); ++block) {
        const Plane sums = plane_of_sums(net, conv, block, true);
        for (int64_t y = 0; y < conv.output_height(); ++y) {
            apply_filters(conv, block, y, sums);
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

// -- backward ----------------------------------------------------------------------------------------------

// Zeros around the rows of a channel's gradients.
inline void clear_margins(const Conv& conv, float* deltas) {
    const size_t bytes = (size_t)(conv.margin * PANEL) * sizeof(float);
    __builtin_memset(deltas, 0, bytes);
    for (int64_t y = 1; y <= conv.output_height(); ++y) __builtin_memset(deltas + y * conv.delta_row_stride, 0, bytes);
}

// Multiplies a channel's gradients by its derivatives, and by `factor`, on their way from `row` to `delta`, row by row; gives
// their sums. derivative(place, v) is vector v of a panel.
template <class F>
inline Panel take_slopes(const Conv& conv, const float* row, int64_t row_stride, const Panel& factor, F&& derivative,
                         float* delta) {
    const int64_t width = conv.output_width * PANEL;
    Panel sum = broadcast_panel(0);
    for (int64_t y = 0; y < conv.output_height(); ++y, row += row_stride, delta += conv.delta_row_stride)
        for (int64_t x = 0; x < width; x += PANEL) {
            const Panel slope = panel_of([&](int v) { return derivative(y * width + x, v); });
            const Panel delta_x = load_panel(row + x) * factor * slope;
            store(delta + x, delta_x);
            sum = sum + delta_x;
        }
    return sum;
}

// The same of channel h of a block; adds up the gradient of its bias, or takes them in for those of its norm.
inline void channel_backward(const Conv& conv, int64_t block, int64_t h, const Plane& from, const Panel& factor,
                             float* delta) {
    const Layer& filters = conv.filters;
    if (conv.keeps_derivatives) {
        const float* derivatives = filters.derivative + block * conv.output_floats() + h * conv.output_stride;
        const auto derivative = [=](int64_t at, int v) { return load(derivatives + at + v * W); };
        Panel sum = take_slopes(conv, from.at, from.row_stride, factor, derivative, delta);
        if (filters.norm.width) return;
        filters.gradient[unit_offset(filters, h) + filters.inputs * PANEL] += horizontal_sum_16(sum.part);
        return;
    }
    const float* sums = sums_of_channel(conv, block, h);
    const Preactivation<true> preactivation(filters, block, h);
    with_activation(filters.activation, [&](auto kind) {
        const auto derivative = [&](int64_t at, int v) {
            return decltype(kind)::evaluate(preactivation(load(sums + at + v * W), v)).derivative;
        };
        take_slopes(conv, from.at, from.row_stride, factor, derivative, delta);
    });
}

// Gradients of the sums, or of what they are normed to, of one block, from those of what was passed on.
inline BlockSlope activation_backward(const Network& net, int64_t l, int64_t block, int64_t images,
                                      int64_t first_row) {
    const Conv& conv = net.convs[l];
    BlockSlope slope;
    const Plane passed = passed_plane(net, l, block, &Conv::map_deltas);
    channel_factors(conv.filters, first_row, images, net.channel_factors);
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        float* delta = net.deltas + block * conv.delta_floats() + h * conv.delta_stride;
        clear_margins(conv, delta);
        delta += conv.margin * PANEL;
        const Panel factor = load_panel(net.channel_factors + h * PANEL);
        const Plane from = {passed.at + h * passed.channel_stride, 0, passed.row_stride};
        if (conv.pool) {
            const int32_t* argmax = conv.pool_argmax + block * conv.pooled_floats() + h * conv.pooled_pixels * PANEL;
            pool_backward(conv, from.at, from.row_stride, argmax, delta, factor);
            channel_backward(conv, block, h, {delta, 0, conv.delta_row_stride}, broadcast_panel(1), delta);
        } else {
            channel_backward(conv, block, h, from, factor, delta);
        }
        if (conv.filters.norm.width) add_channel_gradients(conv, block, h, delta, slope);
    }
    return slope;
}

// Which pixels of the output, y and those of a row, took what from the pixels of row `y` and column `x` of the padded
// input, and every stride-th behind, of the channels that unit `first` sees: gives how many taps.
inline int64_t taps_of_input(const Conv& conv, int64_t first, int64_t y, int64_t x) {
    const Layer& filters = conv.filters;
    int64_t count = 0;
    for (int64_t ky = 0; ky < conv.kernel.height; ++ky) {
        const int64_t down = y - ky * conv.dilation.height, from_y = down / conv.stride.height;
        if (down < 0 || down % conv.stride.height || from_y >= conv.output_height()) continue;
        for (int64_t kx = 0; kx < conv.kernel.width; ++kx) {
            const int64_t across = x - kx * conv.dilation.width, from_x = across / conv.stride.width;
            if (across % conv.stride.width) continue;
            for_each_run(conv, first, first + conv.group_units, [&](int64_t h, int64_t units) {
                conv.input_taps[count++] = {conv.pixel_taps[ky * conv.kernel.width + kx].a + unit_offset(filters, h),
                                            h * conv.delta_stride + from_y * conv.delta_row_stride +
                                                (from_x + conv.margin) * PANEL,
                                            units};
            });
        }
    }
    return count;
}

// Gradients of a block's input, less its border, from those of its sums: a row of every stride-th pixel at a time, which
// were taken by the same weights. Added to those of skips, where these are there.
inline void input_gradient(const Conv& conv, int64_t block, const float* deltas) {
    float* map_deltas = conv.map_deltas + block * conv.map_stride;
    const int64_t width = conv.input_width, left = conv.padding.width, top = conv.padding.height;
    for (int64_t y = top; y < conv.input_height + top; ++y)
        for (int64_t x = left; x < left + min(conv.stride.width, width); ++x)
            for (int64_t h = 0; h < conv.filters.units; h += conv.group_units)
                multiply<false>({conv.filters.weights, conv.kernel_area() * PANEL, deltas, conv.delta_stride, PANEL,
                                 map_deltas + seen_offset(conv, h) + y * conv.row_stride + x * PANEL,
                                 conv.channel_stride, conv.stride.width * PANEL, nullptr, 0, conv.sums_deltas,
                                 conv.input_taps, taps_of_input(conv, h, y, x)},
                                conv.group_inputs,
                                (width + left - x + conv.stride.width - 1) / conv.stride.width * PANEL_VECTORS);
}

// Blocks whose inputs are multiplied with gradients: the channels that some units see, and those units.
struct ImageFactors {
    const Conv& conv;
    int64_t blocks;
    const float *maps, *deltas;
};

// Products of R inputs and C units, summed over all pixels of some blocks, image by image of a block: (R, units of a
// panel, images). `offset` says how far from the first corner each input lies.
template <int R, int C>
void multiply_images(const ImageFactors& factors, const int64_t* offset, float* sums) {
    const Conv& conv = factors.conv;
    const int64_t channel = conv.delta_stride, step = conv.stride.width * PANEL, margin = conv.margin * PANEL;
    const int64_t skip = conv.stride.height * conv.row_stride - conv.output_width * step;
    for (int part = 0; part < PANEL; part += W) {
        vf32 sum[R][C] = {};
        for (int64_t b = 0; b < factors.blocks; ++b) {
            const float *map = factors.maps + b * conv.map_stride + part,
                        *delta = factors.deltas + b * conv.delta_floats() + margin + part;
            for (int64_t y = 0; y < conv.output_height(); ++y, map += skip, delta += margin)
                for (int64_t x = 0; x < conv.output_width; ++x, map += step, delta += PANEL) {
                    vf32 delta_c[C];
#pragma GCC unroll 4
                    for (int c = 0; c < C; ++c) delta_c[c] = load(delta + c * channel);
#pragma GCC unroll 12
                    for (int r = 0; r < R; ++r) {
                        const vf32 input_r = load(map + offset[r]);
#pragma GCC unroll 4
                        for (int c = 0; c < C; ++c) sum[r][c] = fma(input_r, delta_c[c], sum[r][c]);
                    }
                }
        }
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) store(sums + (r * PANEL + c) * PANEL + part, sum[r][c]);
    }
}

// Adds the filters' gradients of `blocks` blocks up: a tile of inputs at a time with all units of a panel, whose sums over
// images then lie side by side.
inline void filters_backward(const Conv& conv, int64_t blocks, const float* maps, const float* deltas) {
#define SHOAL_TILE(R) {multiply_images<at_most_a_tile(R, TILE_VECTORS), 1>, multiply_images<at_most_a_tile(R, TILE_VECTORS), TILE_VECTORS>}
    static constexpr void (*tiles[][2])(const ImageFactors&, const int64_t*, float*) = {
        SHOAL_TILE(1), SHOAL_TILE(2), SHOAL_TILE(3), SHOAL_TILE(4), SHOAL_TILE(5), SHOAL_TILE(6)};
#undef SHOAL_TILE
    constexpr int ROWS = rows_of_tile(TILE_VECTORS);
    static_assert(ROWS == sizeof tiles / sizeof *tiles, "a tile of every height");
    const Layer& filters = conv.filters;
    for_each_run(conv, 0, filters.units, [&](int64_t h, int64_t units) {
        alignas(64) float sums[ROWS * PANEL * PANEL] = {};
        const float* seen = maps + seen_offset(conv, h);
        for_each_tile<TILE_VECTORS>(filters.inputs, [&](int64_t k, int64_t rows) {
            int64_t offset[ROWS];
            for (int64_t r = 0; r < rows; ++r)
                offset[r] = (k + r) / conv.kernel_area() * conv.channel_stride +
                            conv.pixel_taps[(k + r) % conv.kernel_area()].b;
            for (int64_t c = 0, next; c < units; c = next) {
                next = c + TILE_VECTORS <= units ? c + TILE_VECTORS : c + 1;
                tiles[rows - 1][next > c + 1]({conv, blocks, seen, deltas + (h + c) * conv.delta_stride}, offset,
                                              sums + (h % PANEL + c) * PANEL);
            }
            for (int64_t r = 0; r < rows; ++r) {
                float* gradient = filters.gradient + h / PANEL * filters.panel_stride + (k + r) * PANEL;
                const Panel sum = load_panel(gradient) + sums_of_rows(sums + r * PANEL * PANEL);
                store(gradient, sum);
            }
        });
    });
}

// -- the way back through skips ------------------------------------------------------------------------------

// Adds the gradients of what a skip added to a block to those of what entered.
inline void skip_backward(const Network& net, const Conv& conv, int64_t block) {
    const float* deltas = net.deltas + block * conv.delta_floats();
    if (conv.projection) return input_gradient(*conv.projection, block, deltas);
    const Conv& from = net.convs[conv.source];
    float* to = from.map_deltas + block * from.map_stride + from.corner();
    for (int64_t h = 0; h < conv.filters.units; ++h)
        for (int64_t y = 0; y < conv.output_height(); ++y) {
            const float* delta = deltas + h * conv.delta_stride + y * conv.delta_row_stride + conv.margin * PANEL;
            float* sum = to + h * from.channel_stride + y * from.row_stride;
            for (int64_t x = 0; x < conv.output_width * PANEL; x += W)
                store(sum + x, conv.comes_first ? load(delta + x) : load(sum + x) + load(delta + x));
        }
}

// A group of blocks at a time, so that they stay in the cache; where no batch is normed, there is one.
inline void backward_convs(const Network& net, int64_t rows, int64_t first_row) {
    const int64_t blocks = blocks_of(rows), together = blocks_of(net.seen_rows);
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        const Conv& conv = net.convs[l];
        const int64_t norm = conv.filters.norm.kind;
        if (norm) clear_sums_of_images(conv);
        for (int64_t b = 0; b < rows; b += PANEL) {
            const int64_t block = b / PANEL;
            if (l == net.conv_count - 1) rows_to_panels(net, b, rows - b, net.values);
            const BlockSlope slope = activation_backward(net, l, block, rows - b, first_row + b);
            float* deltas = net.deltas + block * conv.delta_floats();
            if (conv.source > 0) skip_backward(net, conv, block);  // images need none
            if (conv.projection)
                filters_backward(*conv.projection, 1, conv.projection->input_maps + block * conv.projection->map_stride,
                                 deltas);
            if (norm == SHOAL_LAYER_NORM) pull_back_layer_norm(conv, block, rows - b, slope, deltas);
        }
        if (norm) settle_norm_gradients_of_images(conv);
        // The gradients of the maps behind are read; now those of the maps in front may take their place.
        for (int64_t first = 0, end; first < blocks; first = end) {
            end = min(blocks, first + together);
            for (int64_t block = first; block < end; ++block) {
                float* deltas = net.deltas + block * conv.delta_floats();
                if (norm == SHOAL_BATCH_NORM) pull_back_batch_norm(conv, block, rows - block * PANEL, rows, deltas);
                if (l) input_gradient(conv, block, deltas);
            }
            filters_backward(conv, end - first, conv.input_maps + first * conv.map_stride,
                             net.deltas + first * conv.delta_floats());
        }
    }
}

}  // namespace
}  // namespace shoal
