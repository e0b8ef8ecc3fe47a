// The boundary: every size, index and pointer of a description, before anything is computed from it.
//
// Each check answers OK or the number of the field at fault. Bounds are far above any use, and low enough
// that no product of two of them overflows 64 bits.
#pragma once
#include "interface.h"

namespace shoal {

// clang-format off
#define SHOAL_FIELDS(X) \
    X(OK, "") X(MEMORY, "memory") X(TARGET, "target") X(FIT, "fit") X(ABI, "abi") \
    X(INPUTS, "inputs") X(IMAGE_SIZE, "height") X(CONVS, "convs") X(CONV_COUNT, "conv_count") \
    X(CONV_UNITS, "convs.units") X(KERNEL, "convs.kernel") X(CONV_ACTIVATION, "convs.activation") \
    X(POOL, "convs.pool") X(CONV_DROP, "convs.drop_below") X(LAYERS, "layers") \
    X(LAYER_COUNT, "layer_count") X(UNITS, "layers.units") X(ACTIVATION, "layers.activation") \
    X(DROP, "layers.drop_below") X(LOSS, "loss") X(OPTIMIZER, "optimizer") X(MOMENTUM, "momentum") \
    X(NESTEROV, "nesterov") \
    X(WEIGHT_DECAY, "weight_decay") X(BATCH_SIZE, "batch_size") X(EPOCHS, "epochs") X(RATES, "rates") \
    X(RATES_COUNT, "rates_count") X(JUDGE, "judge") X(PATIENCE, "patience") X(TRAIN, "train.rows") \
    X(TRAIN_X, "train.x") X(TRAIN_Y, "train.y") X(VALIDATION, "validation.rows") \
    X(VALIDATION_X, "validation.x") X(VALIDATION_Y, "validation.y") X(INNER, "inner.rows") \
    X(INNER_X, "inner.x") X(INNER_Y, "inner.y") X(EVERY, "every") X(IMAGES, "images") \
    X(PIXELS, "pixel_scale") X(AUGMENT, "shift") X(ASK_AFTER, "ask_after") X(POINTS, "points") \
    X(POINTS_COUNT, "points_count") X(PARAMETERS, "parameters") X(FIRST, "first") \
    X(SECOND, "second") X(BEST, "best") X(PARAMETER_COUNT, "parameter_count") X(CURVE, "curve") \
    X(CURVE_COUNT, "curve_count") X(EPOCH, "epoch") X(STEP, "step") X(SEEN, "seen") X(BEST_EPOCH, "best_epoch") \
    X(STATUS, "status") X(UNTIL, "until") X(X_ROWS, "x") X(OUTPUTS, "outputs") X(COUNT, "count") \
    X(PLACE, "place")

// clang-format on

enum Field : int64_t {
#define SHOAL_FIELD(name, text) name,
    SHOAL_FIELDS(SHOAL_FIELD)
#undef SHOAL_FIELD
        FIELDS
};

namespace {

constexpr int64_t MOST_UNITS = 1 << 24, MOST_LAYERS = 1 << 10, MOST_ROWS = INT32_MAX, MOST_EPOCHS = INT32_MAX;
constexpr int64_t MOST_CONVS = 32, MOST_CHANNELS = 1 << 16, MOST_PIXELS = 1 << 14,
                  MOST_IMAGES = 1 << 28, MOST_WORK = (int64_t)1 << 60;

inline bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }
inline bool finite_from_0(double value) { return value >= 0 && value <= 1.7e308; }

// One convolution of maps with these channels, height and width, which become its output's.
inline Field check_conv(const ShoalConv& conv, int64_t& channels, int64_t& height, int64_t& width) {
    if (!within(conv.units, 1, MOST_CHANNELS)) return CONV_UNITS;
    if (!within(conv.kernel, 1, MOST_PIXELS) || !within(conv.stride, 1, MOST_PIXELS) ||
        !within(conv.padding, 0, MOST_PIXELS))
        return KERNEL;
    const int64_t padded_height = height + 2 * conv.padding, padded_width = width + 2 * conv.padding;
    if (conv.kernel > padded_height || conv.kernel > padded_width) return KERNEL;
    if (padded_height * padded_width * channels > MOST_UNITS) return KERNEL;
    if (conv.kernel * conv.kernel * channels > MOST_UNITS / conv.units) return KERNEL;
    height = (padded_height - conv.kernel) / conv.stride + 1;
    width = (padded_width - conv.kernel) / conv.stride + 1;
    channels = conv.units;
    if (height * width > MOST_UNITS / channels) return CONV_UNITS;
    if (!within(conv.activation, 0, SHOAL_ACTIVATIONS - 1)) return CONV_ACTIVATION;
    if (!within(conv.drop_below, 0, 65535)) return CONV_DROP;
    if (!within(conv.pool, 0, SHOAL_POOLS - 1)) return POOL;
    if (conv.pool == SHOAL_NO_POOL) return OK;
    const int64_t side = height < width ? height : width;
    if (!within(conv.pool_size, 1, side) || !within(conv.pool_stride, 1, MOST_PIXELS)) return POOL;
    height = (height - conv.pool_size) / conv.pool_stride + 1;
    width = (width - conv.pool_size) / conv.pool_stride + 1;
    return OK;
}

// Also counts the network's parameters.
inline Field check_network(const ShoalNetwork& net, int64_t* parameters) {
    if (!within(net.inputs, 1, MOST_UNITS)) return INPUTS;
    if (!within(net.conv_count, 0, MOST_CONVS)) return CONV_COUNT;
    if (!within(net.layer_count, 1, MOST_LAYERS)) return LAYER_COUNT;
    if (!net.layers) return LAYERS;
    int64_t inputs = net.inputs;
    *parameters = 0;
    if (net.conv_count) {
        if (!net.convs) return CONVS;
        int64_t channels = net.channels, height = net.height, width = net.width;
        if (!within(channels, 1, MOST_CHANNELS) || !within(height, 1, MOST_PIXELS) ||
            !within(width, 1, MOST_PIXELS) || channels * height * width != inputs)
            return IMAGE_SIZE;
        for (int64_t l = 0; l < net.conv_count; ++l) {
            const ShoalConv& conv = net.convs[l];
            const int64_t taps = conv.kernel, before = channels;
            if (Field bad = check_conv(conv, channels, height, width)) return bad;
            *parameters += conv.units * (taps * taps * before + 1);
        }
        inputs = channels * height * width;
    }
    for (int64_t l = 0; l < net.layer_count; ++l) {
        const ShoalLayer& layer = net.layers[l];
        const bool last = l == net.layer_count - 1;
        if (!within(layer.units, 1, MOST_UNITS)) return UNITS;
        if (!within(layer.activation, 0, last ? 0 : SHOAL_ACTIVATIONS - 1)) return ACTIVATION;
        if (!within(layer.drop_below, 0, last ? 0 : 65535)) return DROP;
        *parameters += layer.units * (inputs + 1);
        inputs = layer.units;
    }
    return OK;
}

// The images that rows are numbers of, and what is done with their bytes.
inline Field check_images(const ShoalFit& fit) {
    if (!within(fit.every, 1, MOST_ROWS)) return EVERY;
    if (!within(fit.shift, 0, MOST_PIXELS) || !within(fit.flip, 0, 1)) return AUGMENT;
    if (!fit.network.conv_count) return fit.every == 1 && !fit.shift && !fit.flip ? OK : AUGMENT;
    if (fit.images_count < 0 || fit.images_count % fit.network.inputs) return IMAGES;
    if (fit.images_count && !fit.images) return IMAGES;
    return fit.pixel_count == fit.network.channels && fit.pixel_scale && fit.pixel_offset ? OK : PIXELS;
}

// `field`, `field` + 1 and `field` + 2 are the fields of these rows, their inputs and their targets.
inline Field check_rows(const ShoalRows& data, int64_t least, const ShoalFit& fit, Field field) {
    const int64_t outputs = fit.network.layers[fit.network.layer_count - 1].units;
    if (!within(data.rows, least, fit.network.conv_count ? MOST_IMAGES : MOST_ROWS)) return field;
    if (!data.rows) return OK;
    if (fit.network.conv_count) {
        if (!data.index || data.index_count != data.rows) return Field(field + 1);
        for (int64_t n = 0; n < data.rows; ++n)
            if (!within(data.index[n], 0, fit.images_count / fit.network.inputs - 1)) return Field(field + 1);
    } else if (!data.x || data.x_count != data.rows * fit.network.inputs) {
        return Field(field + 1);
    }
    switch (fit.loss) {
        case SHOAL_MSE:
            return !data.values || data.values_count != data.rows * outputs ? Field(field + 2) : OK;
        case SHOAL_CROSS_ENTROPY:
            if (!data.labels || data.labels_count != data.rows) return Field(field + 2);
            for (int64_t n = 0; n < data.rows; ++n)
                if (!within(data.labels[n], 0, outputs - 1)) return Field(field + 2);
            return OK;
        default: return LOSS;
    }
}

inline Field check_training(const ShoalFit& fit) {
    if (!within(fit.loss, 0, SHOAL_LOSSES - 1)) return LOSS;
    if (!within(fit.optimizer, 0, SHOAL_OPTIMIZERS - 1)) return OPTIMIZER;
    const bool takes_momentum = fit.optimizer == SHOAL_SGD || fit.optimizer == SHOAL_RMSPROP;
    if (!(fit.momentum >= 0 && fit.momentum < 1) || (fit.momentum > 0 && !takes_momentum)) return MOMENTUM;
    if (!within(fit.nesterov, 0, fit.optimizer == SHOAL_SGD && fit.momentum > 0)) return NESTEROV;
    if (!finite_from_0(fit.weight_decay)) return WEIGHT_DECAY;
    if (!within(fit.batch_size, 1, MOST_ROWS)) return BATCH_SIZE;
    if (!within(fit.epochs, 1, MOST_EPOCHS)) return EPOCHS;
    if (fit.rates_count != fit.epochs) return RATES_COUNT;
    if (!fit.rates) return RATES;
    if (!within(fit.judge, 0, SHOAL_JUDGES - 1)) return JUDGE;
    if (fit.judge == SHOAL_BY_VALIDATION && !fit.validation.rows) return JUDGE;
    if (fit.judge == SHOAL_BY_INNER && !fit.inner.rows) return JUDGE;
    if (!within(fit.patience, 0, MOST_EPOCHS)) return PATIENCE;
    return within(fit.ask_after, 0, MOST_WORK) ? OK : ASK_AFTER;
}

// Evaluation points increase within [1, epochs]; as many are passed as lie up to the state's epoch.
inline Field check_points(const ShoalFit& fit) {
    if (!within(fit.points_count, 0, fit.epochs)) return POINTS_COUNT;
    if (fit.curve_count != SHOAL_CURVES * fit.points_count) return CURVE_COUNT;
    if (fit.points_count && !fit.curve) return CURVE;
    if (fit.points_count && !fit.points) return POINTS;
    int64_t passed = 0;
    for (int64_t t = 0; t < fit.points_count; ++t) {
        if (!within(fit.points[t], t ? fit.points[t - 1] + 1 : 1, fit.epochs)) return POINTS;
        passed += fit.points[t] <= fit.epoch;
    }
    return fit.seen == passed ? OK : SEEN;
}

inline Field check_state(const ShoalFit& fit, int64_t parameters) {
    if (fit.parameter_count != parameters) return PARAMETER_COUNT;
    if (!fit.parameters) return PARAMETERS;
    if (!fit.first) return FIRST;
    if (!fit.second) return SECOND;
    if (!fit.best) return BEST;
    if (!within(fit.epoch, 0, fit.epochs)) return EPOCH;
    const int64_t steps = (fit.train.rows + fit.batch_size - 1) / fit.batch_size;
    if (!within(fit.step, 0, fit.epoch < fit.epochs ? steps - 1 : 0)) return STEP;
    if (!within(fit.best_epoch, 0, fit.epoch)) return BEST_EPOCH;
    return within(fit.status, 0, SHOAL_STATUSES - 1) ? OK : STATUS;
}

inline Field check_fit(const ShoalFit* fit, int64_t until) {
    if (!fit) return FIT;
    if (fit->abi != SHOAL_ABI) return ABI;
    if (!within(until, 0, fit->epochs)) return UNTIL;
    int64_t parameters = 0;
    if (Field bad = check_network(fit->network, &parameters)) return bad;
    if (Field bad = check_training(*fit)) return bad;
    if (Field bad = check_images(*fit)) return bad;
    if (Field bad = check_rows(fit->train, 1, *fit, TRAIN)) return bad;
    if (Field bad = check_rows(fit->validation, 0, *fit, VALIDATION)) return bad;
    if (Field bad = check_rows(fit->inner, 0, *fit, INNER)) return bad;
    if (Field bad = check_state(*fit, parameters)) return bad;
    return check_points(*fit);
}

}  // namespace
}  // namespace shoal
