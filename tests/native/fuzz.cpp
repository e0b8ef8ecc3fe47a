// Draws descriptions of fits, sound ones and ones with a single field spoilt, and hands them to the core; as many
// texts of cells and questions about the inside of networks, too.
//
// Built with AddressSanitizer and UndefinedBehaviorSanitizer by sanitize.sh. Every buffer is allocated with
// exactly the stated length, so that any read or write beyond it is reported. A sound description must be
// taken by every target, with the same bytes, with pauses between any two steps or none; a spoilt one must be
// refused by name, or be harmless.
//
//     fuzz COUNT [SEED]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <vector>

#include "../../src/native/interface.h"

namespace {

std::mt19937_64 rng;

int64_t from_to(int64_t low, int64_t high) { return low + (int64_t)(rng() % (uint64_t)(high - low + 1)); }
double unit() { return (double)(rng() >> 11) * 0x1p-53; }

std::vector<float> floats(int64_t count, float size) {
    std::vector<float> values((size_t)count);
    for (float& value : values) value = size * (float)(2 * unit() - 1);
    return values;
}

// Two numbers from `low` on, which are often the same.
ShoalSides sides(int64_t low, const ShoalSides& most) {
    const int64_t height = from_to(low, most.height);
    return {height, height <= most.width && from_to(0, 1) ? height : from_to(low, most.width)};
}

// Where a window ends that begins at the first pixel, less 1.
ShoalSides reach(const ShoalSides& window, const ShoalSides& dilation) {
    return {dilation.height * (window.height - 1), dilation.width * (window.width - 1)};
}

// How often windows that reach so far fit a map.
ShoalSides places(const ShoalSides& map, const ShoalSides& reach, const ShoalSides& stride) {
    return {(map.height - 1 - reach.height) / stride.height + 1, (map.width - 1 - reach.width) / stride.width + 1};
}

ShoalSides padded(const ShoalSides& map, const ShoalSides& padding) {
    return {map.height + 2 * padding.height, map.width + 2 * padding.width};
}

// A map behind a convolution, before its pool and behind it.
ShoalSides convolved(const ShoalConv& conv, const ShoalSides& map) {
    return places(padded(map, conv.padding), reach(conv.kernel, conv.dilation), conv.stride);
}
ShoalSides pooled(const ShoalConv& conv, const ShoalSides& map) {
    return conv.pool ? places(map, reach(conv.pool_size, {1, 1}), conv.pool_stride) : map;
}

struct Maps {
    int64_t channels;
    ShoalSides sides;
};

// How many weights the skip of convolution `l` passes, of what entered it and those before it, to its own maps; -1 where
// these have another size.
int64_t passed_weights(const std::vector<ShoalConv>& convs, int64_t l, const std::vector<Maps>& entered, const Maps& own) {
    if (!convs[(size_t)l].skip) return 0;
    const int64_t source = l + 1 - convs[(size_t)l].skip;
    const Maps& from = entered[(size_t)source];
    ShoalSides strides = {1, 1};
    for (int64_t k = source; k <= l; ++k) {
        const ShoalConv& conv = convs[(size_t)k];
        strides.height *= conv.stride.height * (k < l && conv.pool ? conv.pool_stride.height : 1);
        strides.width *= conv.stride.width * (k < l && conv.pool ? conv.pool_stride.width : 1);
    }
    const ShoalSides fitting = places(from.sides, {0, 0}, strides);
    if (fitting.height != own.sides.height || fitting.width != own.sides.width) return -1;
    return from.channels == own.channels && strides.height * strides.width == 1 ? 0 : from.channels * own.channels;
}

struct Rows {
    std::vector<float> x, values, weights, shares;
    std::vector<int64_t> labels, index;

