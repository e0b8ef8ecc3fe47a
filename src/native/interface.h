// The plain C interface of the native trainer: one struct in, one number out.
//
// The caller owns every buffer and states its length beside it; the core checks every size, index and
// pointer before it computes (check.h). A function answers 0, or the number of the field that is refused
// (`shoal_field` gives its name). Nothing is kept between calls, so any number of threads may call at once.
//
// Letters: N rows, D inputs, C channels, K outputs, P parameters, E epochs, T evaluation points.
// Parameters are one flat vector in torch's order and shapes: for every layer weight (out, in), of
// convolutions (out, in / groups, height, width), then bias (out), and scale (out) and shift (out) of its norm,
// and weight (out, in) of what a skip passes; before them all tables of vectors (rows, size). Buffers are another: for every batch norm running means (out), then
// variances (out).
#pragma once
#include <stdint.h>

#if defined(__GNUC__)
#define SHOAL_EXPORT extern "C" __attribute__((visibility("default")))
#endif

enum { SHOAL_ABI = 15 };  // changes with any struct or function below

enum ShoalTarget { SHOAL_PORTABLE, SHOAL_AVX2, SHOAL_AVX512, SHOAL_NEON, SHOAL_TARGET_COUNT };
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
    SHOAL_ACTIVATION_COUNT
};
enum ShoalLoss {
    SHOAL_MSE,
    SHOAL_CROSS_ENTROPY,
    SHOAL_MAE,
    SHOAL_HUBER,
    SHOAL_POISSON,
    SHOAL_QUANTILE,
    SHOAL_GAUSSIAN,
    SHOAL_BINARY_CROSS_ENTROPY,
    SHOAL_LOSS_COUNT
};
enum ShoalOptimizer { SHOAL_SGD, SHOAL_ADAM, SHOAL_ADAMW, SHOAL_RMSPROP, SHOAL_OPTIMIZER_COUNT };
// Whose loss chooses the epoch to keep: nobody's, that of the validation rows, of the inner rows.
enum ShoalMonitor { SHOAL_MONITOR_NONE, SHOAL_MONITOR_VALIDATION, SHOAL_MONITOR_INNER, SHOAL_MONITOR_COUNT };
enum ShoalStatus { SHOAL_TRAINING, SHOAL_DONE, SHOAL_DIVERGED, SHOAL_STATUS_COUNT };

// Columns of the curve: losses on training, validation and inner rows; accuracies on the first two.
enum { SHOAL_CURVE_COLUMNS = 5 };

// Of each unit, or channel, over the rows of a batch; of each row over all its units, or the pixels of all channels.
enum ShoalNorm { SHOAL_NO_NORM, SHOAL_BATCH_NORM, SHOAL_LAYER_NORM, SHOAL_NORM_COUNT };

struct ShoalDense {
    int64_t units;
    int64_t activation;
    int64_t dropout_threshold;  // dropout: 16-bit draws below this drop the unit; 0 for none
    int64_t norm;               // a ShoalNorm, between the sum and the activation
};

enum ShoalPool { SHOAL_NO_POOL, SHOAL_MAX_POOL, SHOAL_AVERAGE_POOL, SHOAL_POOL_COUNT };

// Down and across.
struct ShoalSides {
    int64_t height, width;
};

struct ShoalConv {
    int64_t units;  // channels of its output
    ShoalSides kernel, stride, padding;
    ShoalSides dilation;  // pixels from one weight of the kernel to the next
    int64_t groups;       // that channels of input and output fall into, each seeing its own alone; 1: all see all
    int64_t norm;         // a ShoalNorm, between the sum and the activation
    int64_t activation;
    int64_t pool;  // a ShoalPool, after the activation
    ShoalSides pool_size, pool_stride;
    int64_t dropout_threshold;  // of whole channels, after the pool
    // What entered so many layers, this one counted, is added before the activation; 0: nothing. Where channels differ, or
    // strides between are not 1, it passes a convolution of 1 x 1 with these, without bias.
    int64_t skip;
};

// Vectors that a code is looked up in. Code 0 stands for what was not learned: its vector gets no gradient.
struct ShoalTable {
    int64_t rows, size;
};

