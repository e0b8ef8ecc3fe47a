// Convolutions, forward and backward, and dropout of whole channels.
//
// Blocks of 16 images go through side by side (network.h), so that a pixel of a map is a panel of columns, a row of the
// output one product for each panel of filters, and nothing is laid out anew for it. Only so many images go through
// the network together (forward, loss, backward) that most of what is known of them stays in the second cache;
// gradients add up over the batch.
//
// Letters: B images that go through together, C channels.
#pragma once
#include "network.h"
#include "pool.h"
#include "product.h"

namespace shoal {
namespace {

// -- what is passed on -------------------------------------------------------------------------------------

// Where what convolution `l` passes on of a block lies: inside the next one's maps, or, behind the last, in
// `last_values`, to become rows of the dense layers' input.
inline Plane passed_plane(const Network& net, int64_t l, int64_t block, float* next_maps, float* last_values) {
    const Conv& conv = net.convs[l];
    if (l == net.conv_count - 1)
        return {last_values + block * conv.pooled_floats(), conv.pooled_pixels * PANEL, conv.pooled_width * PANEL};
    const Conv& next = net.convs[l + 1];
    return {next_maps + block * next.map_stride + next.padding * (next.row_stride + PANEL), next.channel_stride,
            next.row_stride};
}

// What the values of each channel of a block's images are multiplied by: (units, 16); 0 where one is dropped. Channel c of
// row b of the batch has draw b * C + c.
inline void channel_factors(const Layer& filters, int64_t first_row, int64_t images, float* factors) {
    const bool drops = first_row != NO_DROPOUT && filters.dropout_threshold;
    const float scale = (float)(65536.0 / (double)(65536 - filters.dropout_threshold));
    for (int64_t c = 0; c < filters.units; ++c, factors += PANEL) {
        store(factors, broadcast_panel(drops ? 0 : 1));
        for (int64_t n = 0; drops && n < min(PANEL, images); ++n)
            if (filters.dropout_draws[(first_row + n) * filters.units + c] >= filters.dropout_threshold)
                factors[n] = scale;
    }
}

// The matrix of a block's last values, a panel for each number, as rows of the dense layers' input: of `images` images.
inline void panels_to_rows(const Network& net, const float* panels, int64_t first_image, int64_t images) {
    const Layer& to = net.dense_input;
    float rows[PANEL * PANEL];
    for (int64_t d = 0; d < to.units; d += PANEL) {
        transpose_16x16(panels + d * PANEL, rows);
        for (int64_t n = 0; n < min(PANEL, images); ++n)
            __builtin_memcpy(to.value + (first_image + n) * to.output_stride + d, rows + n * PANEL,
                             (size_t)min(PANEL, to.units - d) * sizeof(float));
    }
}

// The way back, of gradients: 0 where a block has no image.
inline void rows_to_panels(const Network& net, int64_t first_image, int64_t images, float* panels) {
    const Layer& from = net.dense_input;
    float rows[PANEL * PANEL] = {};
    for (int64_t d = 0; d < from.units; d += PANEL) {
        for (int64_t n = 0; n < min(PANEL, images); ++n)
            __builtin_memcpy(rows + n * PANEL, from.delta + (first_image + n) * from.output_stride + d,
                             PANEL * sizeof(float));
        transpose_16x16(rows, panels + d * PANEL);
    }
}

// -- forward -----------------------------------------------------------------------------------------------

// Sums under the kernel, less the bias, of row `y` of a block's output: (units, a row).
inline void apply_filters(const Conv& conv, const float* maps, int64_t y, float* sums) {
    const Layer& filters = conv.filters;
    const int64_t row = channel_floats(conv.output_width);
    for (int64_t h = 0; h < filters.units; h += PANEL)
        multiply<true>({filters.weights + h / PANEL * filters.panel_stride, conv.kernel_area() * PANEL,
                        maps + y * conv.stride * conv.row_stride, conv.channel_stride, conv.stride * PANEL,
                        sums + h * row, row, PANEL, nullptr, 0, false, conv.pixel_taps, conv.kernel_area()},
                       min(PANEL, filters.units - h), conv.output_width * PANEL_VECTORS);
}

// Values of row `y` from its sums, times the channels' factors unless these are null; and derivatives, where they are
// needed.
template <bool TRAINING>
inline void activate_row(const Conv& conv, const float* sums, int64_t y, const Plane& to, float* derivatives,
                         const float* factors) {
    const Layer& filters = conv.filters;
    const int64_t width = conv.output_width * PANEL;
    const float* bias = filters.weights + filters.inputs * PANEL;
    with_activation(filters.activation, [&](auto kind) {
        for (int64_t h = 0; h < filters.units; ++h, sums += channel_floats(conv.output_width)) {
            const vf32 bias_h = broadcast(bias[h / PANEL * filters.panel_stride + h % PANEL]);
            const Panel factor = factors ? load_panel(factors + h * PANEL) : broadcast_panel(1);
            float *value = to.at + h * to.channel_stride + y * to.row_stride,
                  *derivative = derivatives + h * conv.output_stride + y * width;
            for (int64_t x = 0; x < width; x += PANEL)
                for (int v = 0; v < PANEL_VECTORS; ++v) {
                    const Activated activated = decltype(kind)::evaluate(load(sums + x + v * W) + bias_h);
                    store(value + x + v * W, activated.value * factor.part[v]);
                    if (TRAINING) store(derivative + x + v * W, activated.derivative);
                }
        }
    });
}

// Convolution `l` of a block, whose first image is row `first_row` of the batch; with NO_DROPOUT nothing is dropped, and
// nothing kept for a backward pass.
inline void forward_block(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row) {
    const Conv& conv = net.convs[l];
    const bool training = first_row != NO_DROPOUT;
    float* derivatives = conv.filters.derivative + block * conv.output_floats();
    const Plane to = passed_plane(net, l, block, l + 1 < net.conv_count ? net.convs[l + 1].input_maps : nullptr,
                                  net.values);
    const Plane own = {net.values + block * conv.output_floats(), conv.output_stride, conv.output_width * PANEL};
    channel_factors(conv.filters, first_row, images, net.channel_factors);
    const float* factors = conv.pool ? nullptr : net.channel_factors;
    for (int64_t y = 0; y < conv.output_height(); ++y) {
        apply_filters(conv, conv.input_maps + block * conv.map_stride, y, net.sums);
        if (training)
            activate_row<true>(conv, net.sums, y, conv.pool ? own : to, derivatives, factors);
        else
            activate_row<false>(conv, net.sums, y, conv.pool ? own : to, derivatives, factors);
    }
    if (!conv.pool) return;
    int32_t* argmax = conv.pool_argmax + block * conv.pooled_floats();
    for (int64_t h = 0; h < conv.filters.units; ++h)
        pool_forward(conv, own.at + h * own.channel_stride, to.at + h * to.channel_stride, to.row_stride,
                     training ? argmax + h * conv.pooled_pixels * PANEL : nullptr,
                     load_panel(net.channel_factors + h * PANEL));
}

// All convolutions of `rows` images, which begin with row `first_row` of the batch; or, with NO_DROPOUT,
// nothing is dropped.
inline void forward_convs(const Network& net, int64_t rows, int64_t first_row) {
    for (int64_t b = 0; b < rows; b += PANEL) {
        for (int64_t l = 0; l < net.conv_count; ++l)
            forward_block(net, l, b / PANEL, rows - b, first_row == NO_DROPOUT ? NO_DROPOUT : first_row + b);
        const Conv& last = net.convs[net.conv_count - 1];
        panels_to_rows(net, net.values + b / PANEL * last.pooled_floats(), b, rows - b);
    }
}

// -- backward ----------------------------------------------------------------------------------------------

// Zeros around the rows of a channel's gradients.
inline void clear_margins(const Conv& conv, float* deltas) {
    const size_t bytes = (size_t)(conv.margin * PANEL) * sizeof(float);
    __builtin_memset(deltas, 0, bytes);
    for (int64_t y = 1; y <= conv.output_height(); ++y) __builtin_memset(deltas + y * conv.delta_row_stride, 0, bytes);
}

// Gradients of the sums of one block, from those of what was passed on; adds up those of the biases.
inline void activation_backward(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row) {
    const Conv& conv = net.convs[l];
    const Layer& filters = conv.filters;
    const Plane from = passed_plane(net, l, block, net.map_deltas, net.values);
    channel_factors(filters, first_row, images, net.channel_factors);
    for (int64_t h = 0; h < filters.units; ++h) {
        float* delta = net.deltas + block * conv.delta_floats() + h * conv.delta_stride;
        clear_margins(conv, delta);
        delta += conv.margin * PANEL;
        const float *derivative = filters.derivative + block * conv.output_floats() + h * conv.output_stride,
                    *row = from.at + h * from.channel_stride;
        int64_t row_stride = from.row_stride;
        Panel factor = load_panel(net.channel_factors + h * PANEL), sum = broadcast_panel(0);
        if (conv.pool) {
            pool_backward(conv, row, row_stride,
                          conv.pool_argmax + block * conv.pooled_floats() + h * conv.pooled_pixels * PANEL, delta,
                          factor);
            row = delta;
            row_stride = conv.delta_row_stride;
            factor = broadcast_panel(1);
        }
        for (int64_t y = 0; y < conv.output_height(); ++y) {
            for (int64_t x = 0; x < conv.output_width * PANEL; x += PANEL) {
                const Panel delta_x = load_panel(row + x) * factor * load_panel(derivative + x);
                store(delta + x, delta_x);
                sum = sum + delta_x;
            }
            row += row_stride;
            delta += conv.delta_row_stride;
            derivative += conv.output_width * PANEL;
        }
        filters.gradient[filters.inputs * PANEL + h / PANEL * filters.panel_stride + h % PANEL] +=
            horizontal_sum_16(sum.part);
    }
}

// Which pixels of the output, y and those of a row, took what from the pixels of row `y` and column `x` of the padded
// input, and every stride-th behind: gives how many taps.
inline int64_t taps_of_input(const Conv& conv, int64_t y, int64_t x) {
    const Layer& filters = conv.filters;
    int64_t count = 0;
    for (int64_t ky = y % conv.stride; ky < conv.kernel; ky += conv.stride) {
        const int64_t from_y = (y - ky) / conv.stride;
        if (from_y < 0 || from_y >= conv.output_height()) continue;
        for (int64_t kx = x % conv.stride; kx < conv.kernel; kx += conv.stride)
            for (int64_t h = 0; h < filters.units; h += PANEL)
                conv.input_taps[count++] = {
                    conv.pixel_taps[ky * conv.kernel + kx].a + h / PANEL * filters.panel_stride,
                    h * conv.delta_stride + from_y * conv.delta_row_stride +
                        ((x - kx) / conv.stride + conv.margin) * PANEL,
                    min(PANEL, filters.units - h)};
    }
    return count;
}

// Gradients of a block's input, less its border, from those of its sums: a row of every stride-th pixel at a time, which
// were taken by the same weights.
inline void input_gradient(const Conv& conv, const float* deltas, float* map_deltas) {
    const int64_t width = conv.input_width, height = conv.input_height;
    for (int64_t y = conv.padding; y < height + conv.padding; ++y)
        for (int64_t x = conv.padding; x < conv.padding + min(conv.stride, width); ++x)
            multiply<false>({conv.filters.weights, conv.kernel_area() * PANEL, deltas, conv.delta_stride, PANEL,
                             map_deltas + y * conv.row_stride + x * PANEL, conv.channel_stride, conv.stride * PANEL,
                             nullptr, 0, false, conv.input_taps, taps_of_input(conv, y, x)},
                            conv.input_channels,
                            (width + conv.padding - x + conv.stride - 1) / conv.stride * PANEL_VECTORS);
}

// Products of R inputs and C units, summed over all pixels of `blocks` blocks, image by image of a block: (R, units of a
// panel, images). `offset` says how far from the first corner each input lies.
template <int R, int C>
void multiply_images(const Conv& conv, int64_t blocks, const int64_t* offset, const float* deltas, float* sums) {
    const int64_t channel = conv.delta_stride, step = conv.stride * PANEL, margin = conv.margin * PANEL;
    const int64_t skip = conv.stride * conv.row_stride - conv.output_width * step;
    for (int part = 0; part < PANEL; part += W) {
        vf32 sum[R][C] = {};
        for (int64_t b = 0; b < blocks; ++b) {
            const float *map = conv.input_maps + b * conv.map_stride + part,
                        *delta = deltas + b * conv.delta_floats() + margin + part;
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
inline void filters_backward(const Conv& conv, int64_t blocks, const float* deltas) {
#define SHOAL_TILE(R) {multiply_images<at_most_a_tile(R, TILE_VECTORS), 1>, multiply_images<at_most_a_tile(R, TILE_VECTORS), TILE_VECTORS>}
    static constexpr void (*tiles[][2])(const Conv&, int64_t, const int64_t*, const float*, float*) = {
        SHOAL_TILE(1), SHOAL_TILE(2), SHOAL_TILE(3), SHOAL_TILE(4), SHOAL_TILE(5), SHOAL_TILE(6)};
#undef SHOAL_TILE
    constexpr int ROWS = rows_of_tile(TILE_VECTORS);
    static_assert(ROWS == sizeof tiles / sizeof *tiles, "a tile of every height");
    const Layer& filters = conv.filters;
    for (int64_t h = 0; h < filters.units; h += PANEL) {
        alignas(64) float sums[ROWS * PANEL * PANEL] = {};
        const int64_t units = min(PANEL, filters.units - h);
        for_each_tile<TILE_VECTORS>(filters.inputs, [&](int64_t k, int64_t rows) {
            int64_t offset[ROWS];
            for (int64_t r = 0; r < rows; ++r)
                offset[r] = (k + r) / conv.kernel_area() * conv.channel_stride +
                            conv.pixel_taps[(k + r) % conv.kernel_area()].b;
            for (int64_t c = 0, next; c < units; c = next) {
                next = c + TILE_VECTORS <= units ? c + TILE_VECTORS : c + 1;
                tiles[rows - 1][next > c + 1](conv, blocks, offset, deltas + (h + c) * conv.delta_stride,
                                              sums + c * PANEL);
            }
            for (int64_t r = 0; r < rows; ++r) {
                float* gradient = filters.gradient + h / PANEL * filters.panel_stride + (k + r) * PANEL;
                const Panel sum = load_panel(gradient) + sums_of_rows(sums + r * PANEL * PANEL);
                store(gradient, sum);
            }
        });
    }
}

inline void backward_convs(const Network& net, int64_t rows, int64_t first_row) {
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        const Conv& conv = net.convs[l];
        for (int64_t b = 0; b < rows; b += PANEL) {
            if (l == net.conv_count - 1)
                rows_to_panels(net, b, rows - b, net.values + b / PANEL * conv.pooled_floats());
            activation_backward(net, l, b / PANEL, rows - b, first_row + b);
        }
        // The gradients of the maps behind are read; now those of the maps in front may take their place.
        for (int64_t block = 0; l && block < blocks_of(rows); ++block)
            input_gradient(conv, net.deltas + block * conv.delta_floats(), net.map_deltas + block * conv.map_stride);
        filters_backward(conv, blocks_of(rows), net.deltas);
    }
}

}  // namespace
}  // namespace shoal