    // Rows of a table or of images that are floats, or, with `images` above 0, numbers of images.
    ShoalRows draw(int64_t rows, const ShoalNetwork& net, int64_t outputs, int64_t loss, int64_t images) {
        if (!images) x = floats(rows * net.inputs, 2);
        for (int64_t n = 1; n <= rows; ++n)
            for (int64_t t = 0; t < net.table_count; ++t)
                x[(size_t)(n * net.inputs - net.table_count + t)] = (float)from_to(0, net.tables[t].rows - 1);
        for (int64_t n = 0; images && n < rows; ++n) index.push_back(from_to(0, images - 1));
        if (loss != SHOAL_CROSS_ENTROPY) values = floats(rows * outputs, 2);
        for (float& value : values)
            if (loss == SHOAL_BINARY_CROSS_ENTROPY) value = value > 0;
            else if (loss == SHOAL_POISSON && value < 0) value = -value;
        for (int64_t n = 0; loss == SHOAL_CROSS_ENTROPY && n < rows; ++n)
            labels.push_back(from_to(0, outputs - 1));
        if (!from_to(0, 2)) weights = floats(rows, 2);
        for (float& weight : weights) weight = weight < 0 ? 0 : weight;
        if (loss == SHOAL_BINARY_CROSS_ENTROPY && from_to(0, 1)) shares = floats(rows * outputs, 2);
        for (float& share : shares) share = share < 0 ? 0 : share;
        return {rows,
                x.data(),
                (int64_t)x.size(),
                index.data(),
                (int64_t)index.size(),
                values.data(),
                (int64_t)values.size(),
                labels.data(),
                (int64_t)labels.size(),
                weights.data(),
                (int64_t)weights.size(),
                shares.data(),
                (int64_t)shares.size()};
    }
};

// A sound description with all the memory that it evaluation_epochs to.
struct Drawn {
    std::vector<ShoalDense> dense;
    std::vector<ShoalConv> convs;
    std::vector<ShoalTable> tables;
    std::vector<uint8_t> images;
    std::vector<float> scale, offset;
    Rows train, validation, inner;
    bool norms_single_numbers = false;
    std::vector<double> learning_rates, levels, curve;
    std::vector<int64_t> evaluation_epochs;
    std::vector<float> parameters, first_moment, second_moment, best_parameters, buffers, best_buffers;
    ShoalFit fit = {};

    Drawn() {
        const int64_t widest = from_to(0, 9) ? 20 : 140;
        fit.abi = SHOAL_ABI;
        fit.network.inputs = from_to(1, from_to(0, 9) ? 12 : 300);
        fit.evaluate_every = 1;
        fit.network.first_layer = from_to(0, 2);
        int64_t inputs = fit.network.inputs, count = 0, statistics = 0, image_count = 0;
        if (!from_to(0, 3)) inputs = draw_images(count, statistics, image_count);
        else if (!from_to(0, 2)) inputs = draw_tables(count);
        for (int64_t l = from_to(0, 3); l >= 0; --l) {
            dense.push_back({from_to(1, widest), l ? from_to(0, SHOAL_ACTIVATION_COUNT - 1) : 0,
                             l && from_to(0, 1) ? from_to(0, 65535) : 0,
                             l ? from_to(0, SHOAL_NORM_COUNT - 1) : 0});
            count += 2 * dense.back().units * (dense.back().norm != 0);
            statistics += 2 * dense.back().units * (dense.back().norm == SHOAL_BATCH_NORM);
            norms_single_numbers |= dense.back().norm == SHOAL_BATCH_NORM;
            count += dense.back().units * (inputs + 1);
            inputs = dense.back().units;
        }
        fit.network.dense_count = (int64_t)dense.size();
        dense.resize(1024);  // the most that are ever read: their count may be spoilt
        fit.network.dense = dense.data();
        draw_training(inputs);
        const int64_t of_target = fit.loss == SHOAL_QUANTILE ? fit.level_count : 1 + (fit.loss == SHOAL_GAUSSIAN);
        const int64_t targets = inputs / of_target;
        int64_t rows = from_to(1, fit.network.conv_count ? 15 : 40);
        // A norm of single numbers takes no batch of one row.
        if (norms_single_numbers && fit.batch_size == 1) fit.batch_size = 2;
        if (norms_single_numbers && rows % fit.batch_size == 1) ++rows;
        fit.train = train.draw(rows, fit.network, targets, fit.loss, image_count);
        fit.validation = validation.draw(from_to(0, 9), fit.network, targets, fit.loss, image_count);
        fit.inner = inner.draw(from_to(0, 9), fit.network, targets, fit.loss, image_count);
        fit.evaluate_every = fit.network.conv_count ? from_to(1, 3) : 1;
        if (fit.monitor == SHOAL_MONITOR_VALIDATION && !fit.validation.row_count)
            fit.monitor = SHOAL_MONITOR_NONE;
        if (fit.monitor == SHOAL_MONITOR_INNER && !fit.inner.row_count) fit.monitor = SHOAL_MONITOR_NONE;
        draw_state(count, statistics);
    }

