// Targets of some rows side by side, one a lane, for losses.h: in from the last layer's values and from the data, and
// back as sums of terms and as gradients.
//
// Terms are made lane by lane, and added up one by one in the order of the rows: no width of vectors shows in a sum.
// Letters: B rows, T targets of a row, O outputs of a target.
#pragma once
#include "images.h"

namespace shoal {
namespace {

// Terms added up, and how many rows are classified correctly; both weighted where rows are.
struct Score {
    double loss_sum = 0;
    double correct = 0;
};

// What a loss takes of rows with so many outputs, and how many rows lie side by side.
template <class Loss>
inline TargetSizes target_sizes(const Loss& loss, int64_t units) {
    constexpr int64_t AT_ONCE = 1024, FEWEST = 4;  // outputs of all rows together; rows, where they are long
    TargetSizes sizes;
    sizes.outputs = loss.outputs_of_target(units);
    sizes.targets = units / sizes.outputs;
    sizes.terms = loss.terms_of_target();
    const int64_t filling = (PANEL + sizes.targets - 1) / sizes.targets;  // rows that fill a panel of lanes
    sizes.rows = max(filling, max(FEWEST, min(EVALUATION_ROWS, AT_ONCE / units / filling * filling)));
    sizes.stride = round_up(sizes.rows * sizes.targets, PANEL);
    return sizes;
}

// Output o of the target in lane n stands in place o * stride + n, its terms likewise; target i of row b has lane
// b * T + i. Lanes are in use up to a whole vector; what stands behind the last target is not looked at.
struct Targets : TargetSizes {
    int64_t lanes = 0;
    double* term;
    float *output, *delta;  // outputs, and the loss's gradient by them
    float *value, *share;   // what a target is, or the output of its class; how much a label counts, or null
    float *scale, *weight;  // of the gradient; of a row
    int32_t *label, *right;

