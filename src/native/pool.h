// Pools: the maximum or the average of windows, forward and backward, of one channel of a block of images.
#pragma once
#include "kinds.h"
#include "network.h"

namespace shoal {
namespace {

// Where the map of a block lies whose rows are not one behind the other.
struct Plane {
    float* at;
    int64_t channel_stride, row_stride;
};

// Calls f(pooled pixel, its place in its row and the row's, its window's first pixel) for one channel.
template <class F>
inline void for_each_window(const Conv& conv, F&& f) {
    int64_t p = 0;
    for (int64_t y = 0; p < conv.pooled_pixels; ++y)
        for (int64_t x = 0; x < conv.pooled_width; ++x)
            f(p++, x, y, y * conv.pool_stride.height * conv.output_width + x * conv.pool_stride.width);
}

// One vector of a pooled pixel: the average of its window.
inline vf32 average_of_window(const Conv& conv, const float* window) {
    vf32 sum = {};
    for (int64_t y = 0; y < conv.pool_size.height; ++y)
        for (int64_t x = 0; x < conv.pool_size.width; ++x) sum += load(window + (y * conv.output_width + x) * PANEL);
    return sum / broadcast((float)area_of(conv.pool_size));
}

// The maximum of its window and where it stands: the first of equals; what is not a number wins, as in torch.
inline vf32 max_of_window(const Conv& conv, const float* window, vi32& place) {
    vf32 best = load(window);
    place = vi32{};
    int32_t i = 0;
    for (int64_t y = 0; y < conv.pool_size.height; ++y)
        for (int64_t x = 0; x < conv.pool_size.width; ++x, ++i) {
            const vf32 value = load(window + (y * conv.output_width + x) * PANEL);
            const vi32 better = (vi32)(value > best) | (vi32)(value != value);
            best = select(better, value, best);
            place = as_bits(select(better, as_floats(vi32{} + i), as_floats(place)));
        }
    return best;
}

// Whether a pool takes the maximum of a window; the other takes the average.
inline bool pools_by_max(const Conv& conv) {
    static_assert(SHOAL_POOL_COUNT == 3, "a case for every pool");
    switch (conv.pool) {
        case SHOAL_MAX_POOL: return true;
        case SHOAL_AVERAGE_POOL: return false;
        default: unknown_kind();
    }
}

// Pools the values of a channel and multiplies them by `factor`, perhaps in place: a window is read before its pixel, which
// lies at or before it, is written. Keeps where the maxima stand unless `argmax` is null.
inline void pool_forward(const Conv& conv, const float* from, float* to, int64_t row_stride, int32_t* argmax,
                         const Panel& factor) {
    const bool by_max = pools_by_max(conv);
    for_each_window(conv, [&](int64_t p, int64_t x, int64_t y, int64_t corner) {
        for (int v = 0; v < PANEL_VECTORS; ++v) {
            const float* window = from + corner * PANEL + v * W;
            vi32 place;
            const vf32 value = by_max ? max_of_window(conv, window, place) : average_of_window(conv, window);
            store(to + y * row_stride + x * PANEL + v * W, value * factor.part[v]);
            if (by_max && argmax) store(argmax + p * PANEL + v * W, place);
        }
    });
}

// Gradients of the input of the pool of one channel, from those of its output times `factor`.
inline void pool_backward(const Conv& conv, const float* from, int64_t row_stride, const int32_t* argmax, float* to,
                          const Panel& factor) {
    const bool by_max = pools_by_max(conv);
    const float area = (float)area_of(conv.pool_size);
    __builtin_memset(to, 0, (size_t)(conv.output_height() * conv.delta_row_stride) * sizeof(float));
    for_each_window(conv, [&](int64_t p, int64_t x, int64_t y, int64_t) {
        float* window = to + y * conv.pool_stride.height * conv.delta_row_stride + x * conv.pool_stride.width * PANEL;
        for (int v = 0; v < PANEL_VECTORS; ++v) {
            vf32 delta = load(from + y * row_stride + x * PANEL + v * W) * factor.part[v];
            vi32 place = {};
            if (by_max)
                place = load(argmax + p * PANEL + v * W);
            else
                delta = delta / broadcast(area);
            const int64_t wide = conv.pool_size.width;
            for (int64_t i = 0; i < area_of(conv.pool_size); ++i) {
                float* pixel = window + i / wide * conv.delta_row_stride + i % wide * PANEL + v * W;
                const vf32 old = load(pixel);
                const vi32 is_max = (vi32)(place == (int32_t)i);
                store(pixel, by_max ? select(is_max, old + delta, old) : old + delta);
            }
        }
    });
}

}  // namespace
}  // namespace shoal