    // Tables of vectors for the last inputs; gives how many numbers reach the dense layers.
    int64_t draw_tables(int64_t& count) {
        ShoalNetwork& net = fit.network;
        net.table_count = from_to(1, std::min<int64_t>(net.inputs, 4));
        int64_t inputs = net.inputs - net.table_count;
        for (int64_t t = 0; t < net.table_count; ++t) {
            tables.push_back({from_to(1, 30), from_to(1, from_to(0, 9) ? 9 : 90)});
            inputs += tables.back().size;
            count += tables.back().rows * tables.back().size;
        }
        tables.push_back({});  // their count may be spoilt: no table is of no rows
        net.tables = tables.data();
        return inputs;
    }

    // Images, and convolutions that fit them; gives how many numbers reach the dense layers.
    int64_t draw_images(int64_t& count, int64_t& statistics, int64_t& image_count) {
        ShoalNetwork& net = fit.network;
        const bool series = !from_to(0, 3);
        ShoalSides map = {series ? 1 : from_to(1, 7), from_to(1, series ? 40 : 7)};
        int64_t channels = net.channels = from_to(1, 3);
        net.height = map.height, net.width = map.width;
        net.inputs = channels * map.height * map.width;
        std::vector<Maps> entered;
        for (int64_t l = from_to(0, 3); l >= 0; --l) {
            entered.push_back({channels, map});
            ShoalConv conv = {};
            const int64_t most = from_to(0, 9) ? 9 : 40;
            conv.units = from_to(1, most);
            conv.groups = 1;
            if (from_to(0, 1)) {  // some divisor of the channels, and some multiple of it
                do conv.groups = from_to(1, channels);
                while (channels % conv.groups);
                conv.units = conv.groups * from_to(1, std::max<int64_t>(1, most / conv.groups));
            }
            conv.norm = from_to(0, SHOAL_NORM_COUNT - 1);
            conv.padding = sides(0, {2, 2});
            conv.dilation = from_to(0, 1) ? ShoalSides{1, 1} : sides(1, {3, 3});
            const ShoalSides most_taps = places(padded(map, conv.padding), {0, 0}, conv.dilation);
            conv.kernel = sides(1, {std::min<int64_t>(4, most_taps.height), std::min<int64_t>(4, most_taps.width)});
            conv.stride = sides(1, {from_to(0, 9) ? 3 : 50, 3});
            if (from_to(0, 1)) {  // some skip fits
                conv.dilation = {1, 1}, conv.stride = sides(1, {2, 2});
                conv.kernel = {2 * conv.padding.height + 1, 2 * conv.padding.width + 1};
            }
            conv.activation = from_to(0, SHOAL_ACTIVATION_COUNT - 1);
            conv.dropout_threshold = from_to(0, 1) ? from_to(0, 65535) : 0;
            count += conv.units * (conv.kernel.height * conv.kernel.width * (channels / conv.groups) + 1);
            count += 2 * conv.units * (conv.norm != 0);
            statistics += 2 * conv.units * (conv.norm == SHOAL_BATCH_NORM);
            map = convolved(conv, map);
            channels = conv.units;
            norms_single_numbers |= conv.norm == SHOAL_BATCH_NORM && map.height * map.width == 1;
            const Maps own = {channels, map};
            conv.pool = from_to(0, SHOAL_POOL_COUNT - 1);
            conv.pool_size = from_to(0, 3) ? sides(1, {std::min<int64_t>(3, map.height), std::min<int64_t>(3, map.width)}) : map;
            conv.pool_stride = sides(1, {3, from_to(0, 9) ? 3 : 50});
            map = pooled(conv, map);
            convs.push_back(conv);
            draw_skip(entered, own, count);
        }
        net.conv_count = (int64_t)convs.size();
        convs.resize(32);  // the most that are ever read
        net.convs = convs.data();
        if (from_to(0, 2)) draw_bytes(image_count);
        return channels * map.height * map.width;
    }

    // Images in bytes, which rows name by their numbers.
    void draw_bytes(int64_t& image_count) {
        const ShoalNetwork& net = fit.network;
        image_count = from_to(1, 12);
        images.resize((size_t)(image_count * net.inputs));
        for (uint8_t& byte : images) byte = (uint8_t)rng();
        fit.images = images.data();
        fit.images_count = (int64_t)images.size();
        scale = floats(net.channels, 0.01f), offset = floats(net.channels, 1);
        fit.pixel_scale = scale.data(), fit.pixel_offset = offset.data();
        fit.pixel_count = net.channels;
        fit.shift = from_to(0, 1) ? from_to(0, 12) : 0;
        fit.flip = from_to(0, 1);
        fit.augment_key[0] = (uint32_t)rng(), fit.augment_key[1] = (uint32_t)rng();
    }

