// Convolutions, their pools, and the way of images into the network.
//
// The values under the kernel, for one pixel of the output, are a patch: one row of a matrix whose product
// with the filters gives the channels of that pixel. Patches are laid out for PATCHES pixels at a time, and
// only so many images go through the network together (forward, loss, backward) that nothing of them leaves
// the second cache; gradients add up over the batch. Every sum runs over patches and pixels in one order,
// wherever blocks and groups end.
//
// Letters: B images that go through together, C channels.
#pragma once
#include "network.h"
#include "optimizers.h"
#include "product.h"
#include "streams.h"

namespace shoal {
namespace {

// -- images in -----------------------------------------------------------------------------------------------

// How one image is changed before it is learned from; black comes in.
struct Move {
    int64_t down, right;
    bool mirrored;
};

// Draws of an epoch for the place of each row in its order: down, right, mirrored.
inline void draw_moves(const ShoalFit& fit, int64_t rows, uint32_t* moves) {
    for (uint32_t layer = 0; layer < 3; ++layer)
        draw_words({{fit.augment_key[0], fit.augment_key[1]}, layer, 0, (uint32_t)fit.epoch}, rows,
                   moves + layer * draws_room(rows));
}

inline Move drawn_move(const ShoalFit& fit, const uint32_t* moves, int64_t place) {
    const int64_t room = draws_room(fit.train.rows);
    const uint64_t span = (uint64_t)(2 * fit.shift + 1);
    const auto by = [=](uint32_t word) { return (int64_t)(word * span >> 32) - fit.shift; };
    return {by(moves[place]), by(moves[room + place]), fit.flip && moves[2 * room + place] >> 31};
}

// What each byte becomes, channel by channel.
inline void set_levels(const Network& net, const ShoalFit& fit) {
    for (int64_t c = 0; net.conv_count && c < net.channels; ++c)
        for (int i = 0; i < 256; ++i)
            net.levels[256 * c + i] = (float)i * fit.pixel_scale[c] + fit.pixel_offset[c];
}

// Where row y of channel c of image b begins in the first convolution's maps.
inline float* fed_row(const Network& net, int64_t b, int64_t c, int64_t y) {
    const Conv& conv = net.convs[0];
    return conv.maps + b * conv.map + (y + conv.padding) * conv.row + conv.padding * conv.channels + c;
}

inline void feed_image(const Network& net, int64_t b, const uint8_t* image, const Move& move) {
    const int64_t height = net.height, width = net.convs[0].width, channels = net.channels;
    const bool as_it_is = !(move.down || move.right || move.mirrored);
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < height; ++y) {
            const float* level = net.levels + 256 * c;
            const int64_t from_y = y + move.down;
            const uint8_t* from = image + (c * height + from_y) * width;
            float* to = fed_row(net, b, c, y);
            if (as_it_is) {
                for (int64_t x = 0; x < width; ++x) to[x * channels] = level[from[x]];
                continue;
            }
            const bool row_inside = from_y >= 0 && from_y < height;
            for (int64_t x = 0; x < width; ++x) {
                const int64_t from_x = (move.mirrored ? width - 1 - x : x) + move.right;
                to[x * channels] = level[row_inside && from_x >= 0 && from_x < width ? from[from_x] : 0];
            }
        }
}

// A row that is ready: of a table, or of an image as (C, height, width).
inline void feed_floats(const Network& net, int64_t b, const float* row) {
    if (!net.conv_count) {
        __builtin_memcpy(net.front.value + b * net.front.stride, row, (size_t)net.inputs * sizeof(float));
        return;
    }
    const int64_t width = net.convs[0].width, channels = net.channels;
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < net.height; ++y, row += width) {
            float* to = fed_row(net, b, c, y);
            for (int64_t x = 0; x < width; ++x) to[x * channels] = row[x];
        }
}

// -- patches -------------------------------------------------------------------------------------------------

// Calls f(corner, i) for `count` output pixels from `from` on of the images at `maps`: where the patch of the
// i-th begins.
template <class T, class F>
inline void each_patch(const Conv& conv, T* maps, int64_t from, int64_t count, F&& f) {
    int64_t x = from % conv.pixels % conv.out_width, y = from % conv.pixels / conv.out_width;
    T* map = maps + from / conv.pixels * conv.map;
    const int64_t step = conv.stride * conv.channels, down = conv.stride * conv.row;
    const int64_t height = conv.pixels / conv.out_width;
    for (int64_t i = 0; i < count; ++i) {
        f(map + y * down + x * step, i);
        if (++x < conv.out_width) continue;
        x = 0;
        if (++y < height) continue;
        y = 0;
        map += conv.map;
    }
}

