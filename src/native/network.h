// One network in memory: how weights and activations are laid out, and the way in from and out to flat
// vectors.
//
// Activations: one row a sample, padded, with a constant 1 behind the last unit, so that the bias is one more
// row of weights. Weights of a wide layer: (in + 1, out) in panels of 16 outputs, each panel contiguous.
// Weights of a narrow layer (few outputs): (out, in + 1), since panels of it would be mostly padding.
// Padding holds zeros, and zeros it stays: its gradients are zero.
//
// Letters: B rows of a batch, D inputs, H units.
#pragma once
#include <stdlib.h>

#include "activations.h"
#include "streams.h"

namespace shoal {
namespace {

constexpr int64_t NARROW = 4;            // at most so many units: a narrow layer
constexpr int64_t EVALUATION_ROWS = 48;  // rows of a forward pass outside training
constexpr int64_t SCRATCH = 4096;        // floats; half of a first cache

struct Layer {
    int64_t inputs, units, activation, drop_below;
    bool narrow;
    // The matrix of weights: `rows` rows, `vectors` vectors; panel p, row r begins at p * panel + r * row.
    int64_t rows, vectors, row, panel, size;
    float *weights, *first, *second;
    int64_t in_stride, stride, out_vectors;  // activation rows of the layer before, and of this one
    float *value, *slope, *delta;            // (B, stride): activations, their slopes, gradients of z
    int64_t flat;                            // where the layer begins in the flat vector
};

struct Network {
    int64_t inputs, in_stride, count, batch, parameters;
    Layer* layers;
    float* input;     // (B, in_stride)
    uint16_t* draws;  // dropout draws of one layer
    float* scratch;   // a block of weights turned, or of gradients
    void* memory;

    Layer& last() const { return layers[count - 1]; }
    const float* before(int64_t l) const { return l ? layers[l - 1].value : input; }
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

inline void lay_out(Layer& layer, const ShoalLayer& from, int64_t inputs) {
    layer.inputs = inputs;
    layer.units = from.units;
    layer.activation = from.activation;
    layer.drop_below = from.drop_below;
    layer.narrow = layer.units <= NARROW;
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

// Every buffer in one arena. `training`: with moments, slopes and gradients, else for a forward pass only.
inline void place(Network& net, const ShoalNetwork& from, bool training, Arena& arena) {
    net.inputs = from.inputs;
    net.count = from.layer_count;
    net.in_stride = activation_stride(from.inputs);
    net.layers = arena.take<Layer>(net.count);
    net.input = arena.take<float>(net.batch * net.in_stride);
    int64_t inputs = from.inputs, flat = 0, draws = 0;
    for (int64_t l = 0; l < net.count; ++l) {
        Layer counted;
        Layer& layer = net.layers ? net.layers[l] : counted;
        lay_out(layer, from.layers[l], inputs);
        layer.flat = flat;
        layer.weights = arena.take<float>(layer.size);
        layer.first = arena.take<float>(training ? layer.size : 0);
        layer.second = arena.take<float>(training ? layer.size : 0);
        layer.value = arena.take<float>(net.batch * layer.stride);
        layer.slope = arena.take<float>(net.batch * layer.stride);
        layer.delta = arena.take<float>(training ? net.batch * layer.stride : 0);
        if (training && layer.drop_below && net.batch * layer.units > draws) draws = net.batch * layer.units;
        flat += layer.units * (inputs + 1);
        inputs = layer.units;
    }
    net.parameters = flat;
    net.scratch = arena.take<float>(training ? SCRATCH : 0);
    net.draws = arena.take<uint16_t>(draws_room(draws));
}

// Where the weight from input d (d = D: the bias) to unit h stands.
inline int64_t weight_at(const Layer& layer, int64_t d, int64_t h) {
    const int64_t r = layer.narrow ? h : d, c = layer.narrow ? d : h;
    return c / PANEL * layer.panel + r * layer.row + c % PANEL;
}

template <class F>
inline void each_weight(const Network& net, F&& f) {
    for (int64_t l = 0; l < net.count; ++l) {
        const Layer& layer = net.layers[l];
        for (int64_t h = 0; h < layer.units; ++h) {
            const int64_t weight = layer.flat + h * layer.inputs,
                          bias = layer.flat + layer.units * layer.inputs + h;
            for (int64_t d = 0; d < layer.inputs; ++d) f(layer, weight + d, weight_at(layer, d, h));
            f(layer, bias, weight_at(layer, layer.inputs, h));
        }
    }
}

// Lay the network out in fresh memory, zeroed, with ones behind the units. False: out of memory.
inline bool build(Network& net, const ShoalNetwork& from, int64_t batch, bool training) {
    net.batch = batch;
    Arena count{nullptr, 0};
    place(net, from, training, count);
    net.memory = calloc((size_t)count.used + 64, 1);
    if (!net.memory) return false;
    Arena arena{(char*)(((uintptr_t)net.memory + 63) & ~(uintptr_t)63), 0};
    place(net, from, training, arena);
    for (int64_t b = 0; b < batch; ++b) {
        net.input[b * net.in_stride + net.inputs] = 1;
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
