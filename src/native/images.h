// Rows into the network: of tables as they are, codes as their vectors, of images as floats or byte by byte, shifted and
// flipped where a fit asks for it.
//
// Letters: B rows that go through together, C channels.
#pragma once
#include "embedding.h"
#include "network.h"
#include "streams.h"

namespace shoal {
namespace {

// How one image is changed before it is trained on; what comes in at its edges is black.
struct Augmentation {
    int64_t down, right;
    bool flipped;
};

// Draws of an epoch for the place of each row in its order: down, right, flipped.
inline void draw_augmentations(const ShoalFit& fit, int64_t rows, uint32_t* draws) {
    for (uint32_t layer = 0; layer < 3; ++layer)
        draw_words({{fit.augment_key[0], fit.augment_key[1]}, layer, 0, (uint32_t)fit.epoch}, rows,
                   draws + layer * draw_capacity(rows));
}

inline Augmentation augmentation_of(const ShoalFit& fit, const uint32_t* draws, int64_t place) {
    const int64_t capacity = draw_capacity(fit.train.row_count);
    const uint64_t span = (uint64_t)(2 * fit.shift + 1);
    const auto shift = [=](uint32_t word) { return (int64_t)(word * span >> 32) - fit.shift; };
    return {shift(draws[place]), shift(draws[capacity + place]),
            fit.flip && draws[2 * capacity + place] >> 31};
}

// Where row y of channel c of a block begins in the first convolution's maps.
inline float* input_row(const Network& net, int64_t block, int64_t c, int64_t y) {
    const Conv& conv = net.convs[0];
    return conv.input_maps + block * conv.map_stride + conv.corner() + c * conv.channel_stride + y * conv.row_stride;
}

// Row y of one channel of an image, changed.
inline void change_row(const uint8_t* channel, int64_t height, int64_t width, int64_t y, const Augmentation& change,
                       uint8_t* to) {
    const int64_t from_y = y + change.down;
    const bool inside = from_y >= 0 && from_y < height;
    const uint8_t* from = channel + from_y * width;
    for (int64_t x = 0; x < width; ++x) {
        const int64_t from_x = (change.flipped ? width - 1 - x : x) + change.right;
        to[x] = inside && from_x >= 0 && from_x < width ? from[from_x] : 0;
    }
}

// 16 bytes of each of 16 rows become columns of `to`.
inline void transpose_bytes(const uint8_t* const* rows, int64_t x, uint8_t* to) {
    vu8 row[PANEL], zipped[PANEL];
#pragma GCC unroll 16
    for (int n = 0; n < PANEL; ++n) __builtin_memcpy(&row[n], rows[n] + x, sizeof row[n]);
#pragma GCC unroll 4
    for (int round = 0; round < 4; ++round) {
#pragma GCC unroll 8
        for (int n = 0; n < PANEL / 2; ++n) {
            zipped[2 * n] = zip_low(row[n], row[n + PANEL / 2]);
            zipped[2 * n + 1] = zip_high(row[n], row[n + PANEL / 2]);
        }
        __builtin_memcpy(row, zipped, sizeof row);
    }
    __builtin_memcpy(to, row, sizeof row);
}

// A row of pixels of a block's images from their bytes, which are read in whole panels.
inline void bytes_to_panels(const uint8_t* const* rows, int64_t width, vf32 scale, vf32 offset, float* to) {
    uint8_t columns[PANEL * PANEL];
    for (int64_t x = 0; x < width; x += PANEL) {
        transpose_bytes(rows, x, columns);
        for (int64_t i = 0; i < min(PANEL, width - x) * PANEL; i += W)
            store(to + x * PANEL + i, load_bytes(columns + i) * scale + offset);
    }
}

// Images into the lanes of a block, the last into those that are left.
inline void load_images(const Network& net, int64_t block, const uint8_t* const* image, const Augmentation* change) {
    const int64_t height = net.height, width = net.convs[0].input_width, panels = round_up(width, PANEL);
    for (int64_t c = 0; c < net.channels; ++c)
        for (int64_t y = 0; y < height; ++y) {
            const int64_t place = (c * height + y) * width;
            const bool copies = change || place + panels > net.inputs;  // what lies behind an image is not read
            const uint8_t* rows[PANEL];
            for (int64_t n = 0; n < PANEL; ++n) {
                uint8_t* copy = net.bytes + n * panels;
                if (change)
                    change_row(image[n] + c * height * width, height, width, y, change[n], copy);
                else if (copies)
                    __builtin_memcpy(copy, image[n] + place, (size_t)width);
                rows[n] = copies ? copy : image[n] + place;
            }
            bytes_to_panels(rows, width, broadcast(net.pixel_scale[c]), broadcast(net.pixel_offset[c]),
                            input_row(net, block, c, y));
        }
}

inline void load_table_row(const Network& net, int64_t b, const float* row) {
    const int64_t numbers = net.inputs - net.table_count;
    __builtin_memcpy(net.dense_input.value + b * net.dense_input.output_stride, row,
                     (size_t)numbers * sizeof(float));
    look_up(net, b, row + numbers);
}

// A row of floats: of a table, or of an image as (C, height, width).
inline void load_row(const Network& net, int64_t b, const float* row) {
    if (!net.conv_count) return load_table_row(net, b, row);
    const int64_t width = net.convs[0].input_width;
    for (int64_t c = 0; c < net.channels; ++c)
        for (int64_t y = 0; y < net.height; ++y, row += width) {
            float* to = input_row(net, b / PANEL, c, y) + b % PANEL;
            for (int64_t x = 0; x < width; ++x) to[x * PANEL] = row[x];
        }
}

// Which rows are loaded: `count` from number `first` on of every k-th row; or, with `order`, those it names. So many that
// follow are loaded next.
struct RowSelection {
    int64_t first, count, k;
    const uint32_t* order;
    int64_t following = 0;
    int64_t row(int64_t b) const { return order ? order[b] : (first + b) * k; }
    RowSelection part(int64_t b, int64_t rows) const { return {first + b, rows, k, order ? order + b : nullptr}; }
};

// Images that are floats already into the lanes of blocks, the last into those that are left.
inline void load_float_images(const Network& net, const float* x, const RowSelection& selection) {
    for (int64_t b = 0; b < round_up(selection.count, PANEL); ++b)
        load_row(net, b, x + selection.row(min(b, selection.count - 1)) * net.inputs);
}

// Asks for the images that are loaded next, so that they are there by then: they lie anywhere in memory. Of large ones the
// beginnings, from which the processor goes on by itself.
inline void fetch_following(const Network& net, const ShoalFit& fit, const ShoalRows& data, const RowSelection& selection) {
    constexpr int64_t LINE = 64, BEGINNING = 1024;
    for (int64_t b = selection.count; b < selection.count + selection.following; ++b) {
        const uint8_t* image = fit.images + data.index[selection.row(b)] * net.inputs;
        for (int64_t i = 0; i < min(net.inputs, BEGINNING); i += LINE) __builtin_prefetch(image + i, 0, 2);
    }
}

// Loads rows into the network's input.
inline void load_inputs(const Network& net, const ShoalFit& fit, const ShoalRows& data,
                        const RowSelection& selection, const uint32_t* augment_draws) {
    if (!net.conv_count) {
        for (int64_t b = 0; b < selection.count; ++b) load_table_row(net, b, data.x + selection.row(b) * net.inputs);
        return;
    }
    if (!fit.pixel_count) return load_float_images(net, data.x, selection);
    for (int64_t b = 0; b < selection.count; b += PANEL) {
        const uint8_t* image[PANEL];
        Augmentation change[PANEL];
        for (int64_t n = 0; n < PANEL; ++n) {
            const int64_t row = min(b + n, selection.count - 1);
            image[n] = fit.images + data.index[selection.row(row)] * net.inputs;
            if (augment_draws) change[n] = augmentation_of(fit, augment_draws, selection.first + row);
        }
        load_images(net, b / PANEL, image, augment_draws ? change : nullptr);
    }
    fetch_following(net, fit, data, selection);
}

}  // namespace
}  // namespace shoal