// Lays patches out, each with a constant 1 behind it. Whole vectors are copied: what spills over is written
// again by the next run or row.
inline void lay_patches(const Conv& conv, const float* maps, int64_t from, int64_t count, float* patches) {
    const int64_t run = conv.kernel * conv.channels, kernel = conv.kernel, row = conv.row;
    const int64_t stride = conv.filters.in_stride, inputs = conv.filters.inputs;
    each_patch(conv, maps, from, count, [=](const float* corner, int64_t i) {
        float* to = patches + i * stride;
        for (int64_t y = 0; y < kernel; ++y)
            for (int64_t j = 0; j < run; j += W) store(to + y * run + j, load(corner + y * row + j));
        to[inputs] = 1;
    });
}

// Adds gradients of patches up in the gradients of the maps they were cut from.
inline void add_patches(const Conv& conv, const float* patches, int64_t from, int64_t count, float* maps) {
    const int64_t run = conv.kernel * conv.channels, kernel = conv.kernel, row = conv.row, whole = run / W * W;
    const int64_t stride = conv.filters.in_stride;
    const vi rest = first_lanes(run - whole);
    each_patch(conv, maps, from, count, [=](float* corner, int64_t i) {
        for (int64_t y = 0; y < kernel; ++y) {
            const float* add = patches + i * stride + y * run;
            float* to = corner + y * row;
            for (int64_t j = 0; j < whole; j += W) store(to + j, load(to + j) + load(add + j));
            if (whole == run) continue;
            const vf old = load(to + whole);
            store(to + whole, pick(rest, old + load(add + whole), old));
        }
    });
}

// Calls f(from, count) for all pixels of `images` images, PATCHES at a time.
template <class F>
inline void each_block(const Conv& conv, int64_t images, F&& f) {
    for (int64_t from = 0; from < images * conv.pixels; from += PATCHES)
        f(from, least(PATCHES, images * conv.pixels - from));
}

// -- forward -------------------------------------------------------------------------------------------------

// Values, and slopes, of `images` images from their maps.
inline void filter(const Network& net, const Conv& conv, int64_t images) {
    const Layer& filters = conv.filters;
    each_block(conv, images, [&](int64_t from, int64_t count) {
        lay_patches(conv, conv.maps, from, count, net.patches);
        multiply_blocked({net.patches, filters.in_stride, filters.weights, filters.row, filters.panel,
                          net.values + from * filters.stride, filters.stride, PANEL, nullptr,
                          filters.inputs + 1, false},
                         count, filters.vectors);
    });
    const int64_t count = images * conv.pixels * filters.stride;
    float *value = net.values, *slope = filters.slope;
    with_activation(filters.activation, [=](auto kind) {
        for (int64_t i = 0; i < count; i += W) {
            const Both y = decltype(kind)::at(load(value + i));
            store(value + i, y.value);
            store(slope + i, y.slope);
        }
    });
}

// Calls f(pooled pixel, its window's first pixel) for one image.
template <class F>
inline void each_window(const Conv& conv, F&& f) {
    int64_t p = 0;
    for (int64_t row = 0; p < conv.pooled; row += conv.out_width * conv.pool_stride)
        for (int64_t x = 0; x < conv.pooled_width; ++x) f(p++, row + x * conv.pool_stride);
}

// One vector of channels of a pooled pixel: the mean of its window, or the largest value and where it stands.
inline vf mean_of(const Conv& conv, const float* window) {
    vf sum = {};
    for (int64_t y = 0; y < conv.pool_size; ++y)
        for (int64_t x = 0; x < conv.pool_size; ++x)
            sum += load(window + (y * conv.out_width + x) * conv.filters.stride);
    return sum / all((float)(conv.pool_size * conv.pool_size));
}

// The first of equals; what is not a number wins, as in torch.
inline vf largest_of(const Conv& conv, const float* window, int32_t* chosen) {
    vf best = load(window);
    vi place = {};
    for (int64_t i = 1; i < conv.pool_size * conv.pool_size; ++i) {
        const int64_t at = i / conv.pool_size * conv.out_width + i % conv.pool_size;
        const vf value = load(window + at * conv.filters.stride);
        const vi better = (vi)(value > best) | (vi)(value != value);
        best = pick(better, value, best);
        place = lanes(pick(better, floats(vi{} + (int32_t)i), floats(place)));
    }
    __builtin_memcpy(chosen, &place, sizeof place);
    return best;
}

