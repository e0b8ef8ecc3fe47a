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
        Activated y;
        if constexpr (F::PREPARES) y = F::complete(load(value));
        else y = F::evaluate(load(value));
        if (DROP) {
            vu16 lane_draws;
            __builtin_memcpy(&lane_draws, draw, sizeof lane_draws);
            const vf32 factor =
                as_floats(as_bits(scale) & (vi32)(widen(lane_draws) >= threshold));
            y.value *= factor;
            y.derivative *= factor;
        }
        return y;
    };
    for (int64_t b = 0; b < rows; ++b) {
        float *value = layer.value + b * layer.output_stride,
              *derivative = layer.derivative + b * layer.output_stride;
        const uint16_t* draw = draws + (DROP ? b * layer.units : 0);
        if constexpr (F::PREPARES)
            for (int64_t h = 0; h < layer.units; h += W) store(value + h, F::prepare(load(value + h)));
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

// Sums of a tile whose weights are updated with it: fewer than a product could have, so that registers are left.
constexpr int UPDATE_SUMS = 10;
constexpr int update_rows(int vectors) { return UPDATE_SUMS / vectors; }

// Tiles of equal height: `tiles` of them below each other, in each of `strips` neighbouring strips of vectors; the first
// from this row and vector on.
struct WeightTiles {
    const Layer& layer;
    GradientFactors factors;
    int64_t rows;  // of the batch
    int64_t first_row, tiles, vector, strips;
};

// Gradients of a block of weights, summed over the batch, and their updates. The weights of a tile are updated while
// the next tile's gradient is summed, a vector a term: so roots and quotients are found beside multiply-adds, and not
// after them. The order of the terms of a sum is that of the batch, whatever lies between them. A tile is as wide as a
// panel, whose rows lie one behind the other, or one vector wide.
template <int R, int C, class Optimizer>
void update_tiles(const WeightTiles& block, const Optimizer& optimizer) {
    static_assert(C == 1 || C == PANEL_VECTORS, "vectors of a tile lie at equal distances");
    const Optimizer update = optimizer;
    const Layer& layer = block.layer;
    const int64_t a_stride = block.factors.a_stride, b_stride = block.factors.b_stride;
    const int64_t to_next = C == 1 ? layer.row_stride : W;
    alignas(64) float gradient[R * C * W];
    const float* g = gradient;
    float *weights = nullptr, *first_moment = nullptr, *second_moment = nullptr;
    int64_t row = block.first_row, vector = block.vector, updates = 0;
    const int64_t end = block.first_row + R * block.tiles, last = block.vector + C * block.strips;
    for (;;) {
        vf32 sum[R][C] = {};
        const float *a = block.factors.a + row, *b = block.factors.b + vector * W;
        int64_t terms = vector < last ? block.rows : 0;
        const auto sum_term = [&]() __attribute__((always_inline)) {
            add_term<R, C, true>(a, a_stride, b, PANEL, sum);
            a += a_stride;
            b += b_stride;
        };
        const auto update_next = [&]() __attribute__((always_inline)) {
            update(weights, first_moment, second_moment, load(g));
            weights += to_next, first_moment += to_next, second_moment += to_next;
            g += W;
        };
        const int64_t beside = min(terms, updates);
        for (int64_t k = 0; k < beside; ++k) {
            sum_term();
            update_next();
        }
        for (int64_t k = beside; k < terms; ++k) sum_term();
        for (int64_t k = beside; k < updates; ++k) update_next();
        if (!terms) return;
        g = gradient;
        updates = R * C;
#pragma GCC unroll 10
        for (int r = 0; r < R; ++r)
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) store(gradient + (r * C + c) * W, sum[r][c]);
        const int64_t at = row * layer.row_stride + column_offset(vector, layer.panel_stride);
        weights = layer.weights + at, first_moment = layer.first_moment + at, second_moment = layer.second_moment + at;
        row += R;
        if (row == end) {
            row = block.first_row;
            vector += C;
        }
    }
}

// All rows of `strips` strips of C vectors: tiles of two heights at the most.
template <int C, class Optimizer>
inline void update_strips(WeightTiles block, const Optimizer& update) {
#define SHOAL_TILES(R) update_tiles<(R < update_rows(C) ? R : update_rows(C)), C, Optimizer>
    static constexpr void (*functions[UPDATE_SUMS])(const WeightTiles&, const Optimizer&) = {
        SHOAL_TILES(1), SHOAL_TILES(2), SHOAL_TILES(3), SHOAL_TILES(4), SHOAL_TILES(5),
        SHOAL_TILES(6), SHOAL_TILES(7), SHOAL_TILES(8), SHOAL_TILES(9), SHOAL_TILES(10)};
#undef SHOAL_TILES
    if (!block.strips) return;
    const int64_t rows = block.layer.rows, tiles = (rows + update_rows(C) - 1) / update_rows(C);
    const int64_t height = rows / tiles;
    block.tiles = rows % tiles;
    if (block.tiles) functions[height](block, update);
    block.first_row = block.tiles * (height + 1);
    block.tiles = tiles - block.tiles;
    functions[height - 1](block, update);
}

// Gradients of a layer's inputs, from its weights as they are.
inline void inputs_backward(const Network& net, int64_t l, int64_t rows) {
    const Layer& layer = net.dense[l];
    // Of the first layer only vectors that are looked up are trained, which stand last among its inputs.
    const int64_t first_trained = l ? 0 : (net.inputs - net.table_count) / PANEL * PANEL;
    if (!l && !net.passes_back()) return;
    if (layer.narrow) return narrow_input_gradient(net, l, rows);
    for (int64_t from = 0; from < layer.inputs; from += BLOCK_ROWS)
        if (from + BLOCK_ROWS > first_trained)
            input_gradient_block(net, l, rows, max(from, first_trained), from + BLOCK_ROWS);
}

// Gradients of a layer's weights, with the updates.
template <class Optimizer>
inline void weights_backward(const Network& net, int64_t l, int64_t rows, const Optimizer& update) {
    const Layer& layer = net.dense[l];
    const int64_t panels = layer.narrow ? 0 : layer.vectors / PANEL_VECTORS, in_panels = panels * PANEL_VECTORS;
    WeightTiles block = {layer, gradient_factors(net, l), rows, 0, 0, 0, panels};
    update_strips<PANEL_VECTORS>(block, update);
    block.vector = in_panels, block.strips = layer.vectors - in_panels;
    update_strips<1>(block, update);
}

// One layer's backward pass: the gradients of its inputs, then its own.
template <class Optimizer>
inline void backward_with_update(const Network& net, int64_t l, int64_t rows, const Optimizer& update) {
    inputs_backward(net, l, rows);
    weights_backward(net, l, rows, update);
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