    Targets(const TargetSizes& sizes, float* room) : TargetSizes(sizes) {
        term = (double*)room;
        output = room + 2 * terms * stride;
        delta = output + outputs * stride;
        value = delta + outputs * stride;
        share = value + stride;
        scale = share + stride;
        weight = scale + stride;
        label = (int32_t*)(weight + stride);
        right = label + stride;
    }
};

// Calls f(n) for the first lane n of every vector in use.
template <class F>
inline void for_lanes(const Targets& t, F&& f) {
    for (int64_t n = 0; n < t.lanes; n += W) f(n);
}

// Calls f(i, o, k) for output o of target i, which is output k of a row. Rows are gone through within, as there are
// more of them than outputs where time counts.
template <class F>
inline void for_outputs(const Targets& t, F&& f) {
    for (int64_t i = 0, k = 0; i < t.targets; ++i)
        for (int64_t o = 0; o < t.outputs; ++o, ++k) f(i, o, k);
}

// Outputs of the rows that begin with row `first` of the batch.
inline void gather_outputs(const Targets& t, const Layer& last, int64_t first, int64_t rows) {
    const float* value = last.value + first * last.output_stride;
    for_outputs(t, [&](int64_t i, int64_t o, int64_t k) {
        float* to = t.output + o * t.stride + i;
        for (int64_t b = 0; b < rows; ++b) to[b * t.targets] = value[b * last.output_stride + k];
    });
}

// Numbers of rows, T each, into `to`.
inline void gather_numbers(const Targets& t, const float* numbers, const RowSelection& rows, float* to) {
    for (int64_t i = 0; i < t.targets; ++i)
        for (int64_t b = 0; b < rows.count; ++b) to[b * t.targets + i] = numbers[rows.row(b) * t.targets + i];
}

// What the outputs are held against.
template <bool OF_CLASSES>
inline void gather_targets(Targets& t, const ShoalRows& data, const RowSelection& rows) {
    if (!data.shares) t.share = nullptr;
    if (!OF_CLASSES) {
        gather_numbers(t, data.values, rows, t.value);
        if (t.share) gather_numbers(t, data.shares, rows, t.share);
        return;
    }
    for (int64_t b = 0; b < rows.count; ++b) {
        const int64_t label = data.labels[rows.row(b)];
        t.label[b] = (int32_t)label;
        t.value[b] = t.output[label * t.stride + b];
    }
}

// What each lane's gradient is scaled by: `scale`, times its row's weight where rows have weights.
inline void set_scale(const Targets& t, const float* weights, int64_t rows, double scale) {
    if (!weights) return for_lanes(t, [&](int64_t n) { store(t.scale + n, broadcast((float)scale)); });
    for (int64_t i = 0; i < t.targets; ++i)
        for (int64_t b = 0; b < rows; ++b) t.scale[b * t.targets + i] = (float)(scale * (double)weights[b]);
}

// Adds up the terms of the targets in lanes `from` to `to`, one by one.
inline double add_terms(const Targets& t, int64_t from, int64_t to, double sum) {
    if (t.terms == 1)
#pragma GCC unroll 8
        for (int64_t n = from; n < to; ++n) sum += t.term[n];
    else
        for (int64_t n = from; n < to; ++n)
            for (int64_t m = 0; m < t.terms; ++m) sum += t.term[m * t.stride + n];
    return sum;
}

// Of each row whether all its targets are right, in its first lane.
inline void join_right(const Targets& t, int64_t rows) {
    for (int64_t i = 1; i < t.targets; ++i)
        for (int64_t b = 0; b < rows; ++b) t.right[b * t.targets] &= t.right[b * t.targets + i];
}

// Adds up terms and right rows, times the row's weight where rows have weights. What weighs nothing is not looked at.
template <bool CLASSIFIES>
inline void add_rows(const Targets& t, const float* weights, int64_t rows, Score& score) {
    if (CLASSIFIES) join_right(t, rows);
    if (!weights) {
        score.loss_sum = add_terms(t, 0, rows * t.targets, score.loss_sum);
        for (int64_t b = 0; CLASSIFIES && b < rows; ++b) score.correct += t.right[b * t.targets] != 0;
        return;
    }
    for (int64_t b = 0; b < rows; ++b) {
        const double weight = (double)weights[b];
        if (!(weight > 0)) continue;
        const int64_t n = b * t.targets;
        score.loss_sum += weight * add_terms(t, n, n + t.targets, 0);
        if (CLASSIFIES) score.correct += t.right[n] ? weight : 0;
    }
}

// Gradients into the last layer's delta; 0 of what weighs nothing.
inline void scatter(const Targets& t, const Layer& last, int64_t first, const float* weights, int64_t rows) {
    float* delta = last.delta + first * last.output_stride;
    for_outputs(t, [&](int64_t i, int64_t o, int64_t k) {
        const float* from = t.delta + o * t.stride + i;
        for (int64_t b = 0; b < rows; ++b) delta[b * last.output_stride + k] = from[b * t.targets];
    });
    for (int64_t b = 0; weights && b < rows; ++b)
        if (!(weights[b] > 0)) __builtin_memset(delta + b * last.output_stride, 0, (size_t)last.units * sizeof(float));
}

// Adds up the scores of rows whose outputs stand in the last layer; with GRADIENT the loss's gradient, scaled by
// `scale`, comes into its delta.
template <bool GRADIENT, class Loss>
inline void score_in_lanes(const Loss& loss, const Network& net, const ShoalRows& data, const RowSelection& rows,
                           double scale, Score& score) {
    const Layer& last = net.output_layer();
    Targets t(net.target_sizes, net.scratch);
    for (int64_t b = 0; b < rows.count; b += t.rows) {
        const RowSelection part = rows.part(b, min(t.rows, rows.count - b));
        t.lanes = round_up(part.count * t.targets, W);
        gather_outputs(t, last, b, part.count);
        gather_targets<Loss::OF_CLASSES>(t, data, part);
        const float* weights = data.weights ? t.weight : nullptr;
        for (int64_t i = 0; weights && i < part.count; ++i) t.weight[i] = data.weights[part.row(i)];
        if (GRADIENT) set_scale(t, weights, part.count, scale);
        loss.template evaluate<GRADIENT>(t);
        if (GRADIENT) scatter(t, last, b, weights, part.count);
        add_rows<Loss::CLASSIFIES>(t, weights, part.count, score);
    }
}

// The same of a loss so cheap that the way into lanes and back would take longer: row by row, where outputs stand.
template <bool GRADIENT, class Loss>
inline void score_row_by_row(const Loss& loss, const Network& net, const ShoalRows& data, const RowSelection& rows,
                             double scale, Score& score) {
    const Layer& last = net.output_layer();
    const int64_t units = last.units;
    double total = score.loss_sum;
    for (int64_t b = 0; b < rows.count; ++b) {
        const int64_t row = rows.row(b);
        const double weight = data.weights ? (double)data.weights[row] : 1;
        const float *y = last.value + b * last.output_stride, *target = data.values + row * units;
        float* delta = last.delta + b * last.output_stride;
        if (!(weight > 0)) {
            for (int64_t k = 0; GRADIENT && k < units; ++k) delta[k] = 0;
            continue;
        }
        const float factor = (float)(scale * weight);
        double sum = data.weights ? 0 : total;
        for (int64_t k = 0; k < units; ++k) {
            const float slope = loss.slope(y[k] - target[k], sum);
            if (GRADIENT) delta[k] = slope * factor;
        }
        total = data.weights ? total + weight * sum : sum;
    }
    score.loss_sum = total;
}

template <bool GRADIENT, class Loss>
inline void score_rows(const Loss& loss, const Network& net, const ShoalRows& data, const RowSelection& rows,
                       double scale, Score& score) {
    if constexpr (Loss::ROW_BY_ROW)
        score_row_by_row<GRADIENT>(loss, net, data, rows, scale, score);
    else
        score_in_lanes<GRADIENT>(loss, net, data, rows, scale, score);
}

}  // namespace
}  // namespace shoal
