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
#include "norm.h"
#include "pool.h"
#include "product.h"

namespace shoal {
namespace {

// -- what is passed on -------------------------------------------------------------------------------------

// Where what convolution `l` passes on of a block lies: inside the next one's maps, or, behind the last, in the network's
// values, to become rows of the dense layers' input.
inline Plane passed_plane(const Network& net, int64_t l, int64_t block, float* next_maps) {
    const Conv& conv = net.convs[l];
    if (l == net.conv_count - 1)
        return {net.values, conv.pooled_pixels * PANEL, conv.pooled_width * PANEL};
    const Conv& next = net.convs[l + 1];
    return {next_maps + block * next.map_stride + next.padding * (next.row_stride + PANEL), next.channel_stride,
            next.row_stride};
}

// Dropout of the channels of a block's images. Channel c of row b of the batch has draw b * C + c.
struct ChannelDropout {
    const uint16_t* draws;  // of the block's first image, or null
    int64_t units, threshold, images;
    ChannelDropout(const Layer& filters, int64_t first_row, int64_t images)
        : draws(first_row == NO_DROPOUT || !filters.dropout_threshold
                    ? nullptr
                    : filters.dropout_draws + first_row * filters.units),
          units(filters.units), threshold(filters.dropout_threshold), images(min(PANEL, images)) {}
    // What the values of channel c are multiplied by.
    Panel factors(int64_t c) const {
        float factor[PANEL];
        const float scale = (float)(65536.0 / (double)(65536 - threshold));
        for (int64_t n = 0; n < PANEL; ++n)
            factor[n] = !draws ? 1 : n < images && draws[n * units + c] >= threshold ? scale : 0;
        return load_panel(factor);
    }
};

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

// Sums under the kernel, less the bias, of one block.
inline void apply_filters(const Conv& conv, const float* maps, float* values) {
    const Layer& filters = conv.filters;
    const int64_t down = conv.stride * conv.row_stride, row = conv.output_width * PANEL;
    for_each_run(conv, 0, filters.units, [&](int64_t h, int64_t units) {
        for (int64_t y = 0; y * row < conv.output_pixels * PANEL; ++y)
            multiply<true>({filters.weights + unit_offset(filters, h), conv.kernel_area() * PANEL,
                            maps + seen_offset(conv, h) + y * down, conv.channel_stride, conv.stride * PANEL,
                            values + h * conv.output_stride + y * row, conv.output_stride, PANEL, nullptr, 0, false, conv.pixel_taps,
                            conv.kernel_area()},
                           units, conv.output_width * PANEL_VECTORS);
    });
}

// What becomes of a channel's sums before its activation: with a norm, or with the bias that they lack.
template <bool NORMED>
struct Preactivation {
    NormLanes lanes;
    vf32 bias;
    Preactivation(const Layer& filters, int64_t h) {
        if (NORMED)
            lanes = lanes_of_unit(filters.norm, h);
        else
            bias = broadcast(filters.weights[unit_offset(filters, h) + filters.inputs * PANEL]);
    }
    vf32 operator()(vf32 sum) const { return NORMED ? lanes.output(lanes.normed(sum)) : sum + bias; }
};

// Values of one block from its sums, and derivatives, where `derivatives` is not null.
template <bool NORMED>
inline void activate_block(const Conv& conv, const float* sums, const Plane& to, float* derivatives,
                           const ChannelDropout& dropout) {
    const Layer& filters = conv.filters;
    with_activation(filters.activation, [&](auto kind) {
        for (int64_t h = 0; h < filters.units; ++h) {
            const Preactivation<NORMED> preactivation(filters, h);
            const Panel factor = dropout.factors(h);
            const int64_t channel = h * conv.output_stride, width = conv.output_width * PANEL;
            float* row = to.at + h * to.channel_stride;
            for (int64_t i = 0; i < conv.output_pixels * PANEL; i += width, row += to.row_stride)
                for (int64_t x = 0; x < width; x += PANEL)
                    for (int v = 0; v < PANEL_VECTORS; ++v) {
                        const int64_t at = i + x + v * W;
                        const Activated y = decltype(kind)::evaluate(preactivation(load(sums + channel + at)));
                        store(row + x + v * W, y.value * factor.part[v]);
                        if (derivatives) store(derivatives + channel + at, y.derivative);
                    }
        }
    });
}

// Where the sums of a block lie: with a norm those of a whole batch are kept, and no derivatives.
inline float* sums_of_block(const Network& net, const Conv& conv, int64_t block, bool training) {
    return training && conv.filters.norm.width ? sums_of_channel(conv, block, 0) : net.values;
}

// Values of convolution `l` of a block, whose first image is row `first_row` of the batch, from its sums; with NO_DROPOUT
// nothing is dropped, and nothing kept for a backward pass. Calls see(where they lie) with the values before the pool.
template <class F>
inline void finish_block(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row, F&& see) {
    const Conv& conv = net.convs[l];
    const Layer& filters = conv.filters;
    const bool training = first_row != NO_DROPOUT;
    const Plane to = passed_plane(net, l, block, l + 1 < net.conv_count ? net.convs[l + 1].input_maps : nullptr);
    const Plane own = {net.values, conv.output_stride, conv.output_width * PANEL};
    const ChannelDropout dropout(filters, first_row, images), none(filters, NO_DROPOUT, images);
    const float* sums = sums_of_block(net, conv, block, training);
    const Plane& values = conv.pool ? own : to;
    const ChannelDropout& of_values = conv.pool ? none : dropout;
    if (filters.norm.width)
        activate_block<true>(conv, sums, values, nullptr, of_values);
    else
        activate_block<false>(conv, sums, values,
                              training ? filters.derivative + block * conv.output_floats() : nullptr, of_values);
    see(values);
    int32_t* argmax = conv.pool_argmax + block * conv.pooled_floats();
    for (int64_t h = 0; conv.pool && h < filters.units; ++h)
        pool_forward(conv, net.values + h * own.channel_stride, to.at + h * to.channel_stride, to.row_stride,
                     training ? argmax + h * conv.pooled_pixels * PANEL : nullptr, dropout.factors(h));
    if (l == net.conv_count - 1) panels_to_rows(net, net.values, block * PANEL, images);
}

inline void finish_block(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row) {
    finish_block(net, l, block, images, first_row, [](const Plane&) {});
}

// Convolution `l` of a whole batch, whose images are normed together.
inline void forward_normed(const Network& net, int64_t l, int64_t rows, int64_t first_row) {
    const Conv& conv = net.convs[l];
    clear_sums_of_images(conv);
    for (int64_t block = 0; block < blocks_of(rows); ++block) {
        apply_filters(conv, conv.input_maps + block * conv.map_stride, sums_of_block(net, conv, block, true));
        add_block_statistics(conv, block, rows - block * PANEL);
    }
    settle_statistics_of_images(conv, rows);
    for (int64_t b = 0; b < rows; b += PANEL) finish_block(net, l, b / PANEL, rows - b, first_row + b);
}

// What norms of convolutions need before the first block: outside of training all of it.
inline void begin_norms(const Network& net, bool training) {
    for (int64_t l = 0; l < net.conv_count; ++l) {
        const Norm& norm = net.convs[l].filters.norm;
        if (norm.width) set_offset(net.convs[l]);
        if (norm.width && !training) take_running_statistics(norm);
    }
}

// All convolutions of `rows` images, which begin with row `first_row` of the batch; or, with NO_DROPOUT, nothing is
// dropped. Block by block through all of them, as far as none norms a whole batch.
inline void forward_convs(const Network& net, int64_t rows, int64_t first_row) {
    const bool training = first_row != NO_DROPOUT;
    const auto norms = [&](int64_t l) { return net.convs[l].filters.norm.width > 0; };
    begin_norms(net, training);
    for (int64_t l = 0, end; l < net.conv_count; l = end) {
        end = l + 1;
        if (training && norms(l)) {
            forward_normed(net, l, rows, first_row);
            continue;
        }
        while (end < net.conv_count && !(training && norms(end))) ++end;
        for (int64_t b = 0; b < rows; b += PANEL)
            for (int64_t k = l; k < end; ++k) {
                const Conv& conv = net.convs[k];
                apply_filters(conv, conv.input_maps + b / PANEL * conv.map_stride, net.values);
                finish_block(net, k, b / PANEL, rows - b, training ? first_row + b : NO_DROPOUT);
            }
    }
}

// -- backward ----------------------------------------------------------------------------------------------

// Takes a channel's gradients times its derivatives, `row_stride` floats from row to row and times `scale`, into `deltas`;
// gives their sums. derivative(place) is that of a vector.
template <class F>
inline Panel take_slopes(const Conv& conv, const float* row, int64_t row_stride, const Panel& scale, F&& derivative,
                         float* deltas) {
    const int64_t channel = conv.output_pixels * PANEL, width = conv.output_width * PANEL;
    Panel sum = broadcast_panel(0);
    for (int64_t i = 0; i < channel; i += width, row += row_stride)
        for (int64_t x = 0; x < width; x += PANEL) {
            const Panel delta =
                load_panel(row + x) * scale * panel_of([&](int v) { return derivative(i + x + v * W); });
            store(deltas + i + x, delta);
            sum = sum + delta;
        }
    return sum;
}

// Gradients of what a channel's activation is given, of a block; adds up those of its bias, or of its norm's scale and
// shift.
inline void channel_backward(const Conv& conv, int64_t block, int64_t h, const Plane& from, const Panel& scale,
                             float* deltas) {
    const Layer& filters = conv.filters;
    if (!filters.norm.width) {
        const float* derivatives = filters.derivative + block * conv.output_floats() + h * conv.output_stride;
        const auto derivative = [=](int64_t at) { return load(derivatives + at); };
        const Panel sum = take_slopes(conv, from.at, from.row_stride, scale, derivative, deltas);
        filters.gradient[unit_offset(filters, h) + filters.inputs * PANEL] += horizontal_sum_16((vf32*)sum.part);
        return;
    }
    const float* sums = sums_of_channel(conv, block, h);
    const Preactivation<true> preactivation(filters, h);
    with_activation(filters.activation, [&](auto kind) {
        const auto derivative = [=](int64_t at) {
            return decltype(kind)::evaluate(preactivation(load(sums + at))).derivative;
        };
        take_slopes(conv, from.at, from.row_stride, scale, derivative, deltas);
    });
    const auto normed = [=](int64_t at) { return preactivation.lanes.normed(load(sums + at)); };
    add_norm_gradients(grid_of_channel(conv), deltas, normed, sums_of_images(conv, h), PANEL);
}

// The same of all channels of a block, from the gradients of what it passed on.
inline void activation_backward(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row) {
    const Conv& conv = net.convs[l];
    const Plane passed = passed_plane(net, l, block, net.map_deltas);
    const ChannelDropout dropout(conv.filters, first_row, images);
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        const Panel factor = dropout.factors(h);
        float* deltas = net.deltas + block * conv.output_floats() + h * conv.output_stride;
        const Plane from = {passed.at + h * passed.channel_stride, 0, passed.row_stride};
        if (!conv.pool) {
            channel_backward(conv, block, h, from, factor, deltas);
            continue;
        }
        pool_backward(conv, from.at, from.row_stride,
                      conv.pool_argmax + block * conv.pooled_floats() + h * conv.pooled_pixels * PANEL, deltas, factor);
        channel_backward(conv, block, h, {deltas, 0, conv.output_width * PANEL}, broadcast_panel(1), deltas);
    }
}

// Gradients of a block's input, from those of its sums: each goes where its pixel was taken from.
inline void input_gradient(const Conv& conv, const float* deltas, float* map_deltas) {
    const Layer& filters = conv.filters;
    const int64_t row = conv.output_width * PANEL;
    __builtin_memset(map_deltas, 0, (size_t)conv.map_stride * sizeof(float));
    for (int64_t y = 0; y * row < conv.output_pixels * PANEL; ++y)
        for (int64_t t = 0; t < conv.kernel_area(); ++t) {
            const Tap* runs = conv.unit_taps;
            for (int64_t h = 0; h < filters.units; h += conv.group_units) {
                float* to = map_deltas + seen_offset(conv, h) + y * conv.stride * conv.row_stride;
                const int64_t count = count_runs(conv, h, h + conv.group_units);
                multiply<false>({filters.weights + conv.pixel_taps[t].a, conv.kernel_area() * PANEL, deltas + y * row,
                                 conv.output_stride, PANEL, to + conv.pixel_taps[t].b, conv.channel_stride, conv.stride * PANEL,
                                 nullptr, 0, true, runs, count},
                                conv.group_inputs, conv.output_width * PANEL_VECTORS);
                runs += count;
            }
        }
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
    const int64_t channel = conv.output_stride, step = conv.stride * PANEL;
    const int64_t skip = conv.stride * conv.row_stride - conv.output_width * step;
    for (int part = 0; part < PANEL; part += W) {
        vf32 sum[R][C] = {};
        for (int64_t b = 0; b < factors.blocks; ++b) {
            const float *map = factors.maps + b * conv.map_stride + part,
                        *delta = factors.deltas + b * conv.output_floats() + part, *end = delta + conv.output_pixels * PANEL;
            for (; delta < end; map += skip)
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
        alignas(64) float sums[ROWS * PANEL * PANEL] = {}, sums_of_image[PANEL * PANEL];
        const float* seen = maps + seen_offset(conv, h);
        for_each_tile<TILE_VECTORS>(filters.inputs, [&](int64_t k, int64_t rows) {
            int64_t offset[ROWS];
            for (int64_t r = 0; r < rows; ++r)
                offset[r] = (k + r) / conv.kernel_area() * conv.channel_stride +
                            conv.pixel_taps[(k + r) % conv.kernel_area()].b;
            for (int64_t c = 0, next; c < units; c = next) {
                next = c + TILE_VECTORS <= units ? c + TILE_VECTORS : c + 1;
                tiles[rows - 1][next > c + 1]({conv, blocks, seen, deltas + (h + c) * conv.output_stride}, offset,
                                              sums + (h % PANEL + c) * PANEL);
            }
            for (int64_t r = 0; r < rows; ++r) {
                float* gradient = filters.gradient + h / PANEL * filters.panel_stride + (k + r) * PANEL;
                transpose_16x16(sums + r * PANEL * PANEL, sums_of_image);
                Panel sum = load_panel(gradient);
                for (int64_t n = 0; n < PANEL; ++n) sum = sum + load_panel(sums_of_image + n * PANEL);
                store(gradient, sum);
            }
        });
    });
}

// A group of blocks at a time, so that they stay in the cache; where no batch is normed, there is one.
inline void backward_convs(const Network& net, int64_t rows, int64_t first_row) {
    const int64_t blocks = blocks_of(rows), together = blocks_of(net.seen_rows);
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        const Conv& conv = net.convs[l];
        const bool norms = conv.filters.norm.width > 0;
        if (norms) clear_sums_of_images(conv);
        for (int64_t b = 0; b < rows; b += PANEL) {
            if (l == net.conv_count - 1) rows_to_panels(net, b, rows - b, net.values);
            activation_backward(net, l, b / PANEL, rows - b, first_row + b);
        }
        if (norms) settle_norm_gradients_of_images(conv);
        // The gradients of the maps behind are read; now those of the maps in front may take their place.
        for (int64_t first = 0, end; first < blocks; first = end) {
            end = min(blocks, first + together);
            for (int64_t block = first; block < end; ++block) {
                float* deltas = net.deltas + block * conv.output_floats();
                if (norms) pull_back_block(conv, block, rows - block * PANEL, rows, deltas);
                if (l) input_gradient(conv, deltas, net.map_deltas + block * conv.map_stride);
            }
            filters_backward(conv, end - first, conv.input_maps + first * conv.map_stride,
                             net.deltas + first * conv.output_floats());
        }
    }
}

}  // namespace
}  // namespace shoal
