// Rows into the network: of tables as they are, codes as their vectors, of images byte by byte through a table of 256 numbers a
// channel, shifted and flipped where a fit asks for it.
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

// What each byte becomes, channel by channel.
inline void fill_pixel_table(const Network& net, const ShoalFit& fit) {
    for (int64_t c = 0; net.conv_count && c < net.channels; ++c)
        for (int i = 0; i < 256; ++i)
            net.pixel_table[256 * c + i] = (float)i * fit.pixel_scale[c] + fit.pixel_offset[c];
}

// Where row y of channel c of image b begins in the first convolution's maps.
inline float* input_row(const Network& net, int64_t b, int64_t c, int64_t y) {
    const Conv& conv = net.convs[0];
    return conv.input_maps + b * conv.map_stride + (y + conv.padding) * conv.row_stride +
           conv.padding * conv.input_channels + c;
}

inline void load_image(const Network& net, int64_t b, const uint8_t* image, const Augmentation& change) {
    const int64_t height = net.height, width = net.convs[0].input_width, channels = net.channels;
    const bool unchanged = !(change.down || change.right || change.flipped);
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < height; ++y) {
            const float* value_of = net.pixel_table + 256 * c;
            const int64_t from_y = y + change.down;
            const uint8_t* from = image + (c * height + from_y) * width;
            float* to = input_row(net, b, c, y);
            if (unchanged) {
                for (int64_t x = 0; x < width; ++x) to[x * channels] = value_of[from[x]];
                continue;
            }
            const bool row_inside = from_y >= 0 && from_y < height;
            for (int64_t x = 0; x < width; ++x) {
                const int64_t from_x = (change.flipped ? width - 1 - x : x) + change.right;
                to[x * channels] = value_of[row_inside && from_x >= 0 && from_x < width ? from[from_x] : 0];
            }
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
    const int64_t width = net.convs[0].input_width, channels = net.channels;
    for (int64_t c = 0; c < channels; ++c)
        for (int64_t y = 0; y < net.height; ++y, row += width) {
            float* to = input_row(net, b, c, y);
            for (int64_t x = 0; x < width; ++x) to[x * channels] = row[x];
        }
}

// Which rows are loaded: `count` from number `first` on of every k-th row; or, with `order`, those it names.
struct RowSelection {
    int64_t first, count, k;
    const uint32_t* order;
    int64_t row(int64_t b) const { return order ? order[b] : (first + b) * k; }
    RowSelection part(int64_t b, int64_t rows) const { return {first + b, rows, k, order ? order + b : nullptr}; }
};

// Loads rows into the network's input.
inline void load_inputs(const Network& net, const ShoalFit& fit, const ShoalRows& data,
                        const RowSelection& selection, const uint32_t* augment_draws) {
    for (int64_t b = 0; b < selection.count; ++b) {
        const int64_t n = selection.row(b);
        if (net.conv_count) {
            const uint8_t* image = fit.images + data.index[n] * net.inputs;
            const Augmentation change = augment_draws
                                            ? augmentation_of(fit, augment_draws, selection.first + b)
                                            : Augmentation{0, 0, false};
            load_image(net, b, image, change);
        } else {
            load_table_row(net, b, data.x + n * net.inputs);
        }
    }
}

}  // namespace
}  // namespace shoal