    // A skip of the last convolution, if some that is drawn fits its maps.
    void draw_skip(const std::vector<Maps>& entered, const Maps& own, int64_t& count) {
        const int64_t l = (int64_t)convs.size() - 1;
        for (int64_t attempt = 0; attempt < 2; ++attempt) {
            convs.back().skip = from_to(0, l + 1);
            const int64_t weights = passed_weights(convs, l, entered, own);
            if (weights >= 0) return (void)(count += weights);
        }
        convs.back().skip = 0;
    }

    void draw_training(int64_t outputs) {
        fit.loss = from_to(0, SHOAL_LOSS_COUNT - 1);
        if (fit.loss == SHOAL_GAUSSIAN && outputs % 2) fit.loss = SHOAL_MSE;
        if (fit.loss == SHOAL_QUANTILE) {
            fit.level_count = from_to(1, outputs);
            while (outputs % fit.level_count) --fit.level_count;
            for (int64_t l = 1; l <= fit.level_count; ++l)
                levels.push_back((double)l / (double)(fit.level_count + 1));
            levels.resize(1024);  // the most that are ever read: their count may be spoilt
            fit.levels = levels.data();
        }
        if (fit.loss == SHOAL_HUBER) fit.loss_option = 0.01 + unit();
        if (fit.loss == SHOAL_CROSS_ENTROPY && from_to(0, 1)) fit.loss_option = unit();
        fit.optimizer = from_to(0, SHOAL_OPTIMIZER_COUNT - 1);
        const bool takes_momentum = fit.optimizer == SHOAL_SGD || fit.optimizer == SHOAL_RMSPROP;
        fit.momentum = takes_momentum && from_to(0, 1) ? unit() : 0;
        fit.nesterov = fit.optimizer == SHOAL_SGD && fit.momentum > 0 ? from_to(0, 1) : 0;
        fit.weight_decay = from_to(0, 1) ? unit() : 0;
        fit.batch_size = from_to(1, 50);
        fit.epochs = from_to(1, 4);
        for (int64_t e = 0; e < fit.epochs; ++e)
            learning_rates.push_back(from_to(0, 30) ? unit() * 0.1 : 1e30);
        fit.learning_rates = learning_rates.data();
        fit.learning_rates_count = fit.epochs;
        fit.monitor = from_to(0, SHOAL_MONITOR_COUNT - 1);
        fit.patience = from_to(0, 3);
        fit.pause_interval = from_to(0, 1) << 13;
        for (uint32_t* key : {fit.order_key, fit.dropout_key})
            key[0] = (uint32_t)rng(), key[1] = (uint32_t)rng();
    }