struct ShoalNetwork {
    int64_t inputs;  // D; of images channels * height * width
    int64_t channels, height, width;  // a series is an image of height 1
    const ShoalConv* convs;   // before the dense layers, which take their output as (C, height, width)
    int64_t conv_count;       // 0: rows are no images
    int64_t first_layer;      // the number of the first layer in draws of dropout: how many stand before it
    const ShoalTable* tables;  // the last inputs are codes, one a table, and become its vectors, behind the others
    int64_t table_count;       // 0 of images
    const ShoalDense* dense;  // the last: identity, no dropout, no norm
    int64_t dense_count;      // the one length that nothing else states again; 0 of images that are only looked at
};

struct ShoalRows {
    int64_t row_count;  // N
    const float* x;     // (N, D), of tables, or of images that are floats already, (N, C, height, width)
    int64_t x_count;
    const int64_t* index;  // (N,) which of the images in bytes these rows are
    int64_t index_count;
    const float* values;  // (N, targets), for losses of numbers; K, but of losses that say more of a target
    int64_t values_count;
    const int64_t* labels;  // (N,), for losses of classes
    int64_t labels_count;
    const float* weights;  // (N,) how much each row counts; or null, where all count the same
    int64_t weights_count;
    const float* shares;  // (N, K) how much each label of a row counts, their mean 1; or null, where all count the same
    int64_t shares_count;
};

struct ShoalFit {
    int64_t abi;
    ShoalNetwork network;
    int64_t loss;        // a ShoalLoss
    double loss_option;  // delta of huber, label smoothing of cross-entropy; 0 for the others
    const double* levels;  // of quantile, ascending; a target has an output for each, side by side
    int64_t level_count;   // 0 for the others
    int64_t optimizer;   // a ShoalOptimizer
    double momentum;
    int64_t nesterov;
    double weight_decay;
    int64_t batch_size;
    int64_t epochs;
    const double* learning_rates;  // (E,) learning rate of every epoch
    int64_t learning_rates_count;
    int64_t monitor;   // a ShoalMonitor
    int64_t patience;  // 0: no early stopping
    uint32_t order_key[2];
    uint32_t dropout_key[2];
    ShoalRows train, validation, inner;
    int64_t evaluate_every;  // of the training rows every k-th is evaluated, k being this
    const uint8_t* images;   // (M, C, height, width), shared by all rows; or null, where rows are floats
    int64_t images_count;
    const float *pixel_scale, *pixel_offset;  // (C,): a byte becomes byte * scale + offset
    int64_t pixel_count;
    int64_t shift, flip;  // augmentation: moved by up to `shift` pixels, mirrored or not
    uint32_t augment_key[2];
    int32_t (*should_pause)(void);     // asked between two steps; or null
    int64_t pause_interval;            // work between two such questions, in multiply-adds
    const int64_t* evaluation_epochs;  // (T,) epochs, from 1, after which the losses are evaluated
    int64_t evaluation_count;

    // The state: read, advanced, written back.
    float* parameters;
    float* first_moment;      // the optimiser's: momentum, or the mean of gradients
    float* second_moment;     // the mean of their squares
    float* best_parameters;   // of the lowest monitored loss
    int64_t parameter_count;  // P, of each of the four
    float* buffers;           // running statistics of batch norms; or null, where there are none
    float* best_buffers;      // those that belong to the best parameters
    int64_t buffer_count;     // of each of the two
    double* curve;            // (T, 5)
    int64_t curve_count;
    int64_t epoch, step, evaluations_done;  // epochs trained, steps of the next one, evaluations so far
    int64_t best_epoch;
    double best_loss;
    int64_t status;                          // a ShoalStatus
    int64_t diverged_epoch, diverged_batch;  // from 1
};

// A gradient by the images that a network is given, or by the maps of one of its convolutions, as it stands.
struct ShoalGradient {
    int64_t abi;
    ShoalNetwork network;  // of images; without dense layers its outputs are what the last convolution passes on
    const float* parameters;
    int64_t parameter_count;  // P
    const float* buffers;     // running statistics
    int64_t buffer_count;
    int64_t row_count;        // N
    const float* x;           // (N, C, height, width)
    int64_t x_count;
    const float* by_outputs;  // (N, K) the gradient, by the outputs, of what is asked about
    int64_t by_outputs_count;
    int64_t layer;       // by the maps of this convolution, between its activation and its pool; -1: by the images
    double least_slope;  // above 0: slopes of activations of convolutions that are lower count as this
    float* gradient;     // (N, C, height, width) of those maps, or of the images
    int64_t gradient_count;
};

