// One network in memory: how weights and activations are laid out, and the way in from and out to flat
// vectors.
//
// Activations: one row a sample, padded, with a constant 1 behind the last unit, so that the bias is one more
// row of weights. Weights of a wide layer: (in + 1, out) in panels of 16 outputs, each panel contiguous.
// Weights of a narrow layer (few outputs): (out, in + 1), since panels of it would be mostly padding.
// Padding holds zeros, and zeros it stays: its gradients are zero.
//
// Images: maps with their channels last and a border of zeros, as wide as the next convolution's padding; one
// behind the other. A convolution is a wide layer whose inputs are the values under its kernel.
//
// Letters: B rows of a batch, D inputs, H units, C channels.
#pragma once
#include <stdlib.h>

#include "activations.h"
#include "streams.h"

namespace shoal {
namespace {

constexpr int64_t NARROW = 4;            // at most so many units: a narrow layer
constexpr int64_t EVALUATION_ROWS = 48;  // rows of a forward pass outside training
constexpr int64_t SCRATCH = 4096;        // floats; half of a first cache
constexpr int64_t GROUP = 1 << 16;       // floats of the images that go through together: half a second cache
constexpr int64_t PATCHES = 64;          // pixels whose patches are laid out at a time

struct Layer {
    int64_t inputs, units, activation, drop_below;
    int64_t taps;  // values of one channel among the inputs: kernel * kernel, or 1
    bool narrow;
    // The matrix of weights: `rows` rows, `vectors` vectors; panel p, row r begins at p * panel + r * row.
    int64_t rows, vectors, row, panel, size;
    float *weights, *first, *second;
    int64_t in_stride, stride, out_vectors;  // activation rows of the layer before, and of this one
    float *value, *slope, *delta;            // (B, stride): activations, their slopes, gradients of z
    float *gradient, *turned;                // with images: like the weights; (units, inputs) in panels
    uint16_t* draws;                         // (rows of a step, units): dropout
    int64_t flat;                            // where the layer begins in the flat vector
};

// One convolution, its activation and its pool.
struct Conv {
    Layer filters;  // stride: floats of a pixel, its channels and what fills the last vector
    int64_t channels, kernel, stride, padding, width;    // of what comes in
    int64_t out_width, pixels;                           // of what the kernel gives
    int64_t pool, pool_size, pool_stride, pooled_width;  // of what the pool gives
    int64_t pooled;                                      // its pixels
    int64_t row, map;                                    // floats of a row and of a map that come in
    float* maps;                                         // (B, map); slopes: (B, pixels, stride)
    int32_t* chosen;  // (B, pooled, stride): where a pool found the largest
};

struct Network {
    int64_t inputs, count, parameters;
    int64_t products;     // multiply-adds of one row's forward pass
    int64_t step, batch;  // rows of a step; rows that go through together, B
    Layer* layers;
    Layer front;     // what the first layer is fed with: value (B, stride); with images its gradient, too
    float* scratch;  // a block of weights turned, or of gradients
    void* memory;

    Conv* convs;
    int64_t conv_count, channels, height;
    float *patches, *values, *deltas, *map_deltas, *levels;

