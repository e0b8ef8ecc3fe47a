// One training step: forward, loss, backward with the optimiser's update in the same pass; and evaluation.
//
// Letters: B rows of a batch, D inputs, H units, K outputs.
#pragma once
#include "convolve.h"
#include "losses.h"
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
    const float* in = net.before(l).value;
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

// Dropout draws of one step, all layers.
inline void draw_dropout(const Network& net, int64_t rows, Place place) {
    for (int64_t l = 0; l < net.weighted_count(); ++l) {
        const Layer& layer = net.weighted(l);
        place.layer = (uint32_t)l;
        if (layer.drop_below) draw_halves(place, rows * layer.units, layer.draws);
    }
}

constexpr int64_t KEEP_ALL = -1;

// Forward through all layers; hidden units are dropped by the draws of this step, unless `first`, the row of
// the batch where these rows begin, is KEEP_ALL.
inline void forward(const Network& net, int64_t rows, int64_t first) {
    if (net.conv_count) convolve(net, rows, first);
    for (int64_t l = 0; l < net.count; ++l) {
        Layer& layer = net.layers[l];
        weigh(net, l, rows);
        if (l == net.count - 1) return;
        with_activation(layer.activation, [&](auto kind) {
            if (first != KEEP_ALL && layer.drop_below)
                activate<decltype(kind), true>(layer, rows, layer.draws + first * layer.units);
            else
                activate<decltype(kind), false>(layer, rows, nullptr);
        });
    }
}

// Which rows are fed: `rows` from `first` on, every `every`-th; or, with `order`, those it names.
struct Choice {
    int64_t first, rows, every;
    const uint32_t* order;
    int64_t at(int64_t b) const { return order ? order[b] : (first + b) * every; }
};

// Copies rows to the network's input.
inline void feed(const Network& net, const ShoalFit& fit, const ShoalRows& data, const Choice& choice,
                 const uint32_t* moves) {
    for (int64_t b = 0; b < choice.rows; ++b) {
        const int64_t n = choice.at(b);
        if (net.conv_count) {
            const uint8_t* image = fit.images + data.index[n] * net.inputs;
            const Move move = moves ? drawn_move(fit, moves, choice.first + b) : Move{0, 0, false};
            feed_image(net, b, image, move);
        } else {
            __builtin_memcpy(net.front.value + b * net.front.stride, data.x + n * net.inputs,
                             (size_t)net.inputs * sizeof(float));
        }
    }
}

// How many terms the mean over `rows` rows has.
inline double terms_of(const Network& net, const ShoalFit& fit, int64_t rows) {
    double terms = 0;
    with_loss(fit.loss, [&](auto kind) { terms = decltype(kind)::terms(rows, net.last().units); });
    return terms;
}

// Adds the scores of `rows` rows of a batch of `batch` up; its loss's gradient in the last layer's delta.
inline void judge(const Network& net, const ShoalFit& fit, const uint32_t* order, int64_t rows, int64_t batch,
                  Score& score) {
    Layer& last = net.last();
    with_loss(fit.loss, [&](auto kind) {
        using Loss = decltype(kind);
        const float scale = (float)(Loss::FACTOR / Loss::terms(batch, last.units));
        for (int64_t b = 0; b < rows; ++b)
            Loss::add(last.value + b * last.stride, fit.train, order[b], last.units, scale,
                      last.delta + b * last.stride, score);
    });
}

// Gradients of BLOCK units of the layer before, from unit `first` on, by a wide layer's weights: a block of
// them at a time is turned, so that the sum over outputs runs along rows.
inline void pass_back(const Network& net, int64_t l, int64_t rows, int64_t first) {
    const Layer &layer = net.layers[l], &to = net.before(l);
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

// A wide layer's weights with a row for each unit, in panels of 16 inputs.
inline void turn(const Layer& layer) {
    const int64_t depth = up_to(layer.units, PANEL);
    for (int64_t r = 0; r < layer.inputs; r += PANEL)
        for (int64_t h = 0; h < depth; h += PANEL)
            transpose_16x16(layer.weights + h / PANEL * layer.panel + r * PANEL,
                            layer.turned + r * depth + h * PANEL);
}

// The same by a narrow layer's weights, which lie as they are needed; all units at once.
inline void pass_back_narrow(const Network& net, int64_t l, int64_t rows) {
    const Layer &layer = net.layers[l], &to = net.before(l);
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
    const float *in = net.before(l).value, *a = layer.narrow ? layer.delta : in,
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

// With images a batch goes through in groups: gradients are set to 0, added up group by group, and used at
// its end.
inline void begin_gradients(const Network& net) {
    for (int64_t l = 0; l < net.weighted_count(); ++l) {
        const Layer& layer = net.weighted(l);
        __builtin_memset(layer.gradient, 0, (size_t)layer.size * sizeof(float));
        if (!layer.narrow) turn(layer);
    }
}

inline void collect_gradients(const Network& net, int64_t rows, int64_t first) {
    for (int64_t l = net.count - 1; l >= 0; --l) {
        const Layer &layer = net.layers[l], &to = net.before(l);
        const float *in = to.value, *a = layer.narrow ? layer.delta : in, *b = layer.narrow ? in : layer.delta;
        const int64_t a_stride = layer.narrow ? layer.stride : layer.in_stride;
        const int64_t b_stride = layer.narrow ? layer.in_stride : layer.stride;
        multiply<true>({a, a_stride, b, b_stride, PANEL, layer.gradient, layer.row, layer.panel, nullptr, rows,
                        true},
                       layer.rows, layer.vectors);
        if (layer.narrow)
            pass_back_narrow(net, l, rows);
        else
            multiply_blocked({layer.delta, layer.stride, layer.turned, PANEL,
                              up_to(layer.units, PANEL) * PANEL, to.delta, to.stride, PANEL, to.slope,
                              layer.units, false},
                             rows, to.out_vectors);
    }
    convolve_back(net, rows, first);
}

template <class Optimizer>
inline void use_gradients(const Network& net, const Optimizer& optimizer) {
    const Optimizer update = optimizer;
    for (int64_t l = 0; l < net.weighted_count(); ++l) {
        const Layer& layer = net.weighted(l);
        for (int64_t i = 0; i < layer.size; i += W)
            update(layer.weights + i, layer.first + i, layer.second + i, load(layer.gradient + i));
    }
}

// The score of every so-manieth row, without dropout, as means.
inline void evaluate(const Network& net, const ShoalFit& fit, const ShoalRows& data, int64_t every,
                     double* loss, double* accuracy) {
    Layer& last = net.last();
    Score score;
    const int64_t seen = (data.rows + every - 1) / every;
    for (int64_t n = 0; n < seen; n += net.batch) {
        const int64_t rows = least(net.batch, seen - n);
        feed(net, fit, data, {n, rows, every, nullptr}, nullptr);
        forward(net, rows, KEEP_ALL);
        with_loss(fit.loss, [&](auto kind) {
            for (int64_t b = 0; b < rows; ++b)
                decltype(kind)::add(last.value + b * last.stride, data, (n + b) * every, last.units, 0,
                                    last.delta, score);
        });
    }
    *loss = one_nan(score.loss / terms_of(net, fit, seen));
    with_loss(fit.loss, [&](auto kind) {
        if (accuracy && decltype(kind)::CLASSES) *accuracy = (double)score.right / (double)seen;
    });
}

}  // namespace
}  // namespace shoal