    void draw_state(int64_t count, int64_t statistics) {
        fit.epoch = from_to(0, fit.epochs);
        if (fit.epoch < fit.epochs) fit.step = from_to(0, (fit.train.row_count - 1) / fit.batch_size);
        for (int64_t e = 1; e <= fit.epochs; ++e)
            if (from_to(0, 2)) evaluation_epochs.push_back(e), fit.evaluations_done += e <= fit.epoch;
        fit.evaluation_epochs = evaluation_epochs.data();
        fit.evaluation_count = (int64_t)evaluation_epochs.size();
        curve.resize(evaluation_epochs.size() * SHOAL_CURVE_COLUMNS);
        fit.curve = curve.data();
        fit.curve_count = (int64_t)curve.size();
        parameters = floats(count, 0.5f), first_moment = floats(count, 0.1f),
        second_moment = floats(count, 0.1f);
        for (float& value : second_moment) value *= value;
        best_parameters = floats(count, 1);
        fit.parameters = parameters.data(), fit.first_moment = first_moment.data();
        fit.second_moment = second_moment.data(), fit.best_parameters = best_parameters.data();
        fit.parameter_count = count;
        buffers = floats(statistics, 1), best_buffers = floats(statistics, 1);
        for (float& value : buffers) value = std::fabs(value);
        fit.buffers = buffers.data(), fit.best_buffers = best_buffers.data(), fit.buffer_count = statistics;
        fit.best_loss = from_to(0, 1) ? unit() : HUGE_VAL;
    }
};

const int64_t ODD[] = {
    -1,        0,        1, 2, 3, 7, 65536, 1 << 24, (1 << 24) + 1, INT32_MAX, (int64_t)INT32_MAX + 1,
    INT64_MAX, INT64_MIN};

// Spoils one number or pointer; what lies behind a pointer keeps its length.
void spoil(Drawn& drawn) {
    ShoalFit& fit = drawn.fit;
    int64_t* numbers[] = {
        &fit.abi,
        &fit.network.inputs,
        &fit.network.dense_count,
        &fit.loss,
        &fit.level_count,
        &fit.optimizer,
        &fit.nesterov,
        &fit.batch_size,
        &fit.epochs,
        &fit.learning_rates_count,
        &fit.monitor,
        &fit.patience,
        &fit.train.row_count,
        &fit.train.x_count,
        &fit.train.values_count,
        &fit.train.labels_count,
        &fit.train.weights_count,
        &fit.train.shares_count,
        &fit.validation.row_count,
        &fit.inner.row_count,
        &fit.inner.x_count,
        &fit.evaluation_count,
        &fit.parameter_count,
        &fit.buffer_count,
        &fit.curve_count,
        &fit.epoch,
        &fit.step,
        &fit.pause_interval,
        &fit.evaluations_done,
        &fit.best_epoch,
        &fit.status,
        &drawn.dense[rng() % (size_t)fit.network.dense_count].units,
        &drawn.dense[rng() % (size_t)fit.network.dense_count].activation,
        &drawn.dense[rng() % (size_t)fit.network.dense_count].dropout_threshold,
        &drawn.dense[rng() % (size_t)fit.network.dense_count].norm,
        &fit.network.channels,
        &fit.network.height,
        &fit.network.width,
        &fit.network.conv_count,
        &fit.network.first_layer,
        &fit.network.table_count,
        &fit.train.index_count,
        &fit.inner.index_count,
        &fit.evaluate_every,
        &fit.images_count,
        &fit.pixel_count,
        &fit.shift,
        &fit.flip,
    };
    const int64_t odd = from_to(0, 3) ? ODD[rng() % (sizeof ODD / sizeof *ODD)] : (int64_t)rng();
    if (!drawn.train.index.empty() && !from_to(0, 39)) {
        drawn.train.index[rng() % drawn.train.index.size()] = odd;
        return;
    }
    if (fit.network.conv_count && !from_to(0, 3)) {
        // A convolution is numbers alone.
        static_assert(sizeof(ShoalConv) % sizeof(int64_t) == 0, "nothing but numbers");
        int64_t* of_conv = (int64_t*)&drawn.convs[rng() % (size_t)fit.network.conv_count];
        of_conv[rng() % (sizeof(ShoalConv) / sizeof(int64_t))] = odd;
        return;
    }
    if (!drawn.tables.empty() && !from_to(0, 3)) {
        ShoalTable& table = drawn.tables[rng() % (size_t)fit.network.table_count];
        const float codes[] = {-1, NAN, (float)HUGE_VAL, 0.5f, (float)table.rows, 1e30f};
        const size_t place = (size_t)(fit.network.inputs * from_to(1, fit.train.row_count) - 1);
        switch (from_to(0, 2)) {
            case 0: table.rows = odd; return;
            case 1: table.size = odd; return;
            default: drawn.train.x[place] = codes[rng() % (sizeof codes / sizeof *codes)]; return;
        }
    }
    switch (from_to(0, 6)) {
        case 0: {
            const void** pointers[] = {(const void**)&fit.network.dense, (const void**)&fit.learning_rates,
                                       (const void**)&fit.train.x,       (const void**)&fit.train.values,
                                       (const void**)&fit.train.labels,  (const void**)&fit.evaluation_epochs,
                                       (const void**)&fit.parameters,    (const void**)&fit.first_moment,
                                       (const void**)&fit.second_moment, (const void**)&fit.best_parameters,
                                       (const void**)&fit.curve,         (const void**)&fit.network.convs,
                                       (const void**)&fit.images,        (const void**)&fit.train.index,
                                       (const void**)&fit.pixel_scale,   (const void**)&fit.pixel_offset,
                                       (const void**)&fit.train.weights, (const void**)&fit.train.shares,
                                       (const void**)&fit.network.tables,
                                       (const void**)&fit.buffers,       (const void**)&fit.best_buffers};
            *pointers[rng() % (sizeof pointers / sizeof *pointers)] = nullptr;
            return;
        }
        case 1:
            if (drawn.train.labels.empty()) return;
            drawn.train.labels[rng() % drawn.train.labels.size()] = odd;
            return;
        case 2:
            if (drawn.evaluation_epochs.empty()) return;
            drawn.evaluation_epochs[rng() % drawn.evaluation_epochs.size()] = odd;
            return;
        case 3: {
            const double reals[] = {-1, NAN, HUGE_VAL, 1e308, 0.999};
            (from_to(0, 1) ? fit.momentum : fit.weight_decay) = reals[rng() % 5];
            return;
        }
        case 4: {
            const float reals[] = {-1, NAN, (float)HUGE_VAL, 0};
            if (drawn.train.weights.empty()) return;
            drawn.train.weights[rng() % drawn.train.weights.size()] = reals[rng() % 4];
            return;
        }
        default: *numbers[rng() % (sizeof numbers / sizeof *numbers)] = odd;
    }
}

template <class T>
bool same_bytes(const std::vector<T>& a, const std::vector<T>& b) {
    return a.empty() || !memcmp(a.data(), b.data(), sizeof(T) * a.size());
}

// A digest of everything that sound fits left behind (FNV-1a), to compare processors of different makers.
uint64_t digest = 0xCBF29CE484222325u;

template <class T>
void digest_of(const std::vector<T>& values) {
    for (size_t i = 0; i < values.size() * sizeof(T); ++i)
        digest = (digest ^ ((const unsigned char*)values.data())[i]) * 0x100000001B3u;
}

int64_t questions = 0;
int32_t every_third() { return ++questions % 3 == 0; }

// Trains on one target to `until`, with pauses on the way or without.
int64_t advance(int64_t target, ShoalFit& fit, int64_t until, bool pauses) {
    fit.should_pause = pauses ? every_third : nullptr;
    int64_t code = 0;
    while (!code) {
        const int64_t epoch = fit.epoch, step = fit.step;
        code = shoal_advance(target, &fit, until);
        if (fit.status != SHOAL_TRAINING || fit.epoch >= until) break;
        if (!code && fit.epoch == epoch && fit.step == step) printf("no step was trained\n"), exit(1);
    }
    return code;
}

// Runs the fit on every target from the same state; all must answer alike and leave the same bytes.
int64_t run(Drawn& drawn, int64_t until) {
    const Drawn start = drawn;
    const ShoalFit before = drawn.fit;
    int64_t answer = -1;
    std::vector<float> parameters, second_moment, buffers, best_buffers;
    std::vector<double> curve;
    for (int64_t attempt = 0; attempt < 2 * SHOAL_TARGET_COUNT; ++attempt) {
        const int64_t target = attempt / 2;
        if (!(shoal_targets() >> target & 1)) continue;
        std::copy(start.parameters.begin(), start.parameters.end(), drawn.parameters.begin());
        std::copy(start.first_moment.begin(), start.first_moment.end(), drawn.first_moment.begin());
        std::copy(start.second_moment.begin(), start.second_moment.end(), drawn.second_moment.begin());
        std::copy(start.curve.begin(), start.curve.end(), drawn.curve.begin());
        std::copy(start.buffers.begin(), start.buffers.end(), drawn.buffers.begin());
        std::copy(start.best_buffers.begin(), start.best_buffers.end(), drawn.best_buffers.begin());
        drawn.fit = before;
        const int64_t code = advance(target, drawn.fit, until, attempt % 2);
        if (answer >= 0) {
            const bool same = code == answer && same_bytes(parameters, drawn.parameters) &&
                              same_bytes(second_moment, drawn.second_moment) &&
                              same_bytes(curve, drawn.curve) && same_bytes(buffers, drawn.buffers) &&
                              same_bytes(best_buffers, drawn.best_buffers);
            if (!same) printf("targets differ\n"), exit(1);
        }
        answer = code;
        parameters = drawn.parameters, second_moment = drawn.second_moment, curve = drawn.curve;
        buffers = drawn.buffers, best_buffers = drawn.best_buffers;
    }
    if (!answer) digest_of(parameters), digest_of(second_moment), digest_of(curve), digest_of(buffers), digest_of(best_buffers);
    return answer;
}

// Cuts a drawn text into cells and reads the numbers in them; then once more with a place that is spoilt.
void cut_and_read() {
    const char letters[] = "0123456789+-.eE \tinfx";
    const int64_t rows = from_to(1, 6), columns = from_to(1, 4), ragged = from_to(0, 2) ? -1 : from_to(0, rows - 1);
    std::vector<char> drawn;
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column) {
            for (int64_t l = from_to(0, from_to(0, 9) ? 6 : 400); l; --l)
                drawn.push_back(letters[from_to(0, (int64_t)sizeof letters - 2)]);
            if (row == ragged && column == 0) drawn.push_back(',');
            drawn.push_back(column + 1 < columns ? ',' : '\n');
        }
    const std::vector<char> text(drawn.begin(), drawn.end());  // no byte more
    const int64_t size = (int64_t)text.size();
    std::vector<int64_t> place((size_t)(1 + rows * columns), -1);
    const int64_t code = shoal_cells(text.data(), size, ',', columns, 500, place.data() + 1, rows * columns);
    if ((code == 0) == (ragged >= 0)) printf("a text is cut though it is ragged, or is not\n"), exit(1);
    if (code) return;
    std::vector<double> values((size_t)rows);
    std::vector<int64_t> slots(8), codes((size_t)rows), first((size_t)rows);
    int64_t padded = 0, different = 0;
    for (int64_t spoilt = 0; spoilt < 2; ++spoilt) {
        for (int64_t column = 0; column < columns; ++column) {
            const ShoalCells cells{text.data(), size, &place[(size_t)column], &place[(size_t)column + 1], columns, rows};
            shoal_numbers(&cells, values.data(), &padded);
            const int64_t refused =
                shoal_codes(&cells, slots.data(), from_to(0, 9) ? 8 : from_to(-1, 7), codes.data(), first.data(), &different);
            for (int64_t row = 0; !refused && row < rows; ++row)
                if (codes[row] < 0 || codes[row] >= different || first[codes[row]] > row)
                    printf("a cell has no number of its own\n"), exit(1);
            for (const double value : values)
                if (std::isinf(value)) printf("a number is infinite\n"), exit(1);
        }
        place[rng() % place.size()] = from_to(0, 1) ? ODD[rng() % (sizeof ODD / sizeof *ODD)] : (int64_t)rng();
    }
    for (double& value : values)
        if (const uint64_t bits = rng(); from_to(0, 2)) std::memcpy(&value, &bits, sizeof value);
    std::vector<double> sorted((size_t)rows);
    std::vector<uint64_t> room((size_t)(2 * rows));
    if (shoal_sort(values.data(), rows, sorted.data(), room.data(), 2 * rows - 1) == 0)
        printf("numbers are sorted in too little room\n"), exit(1);
    shoal_sort(values.data(), rows, sorted.data(), room.data(), 2 * rows);
    for (int64_t row = 1; row < rows; ++row)
        if (!(sorted[row - 1] <= sorted[row] || std::isnan(sorted[row]))) printf("numbers in no order\n"), exit(1);
}

