// One network in memory: how weights and activations are laid out, and the way in from and out to flat
// vectors.
//
// Activations: one row a sample, padded, with a constant 1 behind the last unit, so that the bias is one more
// row of weights. Weights of a wide layer: (in + 1, out) in panels of 16 outputs, each panel contiguous.
// Weights of a narrow layer (few outputs): (out, in + 1), since panels of it would be mostly padding.
// Padding holds zeros, and zeros it stays: its gradients are zero.
//
// Vectors of an embedding lie table by table, as in the flat vector, in front of all layers.
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

constexpr int64_t NO_DROPOUT = -1;         // in place of a row of the batch, whose draws would be taken
constexpr int64_t NARROW_UNITS = 4;        // at most so many units: a narrow layer
constexpr int64_t EVALUATION_ROWS = 48;    // rows of a forward pass outside training
constexpr int64_t SCRATCH_FLOATS = 4096;   // half of a first cache
constexpr int64_t GROUP_FLOATS = 1 << 16;  // of the images that go through together; half a second cache
constexpr int64_t PATCH_BLOCK = 64;        // pixels whose patches are laid out at a time

// What a dense layer and a convolution's filters have in common: a matrix of weights, and an activation.
struct Layer {
    int64_t inputs, units, activation, dropout_threshold;
    int64_t kernel_area;  // values of one channel among the inputs: kernel * kernel; 0: a dense layer
    bool narrow;
    // The matrix of weights: `rows` rows, `vectors` vectors; panel p, row r begins at p * panel_stride + r *
    // row_stride.
    int64_t rows, vectors, row_stride, panel_stride, matrix_size;
    float *weights, *first_moment, *second_moment;
    int64_t input_stride, output_stride, output_vectors;  // of rows of activations that come in and go out
    float *value, *derivative, *delta;  // (B, output_stride): activations, derivatives, gradients of z
    float *gradient, *transposed;       // with images: like the weights; (units, inputs) in panels
    uint16_t* dropout_draws;            // (rows of a step, units)
    int64_t flat_offset;                // where the layer begins in the flat vector
};

// One convolution, its activation and its pool.
struct Conv {
    Layer filters;  // output_stride: floats of a pixel, its channels and what fills the last vector
    int64_t input_channels, input_width, kernel, stride, padding;
    int64_t row_stride, map_stride;  // floats of a row and of a map of the input
    int64_t output_width, output_pixels;
    int64_t pool, pool_size, pool_stride, pooled_width, pooled_pixels;
    float* input_maps;     // (B, map_stride); the filters' derivatives: (B, output_pixels, output_stride)
    int32_t* pool_argmax;  // (B, pooled_pixels, output_stride): where in its window a pool found the maximum
};

// One table of vectors: where it begins among all vectors, and its vectors in a row of the first dense layer's inputs.
struct Table {
    int64_t size, first_number, input;
};

// What a loss takes of a row, T targets of O outputs and some terms each, and how many rows lie side by side, a target a
// lane: `stride` lanes at the most, whole panels (targets.h).
struct TargetSizes {
    int64_t targets, outputs, terms, rows, stride;
    int64_t floats() const { return stride * (2 * terms + 2 * outputs + 6); }
};

struct Network {
    int64_t inputs, dense_count, parameters;
    int64_t multiply_adds;          // of one row's forward pass
    int64_t step_rows, group_rows;  // rows of a step; rows that go through together, B
    Layer* dense;
    Layer dense_input;  // what the first dense layer takes: value (B, output_stride); with images delta, too
    float* scratch;     // a block of weights transposed, or of gradients; or the targets of some rows
    TargetSizes target_sizes;  // of those; 0 where the loss is taken row by row
    void* memory;

    Conv* convs;
    int64_t conv_count, channels, height;
    float* pixel_table;      // (C, 256): what each byte becomes
    float* patches;          // of PATCH_BLOCK pixels
    float *values, *deltas;  // of the convolution that is at work: (B, output_pixels, output_stride)
    float* map_deltas;       // gradients of its input maps

    Table* tables;
    int64_t table_count, vector_numbers;
    int32_t* codes;  // (B, tables), of the rows that are at work
    float *vectors, *vector_first_moment, *vector_second_moment, *vector_gradient;

    // The layer whose values a dense layer takes; of one more than there are: what the network gives.
    const Layer& input_of(int64_t l) const { return l ? dense[l - 1] : dense_input; }
    const Layer& output_layer() const { return input_of(dense_count); }
    // All layers that have weights: convolutions, then dense ones.
    Layer& layer(int64_t l) const { return l < conv_count ? convs[l].filters : dense[l - conv_count]; }
    int64_t layer_count() const { return conv_count + dense_count; }
    // Whether something in front of the dense layers is trained.
    bool passes_back() const { return conv_count || table_count; }
};