// Whether a pool takes the largest of a window; the other takes the mean.
inline bool takes_largest(const Conv& conv) {
    static_assert(SHOAL_POOLS == 3, "a case for every pool");
    switch (conv.pool) {
        case SHOAL_MAX_POOL: return true;
        case SHOAL_AVERAGE_POOL: return false;
        default: unknown_kind();
    }
}

// Pools values in place: a window is read before its pixel, which lies at or before it, is written.
inline void pool(const Network& net, const Conv& conv, int64_t images) {
    const int64_t lanes = conv.filters.stride;
    if (conv.pool == SHOAL_NO_POOL) return;
    const bool largest = takes_largest(conv);
    for (int64_t i = 0; i < images; ++i) {
        const float* from = net.values + i * conv.pixels * lanes;
        float* to = net.values + i * conv.pooled * lanes;
        int32_t* chosen = conv.chosen + i * conv.pooled * lanes;
        each_window(conv, [&](int64_t p, int64_t corner) {
            for (int64_t c = 0; c < lanes; c += W) {
                const float* window = from + corner * lanes + c;
                const vf value = largest ? largest_of(conv, window, chosen + p * lanes + c)
                                         : mean_of(conv, window);
                store(to + p * lanes + c, value);
            }
        });
    }
}

// Calls f(pixel, where its first channel goes, from channel to channel) for what convolution `l` hands on of
// one image: to the next one's map, or, channel by channel, to the dense layers.
template <class F>
inline void each_handed_on(const Network& net, int64_t l, float* to, F&& f) {
    const Conv& conv = net.convs[l];
    const bool last = l == net.conv_count - 1;
    const Conv& next = net.convs[last ? l : l + 1];
    if (last) {
        for (int64_t p = 0; p < conv.pooled; ++p) f(p, to + p, conv.pooled);
        return;
    }
    int64_t p = 0;
    for (to += next.padding * (next.row + next.channels); p < conv.pooled; to += next.row)
        for (int64_t x = 0; x < conv.pooled_width; ++x) f(p++, to + x * next.channels, 1);
}

// What dropout leaves of the channels of one image: W factors from channel c on. Draws are those of channel c
// of row b of the batch.
struct Kept {
    const uint16_t* draws;  // of this image, or null
    vu below;
    vf scale;
    Kept(const Layer& filters, int64_t row)
        : draws(row < 0 || !filters.drop_below ? nullptr : filters.draws + row * filters.units),
          below(vu{} + (uint32_t)filters.drop_below),
          scale(all((float)(65536.0 / (double)(65536 - filters.drop_below)))) {}
    vf of(int64_t c, vf value) const {
        if (!draws) return value;
        vh some;
        __builtin_memcpy(&some, draws + c, sizeof some);
        return value * floats(lanes(scale) & (vi)(__builtin_convertvector(some, vu) >= below));
    }
};

// Values of one image, row `row` of the batch (-1: nothing is dropped), to where they are wanted next.
inline void hand_on(const Network& net, int64_t l, int64_t i, const float* values, int64_t row) {
    const Conv& conv = net.convs[l];
    const int64_t units = conv.filters.units, lanes = conv.filters.stride;
    const Kept kept(conv.filters, row);
    float* to = l == net.conv_count - 1 ? net.front.value + i * net.front.stride
                                        : net.convs[l + 1].maps + i * net.convs[l + 1].map;
    each_handed_on(net, l, to, [=](int64_t p, float* at, int64_t step) {
        for (int64_t c = 0; c < lanes; c += W) {
            const vf value = kept.of(c, load(values + p * lanes + c));
            if (step == 1 && c + W <= units)
                store(at + c, value);
            else
                for (int64_t j = 0; j < least(W, units - c); ++j) at[(c + j) * step] = value[j];
        }
    });
}

// All convolutions of `rows` images; with `first`, the first one's row in the batch, channels are dropped.
inline void convolve(const Network& net, int64_t rows, int64_t first) {
    for (int64_t l = 0; l < net.conv_count; ++l) {
        const Conv& conv = net.convs[l];
        filter(net, conv, rows);
        pool(net, conv, rows);
        for (int64_t i = 0; i < rows; ++i)
            hand_on(net, l, i, net.values + i * conv.pooled * conv.filters.stride, first < 0 ? -1 : first + i);
    }
}