// What goes on inside a drawn network of images: its maps, and a gradient by a map or by the images.
struct Inside {
    std::vector<ShoalConv> convs;
    std::vector<ShoalDense> dense;
    std::vector<float> parameters, buffers, x, by_outputs, maps, gradient;
    ShoalNetwork net;
    ShoalGradient asked = {};

    explicit Inside(const Drawn& drawn) : convs(drawn.convs), dense(drawn.dense), net(drawn.fit.network) {
        const bool headless = from_to(0, 1);  // convolutions alone
        if (headless) net.dense_count = 0;
        asked.abi = SHOAL_ABI;
        asked.row_count = from_to(0, 40);
        asked.layer = from_to(-1, net.conv_count - 1);
        asked.least_slope = from_to(0, 1) ? unit() : 0;
        ShoalSides map = {net.height, net.width};
        int64_t channels = net.channels, numbers = 0, weights = 0, statistics = 0, wanted = net.inputs;
        std::vector<Maps> entered;
        for (int64_t l = 0; l < net.conv_count; ++l) {
            const ShoalConv& conv = convs[(size_t)l];
            entered.push_back({channels, map});
            weights += conv.units * (conv.kernel.height * conv.kernel.width * (channels / conv.groups) + 1 + 2 * (conv.norm != 0));
            statistics += 2 * conv.units * (conv.norm == SHOAL_BATCH_NORM);
            map = convolved(conv, map);
            channels = conv.units;
            weights += passed_weights(convs, l, entered, {channels, map});
            numbers += channels * map.height * map.width;
            if (l == asked.layer) wanted = channels * map.height * map.width;
            map = pooled(conv, map);
        }
        int64_t outputs = channels * map.height * map.width;
        for (int64_t l = 0; l < net.dense_count; ++l) {
            const ShoalDense& layer = dense[(size_t)l];
            weights += layer.units * (outputs + 1 + 2 * (layer.norm != 0));
            statistics += 2 * layer.units * (layer.norm == SHOAL_BATCH_NORM);
            outputs = layer.units;
        }
        asked.network = net;
        asked.network.convs = convs.data(), asked.network.dense = dense.data();
        parameters = floats(weights, 0.5f), buffers = floats(statistics, 1);
        for (float& value : buffers) value = std::fabs(value);
        x = floats(asked.row_count * net.inputs, 1), by_outputs = floats(asked.row_count * outputs, 1);
        maps.resize((size_t)(asked.row_count * numbers)), gradient.resize((size_t)(asked.row_count * wanted));
        asked.parameters = parameters.data(), asked.parameter_count = weights;
        asked.buffers = buffers.data(), asked.buffer_count = statistics;
        asked.x = x.data(), asked.x_count = (int64_t)x.size();
        asked.by_outputs = by_outputs.data(), asked.by_outputs_count = (int64_t)by_outputs.size();
        asked.gradient = gradient.data(), asked.gradient_count = (int64_t)gradient.size();
    }

