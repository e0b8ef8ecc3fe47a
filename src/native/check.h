// The boundary: every size, index and pointer of a description, before anything is computed from it.
//
// Each check answers OK or the number of the field at fault. Bounds are far above any use, and low enough
// that no product of two of them overflows 64 bits.
#pragma once
#include "interface.h"

namespace shoal {

#define SHOAL_FIELDS(X)                                                                                      \
    X(OK, "")                                                                                                \
    X(MEMORY, "memory") X(TARGET, "target") X(FIT, "fit") X(ABI, "abi") X(INPUTS, "inputs")                  \
        X(LAYERS, "layers") X(LAYER_COUNT, "layer_count") X(UNITS, "layers.units")                           \
            X(ACTIVATION, "layers.activation") X(DROP, "layers.drop_below") X(LOSS, "loss") X(               \
                OPTIMIZER, "optimizer") X(MOMENTUM, "momentum") X(NESTEROV, "nesterov")                      \
                X(WEIGHT_DECAY, "weight_decay") X(BATCH_SIZE, "batch_size") X(EPOCHS, "epochs") X(           \
                    RATES, "rates") X(RATES_COUNT, "rates_count") X(JUDGE, "judge") X(PATIENCE, "patience")  \
                    X(TRAIN, "train.rows") X(TRAIN_X, "train.x") X(TRAIN_Y, "train.y")                       \
                        X(VALIDATION, "validation.rows") X(VALIDATION_X, "validation.x")                     \
                            X(VALIDATION_Y, "validation.y") X(INNER, "inner.rows") X(INNER_X, "inner.x")     \
                                X(INNER_Y, "inner.y") X(POINTS, "points") X(POINTS_COUNT, "points_count")    \
                                    X(PARAMETERS, "parameters") X(FIRST, "first") X(SECOND, "second")        \
                                        X(BEST, "best") X(PARAMETER_COUNT, "parameter_count") X(             \
                                            CURVE, "curve") X(CURVE_COUNT, "curve_count") X(EPOCH, "epoch")  \
                                            X(SEEN, "seen") X(BEST_EPOCH, "best_epoch") X(STATUS, "status")  \
                                                X(UNTIL, "until") X(X_ROWS, "x") X(OUTPUTS, "outputs")       \
                                                    X(COUNT, "count") X(PLACE, "place")

enum Field : int64_t {
#define SHOAL_FIELD(name, text) name,
    SHOAL_FIELDS(SHOAL_FIELD)
#undef SHOAL_FIELD
        FIELDS
};

namespace {

constexpr int64_t MOST_UNITS = 1 << 24, MOST_LAYERS = 1 << 10, MOST_ROWS = INT32_MAX, MOST_EPOCHS = INT32_MAX;

inline bool within(int64_t value, int64_t low, int64_t high) { return value >= low && value <= high; }
inline bool finite_from_0(double value) { return value >= 0 && value <= 1.7e308; }

// Also counts the network's parameters.
inline Field check_network(const ShoalNetwork& net, int64_t* parameters) {
    if (!within(net.inputs, 1, MOST_UNITS)) return INPUTS;
    if (!within(net.layer_count, 1, MOST_LAYERS)) return LAYER_COUNT;
    if (!net.layers) return LAYERS;
    int64_t inputs = net.inputs;
    *parameters = 0;
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

// `field`, `field` + 1 and `field` + 2 are the fields of these rows, their inputs and their targets.
inline Field check_rows(const ShoalRows& data, int64_t least, const ShoalFit& fit, Field field) {
    const int64_t outputs = fit.network.layers[fit.network.layer_count - 1].units;
    if (!within(data.rows, least, MOST_ROWS)) return field;
    if (!data.rows) return OK;
    if (!data.x || data.x_count != data.rows * fit.network.inputs) return Field(field + 1);
    if (fit.loss == SHOAL_MSE)
        return !data.values || data.values_count != data.rows * outputs ? Field(field + 2) : OK;
    if (!data.labels || data.labels_count != data.rows) return Field(field + 2);
    for (int64_t n = 0; n < data.rows; ++n)
        if (!within(data.labels[n], 0, outputs - 1)) return Field(field + 2);
    return OK;
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
    return within(fit.patience, 0, MOST_EPOCHS) ? OK : PATIENCE;
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
    if (Field bad = check_rows(fit->train, 1, *fit, TRAIN)) return bad;
    if (Field bad = check_rows(fit->validation, 0, *fit, VALIDATION)) return bad;
    if (Field bad = check_rows(fit->inner, 0, *fit, INNER)) return bad;
    if (Field bad = check_state(*fit, parameters)) return bad;
    return check_points(*fit);
}

}  // namespace
}  // namespace shoal
