// What is asked of a network as it stands, without dropout: its outputs; of images the maps of its convolutions, and
// gradients by them or by the images.
//
// Letters: N rows, C channels, K outputs.
#pragma once
#include "flat.h"
#include "step.h"
#include "target.h"

namespace shoal {
namespace {

// A network laid out to be asked; freed at its end.
struct Asked {
    Network net = {};
    ~Asked() { free(net.memory); }
    bool build(const ShoalNetwork& from, const float* parameters, const float* buffers, bool pulls_back) {
        net.stands = true;
        if (!build_network(net, from, EVALUATION_ROWS, pulls_back)) return false;
        for (int64_t l = 0; l < net.layer_count(); ++l) net.layer(l).dropout_threshold = 0;
        read_parameters(net, parameters);
        read_buffers(net, buffers);
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

inline bool outputs(const ShoalNetwork& from, const float* parameters, const float* buffers, const float* x,
                    int64_t rows, float* y) {
    const FlushedDenormals flushed;
    Asked asked;
    if (!asked.build(from, parameters, buffers, false)) return false;
    const Layer& last = asked.net.output_layer();
    asked.for_groups(x, rows, [&](int64_t n, int64_t group) {
        forward(asked.net, group, NO_DROPOUT);
        for (int64_t b = 0; b < group; ++b)
            for (int64_t k = 0; k < last.units; ++k)
                y[(n + b) * last.units + k] = canonical_nan(last.value[b * last.output_stride + k]);
    });
    return true;
}

// A map, (C, height, width), of each image of a block, from where the block's lies; `stride` numbers from image to image.
inline void write_block(const Plane& from, const int64_t (&size)[3], int64_t images, float* to, int64_t stride) {
    for (int64_t n = 0; n < min(PANEL, images); ++n, to += stride) {
        float* number = to;
        for (int64_t c = 0; c < size[0]; ++c)
            for (int64_t y = 0; y < size[1]; ++y)
                for (int64_t x = 0; x < size[2]; ++x)
                    *number++ = canonical_nan(from.at[c * from.channel_stride + y * from.row_stride + x * PANEL + n]);
    }
}

// Numbers of a convolution's maps, and where they are written.
inline int64_t map_numbers(const Conv& conv) { return conv.filters.units * conv.output_pixels; }
inline void write_map(const Conv& conv, const Plane& from, int64_t images, float* to, int64_t stride) {
    write_block(from, {conv.filters.units, conv.output_height(), conv.output_width}, images, to, stride);
}

// Maps of all convolutions, before their pools, one behind the other.
inline bool maps(const ShoalNetwork& from, const float* parameters, const float* buffers, const float* x, int64_t rows,
                 float* to) {
    const FlushedDenormals flushed;
    Asked asked;
    if (!asked.build(from, parameters, buffers, false)) return false;
    const Network& net = asked.net;
    int64_t stride = 0;
    for (int64_t l = 0; l < net.conv_count; ++l) stride += map_numbers(net.convs[l]);
    begin_norms(net, false);
    asked.for_groups(x, rows, [&](int64_t n, int64_t group) {
        for (int64_t b = 0; b < group; b += PANEL) {
            float* place = to + (n + b) * stride;
            for (int64_t l = 0; l < net.conv_count; ++l) {
                const Conv& conv = net.convs[l];
                forward_block(net, l, b / PANEL, group - b, NO_DROPOUT,
                              [&](const Plane& values) { write_map(conv, values, group - b, place, stride); });
                place += map_numbers(conv);
            }
        }
    });
    return true;
}

// Slopes of the activation of a block as they count: with a `least` above 0 none is lower; 1 where what they lead to is
// what is asked by.
inline void set_slopes(const Conv& conv, int64_t block, bool last, float least) {
    float* slopes = conv.filters.derivative + block * conv.output_floats();
    const vf32 floor = broadcast(least > 0 ? least : -__builtin_inff()), one = broadcast(1);
    for (int64_t i = 0; i < conv.output_floats(); i += W) {
        const vf32 slope = load(slopes + i);
        store(slopes + i, last ? one : select((vi32)(slope < floor), floor, slope));
    }
}

// From the gradients of what norms give to those of the sums that they take. Those of a batch norm's scale and shift are
// left at 0: they are what its batch takes off, which has no part in running statistics.
inline void pull_back_norm(const Layer& layer, int64_t rows) {
    if (layer.norm.kind == SHOAL_BATCH_NORM) batch_norm_backward(layer, rows);
    if (layer.norm.kind == SHOAL_LAYER_NORM) layer_norm_backward(layer, rows);
}
inline void pull_back_norm(const Conv& conv, int64_t block, int64_t images, const BlockSlope& slope, float* deltas) {
    const int64_t kind = conv.filters.norm.kind;
    if (kind == SHOAL_BATCH_NORM) pull_back_batch_norm(conv, block, images, images, deltas);
    if (kind == SHOAL_LAYER_NORM) pull_back_layer_norm(conv, block, images, slope, deltas);
}

// From the gradient by the outputs of `rows` rows, which stands in the output layer's delta, back to what is asked by,
// which is written to `to`.
inline void pull_back(const Network& net, const ShoalGradient& question, int64_t rows, float* to) {
    for (int64_t l = net.dense_count - 1; l >= 0; --l) {
        pull_back_norm(net.dense[l], rows);
        accumulate_gradient(net, l, rows);
    }
    for (int64_t l = net.conv_count - 1; l >= 0; --l) {
        const Conv& conv = net.convs[l];
        const bool last = l == question.layer;
        for (int64_t b = 0; b < rows; b += PANEL) {
            if (l == net.conv_count - 1) rows_to_panels(net, b, rows - b, net.values);
            set_slopes(conv, b / PANEL, last, (float)question.least_slope);
            const BlockSlope slope = activation_backward(net, l, b / PANEL, rows - b, 0);
            if (conv.source >= 0) skip_backward(net, conv, b / PANEL);
            float* deltas = net.deltas + b / PANEL * conv.delta_floats();
            if (!last) pull_back_norm(conv, b / PANEL, rows - b, slope, deltas);
        }
        for (int64_t b = 0; b < rows; b += PANEL) {
            float* deltas = net.deltas + b / PANEL * conv.delta_floats();
            if (last)
                write_map(conv, {deltas + conv.margin * PANEL, conv.delta_stride, conv.delta_row_stride}, rows - b,
                          to + b * map_numbers(conv), map_numbers(conv));
            else
                input_gradient(conv, b / PANEL, deltas);
        }
        if (last) return;
    }
    const Conv& first = net.convs[0];
    for (int64_t b = 0; b < rows; b += PANEL) {
        float* corner = first.map_deltas + (input_row(net, b / PANEL, 0, 0) - first.input_maps);
        write_block({corner, first.channel_stride, first.row_stride}, {net.channels, net.height, first.input_width},
                    rows - b, to + b * net.inputs, net.inputs);
    }
}

inline bool gradient(const ShoalGradient& question) {
    const FlushedDenormals flushed;
    Asked asked;
    if (!asked.build(question.network, question.parameters, question.buffers, true)) return false;
    const Network& net = asked.net;
    const Layer& last = net.output_layer();
    const int64_t row_numbers = question.row_count ? question.gradient_count / question.row_count : 0;
    begin_batch(net);
    asked.for_groups(question.x, question.row_count, [&](int64_t n, int64_t group) {
        forward(net, group, 0);
        for (int64_t b = 0; b < group; ++b)
            __builtin_memcpy(last.delta + b * last.output_stride, question.by_outputs + (n + b) * last.units,
                             (size_t)last.units * sizeof(float));
        pull_back(net, question, group, question.gradient + n * row_numbers);
    });
    return true;
}

}  // namespace
}  // namespace shoal