// Rows of activations: room for the constant 1, and no power of two, which would crowd one set of the cache.
inline int64_t activation_stride(int64_t units) {
    const int64_t stride = round_up(units + 1, PANEL);
    return stride % (4 * PANEL) ? stride : stride + PANEL;
}

// Hands out pieces of one block of memory; without a block it only counts the bytes.
struct Arena {
    char* base;
    int64_t used;
    template <class T>
    T* allocate(int64_t count) {
        T* piece = base ? (T*)(base + used) : nullptr;
        used += round_up(count * (int64_t)sizeof(T), 64);
        return piece;
    }
};

inline void set_sizes(Layer& layer, const ShoalDense& from, int64_t inputs, int64_t kernel_area) {
    layer.inputs = inputs;
    layer.kernel_area = kernel_area;
    layer.units = from.units;
    layer.activation = from.activation;
    layer.dropout_threshold = from.dropout_threshold;
    layer.narrow = layer.units <= NARROW_UNITS && kernel_area == 0;
    layer.output_vectors = (layer.units + W - 1) / W;
    const int64_t depth = round_up(inputs + 1, PANEL);
    if (layer.narrow) {
        layer.rows = layer.units;
        layer.vectors = (inputs + W) / W;
        layer.row_stride = depth;
        layer.panel_stride = PANEL;
        layer.matrix_size = layer.units * depth;
    } else {
        layer.rows = inputs + 1;
        layer.vectors = layer.output_vectors;
        layer.row_stride = PANEL;
        layer.panel_stride = depth * PANEL;
        layer.matrix_size = round_up(layer.units, PANEL) * depth;
    }
    layer.input_stride = activation_stride(inputs);
    layer.output_stride = activation_stride(layer.units);
}

// Weights, and what training keeps of each of them.
inline void allocate_weights(const Network& net, Layer& layer, bool training, int64_t& flat, Arena& arena) {
    const bool keeps_gradients = training && net.conv_count;
    layer.flat_offset = flat;
    layer.weights = arena.allocate<float>(layer.matrix_size);
    layer.first_moment = arena.allocate<float>(training ? layer.matrix_size : 0);
    layer.second_moment = arena.allocate<float>(training ? layer.matrix_size : 0);
    layer.gradient = arena.allocate<float>(keeps_gradients ? layer.matrix_size : 0);
    layer.transposed = arena.allocate<float>(
        keeps_gradients ? round_up(layer.inputs, PANEL) * round_up(layer.units, PANEL) : 0);
    layer.dropout_draws = arena.allocate<uint16_t>(
        training && layer.dropout_threshold ? draw_capacity(net.step_rows * layer.units) : 0);
    flat += layer.units * (layer.inputs + 1);
}

// Sizes of a convolution. Channels, height and width are those of its input, and become those of its output.
inline void set_sizes(Conv& conv, const ShoalConv& from, int64_t& channels, int64_t& height, int64_t& width) {
    const int64_t kernel_area = from.kernel * from.kernel, padded = width + 2 * from.padding;
    set_sizes(conv.filters, {from.units, from.activation, from.dropout_threshold}, kernel_area * channels,
              kernel_area);
    conv.filters.output_stride = round_up(from.units, W);
    conv.input_channels = channels;
    conv.input_width = width;
    conv.kernel = from.kernel;
    conv.stride = from.stride;
    conv.padding = from.padding;
    conv.row_stride = padded * channels;
    conv.map_stride = (height + 2 * from.padding) * conv.row_stride;
    conv.output_width = (padded - from.kernel) / from.stride + 1;
    const int64_t out_height = (height + 2 * from.padding - from.kernel) / from.stride + 1;
    conv.output_pixels = out_height * conv.output_width;
    conv.pool = from.pool;
    conv.pool_size = from.pool ? from.pool_size : 1;
    conv.pool_stride = from.pool ? from.pool_stride : 1;
    channels = from.units;
    height = (out_height - conv.pool_size) / conv.pool_stride + 1;
    width = conv.pooled_width = (conv.output_width - conv.pool_size) / conv.pool_stride + 1;
    conv.pooled_pixels = height * width;
}

