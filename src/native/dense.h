// Dense layers: pre-activations, activation with dropout, and the backward pass, for tables with the
// optimiser's update in it.
//
// Letters: B rows of a batch, D inputs, H units.
#pragma once
#include "network.h"
#include "product.h"

namespace shoal {
namespace {

// Values and derivatives of `rows` rows from the pre-activations that stand in `value`. Units whose draw is
// below the threshold are dropped, the others scaled so that the mean is unchanged; unit h of row b has draw
// b*H + h.
template <class F, bool DROP>
inline void activate(const Layer& layer, int64_t rows, const uint16_t* draws) {
    const int64_t whole = layer.units / W * W;
    const vi32 inside = lane_mask(layer.units - whole);  // of the last, partly filled vector
    vf32 one = {};                                       // the constant 1 follows the last unit
    one[layer.units - whole] = 1;
    const vu32 threshold = vu32{} + (uint32_t)layer.dropout_threshold;
    const vf32 scale = broadcast((float)(65536.0 / (double)(65536 - layer.dropout_threshold)));
    const auto evaluate = [=](float* value, const uint16_t* draw) {
        Activated y = F::evaluate(load(value));
        if (DROP) {
            vu16 lane_draws;
            __builtin_memcpy(&lane_draws, draw, sizeof lane_draws);
            const vf32 factor =
                as_floats(as_bits(scale) & (vi32)(__builtin_convertvector(lane_draws, vu32) >= threshold));
            y.value *= factor;
            y.derivative *= factor;
        }
        return y;
    };
    for (int64_t b = 0; b < rows; ++b) {
        float *value = layer.value + b * layer.output_stride,
              *derivative = layer.derivative + b * layer.output_stride;
        const uint16_t* draw = draws + (DROP ? b * layer.units : 0);
        for (int64_t h = 0; h < whole; h += W) {
            const Activated y = evaluate(value + h, draw + h);
            store(value + h, y.value);
            store(derivative + h, y.derivative);
        }
        if (whole < layer.units) {
            const Activated y = evaluate(value + whole, draw + whole);
            store(value + whole, select(inside, y.value, one));
            store(derivative + whole, select(inside, y.derivative, vf32{}));
        }
    }
}

// Pre-activations of one layer: the bias is the last term of every sum.
inline void compute_preactivations(const Network& net, int64_t l, int64_t rows) {
    const Layer& layer = net.dense[l];
    const float* input = net.input_of(l).value;
    if (layer.narrow) {
        for (int64_t b = 0; b < rows; ++b)
            for (int64_t h = 0; h < layer.units; ++h)
                layer.value[b * layer.output_stride + h] = dot(
                    input + b * layer.input_stride, layer.weights + h * layer.row_stride, layer.inputs + 1);
        return;
    }
    multiply_blocked({input, layer.input_stride, layer.weights, layer.row_stride, layer.panel_stride,
                      layer.value, layer.output_stride, PANEL, nullptr, layer.inputs + 1, false},
                     rows, layer.vectors);
}

// Gradients of up to BLOCK_ROWS inputs of a wide layer, from input `first_input` to `end`: a block of its weights at
// a time is transposed, so that the sum over outputs runs along rows.
inline void input_gradient_block(const Network& net, int64_t l, int64_t rows, int64_t first_input, int64_t end) {
    const Layer &layer = net.dense[l], &to = net.input_of(l);
    const int64_t vectors = min(end / W, to.output_vectors) - first_input / W, depth = SCRATCH_FLOATS / BLOCK_ROWS;
    for (int64_t h = 0; h < layer.units; h += depth) {
        const int64_t terms = min(depth, layer.units - h);
        for (int64_t p = 0; p < terms; p += PANEL)
            for (int64_t q = 0; q < vectors; q += PANEL_VECTORS)
                transpose_16x16(
                    layer.weights + (h + p) / PANEL * layer.panel_stride + (first_input + q * W) * PANEL,
                    net.scratch + q * W * depth + p * PANEL);
        const bool last = h + terms == layer.units;
        const Product p = {layer.delta + h,
                           layer.output_stride,
                           net.scratch,
                           PANEL,
                           depth * PANEL,
                           to.delta + first_input,
                           to.output_stride,
                           PANEL,
                           last && to.derivative ? to.derivative + first_input : nullptr,
                           terms,
                           h > 0};
        multiply<false>(p, rows, vectors);
    }
}

// A wide layer's weights with a row for each unit, in panels of 16 inputs.
inline void transpose_weights(const Layer& layer) {
    const int64_t depth = round_up(layer.units, PANEL);
    for (int64_t r = 0; r < layer.inputs; r += PANEL)
        for (int64_t h = 0; h < depth; h += PANEL)
            transpose_16x16(layer.weights + h / PANEL * layer.panel_stride + r * PANEL,
                            layer.transposed + r * depth + h * PANEL);
}

// Gradients of a narrow layer's input: its weights lie as they are needed; all units at once.
inline void narrow_input_gradient(const Network& net, int64_t l, int64_t rows) {
    const Layer &layer = net.dense[l], &to = net.input_of(l);
    multiply_blocked({layer.delta, layer.output_stride, layer.weights, layer.row_stride, PANEL, to.delta,
                      to.output_stride, PANEL, to.derivative, layer.units, false},
                     rows, to.output_vectors);
}

// Updates `rows` rows of weights from row `from` on, the columns of `vectors` vectors from panel `panel` on,
// by the gradients in the scratch.
template <class Optimizer>
inline void update_block(const Network& net, const Layer& layer, int64_t from, int64_t rows, int64_t panel,
                         int64_t vectors, const Optimizer& optimizer) {
    const Optimizer update = optimizer;
    for (int64_t p = 0; p * PANEL_VECTORS < vectors; ++p) {
        const int64_t at = (panel + p) * layer.panel_stride + from * layer.row_stride,
                      width = min(PANEL_VECTORS, vectors - p * PANEL_VECTORS) * W;
        const float* gradient = net.scratch + p * BLOCK_ROWS * PANEL;
        float *weights = layer.weights + at, *first_moment = layer.first_moment + at,
              *second_moment = layer.second_moment + at;
        if (width == layer.row_stride) {  // whole rows, one behind the other
            for (int64_t i = 0; i < rows * PANEL; i += W)
                update(weights + i, first_moment + i, second_moment + i, load(gradient + i));
            continue;
        }
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t i = 0; i < width; i += W) {
                const int64_t j = r * layer.row_stride + i;
                update(weights + j, first_moment + j, second_moment + j, load(gradient + r * PANEL + i));
            }
    }
}

// What a layer's gradient is the product of, summed over rows: its inputs and its deltas, in the order in
// which its weights lie.
struct GradientFactors {
    const float *a, *b;
    int64_t a_stride, b_stride;
};

inline GradientFactors gradient_factors(const Network& net, int64_t l) {
    const Layer& layer = net.dense[l];
    const float* input = net.input_of(l).value;
    if (layer.narrow) return {layer.delta, input, layer.output_stride, layer.input_stride};
    return {input, layer.delta, layer.input_stride, layer.output_stride};
}

// One layer's backward pass, in blocks of weights: first the gradient of inputs that needs a block, then the
// block's gradient, summed over the batch, then its update; so a gradient never leaves the first cache.
template <class Optimizer>
inline void backward_with_update(const Network& net, int64_t l, int64_t rows, const Optimizer& update) {
    const Layer& layer = net.dense[l];
    const GradientFactors factors = gradient_factors(net, l);
    const int64_t most_vectors = SCRATCH_FLOATS / BLOCK_ROWS / W;
    // Of the first layer only vectors that are looked up are trained, which stand last among its inputs.
    const bool passes_back = l || net.passes_back();
    const int64_t first_trained = l ? 0 : (net.inputs - net.table_count) / PANEL * PANEL;
    if (passes_back && layer.narrow) narrow_input_gradient(net, l, rows);
    for (int64_t from = 0; from < layer.rows; from += BLOCK_ROWS) {
        const int64_t end = from + BLOCK_ROWS;
        if (passes_back && !layer.narrow && from < layer.inputs && end > first_trained)
            input_gradient_block(net, l, rows, max(from, first_trained), end);
        const int64_t block_rows = min(BLOCK_ROWS, layer.rows - from);
        for (int64_t v = 0; v < layer.vectors; v += most_vectors) {
            const int64_t vectors = min(most_vectors, layer.vectors - v);
            multiply<true>({factors.a + from, factors.a_stride, factors.b + v * W, factors.b_stride, PANEL,
                            net.scratch, PANEL, BLOCK_ROWS * PANEL, nullptr, rows, false},
                           block_rows, vectors);
            update_block(net, layer, from, block_rows, v / PANEL_VECTORS, vectors, update);
        }
    }
}

// One layer's backward pass with images: the gradient is added up, for an update at the end of the batch.
inline void accumulate_gradient(const Network& net, int64_t l, int64_t rows) {
    const Layer &layer = net.dense[l], &to = net.input_of(l);
    const GradientFactors factors = gradient_factors(net, l);
    multiply<true>({factors.a, factors.a_stride, factors.b, factors.b_stride, PANEL, layer.gradient,
                    layer.row_stride, layer.panel_stride, nullptr, rows, true},
                   layer.rows, layer.vectors);
    if (layer.narrow)
        narrow_input_gradient(net, l, rows);
    else
        multiply_blocked(
            {layer.delta, layer.output_stride, layer.transposed, PANEL, round_up(layer.units, PANEL) * PANEL,
             to.delta, to.output_stride, PANEL, to.derivative, layer.units, false},
            rows, to.output_vectors);
}

}  // namespace
}  // namespace shoal
