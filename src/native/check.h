// The boundary: every size, index and pointer of a description, before anything is computed from it.
//
// Each check answers OK or the number of the field at fault. Bounds are far above any use, and low enough
// that no product of two of them overflows 64 bits.
#pragma once
#include "interface.h"
#include "kinds.h"
#include "skip.h"

namespace shoal {

// clang-format off
#define SHOAL_FIELDS(X) \
    X(OK, "") X(MEMORY, "memory") X(TARGET, "target") X(FIT, "fit") X(ABI, "abi") X(INPUTS, "inputs") \
    X(IMAGE_SIZE, "height") X(CONVS, "convs") X(CONV_COUNT, "conv_count") X(CONV_UNITS, "convs.units") \
    X(GROUPS, "convs.groups") X(CONV_NORM, "convs.norm") X(NORM, "dense.norm") \
    X(KERNEL, "convs.kernel") X(STRIDE, "convs.stride") X(PADDING, "convs.padding") X(DILATION, "convs.dilation") \
    X(CONV_ACTIVATION, "convs.activation") X(POOL, "convs.pool") X(POOL_SIZE, "convs.pool_size") X(POOL_STRIDE, "convs.pool_stride") \
    X(CONV_DROPOUT, "convs.dropout_threshold") X(CONV_SKIP, "convs.skip") X(TABLES, "tables") X(TABLE_COUNT, "table_count") X(FIRST_LAYER, "first_layer") X(DENSE, "dense") X(DENSE_COUNT, "dense_count") \
    X(UNITS, "dense.units") X(ACTIVATION, "dense.activation") X(DROPOUT, "dense.dropout_threshold") \
    X(LOSS, "loss") X(LOSS_OPTION, "loss_option") X(LEVELS, "levels") X(OPTIMIZER, "optimizer") X(MOMENTUM, "momentum") \
    X(NESTEROV, "nesterov") X(WEIGHT_DECAY, "weight_decay") X(BATCH_SIZE, "batch_size") X(EPOCHS, "epochs") \
    X(LEARNING_RATES, "learning_rates") X(LEARNING_RATES_COUNT, "learning_rates_count") \
    X(MONITOR, "monitor") X(PATIENCE, "patience") X(TRAIN, "train.row_count") X(TRAIN_X, "train.x") \
    X(TRAIN_Y, "train.y") X(TRAIN_WEIGHTS, "train.weights") X(TRAIN_SHARES, "train.shares") \
    X(VALIDATION, "validation.row_count") X(VALIDATION_X, "validation.x") \
    X(VALIDATION_Y, "validation.y") X(VALIDATION_WEIGHTS, "validation.weights") X(VALIDATION_SHARES, "validation.shares") \
    X(INNER, "inner.row_count") X(INNER_X, "inner.x") \
    X(INNER_Y, "inner.y") X(INNER_WEIGHTS, "inner.weights") X(INNER_SHARES, "inner.shares") \
    X(EVALUATE_EVERY, "evaluate_every") X(IMAGES, "images") X(PIXELS, "pixel_scale") \
    X(AUGMENT, "shift") X(PAUSE_INTERVAL, "pause_interval") X(EVALUATION_EPOCHS, "evaluation_epochs") \
    X(EVALUATION_COUNT, "evaluation_count") X(PARAMETERS, "parameters") X(FIRST_MOMENT, "first_moment") \
    X(SECOND_MOMENT, "second_moment") X(BEST_PARAMETERS, "best_parameters") \
    X(PARAMETER_COUNT, "parameter_count") X(BUFFERS, "buffers") X(BEST_BUFFERS, "best_buffers") X(BUFFER_COUNT, "buffer_count") X(CURVE, "curve") X(CURVE_COUNT, "curve_count") \
    X(EPOCH, "epoch") X(STEP, "step") X(EVALUATIONS_DONE, "evaluations_done") X(BEST_EPOCH, "best_epoch") \
    X(STATUS, "status") X(UNTIL, "until") X(X_ROWS, "x") X(OUTPUTS, "outputs") X(MAPS, "maps") \
    X(BY_OUTPUTS, "by_outputs") X(LAYER, "layer") X(LEAST_SLOPE, "least_slope") X(GRADIENT, "gradient") X(COUNT, "count") \
    X(STREAM, "stream") X(CELLS, "cells")
// clang-format on

enum Field : int64_t {
#define SHOAL_FIELD(name, text) name,
    SHOAL_FIELDS(SHOAL_FIELD)
#undef SHOAL_FIELD
        FIELD_COUNT
};

namespace {

constexpr int64_t MAX_UNITS = 1 << 24, MAX_LAYERS = 1 << 10, MAX_ROWS = INT32_MAX, MAX_EPOCHS = INT32_MAX;
constexpr int64_t MAX_LEVELS = 1 << 10;
constexpr int64_t MAX_CONVS = 32, MAX_CHANNELS = 1 << 16, MAX_SIDE = INT32_MAX, MAX_SHIFT = 1 << 14,
                  MAX_IMAGES = 1 << 28, MAX_TABLES = 1 << 16, MAX_WORK = (int64_t)1 << 60;

inline bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }
inline bool within(const ShoalSides& sides, int64_t low, int64_t high) {
    return within(sides.height, low, high) && within(sides.width, low, high);
}
inline bool finite_and_not_negative(double value) { return value >= 0 && value <= 1.7e308; }

// What a network has of each.
struct Counts {
    int64_t parameters = 0, buffers = 0, outputs = 0;
    int64_t maps = 0;                   // numbers of the maps of all convolutions, before their pools
    bool norms_single_numbers = false;  // some batch norm sees one number of each row
    // Scale and shift of so many units, each of `pixels` numbers of a row; and of a batch norm its running statistics.
    void add_norm(int64_t norm, int64_t units, int64_t pixels) {
        if (norm == SHOAL_NO_NORM) return;
        parameters += 2 * units;
        if (norm != SHOAL_BATCH_NORM) return;
        buffers += 2 * units;
        norms_single_numbers |= pixels == 1;
    }
};

// Maps, as large as they are.
struct Maps {
    int64_t channels, height, width;
    int64_t pixels() const { return height * width; }
};

// A convolution. Channels, height and width are those of its input, and become those of its output; `own` are its maps
// before its pool.
inline Field check_conv(const ShoalConv& conv, int64_t& channels, int64_t& height, int64_t& width, Maps& own) {
    if (!within(conv.units, 1, MAX_CHANNELS)) return CONV_UNITS;
    if (!within(conv.stride, 1, MAX_SIDE)) return STRIDE;
    if (!within(conv.padding, 0, MAX_UNITS)) return PADDING;
    const ShoalSides padded = {height + 2 * conv.padding.height, width + 2 * conv.padding.width};
    if (padded.height * padded.width > MAX_UNITS / channels) return PADDING;
    if (!within(conv.kernel.height, 1, padded.height) || !within(conv.kernel.width, 1, padded.width)) return KERNEL;
    if (!within(conv.dilation, 1, MAX_SIDE)) return DILATION;
    const ShoalSides reach = reach_of(conv.kernel, conv.dilation);
    if (reach.height >= padded.height || reach.width >= padded.width) return DILATION;
    if (!within(conv.groups, 1, MAX_CHANNELS) || channels % conv.groups || conv.units % conv.groups) return GROUPS;
    if (area_of(conv.kernel) * (channels / conv.groups) > MAX_UNITS / conv.units) return KERNEL;
    if (!within(conv.norm, 0, SHOAL_NORM_COUNT - 1)) return CONV_NORM;
    height = (padded.height - 1 - reach.height) / conv.stride.height + 1;
    width = (padded.width - 1 - reach.width) / conv.stride.width + 1;
    channels = conv.units;
    own = {channels, height, width};
    if (own.pixels() > MAX_UNITS / channels) return CONV_UNITS;
    if (!within(conv.activation, 0, SHOAL_ACTIVATION_COUNT - 1)) return CONV_ACTIVATION;
    if (!within(conv.dropout_threshold, 0, 65535)) return CONV_DROPOUT;
    if (!within(conv.pool, 0, SHOAL_POOL_COUNT - 1)) return POOL;
    if (conv.pool == SHOAL_NO_POOL) return OK;
    if (!within(conv.pool_size.height, 1, height) || !within(conv.pool_size.width, 1, width)) return POOL_SIZE;
    if (!within(conv.pool_stride, 1, MAX_SIDE)) return POOL_STRIDE;
    height = (height - conv.pool_size.height) / conv.pool_stride.height + 1;
    width = (width - conv.pool_size.width) / conv.pool_stride.width + 1;
    return OK;
}

// What the skip of convolution `l` adds to its maps, of what entered all up to it: counts the weights that it passes.
inline Field check_skip(const ShoalConv* convs, int64_t l, const Maps* entered, const Maps& own, Counts& counts) {
    if (!within(convs[l].skip, 0, l + 1)) return CONV_SKIP;
    if (!convs[l].skip) return OK;
    const Maps& from = entered[source_of_skip(convs, l)];
    const ShoalSides strides = strides_of_skip(convs, l);
    if ((from.height - 1) / strides.height + 1 != own.height || (from.width - 1) / strides.width + 1 != own.width)
        return CONV_SKIP;
    if (!passes_skip(strides, from.channels, own.channels)) return OK;
    if (from.channels > MAX_UNITS / own.channels) return CONV_SKIP;
    counts.parameters += own.channels * from.channels;
    return OK;
}

// Tables of vectors: counts their numbers, and the inputs of the first dense layer.
inline Field check_tables(const ShoalNetwork& net, int64_t& inputs, Counts& counts) {
    const int64_t most = net.inputs < MAX_TABLES ? net.inputs : MAX_TABLES;
    if (!within(net.table_count, 0, net.conv_count ? 0 : most)) return TABLE_COUNT;
    if (net.table_count && !net.tables) return TABLES;
    inputs -= net.table_count;
    for (int64_t t = 0; t < net.table_count; ++t) {
        const ShoalTable& table = net.tables[t];
        if (!within(table.rows, 1, MAX_UNITS) || !within(table.size, 1, MAX_UNITS - inputs)) return TABLES;
        inputs += table.size;
        counts.parameters += table.rows * table.size;
    }
    return OK;
}

// A network; images may be looked at by convolutions alone.
inline Field check_network(const ShoalNetwork& net, Counts& counts) {
    if (!within(net.inputs, 1, MAX_UNITS)) return INPUTS;
    if (!within(net.conv_count, 0, MAX_CONVS)) return CONV_COUNT;
    if (!within(net.first_layer, 0, MAX_LAYERS)) return FIRST_LAYER;
    if (!within(net.dense_count, net.conv_count ? 0 : 1, MAX_LAYERS)) return DENSE_COUNT;
    if (net.dense_count && !net.dense) return DENSE;
    int64_t inputs = net.inputs;
    if (net.conv_count) {
        if (!net.convs) return CONVS;
        int64_t channels = net.channels, height = net.height, width = net.width;
        if (!within(channels, 1, MAX_CHANNELS) || !within(height, 1, MAX_UNITS) ||
            !within(width, 1, MAX_UNITS / height) || channels * height * width != inputs)
            return IMAGE_SIZE;
        Maps entered[MAX_CONVS], own;
        for (int64_t l = 0; l < net.conv_count; ++l) {
            const ShoalConv& conv = net.convs[l];
            entered[l] = {channels, height, width};
            if (Field refused = check_conv(conv, channels, height, width, own)) return refused;
            if (Field refused = check_skip(net.convs, l, entered, own, counts)) return refused;
            counts.parameters += conv.units * (area_of(conv.kernel) * (entered[l].channels / conv.groups) + 1);
            counts.maps += conv.units * own.pixels();
            counts.add_norm(conv.norm, conv.units, own.pixels());
        }
        inputs = channels * height * width;
    }
    if (Field refused = check_tables(net, inputs, counts)) return refused;
    for (int64_t l = 0; l < net.dense_count; ++l) {
        const ShoalDense& layer = net.dense[l];
        const bool last = l == net.dense_count - 1;
        if (!within(layer.units, 1, MAX_UNITS)) return UNITS;
        if (!within(layer.activation, 0, last ? 0 : SHOAL_ACTIVATION_COUNT - 1)) return ACTIVATION;
        if (!within(layer.dropout_threshold, 0, last ? 0 : 65535)) return DROPOUT;
        if (!within(layer.norm, 0, last ? 0 : SHOAL_NORM_COUNT - 1)) return NORM;
        counts.parameters += layer.units * (inputs + 1);
        counts.add_norm(layer.norm, layer.units, 1);
        inputs = layer.units;
    }
    counts.outputs = inputs;
    return OK;
}

// The last numbers of every row are codes: whole numbers of vectors that their tables have.
inline bool has_sound_codes(const ShoalNetwork& net, const float* x, int64_t rows) {
    for (int64_t n = 1; n <= rows; ++n)
        for (int64_t t = 0; t < net.table_count; ++t) {
            const float code = x[n * net.inputs - net.table_count + t];
            if (!(code >= 0 && code < (float)net.tables[t].rows && code == (float)(int64_t)code)) return false;
        }
    return true;
}

// What a network as it stands is asked about.
struct AskedRows {
    const ShoalNetwork* network;
    const float* parameters;
    int64_t parameter_count;
    const float* buffers;
    int64_t buffer_count;
    const float* x;
    int64_t x_count, rows;
};

inline Field check_asked(const AskedRows& asked, Counts& counts) {
    if (!asked.network) return FIT;
    const ShoalNetwork& net = *asked.network;
    if (Field refused = check_network(net, counts)) return refused;
    if (asked.parameter_count != counts.parameters) return PARAMETER_COUNT;
    if (!asked.parameters) return PARAMETERS;
    if (asked.buffer_count != counts.buffers) return BUFFER_COUNT;
    if (asked.buffer_count && !asked.buffers) return BUFFERS;
    if (!within(asked.rows, 0, MAX_ROWS) || asked.x_count != asked.rows * net.inputs || (asked.rows && !asked.x))
        return X_ROWS;
    return has_sound_codes(net, asked.x, asked.rows) ? OK : X_ROWS;
}

// How many numbers a gradient has of each image: by the maps of a convolution of a sound network, or, of -1, by the image.
inline int64_t gradient_numbers(const ShoalNetwork& net, int64_t layer) {
    int64_t channels = net.channels, height = net.height, width = net.width;
    Maps own = {channels, height, width};
    for (int64_t l = 0; l <= layer; ++l) check_conv(net.convs[l], channels, height, width, own);
    return own.channels * own.pixels();
}

inline Field check_gradient(const ShoalGradient* question) {
    if (!question) return FIT;
    if (question->abi != SHOAL_ABI) return ABI;
    const ShoalNetwork& net = question->network;
    const int64_t rows = question->row_count;
    Counts counts;
    if (Field refused = check_asked({&net, question->parameters, question->parameter_count, question->buffers,
                                     question->buffer_count, question->x, question->x_count, rows},
                                    counts))
        return refused;
    if (!net.conv_count) return CONV_COUNT;
    if (question->by_outputs_count != rows * counts.outputs || (rows && !question->by_outputs)) return BY_OUTPUTS;
    if (!within(question->layer, -1, net.conv_count - 1)) return LAYER;
    if (!(question->least_slope >= 0 && question->least_slope <= 1)) return LEAST_SLOPE;
    if (question->gradient_count != rows * gradient_numbers(net, question->layer)) return GRADIENT;
    return rows && !question->gradient ? GRADIENT : OK;
}

}  // namespace
}  // namespace shoal
