// The boundary of fits: their training, rows and state; see check.h.
#pragma once
#include "check.h"

namespace shoal {
namespace {

// The images that rows point into by number, and what is done with their bytes.
inline Field check_images(const ShoalFit& fit) {
    if (!within(fit.evaluate_every, 1, MAX_ROWS)) return EVALUATE_EVERY;
    if (!within(fit.shift, 0, MAX_SHIFT) || !within(fit.flip, 0, 1)) return AUGMENT;
    if (!fit.network.conv_count) return fit.evaluate_every == 1 && !fit.shift && !fit.flip ? OK : AUGMENT;
    if (fit.images_count < 0 || fit.images_count % fit.network.inputs) return IMAGES;
    if (fit.images_count && !fit.images) return IMAGES;
    if (!fit.pixel_count && !fit.images_count) return fit.shift || fit.flip ? AUGMENT : OK;  // of floats
    return fit.pixel_count == fit.network.channels && fit.pixel_scale && fit.pixel_offset ? OK : PIXELS;
}

// How many outputs a target has, side by side.
inline int64_t outputs_of_target(const ShoalFit& fit) {
    static_assert(SHOAL_LOSS_COUNT == 8, "a case for every loss");
    switch (fit.loss) {
        case SHOAL_MSE:
        case SHOAL_CROSS_ENTROPY:
        case SHOAL_MAE:
        case SHOAL_HUBER:
        case SHOAL_POISSON:
        case SHOAL_BINARY_CROSS_ENTROPY: return 1;
        case SHOAL_QUANTILE: return fit.level_count;
        case SHOAL_GAUSSIAN: return 2;
        default: unknown_kind();
    }
}

// Weights are numbers that are not negative.
inline bool has_sound_weights(const ShoalRows& data) {
    if (!data.weights) return data.weights_count == 0;
    if (data.weights_count != data.row_count) return false;
    for (int64_t n = 0; n < data.row_count; ++n)
        if (!finite_and_not_negative((double)data.weights[n])) return false;
    return true;
}

// Shares are numbers that are not negative, of labels alone: one for each.
inline bool has_sound_shares(const ShoalRows& data, const ShoalFit& fit, int64_t outputs) {
    if (!data.shares) return data.shares_count == 0;
    if (fit.loss != SHOAL_BINARY_CROSS_ENTROPY || data.shares_count != data.row_count * outputs) return false;
    for (int64_t n = 0; n < data.shares_count; ++n)
        if (!finite_and_not_negative((double)data.shares[n])) return false;
    return true;
}

// `field` and the next four are the fields of their count, their inputs, their targets, their weights and shares.
inline Field check_rows(const ShoalRows& data, int64_t min_rows, const ShoalFit& fit, Field field) {
    const int64_t outputs = fit.network.dense[fit.network.dense_count - 1].units;
    if (!within(data.row_count, min_rows, fit.network.conv_count ? MAX_IMAGES : MAX_ROWS)) return field;
    if (!data.row_count) return OK;
    if (fit.network.conv_count && fit.pixel_count) {
        if (!data.index || data.index_count != data.row_count) return Field(field + 1);
        for (int64_t n = 0; n < data.row_count; ++n)
            if (!within(data.index[n], 0, fit.images_count / fit.network.inputs - 1)) return Field(field + 1);
    } else if (!data.x || data.x_count != data.row_count * fit.network.inputs ||
               !has_sound_codes(fit.network, data.x, data.row_count)) {
        return Field(field + 1);
    }
    if (!has_sound_weights(data)) return Field(field + 3);
    if (!has_sound_shares(data, fit, outputs)) return Field(field + 4);
    static_assert(SHOAL_LOSS_COUNT == 8, "a case for every loss");
    switch (fit.loss) {
        case SHOAL_MSE:
        case SHOAL_MAE:
        case SHOAL_HUBER:
        case SHOAL_QUANTILE:
        case SHOAL_GAUSSIAN: {
            const int64_t of_target = outputs_of_target(fit);
            if (outputs % of_target) return UNITS;
            if (!data.values || data.values_count != data.row_count * (outputs / of_target)) return Field(field + 2);
            return OK;
        }
        case SHOAL_POISSON:
            if (!data.values || data.values_count != data.row_count * outputs) return Field(field + 2);
            for (int64_t n = 0; n < data.values_count; ++n)
                if (!finite_and_not_negative((double)data.values[n])) return Field(field + 2);
            return OK;
        case SHOAL_BINARY_CROSS_ENTROPY:
            if (!data.values || data.values_count != data.row_count * outputs) return Field(field + 2);
            for (int64_t n = 0; n < data.values_count; ++n)
                if (!(data.values[n] >= 0 && data.values[n] <= 1)) return Field(field + 2);
            return OK;
        case SHOAL_CROSS_ENTROPY:
            if (!data.labels || data.labels_count != data.row_count) return Field(field + 2);
            for (int64_t n = 0; n < data.row_count; ++n)
                if (!within(data.labels[n], 0, outputs - 1)) return Field(field + 2);
            return OK;
        default: unknown_kind();
    }
}

inline bool takes_momentum(int64_t optimizer) {
    static_assert(SHOAL_OPTIMIZER_COUNT == 4, "a case for every optimiser");
    switch (optimizer) {
        case SHOAL_SGD:
        case SHOAL_RMSPROP: return true;
        case SHOAL_ADAM:
        case SHOAL_ADAMW: return false;
        default: unknown_kind();
    }
}

inline bool takes_option(int64_t loss, double option) {
    static_assert(SHOAL_LOSS_COUNT == 8, "a case for every loss");
    switch (loss) {
        case SHOAL_CROSS_ENTROPY: return option >= 0 && option < 1;
        case SHOAL_HUBER: return option > 0 && finite_and_not_negative(option);
        case SHOAL_MSE:
        case SHOAL_MAE:
        case SHOAL_POISSON:
        case SHOAL_QUANTILE:
        case SHOAL_GAUSSIAN:
        case SHOAL_BINARY_CROSS_ENTROPY: return option == 0;
        default: unknown_kind();
    }
}

// Levels ascend within 0 and 1, and belong to quantile alone.
inline bool takes_levels(const ShoalFit& fit) {
    if (fit.loss != SHOAL_QUANTILE) return fit.level_count == 0;
    if (!within(fit.level_count, 1, MAX_LEVELS) || !fit.levels) return false;
    for (int64_t l = 0; l < fit.level_count; ++l)
        if (!(fit.levels[l] > (l ? fit.levels[l - 1] : 0) && fit.levels[l] < 1)) return false;
    return true;
}

// Whether there are rows for the loss that chooses the epoch to keep.
inline bool has_monitored_rows(const ShoalFit& fit) {
    static_assert(SHOAL_MONITOR_COUNT == 3, "a case for every monitor");
    switch (fit.monitor) {
        case SHOAL_MONITOR_NONE: return true;
        case SHOAL_MONITOR_VALIDATION: return fit.validation.row_count > 0;
        case SHOAL_MONITOR_INNER: return fit.inner.row_count > 0;
        default: unknown_kind();
    }
}

inline Field check_training(const ShoalFit& fit) {
    if (!within(fit.loss, 0, SHOAL_LOSS_COUNT - 1)) return LOSS;
    if (!takes_option(fit.loss, fit.loss_option)) return LOSS_OPTION;
    if (!takes_levels(fit)) return LEVELS;
    if (!within(fit.optimizer, 0, SHOAL_OPTIMIZER_COUNT - 1)) return OPTIMIZER;
    const bool momentum = fit.momentum > 0;
    if (!(fit.momentum >= 0 && fit.momentum < 1)) return MOMENTUM;
    if (momentum && !takes_momentum(fit.optimizer)) return MOMENTUM;
    if (!within(fit.nesterov, 0, momentum && fit.optimizer == SHOAL_SGD)) return NESTEROV;
    if (!finite_and_not_negative(fit.weight_decay)) return WEIGHT_DECAY;
    if (!within(fit.batch_size, 1, MAX_ROWS)) return BATCH_SIZE;
    if (!within(fit.epochs, 1, MAX_EPOCHS)) return EPOCHS;
    if (fit.learning_rates_count != fit.epochs) return LEARNING_RATES_COUNT;
    if (!fit.learning_rates) return LEARNING_RATES;
    if (!within(fit.monitor, 0, SHOAL_MONITOR_COUNT - 1)) return MONITOR;
    if (!has_monitored_rows(fit)) return MONITOR;
    if (!within(fit.patience, 0, MAX_EPOCHS)) return PATIENCE;
    return within(fit.pause_interval, 0, MAX_WORK) ? OK : PAUSE_INTERVAL;
}

// Evaluation points increase within [1, epochs]; as many are done as lie up to the state's epoch.
inline Field check_evaluations(const ShoalFit& fit) {
    if (!within(fit.evaluation_count, 0, fit.epochs)) return EVALUATION_COUNT;
    if (fit.curve_count != SHOAL_CURVE_COLUMNS * fit.evaluation_count) return CURVE_COUNT;
    if (fit.evaluation_count && !fit.curve) return CURVE;
    if (fit.evaluation_count && !fit.evaluation_epochs) return EVALUATION_EPOCHS;
    int64_t done = 0;
    for (int64_t t = 0; t < fit.evaluation_count; ++t) {
        if (!within(fit.evaluation_epochs[t], t ? fit.evaluation_epochs[t - 1] + 1 : 1, fit.epochs))
            return EVALUATION_EPOCHS;
        done += fit.evaluation_epochs[t] <= fit.epoch;
    }
    return fit.evaluations_done == done ? OK : EVALUATIONS_DONE;
}

inline Field check_state(const ShoalFit& fit, const Counts& counts) {
    if (fit.parameter_count != counts.parameters) return PARAMETER_COUNT;
    if (!fit.parameters) return PARAMETERS;
    if (!fit.first_moment) return FIRST_MOMENT;
    if (!fit.second_moment) return SECOND_MOMENT;
    if (!fit.best_parameters) return BEST_PARAMETERS;
    if (fit.buffer_count != counts.buffers) return BUFFER_COUNT;
    if (counts.buffers && !fit.buffers) return BUFFERS;
    if (counts.buffers && !fit.best_buffers) return BEST_BUFFERS;
    if (!within(fit.epoch, 0, fit.epochs)) return EPOCH;
    const int64_t steps = (fit.train.row_count + fit.batch_size - 1) / fit.batch_size;
    if (!within(fit.step, 0, fit.epoch < fit.epochs ? steps - 1 : 0)) return STEP;
    if (!within(fit.best_epoch, 0, fit.epoch)) return BEST_EPOCH;
    return within(fit.status, 0, SHOAL_STATUS_COUNT - 1) ? OK : STATUS;
}

inline Field check_fit(const ShoalFit* fit, int64_t until) {
    if (!fit) return FIT;
    if (fit->abi != SHOAL_ABI) return ABI;
    if (!within(until, 0, fit->epochs)) return UNTIL;
    Counts counts;
    if (Field refused = check_network(fit->network, counts)) return refused;
    if (!fit->network.dense_count) return DENSE_COUNT;
    if (Field refused = check_training(*fit)) return refused;
    if (Field refused = check_images(*fit)) return refused;
    if (Field refused = check_rows(fit->train, 1, *fit, TRAIN)) return refused;
    if (Field refused = check_rows(fit->validation, 0, *fit, VALIDATION)) return refused;
    if (Field refused = check_rows(fit->inner, 0, *fit, INNER)) return refused;
    if (Field refused = check_state(*fit, counts)) return refused;
    const int64_t last_batch = (fit->train.row_count - 1) % fit->batch_size + 1;
    if (counts.norms_single_numbers && last_batch == 1) return BATCH_SIZE;  // one number has no spread
    return check_evaluations(*fit);
}

}  // namespace
}  // namespace shoal
