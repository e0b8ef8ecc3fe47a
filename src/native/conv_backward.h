// Convolutions backward: through pools, activations and norms, to the gradients of inputs and filters; and through skips.
//
// Letters: B images that go through together, C channels.
#pragma once
#include "conv.h"

namespace shoal {
namespace {

// Zeros around the rows of a channel's gradients.
inline void clear_margins(const Conv& conv, float* deltas) {
    const size_t bytes = (size_t)(conv.margin * PANEL) * sizeof(float);
    __builtin_memset(deltas, 0, bytes);
    for (int64_t y = 1; y <= conv.output_height(); ++y) __builtin_memset(deltas + y * conv.delta_row_stride, 0, bytes);
}

// Multiplies a row of gradients by its derivatives, and by `factor`, on their way from `row` to `delta`, and adds them to
// `sum`. slope(place, v) is vector v of a panel.
template <class F>
inline void take_slopes(const Conv& conv, const float* row, const Panel& factor, F&& slope, float* delta, Panel& sum) {
    const int64_t width = conv.output_width * PANEL;
    const Panel times = factor;
    Panel total = sum;
    for (int64_t x = 0; x < width; x += PANEL) {
        const Panel slope_x = panel_of([&](int v) { return slope(x, v); });
        const Panel delta_x = load_panel(row + x) * times * slope_x;
        store(delta + x, delta_x);
        total = total + delta_x;
    }
    sum = total;
}

// The same of gradients that stand there.
inline void add_row(const Conv& conv, const float* delta, Panel& sum) {
    Panel total = sum;
    for (int64_t x = 0; x < conv.output_width * PANEL; x += PANEL) total = total + load_panel(delta + x);
    sum = total;
}

// What a channel of a block is passed back through: the gradients that arrive and the values that were passed on, which lie
// alike, and where its own gradients are written.
struct ChannelWay {
    const Conv& conv;
    int64_t block, h;
    const float *from, *passed;
    int64_t row_stride;
    Panel factor;
    float* delta;
    float* row(int64_t y) const { return delta + y * conv.delta_row_stride; }
};

// Row by row through the activation; calls settle(row) behind each. slope(x, v) of slopes_of(row) is multiplied in.
template <class S, class F>
inline void pass_rows(const ChannelWay& way, S&& slopes_of, Panel& sum, F&& settle) {
    const Conv& conv = way.conv;
    const float* from = conv.pool ? way.delta : way.from;
    const int64_t row_stride = conv.pool ? conv.delta_row_stride : way.row_stride;
    const Panel factor = conv.pool ? broadcast_panel(1) : way.factor;
    for (int64_t y = 0; y < conv.output_height(); ++y) {
        take_slopes(conv, from + y * row_stride, factor, slopes_of(y), way.row(y), sum);
        settle(y);
    }
}

// The same where maxima of windows that are apart were passed on, row of windows by row.
template <class S, class F>
inline void pass_windows(const ChannelWay& way, const int32_t* argmax, S&& slope_of, F&& settle) {
    const Conv& conv = way.conv;
    for (int64_t y = 0, p = 0; y < conv.output_height(); ++y) {
        if (y % conv.pool_stride.height == 0 && p < conv.pooled_height()) {
            const float* passed = way.passed + p * way.row_stride;
            const auto slope = [=](int64_t x, int v) { return slope_of(load(passed + x + v * W)); };
            scatter_row(conv, way.from + p * way.row_stride, slope, argmax + p * conv.pooled_width * PANEL, way.factor,
                        way.row(y));
            ++p;
        } else if (y >= p * conv.pool_stride.height) {
            __builtin_memset(way.row(y), 0, (size_t)(conv.output_width * PANEL) * sizeof(float));
        }
        settle(y);
    }
}

// Passes a channel back by `pass(sum, settle)`; with a `slope` adds up the gradient of its bias, `by_windows` behind the
// rows, or takes the rows in for the gradients of its norm.
template <class P>
inline void settle_channel(const ChannelWay& way, BlockSlope* slope, bool by_windows, P&& pass) {
    const Conv& conv = way.conv;
    const Layer& filters = conv.filters;
    Panel sum = broadcast_panel(0);
    if (!slope) {
        pass(sum, [](int64_t) {});
    } else if (filters.norm.width) {
        NormGradients gradients(conv, way.block, way.h);
        pass(sum, [&](int64_t y) { gradients.add_row(way.row(y), y); });
        gradients.settle(*slope);
    } else {
        pass(sum, [&](int64_t y) {
            if (by_windows) add_row(conv, way.row(y), sum);
        });
        filters.gradient[unit_offset(filters, way.h) + filters.inputs * PANEL] += horizontal_sum_16(sum.part);
    }
}

// Derivatives of row `y` of a channel by what its sums are normed to, which is made of them again.
inline void differentiate_row(const ChannelWay& way, int64_t y, float* derivative) {
    const Layer& filters = way.conv.filters;
    const int64_t width = way.conv.output_width * PANEL;
    const float* sum = sums_of_channel(way.conv, way.block, way.h) + y * width;
    const Preactivation<true> preactivation(filters, way.block, way.h);
    with_activation(filters.activation, [&](auto kind) {
        for (int64_t x = 0; x < width; x += PANEL)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; ++v)
                store(derivative + x + v * W, decltype(kind)::evaluate(preactivation(load(sum + x + v * W), v)).derivative);
    });
}

inline float negative_slope(const Layer& filters) {
    float slope = 0;
    with_activation(filters.activation, [&](auto kind) {
        if constexpr (decltype(kind)::BY_SIGN) slope = decltype(kind)::negative_slope;
    });
    return slope;
}

// Gradients of the sums, or of what they are normed to, of a channel, from those of what was passed on. Slopes are those of
// that where signs tell them, stand beside the values, or are those of the sums that were normed, written to `derivatives`.
inline void channel_backward(const ChannelWay& way, BlockSlope* slope, float* derivatives) {
    const Conv& conv = way.conv;
    const Layer& filters = conv.filters;
    const int32_t* argmax = conv.pool_argmax + way.block * conv.pooled_floats() + way.h * conv.pooled_pixels * PANEL;
    const bool by_windows = conv.pool && conv.slopes_by_sign;
    const int64_t width = conv.output_width * PANEL;
    const auto settled = [&](auto&& pass) { settle_channel(way, slope, by_windows, pass); };
    if (conv.pool && !by_windows) pool_backward(conv, way.from, way.row_stride, argmax, way.delta, way.factor);
    if (conv.slopes_by_sign) {
        const vf32 above = broadcast(1), below = broadcast(negative_slope(filters));
        const auto by_sign = [=](vf32 value) { return select((vi32)(value > 0.0f), above, below); };
        return settled([&](Panel& sum, auto&& settle) {
            if (by_windows) return pass_windows(way, argmax, by_sign, settle);
            const auto slopes_of = [&](int64_t y) {
                const float* row = way.passed + y * way.row_stride;
                return [=](int64_t x, int v) { return by_sign(load(row + x + v * W)); };
            };
            pass_rows(way, slopes_of, sum, settle);
        });
    }
    const float* kept = filters.derivative + way.block * conv.output_floats() + way.h * conv.output_stride;
    settled([&](Panel& sum, auto&& settle) {
        const auto slopes_of = [&](int64_t y) {
            const float* row = conv.keeps_derivatives ? kept + y * width : derivatives;
            if (!conv.keeps_derivatives) differentiate_row(way, y, derivatives);
            return [=](int64_t x, int v) { return load(row + x + v * W); };
        };
        pass_rows(way, slopes_of, sum, settle);
    });
}

// Those of one block, written to `deltas`.
inline void activation_backward(const Network& net, int64_t l, int64_t block, int64_t images, int64_t first_row,
                                float* deltas, BlockSlope* slope) {
    const Conv& conv = net.convs[l];
    const Plane from = passed_gradients(net, l, block), passed = passed_values(net, l, block);
    channel_factors(conv.filters, first_row, images, net.channel_factors);
    for (int64_t h = 0; h < conv.filters.units; ++h) {
        float* delta = deltas + h * conv.delta_stride;
        clear_margins(conv, delta);
        const int64_t at = h * from.channel_stride;
        channel_backward({conv, block, h, from.at + at, passed.at + at, from.row_stride,
                          load_panel(net.channel_factors + h * PANEL), delta + conv.margin * PANEL},
                         slope, net.sums);
    }
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
    int64_t first_row, end_row;  // of the output
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
            map += factors.first_row * conv.stride.height * conv.row_stride;
            delta += factors.first_row * conv.delta_row_stride;
            for (int64_t y = factors.first_row; y < factors.end_row; ++y, map += skip, delta += margin)
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

// Rows of the output.
struct RowRange {
    int64_t first, end;
};

// Those in which a row of the kernel lies on the input, not on its border.
inline RowRange rows_that_see(const Conv& conv, int64_t kernel_row) {
    const int64_t stride = conv.stride.height, down = kernel_row * conv.dilation.height - conv.padding.height;
    const int64_t first = down < 0 ? (-down + stride - 1) / stride : 0;
    const int64_t end = down < conv.input_height ? (conv.input_height - down + stride - 1) / stride : 0;
    return {min(first, conv.output_height()), min(max(first, end), conv.output_height())};
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
            for (int64_t r = 0; r < rows; ++r) offset[r] = conv.seen[k + r].offset;
            const int64_t first_row = rows_that_see(conv, conv.seen[k + rows - 1].kernel_row).first,
                          end_row = rows_that_see(conv, conv.seen[k].kernel_row).end;
            for (int64_t c = 0, next; c < units; c = next) {
                next = c + TILE_VECTORS <= units ? c + TILE_VECTORS : c + 1;
                tiles[rows - 1][next > c + 1](
                    {conv, blocks, seen, deltas + (h + c) * conv.delta_stride, first_row, end_row}, offset,
                                              sums + (h % PANEL + c) * PANEL);
            }
            for (int64_t r = 0; r < rows; ++r) {
                float* gradient = filters.gradient + h / PANEL * filters.panel_stride + conv.seen[k + r].input * PANEL;
                const Panel sum = load_panel(gradient) + sums_of_rows(sums + r * PANEL * PANEL);
                store(gradient, sum);
            }
        });
    });
}

