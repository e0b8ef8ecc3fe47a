// Pools: the maximum or the average of square windows, forward and backward.
#pragma once
#include "kinds.h"
#include "network.h"

namespace shoal {
namespace {

// Calls f(pooled pixel, its window's first pixel) for one image.
template <class F>
inline void for_each_window(const Conv& conv, F&& f) {
    int64_t p = 0;
    for (int64_t row = 0; p < conv.pooled_pixels; row += conv.output_width * conv.pool_stride)
        for (int64_t x = 0; x < conv.pooled_width; ++x) f(p++, row + x * conv.pool_stride);
}

// One vector of channels of a pooled pixel: the average of its window.
inline vf32 average_of_window(const Conv& conv, const float* window) {
    vf32 sum = {};
    for (int64_t y = 0; y < conv.pool_size; ++y)
        for (int64_t x = 0; x < conv.pool_size; ++x)
            sum += load(window + (y * conv.output_width + x) * conv.filters.output_stride);
    return sum / broadcast((float)(conv.pool_size * conv.pool_size));
}

// The maximum of its window and where it stands: the first of equals; what is not a number wins, as in torch.
inline vf32 max_of_window(const Conv& conv, const float* window, int32_t* argmax) {
    vf32 best = load(window);
    vi32 place = {};
    for (int64_t i = 1; i < conv.pool_size * conv.pool_size; ++i) {
        const int64_t at = i / conv.pool_size * conv.output_width + i % conv.pool_size;
        const vf32 value = load(window + at * conv.filters.output_stride);
        const vi32 better = (vi32)(value > best) | (vi32)(value != value);
        best = select(better, value, best);
        place = as_bits(select(better, as_floats(vi32{} + (int32_t)i), as_floats(place)));
    }
    __builtin_memcpy(argmax, &place, sizeof place);
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

// Pools values in place: a window is read before its pixel, which lies at or before it, is written.
inline void pool_forward(const Network& net, const Conv& conv, int64_t images) {
    const int64_t pixel_floats = conv.filters.output_stride;
    if (conv.pool == SHOAL_NO_POOL) return;
    const bool by_max = pools_by_max(conv);
    for (int64_t i = 0; i < images; ++i) {
        const float* from = net.values + i * conv.output_pixels * pixel_floats;
        float* to = net.values + i * conv.pooled_pixels * pixel_floats;
        int32_t* argmax = conv.pool_argmax + i * conv.pooled_pixels * pixel_floats;
        for_each_window(conv, [&](int64_t p, int64_t corner) {
            for (int64_t c = 0; c < pixel_floats; c += W) {
                const float* window = from + corner * pixel_floats + c;
                const vf32 value = by_max ? max_of_window(conv, window, argmax + p * pixel_floats + c)
                                          : average_of_window(conv, window);
                store(to + p * pixel_floats + c, value);
            }
        });
    }
}

// Gradients of the input of the pool of one image, from those of its output.
inline void pool_backward(const Conv& conv, const float* from, const int32_t* argmax, float* to) {
    const int64_t pixel_floats = conv.filters.output_stride, size = conv.pool_size * conv.pool_size;
    const bool by_max = pools_by_max(conv);
    __builtin_memset(to, 0, (size_t)(conv.output_pixels * pixel_floats) * sizeof(float));
    for_each_window(conv, [=](int64_t p, int64_t corner) {
        for (int64_t c = 0; c < pixel_floats; c += W) {
            vf32 delta = load(from + p * pixel_floats + c);
            vi32 place = {};
            if (by_max)
                __builtin_memcpy(&place, argmax + p * pixel_floats + c, sizeof place);
            else
                delta = delta / broadcast((float)size);
            for (int64_t i = 0; i < size; ++i) {
                const int64_t at = i / conv.pool_size * conv.output_width + i % conv.pool_size;
                float* pixel = to + (corner + at) * pixel_floats + c;
                const vf32 old = load(pixel);
                const vi32 is_max = (vi32)(place == (int32_t)i);
                store(pixel, by_max ? select(is_max, old + delta, old) : old + delta);
            }
        }
    });
}

}  // namespace
}  // namespace shoal
