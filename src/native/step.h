// One training step: forward, loss, backward, and the optimiser's update; and evaluation.
//
// Letters: B rows of a batch, D inputs, H units, K outputs.
#pragma once
#include "conv.h"
#include "dense.h"
#include "images.h"
#include "losses.h"
#include "norm.h"
#include "optimizers.h"

namespace shoal {
namespace {

// Dropout draws of one step, all layers.
inline void draw_dropout(const Network& net, int64_t rows, Stream stream) {
    for (int64_t l = 0; l < net.layer_count(); ++l) {
        const Layer& layer = net.layer(l);
        stream.layer = (uint32_t)(net.first_layer + l);
        if (layer.dropout_threshold) draw_halves(stream, rows * layer.units, layer.dropout_draws);
    }
}

// Forward through one dense layer; `first_row` as below.
inline void forward_dense(const Network& net, int64_t l, int64_t rows, int64_t first_row) {
    const Layer& layer = net.dense[l];
    const bool training = first_row != NO_DROPOUT;
    compute_preactivations(net, l, rows);
    if (l == net.dense_count - 1) return;
    if (layer.norm.width) norm_forward(layer, rows, training, training && !net.stands);
    with_activation(layer.activation, [&](auto kind) {
        if (training && layer.dropout_threshold)
            activate<decltype(kind), true>(layer, rows, layer.dropout_draws + first_row * layer.units);
        else
            activate<decltype(kind), false>(layer, rows, nullptr);
    });
}

// Forward through all layers; hidden units are dropped by the draws of this step, and normed by this batch, unless
// `first_row`, the row of the batch where these rows begin, is NO_DROPOUT.
inline void forward(const Network& net, int64_t rows, int64_t first_row) {
    if (net.conv_count) forward_convs(net, rows, first_row);
    for (int64_t l = 0; l < net.dense_count; ++l) forward_dense(net, l, rows, first_row);
}

// What `rows` rows weigh, those of `order` or every k-th: as many as they are, unless they have weights.
inline double weight_of(const ShoalRows& data, int64_t rows, const uint32_t* order, int64_t k) {
    if (!data.weights) return (double)rows;
    double sum = 0;
    for (int64_t n = 0; n < rows; ++n) sum += (double)data.weights[order ? (int64_t)order[n] : n * k];
    return sum;
}

// The mean of terms that are added up; nothing is the mean of what weighs nothing.
inline double mean_of(double sum, double terms) { return terms > 0 ? sum / terms : 0; }

// How many terms the mean over rows has that weigh `rows`.
inline double loss_terms(const Network& net, const ShoalFit& fit, double rows) {
    double terms = 0;
    with_loss(fit,
              [&](auto kind) { terms = decltype(kind)::term_count(rows, net.output_layer().units); });
    return terms;
}

// Adds up the scores of `rows` rows of a batch whose mean has `terms` terms, and writes the loss's gradient into
// the last layer's delta.
inline void loss_and_delta(const Network& net, const ShoalFit& fit, const uint32_t* order, int64_t rows,
                           double terms, Score& score) {
    with_loss(fit, [&](auto kind) {
        const double scale = mean_of(decltype(kind)::GRADIENT_FACTOR, terms);
        score_rows<true>(kind, net, fit.train, {0, rows, 1, order}, scale, score);
    });
}

inline void clear_gradients(const Trained& trained) {
    __builtin_memset(trained.gradient, 0, (size_t)trained.matrix_size * sizeof(float));
}

// Updates numbers by the gradients that stand beside them.
template <class Optimizer>
inline void update_by_gradients(const Trained& trained, const Optimizer& optimizer) {
    const Optimizer update = optimizer;
    for (int64_t i = 0; i < trained.matrix_size; i += W)
        update(trained.weights + i, trained.first_moment + i, trained.second_moment + i, load(trained.gradient + i));
}

template <class Optimizer>
inline void backward_with_updates(const Network& net, int64_t rows, const Optimizer& update) {
    for (int64_t l = net.dense_count - 1; l >= 0; --l) {
        const Layer& layer = net.dense[l];
        if (layer.norm.width) {
            clear_gradients(layer.norm);
            norm_backward(layer, rows);
            update_by_gradients(layer.norm, update);
        }
        backward_with_update(net, l, rows, update);
    }
    if (!net.table_count) return;
    add_vector_gradients(net, rows);
    update_vectors(net, update);
}

// With images a batch goes through in groups: gradients are set to 0 (and weights transposed, for the
// gradients of inputs), added up group by group, and applied at its end.
inline void begin_batch(const Network& net) {
    for_each_trained(net, clear_gradients);
    for (int64_t l = 0; l < net.layer_count(); ++l)
        if (!net.layer(l).narrow) transpose_weights(net.layer(l));
}

inline void accumulate_gradients(const Network& net, int64_t rows, int64_t first_row) {
    for (int64_t l = net.dense_count - 1; l >= 0; --l) {
        if (net.dense[l].norm.width) norm_backward(net.dense[l], rows);
        accumulate_gradient(net, l, rows);
    }
    backward_convs(net, rows, first_row);
}

template <class Optimizer>
inline void apply_gradients(const Network& net, const Optimizer& update) {
    for_each_trained(net, [&](const Trained& trained) { update_by_gradients(trained, update); });
}

// Loss and accuracy of every k-th row, without dropout.
inline void evaluate(const Network& net, const ShoalFit& fit, const ShoalRows& data, int64_t k, double* loss,
                     double* accuracy) {
    Score score;
    const int64_t evaluated = (data.row_count + k - 1) / k;
    for (int64_t n = 0; n < evaluated; n += net.seen_rows) {
        const int64_t rows = min(net.seen_rows, evaluated - n);
        load_inputs(net, fit, data, {n, rows, k, nullptr}, nullptr);
        forward(net, rows, NO_DROPOUT);
        with_loss(fit, [&](auto kind) {
            score_rows<false>(kind, net, data, {n, rows, k, nullptr}, 0, score);
        });
    }
    const double weight = weight_of(data, evaluated, nullptr, k);
    *loss = canonical_nan(mean_of(score.loss_sum, loss_terms(net, fit, weight)));
    with_loss(fit, [&](auto kind) {
        if (accuracy && decltype(kind)::CLASSIFIES) *accuracy = mean_of(score.correct, weight);
    });
}

}  // namespace
}  // namespace shoal