    Layer& last() const { return layers[count - 1]; }
    const Layer& before(int64_t l) const { return l ? layers[l - 1] : front; }
    Layer& weighted(int64_t l) const { return l < conv_count ? convs[l].filters : layers[l - conv_count]; }
    int64_t weighted_count() const { return conv_count + count; }
};

// Rows of activations: room for the constant 1, and no power of two, which would crowd one set of the cache.
inline int64_t activation_stride(int64_t units) {
    const int64_t stride = up_to(units + 1, PANEL);
    return stride % (4 * PANEL) ? stride : stride + PANEL;
}

// Hands out pieces of one block of memory; without a block it only counts.
struct Arena {
    char* base;
    int64_t used;
    template <class T>
    T* take(int64_t count) {
        T* piece = base ? (T*)(base + used) : nullptr;
        used += up_to(count * (int64_t)sizeof(T), 64);
        return piece;
    }
};

inline void lay_out(Layer& layer, const ShoalLayer& from, int64_t inputs, int64_t taps) {
    layer.inputs = inputs;
    layer.taps = taps;
    layer.units = from.units;
    layer.activation = from.activation;
    layer.drop_below = from.drop_below;
    layer.narrow = layer.units <= NARROW && taps == 0;
    layer.out_vectors = (layer.units + W - 1) / W;
    const int64_t depth = up_to(inputs + 1, PANEL);
    if (layer.narrow) {
        layer.rows = layer.units;
        layer.vectors = (inputs + W) / W;
        layer.row = depth;
        layer.panel = PANEL;
        layer.size = layer.units * depth;
    } else {
        layer.rows = inputs + 1;
        layer.vectors = layer.out_vectors;
        layer.row = PANEL;
        layer.panel = depth * PANEL;
        layer.size = up_to(layer.units, PANEL) * depth;
    }
    layer.in_stride = activation_stride(inputs);
    layer.stride = activation_stride(layer.units);
}

// Weights, and what training keeps of each of them.
inline void place_weights(const Network& net, Layer& layer, bool training, int64_t& flat, Arena& arena) {
    const bool collects = training && net.conv_count;
    layer.flat = flat;
    layer.weights = arena.take<float>(layer.size);
    layer.first = arena.take<float>(training ? layer.size : 0);
    layer.second = arena.take<float>(training ? layer.size : 0);
    layer.gradient = arena.take<float>(collects ? layer.size : 0);
    layer.turned = arena.take<float>(collects ? up_to(layer.inputs, PANEL) * up_to(layer.units, PANEL) : 0);
    layer.draws = arena.take<uint16_t>(training && layer.drop_below ? draws_room(net.step * layer.units) : 0);
    flat += layer.units * (layer.inputs + 1);
}

// Sizes of one convolution of maps with `channels` channels, `height` x `width`; these become its output's.
inline void lay_out(Conv& conv, const ShoalConv& from, int64_t& channels, int64_t& height, int64_t& width) {
    const int64_t taps = from.kernel * from.kernel, padded = width + 2 * from.padding;
    lay_out(conv.filters, {from.units, from.activation, from.drop_below}, taps * channels, taps);
    conv.filters.stride = up_to(from.units, W);
    conv.channels = channels;
    conv.width = width;
    conv.kernel = from.kernel;
    conv.stride = from.stride;
    conv.padding = from.padding;
    conv.row = padded * channels;
    conv.map = (height + 2 * from.padding) * conv.row;
    conv.out_width = (padded - from.kernel) / from.stride + 1;
    const int64_t out_height = (height + 2 * from.padding - from.kernel) / from.stride + 1;
    conv.pixels = out_height * conv.out_width;
    conv.pool = from.pool;
    conv.pool_size = from.pool ? from.pool_size : 1;
    conv.pool_stride = from.pool ? from.pool_stride : 1;
    channels = from.units;
    height = (out_height - conv.pool_size) / conv.pool_stride + 1;
    width = conv.pooled_width = (conv.out_width - conv.pool_size) / conv.pool_stride + 1;
    conv.pooled = height * width;
}

// Convolutions and what they share; gives how many numbers of an image reach the dense layers.
inline int64_t place_convs(Network& net, const ShoalNetwork& from, bool training, Arena& arena,
                           int64_t& flat) {
    int64_t channels = from.channels, height = from.height, width = from.width;
    int64_t patch = 0, values = 0, maps = 0;
    net.convs = arena.take<Conv>(net.conv_count);
    for (int64_t l = 0; l < net.conv_count; ++l) {
        Conv counted;
        Conv& conv = net.convs ? net.convs[l] : counted;
        lay_out(conv, from.convs[l], channels, height, width);
        place_weights(net, conv.filters, training, flat, arena);
        net.products += conv.filters.units * conv.filters.inputs * conv.pixels;
        const int64_t lanes = conv.filters.stride;
        conv.maps = arena.take<float>(net.batch * conv.map + PANEL);
        conv.filters.slope = arena.take<float>(net.batch * conv.pixels * lanes);
        conv.chosen = arena.take<int32_t>(conv.pool == SHOAL_MAX_POOL ? net.batch * conv.pooled * lanes : 0);
        patch = most(patch, conv.filters.in_stride);
        values = most(values, conv.pixels * lanes);
        maps = most(maps, conv.map);
    }
    net.levels = arena.take<float>(256 * from.channels);
    net.patches = arena.take<float>(PATCHES * patch + PANEL);
    net.values = arena.take<float>(net.batch * values);
    net.deltas = arena.take<float>(training ? net.batch * values : 0);
    net.map_deltas = arena.take<float>(training ? net.batch * maps + PANEL : 0);
    return channels * height * width;
}

// Every buffer in one arena. `training`: with moments, slopes and gradients, else for a forward pass only.
inline void place(Network& net, const ShoalNetwork& from, bool training, Arena& arena) {
    int64_t flat = 0, inputs = from.inputs;
    net.products = 0;
    if (net.conv_count) inputs = place_convs(net, from, training, arena, flat);
    net.layers = arena.take<Layer>(net.count);
    net.front.units = inputs;
    net.front.stride = activation_stride(inputs);
    net.front.out_vectors = (inputs + W - 1) / W;
    net.front.value = arena.take<float>(net.batch * net.front.stride);
    net.front.delta = arena.take<float>(training && net.conv_count ? net.batch * net.front.stride : 0);
    for (int64_t l = 0; l < net.count; ++l) {
        Layer counted;
        Layer& layer = net.layers ? net.layers[l] : counted;
        lay_out(layer, from.layers[l], inputs, 0);
        place_weights(net, layer, training, flat, arena);
        net.products += layer.units * layer.inputs;
        layer.value = arena.take<float>(net.batch * layer.stride);
        layer.slope = arena.take<float>(net.batch * layer.stride);
        layer.delta = arena.take<float>(training ? net.batch * layer.stride : 0);
        inputs = layer.units;
    }
    net.parameters = flat;
    net.scratch = arena.take<float>(training ? SCRATCH : 0);
}

// How many images go through together, so that all that is known of them stays in the second cache.
inline int64_t images_together(const ShoalNetwork& from, int64_t rows) {
    int64_t channels = from.channels, height = from.height, width = from.width, floats = 0;
    for (int64_t l = 0; l < from.conv_count; ++l) {
        Conv conv;
        lay_out(conv, from.convs[l], channels, height, width);
        floats += conv.map + conv.pixels * conv.filters.stride;
    }
    return most(1, least(rows, GROUP / floats));
}

// Where the weight from input d (d = D: the bias) to unit h stands. Torch counts the values under a kernel
// channel by channel; here the channels of a pixel are neighbours.
inline int64_t weight_at(const Layer& layer, int64_t d, int64_t h) {
    if (layer.taps && d < layer.inputs) d = d % layer.taps * (layer.inputs / layer.taps) + d / layer.taps;
    const int64_t r = layer.narrow ? h : d, c = layer.narrow ? d : h;
    return c / PANEL * layer.panel + r * layer.row + c % PANEL;
}

template <class F>
inline void each_weight(const Network& net, F&& f) {
    for (int64_t l = 0; l < net.weighted_count(); ++l) {
        const Layer& layer = net.weighted(l);
        for (int64_t h = 0; h < layer.units; ++h) {
            const int64_t weight = layer.flat + h * layer.inputs,
                          bias = layer.flat + layer.units * layer.inputs + h;
            for (int64_t d = 0; d < layer.inputs; ++d) f(layer, weight + d, weight_at(layer, d, h));
            f(layer, bias, weight_at(layer, layer.inputs, h));
        }
    }
}

// Lay the network out in fresh memory, zeroed, with ones behind the units, for steps of `rows` rows.
// False: out of memory.
inline bool build(Network& net, const ShoalNetwork& from, int64_t rows, bool training) {
    net.inputs = from.inputs;
    net.count = from.layer_count;
    net.conv_count = from.conv_count;
    net.channels = from.channels;
    net.height = from.height;
    net.step = rows;
    net.batch = net.conv_count ? images_together(from, rows) : most(rows, EVALUATION_ROWS);
    Arena count{nullptr, 0};
    place(net, from, training, count);
    net.memory = calloc((size_t)count.used + 64, 1);
    if (!net.memory) return false;
    Arena arena{(char*)(((uintptr_t)net.memory + 63) & ~(uintptr_t)63), 0};
    place(net, from, training, arena);
    for (int64_t b = 0; b < net.batch; ++b) {
        net.front.value[b * net.front.stride + net.front.units] = 1;
        for (int64_t l = 0; l < net.count; ++l)
            net.layers[l].value[b * net.layers[l].stride + net.layers[l].units] = 1;
    }
    return true;
}

inline void read_parameters(Network& net, const float* parameters) {
    each_weight(net,
                [=](const Layer& layer, int64_t flat, int64_t at) { layer.weights[at] = parameters[flat]; });
}

inline void write_parameters(const Network& net, float* parameters) {
    each_weight(net, [=](const Layer& layer, int64_t flat, int64_t at) {
        parameters[flat] = one_nan(layer.weights[at]);
    });
}

inline void read_moments(Network& net, const float* first, const float* second) {
    each_weight(net, [=](const Layer& layer, int64_t flat, int64_t at) {
        layer.first[at] = first[flat];
        layer.second[at] = second[flat];
    });
}

inline void write_moments(const Network& net, float* first, float* second) {
    each_weight(net, [=](const Layer& layer, int64_t flat, int64_t at) {
        first[flat] = one_nan(layer.first[at]);
        second[flat] = one_nan(layer.second[at]);
    });
}

}  // namespace
}  // namespace shoal