    int64_t ask_maps(int64_t target) {
        return shoal_maps(target, &net, parameters.data(), (int64_t)parameters.size(), buffers.data(),
                          (int64_t)buffers.size(), asked.x, asked.x_count, asked.row_count, maps.data(),
                          (int64_t)maps.size());
    }

    void spoil() {
        int64_t* numbers[] = {&asked.abi,   &asked.parameter_count,  &asked.row_count,      &asked.x_count,
                              &asked.layer, &asked.buffer_count, &asked.by_outputs_count, &asked.gradient_count, &asked.network.inputs,
                              &asked.network.height, &asked.network.width, &asked.network.channels, &net.height,
                              &convs[0].norm, &convs[0].groups,
                              &convs[0].stride.height, &convs[0].padding.width, &convs[0].dilation.width,
                              &convs[0].pool_size.height, &convs[0].skip};
        const void** pointers[] = {(const void**)&asked.parameters, (const void**)&asked.x,
                                   (const void**)&asked.by_outputs, (const void**)&asked.gradient,
                                   (const void**)&asked.network.convs, (const void**)&asked.buffers};
        const double slopes[] = {-1, 1.5, NAN, HUGE_VAL};
        switch (from_to(0, 3)) {
            case 0: *pointers[rng() % (sizeof pointers / sizeof *pointers)] = nullptr; return;
            case 1: asked.least_slope = slopes[rng() % 4]; return;
            default:
                *numbers[rng() % (sizeof numbers / sizeof *numbers)] =
                    from_to(0, 3) ? ODD[rng() % (sizeof ODD / sizeof *ODD)] : (int64_t)rng();
        }
    }
};

