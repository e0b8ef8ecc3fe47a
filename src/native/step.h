// One training step: forward, loss, backward with the optimiser's update in the same pass; and evaluation.
//
// Letters: B rows of a batch, D inputs, H units, K outputs.
#pragma once
#include "network.h"
#include "optimizers.h"
#include "product.h"
#include "streams.h"

namespace shoal {
namespace {

// Values and slopes of `rows` rows from the pre-activations that stand in `value`. Units whose draw is below
// the threshold are dropped, the others scaled so that the mean is unchanged; unit h of row b has draw b*H +
// h.
template <class F, bool DROP>
inline void activate(const Layer& layer, int64_t rows, const uint16_t* draws) {
    const int64_t whole = layer.units / W * W;
    const vi inside = first_lanes(layer.units - whole);  // of the last, partly filled vector
    vf one = {};                                         // the constant 1 follows the last unit
    one[layer.units - whole] = 1;
    const vu below = vu{} + (uint32_t)layer.drop_below;
    const vf scale = all((float)(65536.0 / (double)(65536 - layer.drop_below)));
    const auto at = [=](float* value, const uint16_t* draw) {
        Both y = F::at(load(value));
        if (DROP) {
            vh some;
            __builtin_memcpy(&some, draw, sizeof some);
            const vf kept = floats(lanes(scale) & (vi)(__builtin_convertvector(some, vu) >= below));
            y.value *= kept;
            y.slope *= kept;
        }
        return y;
    };
    for (int64_t b = 0; b < rows; ++b) {
        float *value = layer.value + b * layer.stride, *slope = layer.slope + b * layer.stride;
        const uint16_t* draw = draws + (DROP ? b * layer.units : 0);
        for (int64_t h = 0; h < whole; h += W) {
            const Both y = at(value + h, draw + h);
            store(value + h, y.value);
            store(slope + h, y.slope);
        }
        if (whole < layer.units) {
            const Both y = at(value + whole, draw + whole);
            store(value + whole, pick(inside, y.value, one));
            store(slope + whole, pick(inside, y.slope, vf{}));
        }
    }
}

// Pre-activations of one layer: the bias is the last term of every sum.
inline void weigh(const Network& net, int64_t l, int64_t rows) {
    const Layer& layer = net.layers[l];
    const float* in = net.before(l);
    if (layer.narrow) {
        for (int64_t b = 0; b < rows; ++b)
            for (int64_t h = 0; h < layer.units; ++h)
                layer.value[b * layer.stride + h] =
                    dot(in + b * layer.in_stride, layer.weights + h * layer.row, layer.inputs + 1);
        return;
    }
    multiply_blocked({in, layer.in_stride, layer.weights, layer.row, layer.panel, layer.value, layer.stride,
                      PANEL, nullptr, layer.inputs + 1, false},
                     rows, layer.vectors);
}

// Forward through all layers; with `place`, hidden units are dropped by the draws of this step.
inline void forward(const Network& net, int64_t rows, const Place* place) {
    for (int64_t l = 0; l < net.count; ++l) {
        Layer& layer = net.layers[l];
        weigh(net, l, rows);
        if (l == net.count - 1) return;
        const bool drop = place && layer.drop_below;
        if (drop) {
            Place here = *place;
            here.layer = (uint32_t)l;
            draw_halves(here, rows * layer.units, net.draws);
        }
        with_activation(layer.activation, [&](auto kind) {
            if (drop)
                activate<decltype(kind), true>(layer, rows, net.draws);
            else
                activate<decltype(kind), false>(layer, rows, net.draws);
        });
    }
}

// Copies the rows `order[0..rows)`, or the first ones, of x (N, D) to the network's input.
inline void gather(const Network& net, const float* x, const uint32_t* order, int64_t rows) {
    for (int64_t b = 0; b < rows; ++b)
        __builtin_memcpy(net.input + b * net.in_stride, x + (order ? order[b] : b) * net.inputs,
                         (size_t)net.inputs * sizeof(float));
}

// Sums of squared errors, or of cross-entropies -log softmax(z)[label], and how many rows are classed right.
struct Score {
    double loss = 0;
    int64_t right = 0;
};

// Adds one row's score; with `delta`, writes the loss's gradient scaled by `scale`.
inline void squared_error(const float* y, const float* target, int64_t outputs, float scale, float* delta,
                          Score& score) {
    for (int64_t k = 0; k < outputs; ++k) {
        const float error = y[k] - target[k];
        score.loss += (double)error * (double)error;
        if (delta) delta[k] = error * scale;
    }
}

inline void cross_entropy(const float* z, int64_t label, int64_t outputs, float scale, float* scratch,
                          Score& score) {
    int64_t best = 0;
    for (int64_t k = 1; k < outputs; ++k)
        if (z[k] > z[best]) best = k;
    for (int64_t k = 0; k < outputs; k += W) store(scratch + k, exp(load(z + k) - z[best]));
    double sum = 0;
    for (int64_t k = 0; k < outputs; ++k) sum += (double)scratch[k];
    const float share = scale * (float)(1 / sum);
    for (int64_t k = 0; k < outputs; ++k) scratch[k] *= share;
    for (int64_t k = outputs; k < up_to(outputs, W); ++k) scratch[k] = 0;
    scratch[label] -= scale;
    score.loss += log(sum) + (double)(z[best] - z[label]);
    score.right += best == label;
}

// One batch's loss, its gradient in the last layer's delta.
inline double loss_of_batch(const Network& net, const ShoalFit& fit, const uint32_t* order, int64_t rows) {
    Layer& last = net.last();
    Score score;
    const double terms = (double)rows * (fit.loss == SHOAL_MSE ? (double)last.units : 1);
    const float scale = (float)((fit.loss == SHOAL_MSE ? 2.0 : 1.0) / terms);
    for (int64_t b = 0; b < rows; ++b) {
        const float* y = last.value + b * last.stride;
        float* delta = last.delta + b * last.stride;
        if (fit.loss == SHOAL_MSE)
            squared_error(y, fit.train.values + order[b] * last.units, last.units, scale, delta, score);
        else
            cross_entropy(y, fit.train.labels[order[b]], last.units, scale, delta, score);
    }
    return score.loss / terms;
}

// Gradients of BLOCK units of the layer before, from unit `first` on, by a wide layer's weights: a block of
// them at a time is turned, so that the sum over outputs runs along rows.
inline void pass_back(const Network& net, int64_t l, int64_t rows, int64_t first) {
    const Layer &layer = net.layers[l], &to = net.layers[l - 1];
    const int64_t vectors = least(BLOCK / W, to.out_vectors - first / W), depth = SCRATCH / BLOCK;
    for (int64_t h = 0; h < layer.units; h += depth) {
        const int64_t here = least(depth, layer.units - h);
        for (int64_t p = 0; p < here; p += PANEL)
            for (int64_t q = 0; q < vectors; q += VP)
                transpose_16x16(layer.weights + (h + p) / PANEL * layer.panel + (first + q * W) * PANEL,
                                net.scratch + q * W * depth + p * PANEL);
        const bool last = h + here == layer.units;
        const Product p = {layer.delta + h,
                           layer.stride,
                           net.scratch,
                           PANEL,
                           depth * PANEL,
                           to.delta + first,
                           to.stride,
                           PANEL,
                           last ? to.slope + first : nullptr,
                           here,
                           h > 0};
        multiply<false>(p, rows, vectors);
    }
}

// The same by a narrow layer's weights, which lie as they are needed; all units at once.
inline void pass_back_narrow(const Network& net, int64_t l, int64_t rows) {
    const Layer &layer = net.layers[l], &to = net.layers[l - 1];
    multiply_blocked({layer.delta, layer.stride, layer.weights, layer.row, PANEL, to.delta, to.stride, PANEL,
                      to.slope, layer.units, false},
                     rows, to.out_vectors);
}

// Updates `rows` rows of weights from row `from` on, the columns of `vectors` vectors from panel `panel` on,
// by the gradients in the scratch.
template <class Optimizer>
inline void update_block(const Network& net, const Layer& layer, int64_t from, int64_t rows, int64_t panel,
                         int64_t vectors, const Optimizer& optimizer) {
    const Optimizer update = optimizer;
    for (int64_t p = 0; p * VP < vectors; ++p) {
        const int64_t at = (panel + p) * layer.panel + from * layer.row,
                      width = least(VP, vectors - p * VP) * W;
        const float* gradient = net.scratch + p * BLOCK * PANEL;
        float *weights = layer.weights + at, *first = layer.first + at, *second = layer.second + at;
        if (width == layer.row) {  // whole rows, one behind the other
            for (int64_t i = 0; i < rows * PANEL; i += W)
                update(weights + i, first + i, second + i, load(gradient + i));
            continue;
        }
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t i = 0; i < width; i += W) {
                const int64_t j = r * layer.row + i;
                update(weights + j, first + j, second + j, load(gradient + r * PANEL + i));
            }
    }
}

// One layer's backward pass, in blocks of weights: first what the layer before needs of a block, then the
// block's gradient, summed over the batch, then its update; so a gradient never leaves the first cache.
template <class Optimizer>
inline void learn(const Network& net, int64_t l, int64_t rows, const Optimizer& update) {
    const Layer& layer = net.layers[l];
    const float *in = net.before(l), *a = layer.narrow ? layer.delta : in,
                *b = layer.narrow ? in : layer.delta;
    const int64_t a_stride = layer.narrow ? layer.stride : layer.in_stride;
    const int64_t b_stride = layer.narrow ? layer.in_stride : layer.stride, most = SCRATCH / BLOCK / W;
    if (l && layer.narrow) pass_back_narrow(net, l, rows);
    for (int64_t from = 0; from < layer.rows; from += BLOCK) {
        if (l && !layer.narrow && from < layer.inputs) pass_back(net, l, rows, from);
        const int64_t here = least(BLOCK, layer.rows - from);
        for (int64_t v = 0; v < layer.vectors; v += most) {
            const int64_t vectors = least(most, layer.vectors - v);
            multiply<true>({a + from, a_stride, b + v * W, b_stride, PANEL, net.scratch, PANEL, BLOCK * PANEL,
                            nullptr, rows, false},
                           here, vectors);
            update_block(net, layer, from, here, v / VP, vectors, update);
        }
    }
}

template <class Optimizer>
inline void backward(const Network& net, int64_t rows, const Optimizer& update) {
    for (int64_t l = net.count - 1; l >= 0; --l) learn(net, l, rows, update);
}

// The score of all rows, without dropout, as means.
inline void evaluate(const Network& net, const ShoalFit& fit, const ShoalRows& data, double* loss,
                     double* accuracy) {
    Layer& last = net.last();
    Score score;
    for (int64_t n = 0; n < data.rows; n += net.batch) {
        const int64_t rows = least(net.batch, data.rows - n);
        gather(net, data.x + n * net.inputs, nullptr, rows);
        forward(net, rows, nullptr);
        for (int64_t b = 0; b < rows; ++b) {
            const float* y = last.value + b * last.stride;
            if (fit.loss == SHOAL_MSE)
                squared_error(y, data.values + (n + b) * last.units, last.units, 0, nullptr, score);
            else
                cross_entropy(y, data.labels[n + b], last.units, 0, last.delta, score);
        }
    }
    *loss = one_nan(score.loss / ((double)data.rows * (fit.loss == SHOAL_MSE ? (double)last.units : 1)));
    if (accuracy && fit.loss == SHOAL_CROSS_ENTROPY) *accuracy = (double)score.right / (double)data.rows;
}

}  // namespace
}  // namespace shoal
