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

// Calls f(pooled pixel, its place in its row and the row's) for one channel.
template <class F>
inline void for_each_window(const Conv& conv, F&& f) {
    int64_t p = 0;
    for (int64_t y = 0; p < conv.pooled_pixels; ++y)
        for (int64_t x = 0; x < conv.pooled_width; ++x) f(p++, x, y);
}

// Sides of the usual window, known when this is compiled.
struct TwoByTwo {
    static constexpr int64_t height = 2, width = 2;
};

// Calls f with the sides of a pool's windows.
template <class F>
inline void with_window(const Conv& conv, F&& f) {
    if (conv.pool_size.height == 2 && conv.pool_size.width == 2) return f(TwoByTwo{});
    f(conv.pool_size);
}

// One vector of a pooled pixel: the average of its window, where value(row, column) are its numbers.
template <class Window, class F>
inline vf32 average_of_window(const Window& window, F&& value) {
    vf32 sum = {};
#pragma GCC unroll 2
    for (int64_t y = 0; y < window.height; ++y)
#pragma GCC unroll 2
        for (int64_t x = 0; x < window.width; ++x) sum += value(y, x);
    return sum / broadcast((float)(window.height * window.width));
}

// The maximum of its window and where it stands: the first of equals; what is not a number wins, as in torch.
template <class Window, class F>
inline vf32 max_of_window(const Window& window, F&& value, vi32& place) {
    vf32 best = value(0, 0);
    place = vi32{};
    int32_t i = 1;
#pragma GCC unroll 2
    for (int64_t y = 0; y < window.height; ++y)
#pragma GCC unroll 2
        for (int64_t x = y ? 0 : 1; x < window.width; ++x, ++i) {
            const vf32 number = value(y, x);
            const vi32 better = (vi32)(number > best) | (vi32)(number != number);
            best = select(better, number, best);
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

// Row `y` of a channel's pool, times `factor`, of a map whose number in vector v of a panel value(place, v) is, row by row,
// from the row's first window on. Keeps where the maxima stand unless `argmax` is null.
template <class F>
inline void pool_row(const Conv& conv, F&& value, float* to, int32_t* argmax, const Panel& factor) {
    const bool by_max = pools_by_max(conv);
    const int64_t width = conv.output_width * PANEL, step = conv.pool_stride.width * PANEL;
    with_window(conv, [&](const auto& window) {
        for (int64_t x = 0, corner = 0; x < conv.pooled_width * PANEL; x += PANEL, corner += step)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; ++v) {
                const auto number = [&](int64_t down, int64_t right) {
                    return value(corner + down * width + right * PANEL, v);
                };
                vi32 place;
                const vf32 pooled = by_max ? max_of_window(window, number, place) : average_of_window(window, number);
                store(to + x + v * W, pooled * factor.part[v]);
                if (by_max && argmax) store(argmax + x + v * W, place);
            }
    });
}

// Gradients of the input of the pool of one channel, from those of its output times `factor`.
inline void pool_backward(const Conv& conv, const float* from, int64_t row_stride, const int32_t* argmax, float* to,
                          const Panel& factor) {
    const bool by_max = pools_by_max(conv);
    const float area = (float)area_of(conv.pool_size);
    __builtin_memset(to, 0, (size_t)(conv.output_height() * conv.delta_row_stride) * sizeof(float));
    for_each_window(conv, [&](int64_t p, int64_t x, int64_t y) {
        float* window = to + y * conv.pool_stride.height * conv.delta_row_stride + x * conv.pool_stride.width * PANEL;
#pragma GCC unroll 4
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

// The same of row `y` of a pool by maximum whose windows are apart, and from `from` and `argmax` on; slope(place, v) is
// multiplied in.
template <class F>
inline void scatter_row(const Conv& conv, const float* from, F&& slope, const int32_t* argmax, const Panel& factor,
                        float* to) {
    const int64_t height = min(conv.pool_stride.height, conv.output_height()), stride = conv.delta_row_stride;
    const bool whole = conv.pool_size.height == conv.pool_stride.height && conv.pool_size.width == conv.pool_stride.width &&
                       conv.pooled_width * conv.pool_stride.width == conv.output_width;
    for (int64_t y = 0; !whole && y < height; ++y)
        __builtin_memset(to + y * stride, 0, (size_t)(conv.output_width * PANEL) * sizeof(float));
    with_window(conv, [&](const auto& window) {
        for (int64_t x = 0; x < conv.pooled_width * PANEL; x += PANEL, to += conv.pool_stride.width * PANEL)
#pragma GCC unroll 4
            for (int v = 0; v < PANEL_VECTORS; ++v) {
                const vf32 delta = load(from + x + v * W) * factor.part[v] * slope(x, v);
                const vi32 place = load(argmax + x + v * W);
#pragma GCC unroll 2
                for (int64_t y = 0, i = 0; y < window.height; ++y)
#pragma GCC unroll 2
                    for (int64_t right = 0; right < window.width; ++right, ++i)
                        store(to + y * stride + right * PANEL + v * W,
                              as_floats(as_bits(delta) & (vi32)(place == (int32_t)i)));
            }
    });
}

}  // namespace
}  // namespace shoal
