// A whole fit: epochs, evaluations, what is kept, when it ends. Follows `Trainer.advance` and
// `State.record_evaluation` of src/shoal/engine/_trainer.py word by word.
#pragma once
#include "inspect.h"
#include "target.h"

namespace shoal {
namespace {

// Everything one call works with; freed at its end.
struct Workspace {
    Network net = {};
    uint32_t *keys = nullptr, *spare = nullptr, *order = nullptr, *augment_draws = nullptr;
    int64_t work_since_asked = -1;  // multiply-adds since `should_pause` was asked; -1 before the first step
    ~Workspace() {
        free(net.memory);
        free(keys);
        free(augment_draws);
    }
    bool allocate(const ShoalFit& fit) {
        const int64_t n = fit.train.row_count, batch = min(fit.batch_size, n);
        const int64_t outputs = fit.network.dense[fit.network.dense_count - 1].units;
        with_loss(fit, [&](const auto& kind) {
            if (!kind.ROW_BY_ROW) net.target_sizes = target_sizes(kind, outputs);
        });
        if (!build_network(net, fit.network, batch, true)) return false;
        const int64_t capacity = draw_capacity(n);
        keys = (uint32_t*)calloc((size_t)(capacity + round_up(n, PANEL) + n), sizeof(uint32_t));
        spare = keys + capacity;
        order = spare + round_up(n, PANEL);
        if (fit.shift || fit.flip) {
            augment_draws = (uint32_t*)calloc((size_t)(3 * capacity), sizeof(uint32_t));
            if (!augment_draws) return false;
        }
        net.pixel_scale = fit.pixel_scale;
        net.pixel_offset = fit.pixel_offset;
        return keys != nullptr;
    }
};

inline bool is_finite(double loss) { return loss >= -3.4028235e38 && loss <= 3.4028235e38; }

// Forward and loss of one batch, with what the update needs: all rows at once, or images group by group and
// backward, too.
inline double train_batch(Workspace& work, const ShoalFit& fit, int64_t first_row, const uint32_t* order,
                          int64_t rows) {
    const Network& net = work.net;
    Score score;
    const double terms = loss_terms(net, fit, weight_of(fit.train, rows, order, 1));
    if (net.conv_count) begin_batch(net);
    for (int64_t b = 0; b < rows; b += net.group_rows) {
        const int64_t group = min(net.group_rows, rows - b);
        load_inputs(net, fit, fit.train, {first_row + b, group, 1, order + b, min(net.seen_rows, rows - b - group)},
                    work.augment_draws);
        forward(net, group, b);
        loss_and_delta(net, fit, order + b, group, terms, score);
        if (net.conv_count) accumulate_gradients(net, group, b);
    }
    return mean_of(score.loss_sum, terms);
}

// Whether to pause before a step of so many rows: asked now and then only, since each question costs time.
inline bool asks_to_pause(Workspace& work, const ShoalFit& fit, int64_t rows) {
    if (!fit.should_pause || work.work_since_asked < 0) return false;  // each call trains a step at least
    // Multiply-adds, or what takes as long.
    constexpr int64_t OF_ROW = 3, OF_PARAMETER = 16, OF_STEP = 1 << 12;
    work.work_since_asked +=
        OF_ROW * rows * work.net.multiply_adds + OF_PARAMETER * work.net.parameters + OF_STEP;
    if (work.work_since_asked < fit.pause_interval) return false;
    work.work_since_asked = 0;
    return fit.should_pause();
}

// The rest of an epoch; false at the first batch whose loss is not finite, and at a pause.
inline bool train_epoch(Workspace& work, ShoalFit& fit) {
    const int64_t n = fit.train.row_count, steps = (n + fit.batch_size - 1) / fit.batch_size;
    const uint32_t epoch = (uint32_t)fit.epoch;
    permutation({{fit.order_key[0], fit.order_key[1]}, 0, 0, epoch}, n, work.keys, work.spare, work.order);
    if (work.augment_draws) draw_augmentations(fit, n, work.augment_draws);
    BiasCorrection bias(fit.epoch * steps);
    for (int64_t step = 0; step < fit.step; ++step) bias.next_step();
    for (int64_t step = fit.step; step < steps; ++step) {
        const int64_t first_row = step * fit.batch_size, rows = min(fit.batch_size, n - first_row);
        if (asks_to_pause(work, fit, rows)) {
            fit.step = step;
            return false;
        }
        draw_dropout(work.net, rows, {{fit.dropout_key[0], fit.dropout_key[1]}, 0, (uint32_t)step, epoch});
        if (!is_finite(train_batch(work, fit, first_row, work.order + first_row, rows))) {
            fit.status = SHOAL_DIVERGED;
            fit.diverged_epoch = fit.epoch + 1;
            fit.diverged_batch = step + 1;
            fit.step = 0;
            return false;
        }
        work.work_since_asked = max(work.work_since_asked, 0);
        bias.next_step();
        with_optimizer(fit, fit.learning_rates[fit.epoch], bias, [&](const auto& update) {
            if (work.net.conv_count)
                apply_gradients(work.net, update);
            else
                backward_with_updates(work.net, rows, update);
        });
    }
    fit.step = 0;
    return true;
}

// Columns of the curve.
enum { TRAIN_LOSS, VALIDATION_LOSS, INNER_LOSS, TRAIN_ACCURACY, VALIDATION_ACCURACY };

inline int monitored_column(int64_t monitor) {
    static_assert(SHOAL_MONITOR_COUNT == 3, "a case for every monitor but none");
    switch (monitor) {
        case SHOAL_MONITOR_VALIDATION: return VALIDATION_LOSS;
        case SHOAL_MONITOR_INNER: return INNER_LOSS;
        default: unknown_kind();
    }
}

// One row of the curve; then keep, stop or call the fit diverged by it.
inline void record_evaluation(Workspace& work, ShoalFit& fit) {
    double* curve = fit.curve + SHOAL_CURVE_COLUMNS * fit.evaluations_done++;
    for (int i = 0; i < SHOAL_CURVE_COLUMNS; ++i) curve[i] = __builtin_nan("");
    evaluate(work.net, fit, fit.train, fit.evaluate_every, curve + TRAIN_LOSS, curve + TRAIN_ACCURACY);
    if (fit.validation.row_count)
        evaluate(work.net, fit, fit.validation, 1, curve + VALIDATION_LOSS, curve + VALIDATION_ACCURACY);
    if (fit.inner.row_count) evaluate(work.net, fit, fit.inner, 1, curve + INNER_LOSS, nullptr);
    if (!is_finite(curve[TRAIN_LOSS])) {
        fit.status = SHOAL_DIVERGED;
        fit.diverged_epoch = fit.epoch;
        fit.diverged_batch = (fit.train.row_count + fit.batch_size - 1) / fit.batch_size;
        return;
    }
    if (fit.monitor == SHOAL_MONITOR_NONE) return;
    const double loss = curve[monitored_column(fit.monitor)];
    if (loss < fit.best_loss) {
        fit.best_loss = loss;
        fit.best_epoch = fit.epoch;
        write_parameters(work.net, fit.best_parameters);
        write_buffers(work.net, fit.best_buffers);
    } else if (fit.patience && fit.epoch - fit.best_epoch >= fit.patience) {
        fit.status = SHOAL_DONE;
    }
}

// False: out of memory.
inline bool advance(ShoalFit& fit, int64_t until) {
    if (fit.status != SHOAL_TRAINING || fit.epoch >= until) return true;
    const FlushedDenormals flushed;
    Workspace work;
    if (!work.allocate(fit)) return false;
    read_parameters(work.net, fit.parameters);
    read_buffers(work.net, fit.buffers);
    read_moments(work.net, fit.first_moment, fit.second_moment);
    while (fit.status == SHOAL_TRAINING && fit.epoch < until && train_epoch(work, fit)) {
        ++fit.epoch;
        if (fit.evaluations_done < fit.evaluation_count &&
            fit.epoch == fit.evaluation_epochs[fit.evaluations_done])
            record_evaluation(work, fit);
        if (fit.status == SHOAL_TRAINING && fit.epoch == fit.epochs) fit.status = SHOAL_DONE;
    }
    write_parameters(work.net, fit.parameters);
    write_buffers(work.net, fit.buffers);
    write_moments(work.net, fit.first_moment, fit.second_moment);
    return true;
}

inline bool dropout_draws(const uint32_t key[2], int64_t count, int64_t layer, int64_t step, int64_t epoch,
                          uint16_t* draws) {
    uint16_t* spacious = (uint16_t*)calloc((size_t)draw_capacity(count), sizeof(uint16_t));
    if (!spacious) return false;
    draw_halves({{key[0], key[1]}, (uint32_t)layer, (uint32_t)step, (uint32_t)epoch}, count, spacious);
    __builtin_memcpy(draws, spacious, (size_t)count * sizeof(uint16_t));
    free(spacious);
    return true;
}

inline bool epoch_permutation(const uint32_t key[2], int64_t count, int64_t epoch, uint32_t* order) {
    const int64_t capacity = draw_capacity(count);
    uint32_t* keys = (uint32_t*)calloc((size_t)(capacity + round_up(count, PANEL)), sizeof(uint32_t));
    if (!keys) return false;
    permutation({{key[0], key[1]}, 0, 0, (uint32_t)epoch}, count, keys, keys + capacity, order);
    free(keys);
    return true;
}

inline void evaluate_activation(int64_t activation, int64_t count, const float* x, float* value,
                                float* derivative) {
    const FlushedDenormals flushed;
    for (int64_t i = 0; i < count; i += W) {
        float part[3][W] = {};
        const size_t bytes = (size_t)min(W, count - i) * sizeof(float);
        __builtin_memcpy(part[0], x + i, bytes);
        with_activation(activation, [&](auto kind) {
            const Activated y = decltype(kind)::evaluate(load(part[0]));
            store(part[1], y.value);
            store(part[2], y.derivative);
        });
        __builtin_memcpy(value + i, part[1], bytes);
        __builtin_memcpy(derivative + i, part[2], bytes);
    }
}

// 12 independent chains of multiply-adds in registers: the most that this target can do.
inline double run_multiply_adds(int64_t rounds) {
    vf32 sum[12], a = broadcast(0.5f), b = broadcast(0.25f);
    for (int i = 0; i < 12; ++i) sum[i] = broadcast((float)i);
    for (int64_t n = 0; n < rounds; ++n)
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) sum[i] = fma(sum[i], a, b);
    vf32 sink = {};
    for (int i = 0; i < 12; ++i) sink += sum[i];
    const double count = (double)rounds * 12 * W;
    return horizontal_sum(sink) < 0 ? -count : count;
}

constexpr TargetCore CORE = {
    advance,           outputs,             maps,             gradient, dropout_draws,
    epoch_permutation, evaluate_activation, run_multiply_adds};

}  // namespace
}  // namespace shoal
