// What is asked of a network as it stands, without dropout: its outputs; of images the maps of its convolutions, and
// gradients by them or by the images.
//
// Letters: N rows, C channels, K outputs.
#pragma once
#include "step.h"
#include "target.h"

namespace shoal {
namespace {

// A network laid out to be asked; freed at its end.
struct Asked {
    Network net = {};
    ~Asked() { free(net.memory); }
    bool build(const ShoalNetwork& from, const float* parameters, bool pulls_back) {
        if (!build_network(net, from, EVALUATION_ROWS, pulls_back)) return false;
        for (int64_t l = 0; l < net.layer_count(); ++l) net.layer(l).dropout_threshold = 0;
        read_parameters(net, parameters);
        return true;
    }
    // Calls f(first row, rows) for all rows, as many at a time as go through together, loaded.
    template <class F>
    void for_groups(const float* x, int64_t rows, F&& f) const {
        for (int64_t n = 0; n < rows; n += net.group_rows) {
            const int64_t group = min(net.group_rows, rows - n);
            for (int64_t b = 0; b < group; ++b) load_row(net, b, x + (n + b) * net.inputs);
            f(n, group);
        }
    }
};

inline bool outputs(const ShoalNetwork& from, const float* parameters, const float* x, int64_t rows, float* y) {
    const FlushedDenormals flushed;
    Asked asked;
    if (!asked.build(from, parameters, false)) return false;
    const Layer& last = asked.net.output_layer();
    asked.for_groups(x, rows, [&](int64_t n, int64_t group) {
        forward(asked.net, group, NO_DROPOUT);
        for (int64_t b = 0; b < group; ++b)
            for (int64_t k = 0; k < last.units; ++k)
                y[(n + b) * last.units + k] = canonical_nan(last.value[b * last.output_stride + k]);
    });
    return true;
}

// Numbers of the pixels of a convolution's maps, (pixels, C and what fills the last vector), to `to`, (C, pixels).
inline void write_map(const Conv& conv, const float* pixels, float* to) {
    for (int64_t c = 0; c < conv.filters.units; ++c)
        for (int64_t p = 0; p < conv.output_pixels; ++p)
            *to++ = canonical_nan(pixels[p * conv.filters.output_stride + c]);
}

// Maps of all convolutions, before their pools, one behind the other.
inline bool maps(const ShoalNetwork& from, const float* parameters, const float* x, int64_t rows, float* to) {
    const FlushedDenormals flushed;
    Asked asked;
    if (!asked.build(from, parameters, false)) return false;
    const Network& net = asked.net;
    int64_t row_numbers = 0;
    for (int64_t l = 0; l < net.conv_count; ++l)
        row_numbers += net.convs[l].filters.units * net.convs[l].output_pixels;
    asked.for_groups(x, rows, [&](int64_t n, int64_t group) {
        float* place = to + n * row_numbers;
        for (int64_t l = 0; l < net.conv_count; ++l) {
            const Conv& conv = net.convs[l];
            apply_filters(net, conv, group);
            for (int64_t b = 0; b < group; ++b)
                write_map(conv, net.values + b * conv.output_pixels * conv.filters.output_stride,
                          place + b * row_numbers);
            place += conv.filters.units * conv.output_pixels;
            pool_forward(net, conv, group);
            for (int64_t b = 0; b < group; ++b)
                pass_on(net, l, b, net.values + b * conv.pooled_pixels * conv.filters.output_stride, NO_DROPOUT);
        }
    });
    return true;
}

// Slopes of a convolution's activation as they count: with a `least` above 0 none is lower; 1 where what they lead to is
// what is asked by.
inline void set_slopes(const Conv& conv, int64_t rows, bool last, float least) {
    const int64_t count = rows * conv.output_pixels * conv.filters.output_stride;
    const vf32 floor = broadcast(least > 0 ? least : -__builtin_inff()), one = broadcast(1);
    for (int64_t i = 0; i < count; i += W) {
        const vf32 slope = load(conv.filters.derivative + i);
        store(conv.filters.derivative + i, last ? one : select((vi32)(slope < floor), floor, slope));
    }
}

// From the gradient by the outputs of `rows` rows, which stands in the output layer's delta, back to what is asked by,
// which is written to `to`.
inline void pull_back(const Network& net, const ShoalGradient& question, int64_t rows, float* to) {
    for (int64_t l = net.dense_count - 1; l >= 0; --l) accumulate_gradient(net, l, rows);
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        const Conv& conv = net.convs[l];
        set_slopes(conv, rows, l == question.layer, (float)question.least_slope);
        activation_backward(net, l, rows, 0);
        if (l == question.layer) {
            const int64_t numbers = conv.filters.units * conv.output_pixels;
            for (int64_t b = 0; b < rows; ++b)
                write_map(conv, net.deltas + b * conv.output_pixels * conv.filters.output_stride, to + b * numbers);
            return;
        }
        filters_backward(net, conv, rows, true);
    }
    for (int64_t b = 0; b < rows; ++b)
        for (int64_t c = 0; c < net.channels; ++c)
            for (int64_t y = 0; y < net.height; ++y) {
                const float* from = net.map_deltas + (input_row(net, b, c, y) - net.convs[0].input_maps);
                for (int64_t x = 0; x < net.convs[0].input_width; ++x) *to++ = canonical_nan(from[x * net.channels]);
            }
}

inline bool gradient(const ShoalGradient& question) {
    const FlushedDenormals flushed;
    Asked asked;
    if (!asked.build(question.network, question.parameters, true)) return false;
    const Network& net = asked.net;
    const Layer& last = net.output_layer();
    const int64_t row_numbers = question.row_count ? question.gradient_count / question.row_count : 0;
    begin_batch(net);
    asked.for_groups(question.x, question.row_count, [&](int64_t n, int64_t group) {
        forward(net, group, NO_DROPOUT);
        for (int64_t b = 0; b < group; ++b)
            __builtin_memcpy(last.delta + b * last.output_stride, question.by_outputs + (n + b) * last.units,
                             (size_t)last.units * sizeof(float));
        pull_back(net, question, group, question.gradient + n * row_numbers);
    });
    return true;
}

}  // namespace
}  // namespace shoal
