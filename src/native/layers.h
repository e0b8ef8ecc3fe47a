// One network in memory: how weights and activations are laid out.
//
// Activations: one row a sample, padded, with a constant 1 behind the last unit, so that the bias is one more
// row of weights. Weights of a wide layer: (in + 1, out) in panels of 16 outputs, each panel contiguous.
// Weights of a narrow layer (few outputs): (out, in + 1), since panels of it would be mostly padding.
// Padding holds zeros, and zeros it stays: its gradients are zero.
//
// Vectors of an embedding lie table by table, as in the flat vector, in front of all layers.
//
// Scale and shift of a norm: two rows, each of a whole number of panels, padded with zeros.
//
// Images go through in blocks of 16: each number of a map is a panel, the same number of all images of a block, so that
// a vector holds images whatever a layer's sizes are. A map lies as (C, height, width) with a border of zeros, as wide
// as the next convolution's padding. Where a block has fewer images, the last fills its lanes, and its gradient there
// is 0. A convolution is a wide layer whose inputs are the values under its kernel.
//
// Letters: B rows of a batch, D inputs, H units, C channels.
#pragma once
#include <stdlib.h>

#include "activations.h"
#include "product.h"
#include "sides.h"
#include "streams.h"

namespace shoal {
namespace {

constexpr int64_t NO_DROPOUT = -1;         // in place of a row of the batch, whose draws would be taken
constexpr int64_t NARROW_UNITS = 4;        // at most so many units: a narrow layer
constexpr int64_t EVALUATION_ROWS = 48;    // rows of a forward pass outside training
constexpr int64_t SCRATCH_FLOATS = 4096;   // half of a first cache
constexpr int64_t GROUP_FLOATS = 1 << 18;  // of the images that go through together

// Numbers that are trained, and what training keeps of each.
struct Trained {
    int64_t matrix_size;  // how many, padding among them
    float *weights, *first_moment, *second_moment, *gradient;
};

// The norm of a layer's sums; see norm.h.
struct Norm : Trained {       // (2, width): scale, then shift; the gradient likewise
    int64_t kind;             // a ShoalNorm
    int64_t width;            // units and padding; 0: the layer has no norm
    int64_t buffer_offset;    // where its statistics begin in the flat buffers
    float *mean, *variance;   // running
    float *center, *inverse;  // what sums are normed by, of each unit, or each row: a mean, and 1 over a deviation
    float* offset;            // what the sums that are normed lack: the bias of a convolution, else 0
    double *sums, *of_images; // (2, width) of the batch at work; of a convolution (units, 2, 16), too
    float* kept;              // a convolution's sums; in training a dense layer's sums normed; laid out as values are
};

// What a dense layer and a convolution's filters have in common: a matrix of weights, and an activation.
struct Layer : Trained {
    int64_t inputs, units, activation, dropout_threshold;
    bool narrow, has_bias;
    // The matrix of weights: `rows` rows, `vectors` vectors; panel p, row r begins at p * panel_stride + r *
    // row_stride.
    int64_t rows, vectors, row_stride, panel_stride;
    Norm norm;
    int64_t input_stride, output_stride, output_vectors;  // of rows of activations that come in and go out
    float *value, *derivative, *delta;  // (B, output_stride): activations, derivatives, gradients of z
    float* transposed;                  // with images: (units, inputs) in panels; the gradient is like the weights
    uint16_t* dropout_draws;            // (rows of a step, units)
    int64_t flat_offset;                // where the layer begins in the flat vector
};

// One convolution, its activation and its pool.
struct Conv {
    Layer filters;
    int64_t input_channels, input_width, input_height;
    ShoalSides kernel, stride, padding, dilation;
    int64_t groups, group_inputs, group_units;       // channels that a unit sees, and the units that see the same
    int64_t row_stride, channel_stride, map_stride;  // floats of a block's input: of a row, a channel, all
    int64_t output_width, output_pixels, output_stride;  // floats of a channel of a block's output
    // Of its gradients: they have zeros before, between and behind their rows, so many as a kernel reaches over an edge.
    int64_t margin, delta_row_stride, delta_stride;
    int64_t pool, pooled_width, pooled_pixels;
    ShoalSides pool_size, pool_stride;
    float* input_maps;     // (blocks, map_stride); the filters' derivatives: (blocks, output_floats())
    bool keeps_derivatives;  // for the way back; else they are made again of the sums that its norm keeps
    int32_t* pool_argmax;  // (blocks, units, pooled_pixels, 16): where in its window a pool found the maximum
    Tap *pixel_taps, *input_taps;  // of the sums over pixels under the kernel; room for those of a pixel's gradient
    // Gradients of its input, laid out likewise: its own where skips add to them, else those of the one at work.
    float* map_deltas;
    bool sums_deltas;
    int64_t source;    // the convolution whose input its skip adds, before the activation; -1: none
    bool comes_first;  // gradients of that source come back of this skip first, and are not added to what stands there
    Conv* projection;  // the convolution of 1 x 1 that this passes, which takes the maps where they lie; or null
    int64_t kernel_area() const { return area_of(kernel); }
    // Floats of a block's output, before the pool and behind it.
    int64_t output_floats() const { return filters.units * output_stride; }
    int64_t pooled_floats() const { return filters.units * pooled_pixels * PANEL; }
    int64_t delta_floats() const { return filters.units * delta_stride; }
    int64_t output_height() const { return output_pixels / output_width; }
    // Where the first pixel of a channel of its input lies, within the border.
    int64_t corner() const { return padding.height * row_stride + padding.width * PANEL; }
};

// One table of vectors: where it begins among all vectors, and its vectors in a row of the first dense layer's inputs.
struct Table {
    int64_t size, first_number, input;
};

// What a loss takes of a row, T targets of O outputs and some terms each, and how many rows lie side by side, a target a
// lane: `stride` lanes at the most, whole panels (targets.h).
struct TargetSizes {
    int64_t targets, outputs, terms, rows, stride;
    int64_t floats() const { return stride * (2 * terms + 2 * outputs + 6); }
};

struct Network {
    int64_t inputs, dense_count, parameters, buffers;
    int64_t multiply_adds;          // of one row's forward pass
    int64_t first_layer;            // its number in draws of dropout
    int64_t step_rows, group_rows;  // rows of a step; rows that go through together, B: with a norm all of a batch
    int64_t seen_rows;              // the same outside training
    bool stands;                    // asked about, and not trained: batch norms go by their running statistics
    Layer* dense;
    Layer dense_input;  // what the first dense layer takes: value (B, output_stride); with images delta, too
    float* scratch;     // a block of weights transposed, or of gradients; or the targets of some rows
    TargetSizes target_sizes;  // of those; 0 where the loss is taken row by row
    void* memory;