// Asks a network of images, if one is drawn: all targets answer the same; what is spoilt is refused or harmless.
void ask_inside() {
    const Drawn drawn;
    if (!drawn.fit.network.conv_count) return;
    Inside inside(drawn);
    const bool sound = from_to(0, 1);
    if (!sound) inside.spoil();
    std::vector<float> maps, gradient;
    for (int64_t target = 0, first = 1; target < SHOAL_TARGET_COUNT; ++target) {
        if (!(shoal_targets() >> target & 1)) continue;
        const int64_t code = shoal_gradient(target, &inside.asked), of_maps = inside.ask_maps(target);
        if (sound && (code || of_maps))
            printf("a sound question is refused: %s\n", shoal_field(code ? code : of_maps)), exit(1);
        if ((code && !*shoal_field(code)) || (of_maps && !*shoal_field(of_maps)))
            printf("a refusal without a name\n"), exit(1);
        if (!first && !(same_bytes(maps, inside.maps) && same_bytes(gradient, inside.gradient)))
            printf("targets differ inside\n"), exit(1);
        first = 0;
        maps = inside.maps, gradient = inside.gradient;
    }
}

}  // namespace

int main(int argc, char** argv) {
    const long count = argc > 1 ? atol(argv[1]) : 1000;
    rng.seed(argc > 2 ? (unsigned long)atol(argv[2]) : 1);
    long refused = 0, spoilt = 0;
    for (long i = 0; i < count; ++i) {
        Drawn drawn;
        const bool sound = from_to(0, 1);
        if (!sound) spoil(drawn), ++spoilt;
        const int64_t until = sound || from_to(0, 9) ? drawn.learning_rates.size() : (int64_t)rng();
        const int64_t code = run(drawn, until);
        refused += code != 0;
        if (sound && code) printf("a sound description is refused: %s\n", shoal_field(code)), exit(1);
        if (code && !*shoal_field(code)) printf("a refusal without a name: %lld\n", (long long)code), exit(1);
    }
    for (long i = 0; i < count; ++i) cut_and_read();
    for (long i = 0; i < count; ++i) ask_inside();
    printf("%ld descriptions, %ld spoilt, %ld refused: no fault; digest %016llx\n", count, spoilt, refused,
           (unsigned long long)digest);
}
