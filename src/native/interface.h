// The plain C interface of the native trainer: one struct in, one number out.
//
// The caller owns every buffer and states its length beside it; the core checks every size, index and
// pointer before it computes (check.h). A function answers 0, or the number of the field that is refused
// (`shoal_field` gives its name). Nothing is kept between calls, so any number of threads may call at once.
//
// Letters: N rows, D inputs, C channels, K outputs, P parameters, E epochs, T evaluation points.
// Parameters are one flat vector in torch's order and shapes: for every layer weight (out, in), of
// convolutions (out, in, kernel, kernel), then bias (out).
#pragma once
#include <stdint.h>

#if defined(__GNUC__)
#define SHOAL_EXPORT extern "C" __attribute__((visibility("default")))
#endif

enum { SHOAL_ABI = 3 };  // changes with any struct or function below

enum ShoalTarget { SHOAL_PORTABLE, SHOAL_AVX2, SHOAL_AVX512, SHOAL_NEON, SHOAL_TARGETS };
enum ShoalActivation {
    SHOAL_IDENTITY,
    SHOAL_SIGMOID,
    SHOAL_TANH,
    SHOAL_RELU,
    SHOAL_LEAKY_RELU,
    SHOAL_ELU,
    SHOAL_GELU,
    SHOAL_SILU,
    SHOAL_SOFTPLUS,
    SHOAL_ACTIVATIONS
};
enum ShoalLoss { SHOAL_MSE, SHOAL_CROSS_ENTROPY, SHOAL_LOSSES };
enum ShoalOptimizer { SHOAL_SGD, SHOAL_ADAM, SHOAL_ADAMW, SHOAL_RMSPROP, SHOAL_OPTIMIZERS };
enum ShoalJudge { SHOAL_NO_JUDGE, SHOAL_BY_VALIDATION, SHOAL_BY_INNER, SHOAL_JUDGES };
enum ShoalStatus { SHOAL_TRAINING, SHOAL_DONE, SHOAL_DIVERGED, SHOAL_STATUSES };

// Columns of the curve: losses on training, validation and inner rows; accuracies on the first two.
enum { SHOAL_CURVES = 5 };

struct ShoalLayer {
    int64_t units;
    int64_t activation;
    int64_t drop_below;  // dropout: 16-bit draws below this drop the unit; 0 for none
};

enum ShoalPool { SHOAL_NO_POOL, SHOAL_MAX_POOL, SHOAL_AVERAGE_POOL, SHOAL_POOLS };

struct ShoalConv {
    int64_t units;  // channels of its output
    int64_t kernel, stride, padding;
    int64_t activation;
    int64_t pool, pool_size, pool_stride;  // after the activation
    int64_t drop_below;                    // of whole channels, after the pool
};

struct ShoalNetwork {
    int64_t inputs;  // D; of images channels * height * width
    int64_t channels, height, width;
    const ShoalConv* convs;  // before the dense layers, which take their output as (C, height, width)
    int64_t conv_count;      // 0: rows are no images
    const ShoalLayer* layers;  // the last: identity, no dropout
    int64_t layer_count;       // the one length that nothing else states again
};

struct ShoalRows {
    int64_t rows;
    const float* x;  // (N, D), where rows are no images
    int64_t x_count;
    const int64_t* index;  // (N,) which images these rows are
    int64_t index_count;
    const float* values;  // (N, K), for mean squared error
    int64_t values_count;
    const int64_t* labels;  // (N,), for cross-entropy
    int64_t labels_count;
};

struct ShoalFit {
    int64_t abi;
    ShoalNetwork network;
    int64_t loss;
    int64_t optimizer;
    double momentum;
    int64_t nesterov;
    double weight_decay;
    int64_t batch_size;
    int64_t epochs;
    const double* rates;  // (E,) learning rate of every epoch
    int64_t rates_count;
    int64_t judge;
    int64_t patience;  // 0: no early stopping
    uint32_t order_key[2];
    uint32_t dropout_key[2];
    ShoalRows train, validation, inner;
    int64_t every;          // of the training rows every so-manieth is evaluated
    const uint8_t* images;  // (M, C, height, width), shared by all rows
    int64_t images_count;
    const float *pixel_scale, *pixel_offset;  // (C,): a byte becomes byte * scale + offset
    int64_t pixel_count;
    int64_t shift, flip;  // augmentation: moved by up to `shift` pixels, mirrored or not
    uint32_t augment_key[2];
    int32_t (*pausing)(void);  // asked now and then, between two steps; or null
    int64_t ask_after;         // after so much work, in multiply-adds
    const int64_t* points;  // (T,) epochs, from 1, after which the losses are evaluated
    int64_t points_count;

    // The state: read, advanced, written back.
    float* parameters;
    float* first;
    float* second;
    float* best;
    int64_t parameter_count;  // P, of each of the four
    double* curve;            // (T, 5)
    int64_t curve_count;
    int64_t epoch, step, seen;  // epochs trained, steps of the next one, evaluation points passed
    int64_t best_epoch;
    double best_loss;
    int64_t status;
    int64_t sick_epoch, sick_batch;
};

SHOAL_EXPORT int64_t shoal_abi(void);
// One bit for every ShoalTarget that was built and that this processor can run.
SHOAL_EXPORT int64_t shoal_targets(void);
// The name of the field that a function refused.
SHOAL_EXPORT const char* shoal_field(int64_t code);

// Train up to `until` epochs in all, to the end of the fit, or until `pausing` answers other than 0: then the
// state stands between two steps, and another call goes on from there to the same bytes.
SHOAL_EXPORT int64_t shoal_advance(int64_t target, ShoalFit* fit, int64_t until);
// Outputs (N, K) of the network for rows `x` (N, D), images as (N, C, height, width).
SHOAL_EXPORT int64_t shoal_outputs(int64_t target, const ShoalNetwork* network, const float* parameters,
                                   int64_t parameter_count, const float* x, int64_t x_count, int64_t rows,
                                   float* outputs, int64_t outputs_count);

// For tests and benchmarks.
SHOAL_EXPORT int64_t shoal_dropout_draws(int64_t target, const uint32_t key[2], int64_t count, int64_t layer,
                                         int64_t step, int64_t epoch, uint16_t* draws);
SHOAL_EXPORT int64_t shoal_permutation(int64_t target, const uint32_t key[2], int64_t count, int64_t epoch,
                                       uint32_t* order);
SHOAL_EXPORT int64_t shoal_activation(int64_t target, int64_t activation, int64_t count, const float* x,
                                      float* value, float* slope);
// Multiply-adds of a register-blocked loop that touches no memory; returns their number.
SHOAL_EXPORT double shoal_multiply_adds(int64_t target, int64_t rounds);
