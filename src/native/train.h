// A whole fit: epochs, evaluation points, what is kept, when it ends. Follows `Trainer.advance` and
// `State.note` of src/shoal/engine/_trainer.py word by word.
#pragma once
#include "step.h"
#include "target.h"

namespace shoal {
namespace {

// Everything one call works with; freed at its end.
struct Run {
    Network net = {};
    uint32_t *keys = nullptr, *spare = nullptr, *order = nullptr, *moves = nullptr;
    int64_t unasked = -1;  // work since `pausing` was asked last; below 0 before the first step
    ~Run() {
        free(net.memory);
        free(keys);
        free(moves);
    }
    bool prepare(const ShoalFit& fit) {
        const int64_t n = fit.train.rows, batch = least(fit.batch_size, n);
        if (!build(net, fit.network, batch, true)) return false;
        const int64_t room = draws_room(n);
        keys = (uint32_t*)calloc((size_t)(room + 2 * n), sizeof(uint32_t));
        spare = keys + room;
        order = spare + n;
        if (fit.shift || fit.flip) {
            moves = (uint32_t*)calloc((size_t)(3 * room), sizeof(uint32_t));
            if (!moves) return false;
        }
        set_levels(net, fit);
        return keys != nullptr;
    }
};

inline bool finite(double loss) { return loss >= -3.4028235e38 && loss <= 3.4028235e38; }

// The loss of one batch, with what the update needs: all rows at once, or images group by group.
inline double learn_from(Run& run, const ShoalFit& fit, int64_t first, const uint32_t* order, int64_t rows) {
    const Network& net = run.net;
    Score score;
    if (net.conv_count) begin_gradients(net);
    for (int64_t b = 0; b < rows; b += net.batch) {
        const int64_t here = least(net.batch, rows - b);
        feed(net, fit, fit.train, {first + b, here, 1, order + b}, run.moves);
        forward(net, here, b);
        judge(net, fit, order + b, here, rows, score);
        if (net.conv_count) collect_gradients(net, here, b);
    }
    return score.loss / terms_of(net, fit, rows);
}

// Whether to pause before a step of so many rows: asked now and then only, since the answer has a price.
inline bool pauses(Run& run, const ShoalFit& fit, int64_t rows) {
    if (!fit.pausing || run.unasked < 0) return false;  // each call gets on
    constexpr int64_t BY_ROW = 3, BY_PARAMETER = 16, BY_STEP = 1 << 12;  // multiply-adds, or what takes as long
    run.unasked += BY_ROW * rows * run.net.products + BY_PARAMETER * run.net.parameters + BY_STEP;
    if (run.unasked < fit.ask_after) return false;
    run.unasked = 0;
    return fit.pausing();
}

// The rest of an epoch; false at the first batch whose loss is not finite, and at a pause.
inline bool train_epoch(Run& run, ShoalFit& fit) {
    const int64_t n = fit.train.rows, steps = (n + fit.batch_size - 1) / fit.batch_size;
    const uint32_t epoch = (uint32_t)fit.epoch;
    permutation({{fit.order_key[0], fit.order_key[1]}, 0, 0, epoch}, n, run.keys, run.spare, run.order);
    if (run.moves) draw_moves(fit, n, run.moves);
    Bias bias(fit.epoch * steps);
    for (int64_t step = 0; step < fit.step; ++step) bias.next();
    for (int64_t step = fit.step; step < steps; ++step) {
        const int64_t first = step * fit.batch_size, rows = least(fit.batch_size, n - first);
        if (pauses(run, fit, rows)) {
            fit.step = step;
            return false;
        }
        draw_dropout(run.net, rows, {{fit.dropout_key[0], fit.dropout_key[1]}, 0, (uint32_t)step, epoch});
        if (!finite(learn_from(run, fit, first, run.order + first, rows))) {
            fit.status = SHOAL_DIVERGED;
            fit.sick_epoch = fit.epoch + 1;
            fit.sick_batch = step + 1;
            fit.step = 0;
            return false;
        }
        run.unasked = most(run.unasked, 0);
        bias.next();
        with_optimizer(fit, fit.rates[fit.epoch], bias, [&](const auto& update) {
            if (run.net.conv_count)
                use_gradients(run.net, update);
            else
                backward(run.net, rows, update);
        });
    }
    fit.step = 0;
    return true;
}

// One row of the curve; then keep, stop or call the fit sick by it.
inline void note(Run& run, ShoalFit& fit) {
    double* curve = fit.curve + SHOAL_CURVES * fit.seen++;
    for (int i = 0; i < SHOAL_CURVES; ++i) curve[i] = __builtin_nan("");
    evaluate(run.net, fit, fit.train, fit.every, curve, curve + 3);
    if (fit.validation.rows) evaluate(run.net, fit, fit.validation, 1, curve + 1, curve + 4);
    if (fit.inner.rows) evaluate(run.net, fit, fit.inner, 1, curve + 2, nullptr);
    if (!finite(curve[0])) {
        fit.status = SHOAL_DIVERGED;
        fit.sick_epoch = fit.epoch;
        fit.sick_batch = (fit.train.rows + fit.batch_size - 1) / fit.batch_size;
        return;
    }
    if (fit.judge == SHOAL_NO_JUDGE) return;
    const double loss = curve[fit.judge];
    if (loss < fit.best_loss) {
        fit.best_loss = loss;
        fit.best_epoch = fit.epoch;
        write_parameters(run.net, fit.best);
    } else if (fit.patience && fit.epoch - fit.best_epoch >= fit.patience) {
        fit.status = SHOAL_DONE;
    }
}

// False: out of memory.
inline bool advance(ShoalFit& fit, int64_t until) {
    if (fit.status != SHOAL_TRAINING || fit.epoch >= until) return true;
    const FlushedDenormals flushed;
    Run run;
    if (!run.prepare(fit)) return false;
    read_parameters(run.net, fit.parameters);
    read_moments(run.net, fit.first, fit.second);
    while (fit.status == SHOAL_TRAINING && fit.epoch < until && train_epoch(run, fit)) {
        ++fit.epoch;
        if (fit.seen < fit.points_count && fit.epoch == fit.points[fit.seen]) note(run, fit);
        if (fit.status == SHOAL_TRAINING && fit.epoch == fit.epochs) fit.status = SHOAL_DONE;
    }
    write_parameters(run.net, fit.parameters);
    write_moments(run.net, fit.first, fit.second);
    return true;
}

inline bool outputs(const ShoalNetwork& from, const float* parameters, const float* x, int64_t rows,
                    float* y) {
    const FlushedDenormals flushed;
    Run run;
    Network& net = run.net;
    if (!build(net, from, EVALUATION_ROWS, false)) return false;
    read_parameters(net, parameters);
    const Layer& last = net.last();
    for (int64_t n = 0; n < rows; n += net.batch) {
        const int64_t here = least(net.batch, rows - n);
        for (int64_t b = 0; b < here; ++b) feed_floats(net, b, x + (n + b) * net.inputs);
        forward(net, here, KEEP_ALL);
        for (int64_t b = 0; b < here; ++b)
            for (int64_t k = 0; k < last.units; ++k)
                y[(n + b) * last.units + k] = one_nan(last.value[b * last.stride + k]);
    }
    return true;
}

inline bool test_halves(const uint32_t key[2], int64_t count, int64_t layer, int64_t step, int64_t epoch,
                        uint16_t* draws) {
    uint16_t* room = (uint16_t*)calloc((size_t)draws_room(count), sizeof(uint16_t));
    if (!room) return false;
    draw_halves({{key[0], key[1]}, (uint32_t)layer, (uint32_t)step, (uint32_t)epoch}, count, room);
    __builtin_memcpy(draws, room, (size_t)count * sizeof(uint16_t));
    free(room);
    return true;
}

inline bool test_order(const uint32_t key[2], int64_t count, int64_t epoch, uint32_t* order) {
    const int64_t room = draws_room(count);
    uint32_t* keys = (uint32_t*)calloc((size_t)(room + count), sizeof(uint32_t));
    if (!keys) return false;
    permutation({{key[0], key[1]}, 0, 0, (uint32_t)epoch}, count, keys, keys + room, order);
    free(keys);
    return true;
}

inline void test_activation(int64_t activation, int64_t count, const float* x, float* value, float* slope) {
    const FlushedDenormals flushed;
    for (int64_t i = 0; i < count; i += W) {
        float part[3][W] = {};
        const size_t bytes = (size_t)least(W, count - i) * sizeof(float);
        __builtin_memcpy(part[0], x + i, bytes);
        with_activation(activation, [&](auto kind) {
            const Both y = decltype(kind)::at(load(part[0]));
            store(part[1], y.value);
            store(part[2], y.slope);
        });
        __builtin_memcpy(value + i, part[1], bytes);
        __builtin_memcpy(slope + i, part[2], bytes);
    }
}

// 12 independent chains of multiply-adds in registers: the most this core can do.
inline double multiply_adds(int64_t rounds) {
    vf sum[12], a = all(0.5f), b = all(0.25f);
    for (int i = 0; i < 12; ++i) sum[i] = all((float)i);
    for (int64_t n = 0; n < rounds; ++n)
#pragma GCC unroll 12
        for (int i = 0; i < 12; ++i) sum[i] = fma(sum[i], a, b);
    vf sink = {};
    for (int i = 0; i < 12; ++i) sink += sum[i];
    const double counted = (double)rounds * 12 * W;
    return total(sink) < 0 ? -counted : counted;
}

constexpr Kernel KERNEL = {advance, outputs, test_halves, test_order, test_activation, multiply_adds};

}  // namespace
}  // namespace shoal