    Conv* convs;
    int64_t conv_count, channels, height;
    const float *pixel_scale, *pixel_offset;  // (C,): a byte becomes byte * scale + offset
    uint8_t* bytes;                           // of one row of a block's images
    float *values, *deltas;  // of the convolution that is at work: of a block, and of all blocks: (blocks, delta_floats())
    float *sums, *skips;     // of a row of its output, before the activation; and what is added to it
    float* channel_factors;  // (units, 16): how its channels are scaled by dropout

    Table* tables;
    int64_t table_count, vector_numbers;
    int32_t* codes;  // (B, tables), of the rows that are at work
    float *vectors, *vector_first_moment, *vector_second_moment, *vector_gradient;

    // The layer whose values a dense layer takes; of one more than there are: what the network gives.
    const Layer& input_of(int64_t l) const { return l ? dense[l - 1] : dense_input; }
    const Layer& output_layer() const { return input_of(dense_count); }
    // All layers that have weights: convolutions, then dense ones.
    Layer& layer(int64_t l) const { return l < conv_count ? convs[l].filters : dense[l - conv_count]; }
    int64_t layer_count() const { return conv_count + dense_count; }
    // What the skip of a layer passes; null for none.
    const Layer* projection(int64_t l) const {
        return l < conv_count && convs[l].projection ? &convs[l].projection->filters : nullptr;
    }
    // Whether something in front of the dense layers is trained.
    bool passes_back() const { return conv_count || table_count; }
};

}  // namespace
}  // namespace shoal