// Convolutions and what they share; gives how many numbers of an image reach the dense layers.
inline int64_t allocate_convs(Network& net, const ShoalNetwork& from, bool training, Arena& arena,
                              int64_t& flat) {
    int64_t channels = from.channels, height = from.height, width = from.width;
    int64_t patch = 0, values = 0, maps = 0;
    net.convs = arena.allocate<Conv>(net.conv_count);
    for (int64_t l = 0; l < net.conv_count; ++l) {
        Conv without_memory;
        Conv& conv = net.convs ? net.convs[l] : without_memory;
        set_sizes(conv, from.convs[l], channels, height, width);
        allocate_weights(net, conv.filters, training, flat, arena);
        net.multiply_adds += conv.filters.units * conv.filters.inputs * conv.output_pixels;
        const int64_t pixel_floats = conv.filters.output_stride;
        conv.input_maps = arena.allocate<float>(net.group_rows * conv.map_stride + PANEL);
        conv.filters.derivative = arena.allocate<float>(net.group_rows * conv.output_pixels * pixel_floats);
        conv.pool_argmax = arena.allocate<int32_t>(
            conv.pool == SHOAL_MAX_POOL ? net.group_rows * conv.pooled_pixels * pixel_floats : 0);
        patch = max(patch, conv.filters.input_stride);
        values = max(values, conv.output_pixels * pixel_floats);
        maps = max(maps, conv.map_stride);
    }
    net.pixel_table = arena.allocate<float>(256 * from.channels);
    net.patches = arena.allocate<float>(PATCH_BLOCK * patch + PANEL);
    net.values = arena.allocate<float>(net.group_rows * values);
    net.deltas = arena.allocate<float>(training ? net.group_rows * values : 0);
    net.map_deltas = arena.allocate<float>(training ? net.group_rows * maps + PANEL : 0);
    return channels * height * width;
}

// Tables of vectors; gives how many numbers reach the dense layers.
inline int64_t allocate_tables(Network& net, const ShoalNetwork& from, bool training, Arena& arena,
                               int64_t& flat) {
    int64_t inputs = from.inputs - from.table_count;
    net.tables = arena.allocate<Table>(net.table_count);
    net.codes = arena.allocate<int32_t>(net.group_rows * net.table_count);
    for (int64_t t = 0; t < net.table_count; ++t) {
        if (net.tables) net.tables[t] = {from.tables[t].size, flat, inputs};
        inputs += from.tables[t].size;
        flat += from.tables[t].rows * from.tables[t].size;
    }
    net.vector_numbers = flat;
    const int64_t whole = round_up(flat, W), trained = training ? whole : 0;
    net.vectors = arena.allocate<float>(whole);
    net.vector_first_moment = arena.allocate<float>(trained);
    net.vector_second_moment = arena.allocate<float>(trained);
    net.vector_gradient = arena.allocate<float>(trained);
    return inputs;
}

// Every buffer in one arena. `training`: with moments, derivatives and gradients, else for a forward pass
// only.
inline void allocate_buffers(Network& net, const ShoalNetwork& from, bool training, Arena& arena) {
    int64_t flat = 0, inputs = from.inputs;
    net.multiply_adds = 0;
    if (net.conv_count) inputs = allocate_convs(net, from, training, arena, flat);
    if (net.table_count) inputs = allocate_tables(net, from, training, arena, flat);
    net.dense = arena.allocate<Layer>(net.dense_count);
    net.dense_input.units = inputs;
    net.dense_input.output_stride = activation_stride(inputs);
    net.dense_input.output_vectors = (inputs + W - 1) / W;
    net.dense_input.value = arena.allocate<float>(net.group_rows * net.dense_input.output_stride);
    net.dense_input.delta = arena.allocate<float>(
        training && net.passes_back() ? net.group_rows * net.dense_input.output_stride : 0);
    for (int64_t l = 0; l < net.dense_count; ++l) {
        Layer without_memory;
        Layer& layer = net.dense ? net.dense[l] : without_memory;
        set_sizes(layer, from.dense[l], inputs, 0);
        allocate_weights(net, layer, training, flat, arena);
        net.multiply_adds += layer.units * layer.inputs;
        layer.value = arena.allocate<float>(net.group_rows * layer.output_stride);
        layer.derivative = arena.allocate<float>(net.group_rows * layer.output_stride);
        layer.delta = arena.allocate<float>(training ? net.group_rows * layer.output_stride : 0);
        inputs = layer.units;
    }
    net.parameters = flat;
    net.scratch = arena.allocate<float>(training ? max(SCRATCH_FLOATS, net.target_sizes.floats()) : 0);
}