// -- the way back through skips ------------------------------------------------------------------------------

// Adds the gradients of what a skip added to a block to those of what entered.
inline void skip_backward(const Network& net, const Conv& conv, int64_t block, const float* deltas) {
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

// -- all of it -----------------------------------------------------------------------------------------------

// What batch norm needs before gradients of its sums are known: those of its scale and shift, of the whole batch. What they
// are made of is made again then: memory is slower.
inline void sum_norm_gradients(const Network& net, int64_t l, int64_t rows, int64_t first_row) {
    const Conv& conv = net.convs[l];
    BlockSlope slope;
    for (int64_t b = 0; b < rows; b += PANEL)
        activation_backward(net, l, b / PANEL, rows - b, first_row + b, net.deltas, &slope);
    settle_norm_gradients_of_images(conv);
}

// Gradients of a block's sums, and of what a skip added to them.
inline void block_backward(const Network& net, int64_t l, int64_t block, int64_t rows, int64_t first_row, float* deltas) {
    const Conv& conv = net.convs[l];
    const int64_t norm = conv.filters.norm.kind, b = block * PANEL;
    BlockSlope slope;
    activation_backward(net, l, block, rows - b, first_row + b, deltas, norm == SHOAL_BATCH_NORM ? nullptr : &slope);
    if (conv.source > 0) skip_backward(net, conv, block, deltas);  // images need none
    if (conv.projection)
        filters_backward(*conv.projection, 1, conv.projection->input_maps + block * conv.projection->map_stride, deltas);
    if (norm == SHOAL_BATCH_NORM) pull_back_batch_norm(conv, block, rows - b, rows, deltas);
    if (norm == SHOAL_LAYER_NORM) pull_back_layer_norm(conv, block, rows - b, slope, deltas);
}

// A group of blocks at a time, so that they stay in the cache; where no batch is normed, there is one.
inline void backward_convs(const Network& net, int64_t rows, int64_t first_row) {
    const int64_t blocks = blocks_of(rows), together = blocks_of(net.seen_rows);
    for (int64_t block = 0; block < blocks; ++block) rows_to_panels(net, block, rows - block * PANEL);
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        const Conv& conv = net.convs[l];
        const int64_t norm = conv.filters.norm.kind;
        if (norm) clear_sums_of_images(conv);
        if (norm == SHOAL_BATCH_NORM) sum_norm_gradients(net, l, rows, first_row);
        for (int64_t first = 0, end; first < blocks; first = end) {
            end = min(blocks, first + together);
            const auto deltas = [&](int64_t block) { return net.deltas + (block - first) * conv.delta_floats(); };
            for (int64_t block = first; block < end; ++block) block_backward(net, l, block, rows, first_row, deltas(block));
            // The gradients of their maps behind are read; now those of the maps in front may take their place.
            for (int64_t block = first; l && block < end; ++block) input_gradient(conv, block, deltas(block));
            filters_backward(conv, end - first, conv.input_maps + first * conv.map_stride, net.deltas);
        }
        if (norm == SHOAL_LAYER_NORM) settle_norm_gradients_of_images(conv);
    }
}

}  // namespace
}  // namespace shoal