// -- backward ------------------------------------------------------------------------------------------------

// Gradients of what was handed on for one image, times what dropout left; 0 in the lanes behind the channels.
inline void take_back(const Network& net, int64_t l, int64_t i, int64_t row, float* deltas) {
    const Conv& conv = net.convs[l];
    const int64_t units = conv.filters.units, lanes = conv.filters.stride;
    const Kept kept(conv.filters, row);
    float* from = l == net.conv_count - 1 ? net.front.delta + i * net.front.stride
                                          : net.map_deltas + i * net.convs[l + 1].map;
    each_handed_on(net, l, from, [=](int64_t p, const float* at, int64_t step) {
        for (int64_t c = 0; c < lanes; c += W) {
            vf delta = {};
            if (step == 1 && c + W <= units)
                delta = load(at + c);
            else
                for (int64_t j = 0; j < least(W, units - c); ++j) delta[j] = at[(c + j) * step];
            store(deltas + p * lanes + c, kept.of(c, delta));
        }
    });
}

// Gradients before the pool of one image, from those behind it.
inline void unpool(const Conv& conv, const float* from, const int32_t* chosen, float* to) {
    const int64_t lanes = conv.filters.stride, size = conv.pool_size * conv.pool_size;
    const bool largest = takes_largest(conv);
    __builtin_memset(to, 0, (size_t)(conv.pixels * lanes) * sizeof(float));
    each_window(conv, [=](int64_t p, int64_t corner) {
        for (int64_t c = 0; c < lanes; c += W) {
            vf delta = load(from + p * lanes + c);
            vi place = {};
            if (largest)
                __builtin_memcpy(&place, chosen + p * lanes + c, sizeof place);
            else
                delta = delta / all((float)size);
            for (int64_t i = 0; i < size; ++i) {
                const int64_t at = i / conv.pool_size * conv.out_width + i % conv.pool_size;
                float* pixel = to + (corner + at) * lanes + c;
                const vf old = load(pixel);
                const vi here = (vi)(place == (int32_t)i);
                store(pixel, largest ? pick(here, old + delta, old) : old + delta);
            }
        }
    });
}

// Gradients of the pre-activations of `images` images, into `deltas`; the first is row `first` of the batch.
inline void slope_back(const Network& net, int64_t l, int64_t images, int64_t first) {
    const Conv& conv = net.convs[l];
    const int64_t lanes = conv.filters.stride, image = conv.pixels * lanes, handed = conv.pooled * lanes;
    for (int64_t i = 0; i < images; ++i) {
        take_back(net, l, i, first + i, conv.pool ? net.values : net.deltas + i * image);
        if (conv.pool) unpool(conv, net.values, conv.chosen + i * handed, net.deltas + i * image);
    }
    for (int64_t i = 0; i < images * image; i += W)
        store(net.deltas + i, load(net.deltas + i) * load(conv.filters.slope + i));
}

// Adds the filters' gradients of `images` images up, and with `wanted` finds those of its maps.
inline void filter_back(const Network& net, const Conv& conv, int64_t images, bool wanted) {
    const Layer& filters = conv.filters;
    const int64_t lanes = filters.stride, depth = up_to(filters.units, PANEL);
    if (wanted) __builtin_memset(net.map_deltas, 0, (size_t)(images * conv.map) * sizeof(float));
    each_block(conv, images, [&](int64_t from, int64_t count) {
        const float* delta = net.deltas + from * lanes;
        lay_patches(conv, conv.maps, from, count, net.patches);
        multiply<true>({net.patches, filters.in_stride, delta, lanes, PANEL, filters.gradient, filters.row,
                        filters.panel, nullptr, count, true},
                       filters.rows, filters.vectors);
        if (!wanted) return;
        multiply_blocked({delta, lanes, filters.turned, PANEL, depth * PANEL, net.patches, filters.in_stride,
                          PANEL, nullptr, filters.units, false},
                         count, (filters.inputs + W - 1) / W);
        add_patches(conv, net.patches, from, count, net.map_deltas);
    });
}

inline void convolve_back(const Network& net, int64_t rows, int64_t first) {
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        slope_back(net, l, rows, first);
        filter_back(net, net.convs[l], rows, l > 0);
    }
}

}  // namespace
}  // namespace shoal