// How many images go through together, so that all that is known of them stays in the second cache.
inline int64_t images_of_group(const ShoalNetwork& from, int64_t rows) {
    int64_t channels = from.channels, height = from.height, width = from.width, floats = 0;
    for (int64_t l = 0; l < from.conv_count; ++l) {
        Conv conv;
        set_sizes(conv, from.convs[l], channels, height, width);
        floats += conv.map_stride + conv.output_pixels * conv.filters.output_stride;
    }
    return max(1, min(rows, GROUP_FLOATS / floats));
}

// Where the weight from input d (d = D: the bias) to unit h lies. Torch counts the values under a kernel
// channel by channel; here the channels of a pixel are neighbours.
inline int64_t weight_index(const Layer& layer, int64_t d, int64_t h) {
    if (layer.kernel_area && d < layer.inputs)
        d = d % layer.kernel_area * (layer.inputs / layer.kernel_area) + d / layer.kernel_area;
    const int64_t r = layer.narrow ? h : d, c = layer.narrow ? d : h;
    return c / PANEL * layer.panel_stride + r * layer.row_stride + c % PANEL;
}

// Calls f(layer, index in the flat vector, index in the layer's matrix) for every weight and bias.
template <class F>
inline void for_each_weight(const Network& net, F&& f) {
    for (int64_t l = 0; l < net.layer_count(); ++l) {
        const Layer& layer = net.layer(l);
        for (int64_t h = 0; h < layer.units; ++h) {
            const int64_t weight = layer.flat_offset + h * layer.inputs,
                          bias = layer.flat_offset + layer.units * layer.inputs + h;
            for (int64_t d = 0; d < layer.inputs; ++d) f(layer, weight + d, weight_index(layer, d, h));
            f(layer, bias, weight_index(layer, layer.inputs, h));
        }
    }
}

// Lays the network out in fresh memory, zeroed, with ones behind the units, for steps of `rows` rows.
// False: out of memory.
inline bool build_network(Network& net, const ShoalNetwork& from, int64_t rows, bool training) {
    net.inputs = from.inputs;
    net.dense_count = from.dense_count;
    net.conv_count = from.conv_count;
    net.table_count = from.table_count;
    net.channels = from.channels;
    net.height = from.height;
    net.step_rows = rows;
    net.group_rows = net.conv_count ? images_of_group(from, rows) : max(rows, EVALUATION_ROWS);
    Arena count{nullptr, 0};
    allocate_buffers(net, from, training, count);
    net.memory = calloc((size_t)count.used + 64, 1);
    if (!net.memory) return false;
    Arena arena{(char*)(((uintptr_t)net.memory + 63) & ~(uintptr_t)63), 0};
    allocate_buffers(net, from, training, arena);
    for (int64_t b = 0; b < net.group_rows; ++b) {
        net.dense_input.value[b * net.dense_input.output_stride + net.dense_input.units] = 1;
        for (int64_t l = 0; l < net.dense_count; ++l)
            net.dense[l].value[b * net.dense[l].output_stride + net.dense[l].units] = 1;
    }
    return true;
}

inline void read_parameters(Network& net, const float* parameters) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) net.vectors[i] = parameters[i];
    for_each_weight(
        net, [=](const Layer& layer, int64_t flat, int64_t at) { layer.weights[at] = parameters[flat]; });
}

inline void write_parameters(const Network& net, float* parameters) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) parameters[i] = canonical_nan(net.vectors[i]);
    for_each_weight(net, [=](const Layer& layer, int64_t flat, int64_t at) {
        parameters[flat] = canonical_nan(layer.weights[at]);
    });
}

inline void read_moments(Network& net, const float* first_moment, const float* second_moment) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) {
        net.vector_first_moment[i] = first_moment[i];
        net.vector_second_moment[i] = second_moment[i];
    }
    for_each_weight(net, [=](const Layer& layer, int64_t flat, int64_t at) {
        layer.first_moment[at] = first_moment[flat];
        layer.second_moment[at] = second_moment[flat];
    });
}

inline void write_moments(const Network& net, float* first_moment, float* second_moment) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) {
        first_moment[i] = canonical_nan(net.vector_first_moment[i]);
        second_moment[i] = canonical_nan(net.vector_second_moment[i]);
    }
    for_each_weight(net, [=](const Layer& layer, int64_t flat, int64_t at) {
        first_moment[flat] = canonical_nan(layer.first_moment[at]);
        second_moment[flat] = canonical_nan(layer.second_moment[at]);
    });
}

}  // namespace
}  // namespace shoal