// Some cells of a text: each from the byte after place `before[i]` up to `end[i]`. Both lie `stride` numbers apart.
struct ShoalCells {
    const char* text;
    int64_t text_count;
    const int64_t *before, *end;
    int64_t stride;
    int64_t count;
};

SHOAL_EXPORT int64_t shoal_abi(void);
// One bit for every ShoalTarget that was built and that this processor can run.
SHOAL_EXPORT int64_t shoal_targets(void);
// The name of the field that a function refused.
SHOAL_EXPORT const char* shoal_field(int64_t code);

// Train up to `until` epochs in all, to the end of the fit, or until `should_pause` answers other than 0:
// then the state stands between two steps, and another call goes on from there to the same bytes.
SHOAL_EXPORT int64_t shoal_advance(int64_t target, ShoalFit* fit, int64_t until);
// Outputs (N, K) of the network for rows `x` (N, D), images as (N, C, height, width).
SHOAL_EXPORT int64_t shoal_outputs(int64_t target, const ShoalNetwork* network, const float* parameters,
                                   int64_t parameter_count, const float* buffers, int64_t buffer_count,
                                   const float* x, int64_t x_count, int64_t rows, float* outputs,
                                   int64_t outputs_count);
// Maps of every convolution, between its activation and its pool, for images `x` (N, C, height, width): of each image
// those of all, (C, height, width), one behind the other.
SHOAL_EXPORT int64_t shoal_maps(int64_t target, const ShoalNetwork* network, const float* parameters,
                                int64_t parameter_count, const float* buffers, int64_t buffer_count, const float* x,
                                int64_t x_count, int64_t rows, float* maps, int64_t maps_count);
SHOAL_EXPORT int64_t shoal_gradient(int64_t target, const ShoalGradient* question);

// Cut a text at its delimiters and line ends into cells, `columns` on each line: `end` gets the place behind each.
// Refused where a line has another number of cells, the text other than `end_count` of them, or a cell with what ends
// it more than `longest` bytes.
SHOAL_EXPORT int64_t shoal_cells(const char* text, int64_t text_count, int64_t delimiter, int64_t columns,
                                 int64_t longest, int64_t* end, int64_t end_count);
// Of each cell the number that stands in it, spaces and tabs aside; NaN for what is no plain finite number.
// `zeros_before` gets whether some begins with a zero and another digit (01). Refuses the target where the compiler's
// library cannot read exactly.
SHOAL_EXPORT int64_t shoal_numbers(const ShoalCells* cells, double* values, int64_t* zeros_before);
// Of each cell its number among the `different` ones, in the order in which these come first, in the cells `first`.
// `slots` is room to look them up: a power of two of them, more than there are cells.
SHOAL_EXPORT int64_t shoal_codes(const ShoalCells* cells, int64_t* slots, int64_t slot_count, int64_t* codes,
                                 int64_t* first, int64_t* different);

// Numbers in their order, zeros of either sign as 0, NaN behind all others. `room` holds two keys a number.
SHOAL_EXPORT int64_t shoal_sort(const double* values, int64_t count, double* sorted, uint64_t* room,
                                int64_t room_count);
// Rows in the order of their draws in an epoch, ties by row number.
SHOAL_EXPORT int64_t shoal_permutation(int64_t target, const uint32_t key[2], int64_t count, int64_t epoch,
                                       uint32_t* order);

// For tests and benchmarks.
SHOAL_EXPORT int64_t shoal_dropout_draws(int64_t target, const uint32_t key[2], int64_t count, int64_t layer,
                                         int64_t step, int64_t epoch, uint16_t* draws);
SHOAL_EXPORT int64_t shoal_activation(int64_t target, int64_t activation, int64_t count, const float* x,
                                      float* value, float* derivative);
// Multiply-adds of a register-blocked loop that touches no memory; returns their number.
SHOAL_EXPORT double shoal_multiply_adds(int64_t target, int64_t rounds);
