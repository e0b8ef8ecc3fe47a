// One network laid out in memory, every buffer in one piece; see layers.h.
//
// Letters: B rows of a batch, D inputs, H units, C channels.
#pragma once
#if defined(__linux__)
#include <sys/mman.h>
#endif

#include "layers.h"
#include "skip.h"

namespace shoal {
namespace {

// Rows of activations: room for the constant 1, and no power of two, which would crowd one set of the cache.
inline int64_t activation_stride(int64_t units) {
    const int64_t stride = round_up(units + 1, PANEL);
    return stride % (4 * PANEL) ? stride : stride + PANEL;
}

// Calls f with all that layers train: weights, scales and shifts of norms, weights of what skips pass.
template <class F>
inline void for_each_trained(const Network& net, F&& f) {
    for (int64_t l = 0; l < net.layer_count(); ++l) {
        f(net.layer(l));
        if (net.layer(l).norm.width) f(net.layer(l).norm);
        if (net.projection(l)) f(*net.projection(l));
    }
}

// Hands out pieces of one block of memory; without a block it only counts the bytes.
struct Arena {
    char* base;
    int64_t used;
    template <class T>
    T* allocate(int64_t count) {
        T* piece = base ? (T*)(base + used) : nullptr;
        used += round_up(count * (int64_t)sizeof(T), 64);
        return piece;
    }
};

inline void set_sizes(Layer& layer, const ShoalDense& from, int64_t inputs, bool convolves) {
    layer.inputs = inputs;
    layer.units = from.units;
    layer.activation = from.activation;
    layer.dropout_threshold = from.dropout_threshold;
    layer.narrow = layer.units <= NARROW_UNITS && !convolves;
    layer.has_bias = true;
    layer.output_vectors = (layer.units + W - 1) / W;
    layer.norm.kind = from.norm;
    layer.norm.width = from.norm ? round_up(layer.units, PANEL) : 0;
    const int64_t depth = round_up(inputs + 1, PANEL);
    if (layer.narrow) {
        layer.rows = layer.units;
        layer.vectors = (inputs + W) / W;
        layer.row_stride = depth;
        layer.panel_stride = PANEL;
        layer.matrix_size = layer.units * depth;
    } else {
        layer.rows = inputs + 1;
        layer.vectors = layer.output_vectors;
        layer.row_stride = PANEL;
        layer.panel_stride = depth * PANEL;
        layer.matrix_size = round_up(layer.units, PANEL) * depth;
    }
    layer.input_stride = activation_stride(inputs);
    layer.output_stride = activation_stride(layer.units);
}

inline void allocate_trained(Trained& trained, bool training, bool keeps_gradients, Arena& arena) {
    trained.weights = arena.allocate<float>(trained.matrix_size);
    trained.first_moment = arena.allocate<float>(training ? trained.matrix_size : 0);
    trained.second_moment = arena.allocate<float>(training ? trained.matrix_size : 0);
    trained.gradient = arena.allocate<float>(keeps_gradients ? trained.matrix_size : 0);
}

// A norm that keeps so many numbers; nothing where the layer has none.
inline void allocate_norm(Network& net, Layer& layer, int64_t kept, bool training, Arena& arena) {
    Norm& norm = layer.norm;
    norm.matrix_size = 2 * norm.width;
    allocate_trained(norm, training, training, arena);
    norm.mean = arena.allocate<float>(norm.width);
    norm.variance = arena.allocate<float>(norm.width);
    const int64_t normed = norm.width ? max(norm.width, round_up(net.group_rows, PANEL)) : 0;
    norm.center = arena.allocate<float>(normed);
    norm.inverse = arena.allocate<float>(normed);
    norm.offset = arena.allocate<float>(norm.width);
    norm.sums = arena.allocate<double>(training ? 2 * norm.width : 0);
    norm.of_images = arena.allocate<double>(training && net.conv_count ? 2 * PANEL * norm.width : 0);
    norm.kept = arena.allocate<float>(norm.width ? kept : 0);
    norm.buffer_offset = net.buffers;
    net.buffers += norm.kind == SHOAL_BATCH_NORM ? 2 * layer.units : 0;
}

// Weights, and what training keeps of each of them.
inline void allocate_weights(const Network& net, Layer& layer, bool training, int64_t& flat, Arena& arena) {
    const bool keeps_gradients = training && net.conv_count;
    layer.flat_offset = flat;
    allocate_trained(layer, training, keeps_gradients, arena);
    layer.transposed = arena.allocate<float>(
        keeps_gradients ? round_up(layer.inputs, PANEL) * round_up(layer.units, PANEL) : 0);
    layer.dropout_draws = arena.allocate<uint16_t>(
        training && layer.dropout_threshold ? draw_capacity(net.step_rows * layer.units) : 0);
    flat += layer.units * (layer.inputs + layer.has_bias) + (layer.norm.width ? 2 * layer.units : 0);
}

// How many blocks so many images take.
inline int64_t blocks_of(int64_t images) { return (images + PANEL - 1) / PANEL; }

// Floats of a channel of a block: an odd number of panels, since many channels an even number apart would crowd some sets
// of the cache.
inline int64_t channel_floats(int64_t pixels) { return (pixels | 1) * PANEL; }

// Strides over a map of such sides: where they are larger, there is no second window all the same.
inline ShoalSides strides_within(const ShoalSides& sides, const ShoalSides& strides) {
    return {min(sides.height, strides.height), min(sides.width, strides.width)};
}

// Sizes of a convolution. Channels, height and width are those of its input, and become those of its output.
inline void set_sizes(Conv& conv, const ShoalConv& from, int64_t& channels, int64_t& height, int64_t& width) {
    const ShoalSides padded = {height + 2 * from.padding.height, width + 2 * from.padding.width},
                     reach = reach_of(from.kernel, from.dilation);
    conv.groups = from.groups;
    conv.group_inputs = channels / from.groups;
    conv.group_units = from.units / from.groups;
    set_sizes(conv.filters, {from.units, from.activation, from.dropout_threshold, from.norm},
              area_of(from.kernel) * conv.group_inputs, true);
    conv.input_channels = channels;
    conv.input_width = width;
    conv.input_height = height;
    conv.kernel = from.kernel;
    conv.stride = strides_within(padded, from.stride);
    conv.padding = from.padding;
    conv.dilation = from.dilation;
    conv.row_stride = padded.width * PANEL;
    conv.channel_stride = channel_floats(padded.height * padded.width);
    conv.map_stride = channels * conv.channel_stride;
    conv.output_width = (padded.width - 1 - reach.width) / conv.stride.width + 1;
    const int64_t out_height = (padded.height - 1 - reach.height) / conv.stride.height + 1;
    conv.output_pixels = out_height * conv.output_width;
    conv.output_stride = channel_floats(conv.output_pixels);
    conv.margin = (reach.width + conv.stride.width - 1) / conv.stride.width;
    conv.delta_row_stride = (conv.output_width + conv.margin) * PANEL;
    conv.delta_stride = channel_floats(out_height * (conv.output_width + conv.margin) + conv.margin);
    conv.pool = from.pool;
    const ShoalSides output = {out_height, conv.output_width}, single = {1, 1};
    conv.pool_size = from.pool ? from.pool_size : single;
    conv.pool_stride = from.pool ? strides_within(output, from.pool_stride) : single;
    channels = from.units;
    height = (out_height - conv.pool_size.height) / conv.pool_stride.height + 1;
    width = conv.pooled_width = (conv.output_width - conv.pool_size.width) / conv.pool_stride.width + 1;
    conv.pooled_pixels = height * width;
}

// Calls f(first unit, how many) for runs of units that lie in one panel and see the same channels, from unit `h` on to
// `end`.
template <class F>
inline void for_each_run(const Conv& conv, int64_t h, int64_t end, F&& f) {
    for (int64_t units; h < end; h += units) {
        units = min(end - h, min(PANEL - h % PANEL, conv.group_units - h % conv.group_units));
        f(h, units);
    }
}

// Where the weights of unit h begin, and in a block's input the channels that it sees.
inline int64_t unit_offset(const Layer& filters, int64_t h) { return h / PANEL * filters.panel_stride + h % PANEL; }
inline int64_t seen_offset(const Conv& conv, int64_t h) {
    return h / conv.group_units * conv.group_inputs * conv.channel_stride;
}

// What the sums of a convolution go over: the pixels under the kernel, each with all channels that are seen.
inline void allocate_taps(Conv& conv, Arena& arena) {
    conv.pixel_taps = arena.allocate<Tap>(conv.kernel_area());
    conv.row_taps = arena.allocate<Tap>(conv.kernel.height);
    conv.seen = arena.allocate<Seen>(conv.filters.inputs);
    conv.input_taps = arena.allocate<Tap>(conv.kernel_area() * (conv.group_units / PANEL + 2));
    for (int64_t t = 0; conv.pixel_taps && t < conv.kernel_area(); ++t)
        conv.pixel_taps[t] = {t * PANEL,
                              t / conv.kernel.width * conv.dilation.height * conv.row_stride +
                                  t % conv.kernel.width * conv.dilation.width * PANEL,
                              conv.group_inputs};
    for (int64_t y = 0; conv.row_taps && y < conv.kernel.height; ++y) {
        conv.row_taps[y] = conv.pixel_taps[y * conv.kernel.width];
        conv.row_taps[y].depth = conv.kernel.width;
    }
    for (int64_t k = 0; conv.seen && k < conv.filters.inputs; ++k) {
        const int64_t of_row = conv.group_inputs * conv.kernel.width, c = k % of_row / conv.kernel.width;
        const int64_t y = k / of_row, t = y * conv.kernel.width + k % conv.kernel.width;
        conv.seen[k] = {c * conv.kernel_area() + t, c * conv.channel_stride + conv.pixel_taps[t].b, y};
    }
}

// Whether windows of a convolution's pool have no pixel in common; without a pool they are its pixels.
inline bool windows_are_apart(const Conv& conv) {
    return conv.pool_size.height <= conv.pool_stride.height && conv.pool_size.width <= conv.pool_stride.width;
}

inline bool activates_by_sign(const Conv& conv) {
    bool by_sign = false;
    with_activation(conv.filters.activation, [&](auto kind) { by_sign = decltype(kind)::BY_SIGN; });
    return by_sign;
}

// Whether what a convolution passes on tells by its signs the derivatives of the pixels that have a gradient.
inline bool slopes_by_sign(const Conv& conv) {
    return activates_by_sign(conv) && conv.pool != SHOAL_AVERAGE_POOL && windows_are_apart(conv);
}

// Whether the pool takes values as they are made, since nothing else needs them.
inline bool pools_at_once(const Network& net, const Conv& conv) {
    return conv.pool && !net.stands && activates_by_sign(conv) && windows_are_apart(conv) && conv.source < 0 &&
           !conv.keeps_derivatives;
}

// Sizes of convolution `l`.
inline Conv sizes_of(const ShoalNetwork& from, int64_t l) {
    Conv conv = {};
    int64_t channels = from.channels, height = from.height, width = from.width;
    for (int64_t k = 0; k <= l; ++k) set_sizes(conv, from.convs[k], channels, height, width);
    return conv;
}

// What a skip passes: a convolution of 1 x 1 of what entered another, whose output lies as that of `conv` does.
inline void set_projection(Conv& projection, const Conv& conv, const Conv& entered, const ShoalSides& strides) {
    const int64_t channels = entered.input_channels;
    projection = conv;
    set_sizes(projection.filters, {conv.filters.units, SHOAL_IDENTITY, 0, SHOAL_NO_NORM}, channels, true);
    projection.filters.has_bias = false;
    projection.kernel = projection.dilation = {1, 1};
    projection.stride = strides_within({entered.input_height, entered.input_width}, strides);
    projection.padding = {0, 0};
    projection.groups = 1;
    projection.group_inputs = projection.input_channels = channels;
    projection.group_units = conv.filters.units;
    projection.input_width = entered.input_width;
    projection.input_height = entered.input_height;
    projection.row_stride = entered.row_stride;
    projection.channel_stride = entered.channel_stride;
    projection.map_stride = entered.map_stride;
    projection.source = -1;
    projection.sums_deltas = !conv.comes_first;
}

// The skip of convolution `l`; gives the floats of a row of what it passes.
inline int64_t allocate_skip(Network& net, const ShoalNetwork& from, int64_t l, Conv& conv, bool training,
                             int64_t& flat, Arena& arena) {
    conv.source = source_of_skip(from.convs, l);
    conv.projection = nullptr;
    if (conv.source < 0) return 0;
    conv.comes_first = comes_back_first(from, l);
    const ShoalSides strides = strides_of_skip(from.convs, l);
    const Conv entered = sizes_of(from, conv.source);
    if (!passes_skip(strides, entered.input_channels, conv.filters.units)) return 0;
    Conv without_memory;
    conv.projection = arena.allocate<Conv>(1);
    Conv& projection = conv.projection ? *conv.projection : without_memory;
    set_projection(projection, conv, entered, strides);
    allocate_weights(net, projection.filters, training, flat, arena);
    net.multiply_adds += projection.filters.units * projection.filters.inputs * conv.output_pixels;
    allocate_taps(projection, arena);
    if (net.convs) projection.input_maps = net.convs[conv.source].input_maps + entered.corner();
    return conv.filters.units * channel_floats(conv.output_width);
}

// Where gradients of what enters the convolutions lie: in `map_deltas`, by turns, where no skip adds to them.
inline void set_map_deltas(Network& net, float* const (&map_deltas)[2]) {
    for (int64_t l = 0; l < net.conv_count; ++l) {
        Conv& conv = net.convs[l];
        if (!conv.sums_deltas) conv.map_deltas = map_deltas[l % 2];
        if (!conv.projection) continue;
        const Conv& entered = net.convs[conv.source];
        conv.projection->map_deltas = entered.map_deltas + entered.corner();
    }
}

// Whether values are sums, with the bias, rectified, and nothing else.
inline bool rectifies(const Conv& conv) {
    return conv.slopes_by_sign && conv.filters.activation == SHOAL_RELU && !conv.pool && !conv.filters.norm.width &&
           conv.source < 0;
}

// Convolutions and what they share; gives how many numbers of an image reach the dense layers.
inline int64_t allocate_convs(Network& net, const ShoalNetwork& from, bool training, Arena& arena,
                              int64_t& flat) {
    int64_t channels = from.channels, height = from.height, width = from.width;
    int64_t values = 0, deltas = 0, maps = 0, sums = 0, skips = 0, units = 0, passed = 0;
    const int64_t blocks = blocks_of(net.group_rows);
    net.convs = arena.allocate<Conv>(net.conv_count);
    for (int64_t l = 0; l < net.conv_count; ++l) {
        Conv without_memory;
        Conv& conv = net.convs ? net.convs[l] : without_memory;
        set_sizes(conv, from.convs[l], channels, height, width);
        allocate_weights(net, conv.filters, training, flat, arena);
        net.multiply_adds += conv.filters.units * conv.filters.inputs * conv.output_pixels;
        conv.input_maps = arena.allocate<float>(blocks * conv.map_stride);
        conv.sums_deltas = feeds_skip(from, l);
        if (conv.sums_deltas) conv.map_deltas = arena.allocate<float>(training ? blocks * conv.map_stride : 0);
        skips = max(skips, allocate_skip(net, from, l, conv, training, flat, arena));
        const bool keeps = training || conv.filters.norm.kind == SHOAL_LAYER_NORM;
        allocate_norm(net, conv.filters, keeps ? blocks * conv.output_floats() : 0, training, arena);
        conv.slopes_by_sign = !net.stands && slopes_by_sign(conv);
        conv.keeps_derivatives =
            training && !conv.slopes_by_sign && (net.stands || !conv.filters.norm.width || conv.source >= 0);
        conv.filters.derivative = arena.allocate<float>(conv.keeps_derivatives ? blocks * conv.output_floats() : 0);
        conv.pool_argmax = arena.allocate<int32_t>(
            training && conv.pool == SHOAL_MAX_POOL ? blocks * conv.pooled_floats() : 0);
        allocate_taps(conv, arena);
        values = max(values, conv.output_floats());
        deltas = max(deltas, conv.delta_floats());
        conv.pools_at_once = pools_at_once(net, conv);
        conv.rectifies = rectifies(conv);
        sums = max(sums, conv.filters.units * channel_floats(conv.rows_at_work() * conv.output_width));
        units = max(units, conv.filters.units);
        maps = max(maps, conv.map_stride);
        passed = conv.pooled_floats();
    }
    net.bytes = arena.allocate<uint8_t>(round_up(from.width, PANEL) * PANEL);
    net.values = arena.allocate<float>(values);
    // A matrix that is transposed is read and written in whole panels.
    net.last_values = arena.allocate<float>(blocks * passed + PANEL * PANEL);
    net.deltas = arena.allocate<float>(training ? blocks_of(net.seen_rows) * deltas : 0);
    net.sums = arena.allocate<float>(sums);
    net.channel_factors = arena.allocate<float>(units * PANEL);
    net.last_deltas = arena.allocate<float>(training ? blocks * passed + PANEL * PANEL : 0);
    net.skips = arena.allocate<float>(skips);
    float* map_deltas[2] = {arena.allocate<float>(training ? blocks * maps : 0)};
    map_deltas[1] = net.group_rows > net.seen_rows ? arena.allocate<float>(blocks * maps) : map_deltas[0];
    if (net.convs) set_map_deltas(net, map_deltas);
    return channels * height * width;
}

// Tables of vectors; gives how many numbers reach the dense layers.
inline int64_t allocate_tables(Network& net, const ShoalNetwork& from, bool training, Arena& arena,
                               int64_t& flat) {
    int64_t inputs = from.inputs - from.table_count;
    net.tables = arena.allocate<Table>(net.table_count);
    net.codes = arena.allocate<int32_t>(net.group_rows * net.table_count);
    for (int64_t t = 0; t < net.table_count; ++t) {
        if (net.tables) net.tables[t] = {from.tables[t].size, flat, inputs};
        inputs += from.tables[t].size;
        flat += from.tables[t].rows * from.tables[t].size;
    }
    net.vector_numbers = flat;
    const int64_t whole = round_up(flat, W), trained = training ? whole : 0;
    net.vectors = arena.allocate<float>(whole);
    net.vector_first_moment = arena.allocate<float>(trained);
    net.vector_second_moment = arena.allocate<float>(trained);
    net.vector_gradient = arena.allocate<float>(trained);
    return inputs;
}

// Every buffer in one arena. `training`: with moments, derivatives and gradients, else for a forward pass
// only.
inline void allocate_buffers(Network& net, const ShoalNetwork& from, bool training, Arena& arena) {
    int64_t flat = 0, inputs = from.inputs;
    net.multiply_adds = 0;
    net.buffers = 0;
    if (net.conv_count) inputs = allocate_convs(net, from, training, arena, flat);
    if (net.table_count) inputs = allocate_tables(net, from, training, arena, flat);
    net.dense = arena.allocate<Layer>(net.dense_count);
    net.dense_input.units = inputs;
    net.dense_input.output_stride = activation_stride(inputs);
    net.dense_input.output_vectors = (inputs + W - 1) / W;
    net.dense_input.value = arena.allocate<float>(net.group_rows * net.dense_input.output_stride);
    net.dense_input.delta = arena.allocate<float>(
        training && net.passes_back() ? net.group_rows * net.dense_input.output_stride : 0);
    for (int64_t l = 0; l < net.dense_count; ++l) {
        Layer without_memory;
        Layer& layer = net.dense ? net.dense[l] : without_memory;
        set_sizes(layer, from.dense[l], inputs, false);
        allocate_weights(net, layer, training, flat, arena);
        net.multiply_adds += layer.units * layer.inputs;
        layer.value = arena.allocate<float>(net.group_rows * layer.output_stride);
        layer.derivative = arena.allocate<float>(net.group_rows * layer.output_stride);
        layer.delta = arena.allocate<float>(training ? net.group_rows * layer.output_stride : 0);
        allocate_norm(net, layer, training ? net.group_rows * layer.output_stride : 0, training, arena);
        inputs = layer.units;
    }
    net.parameters = flat;
    net.scratch = arena.allocate<float>(training ? max(SCRATCH_FLOATS, net.target_sizes.floats()) : 0);
}

// How many images go through together: whole blocks, as few as keep most of what is known of them in the second cache.
inline int64_t images_of_group(const ShoalNetwork& from, int64_t rows) {
    int64_t channels = from.channels, height = from.height, width = from.width, floats = 0;
    for (int64_t l = 0; l < from.conv_count; ++l) {
        Conv conv;
        set_sizes(conv, from.convs[l], channels, height, width);
        floats += conv.map_stride + conv.output_floats();
    }
    return min(rows, max(1, GROUP_FLOATS / floats) * PANEL);
}

// Whether some layer has a batch norm.
inline bool norms_batches(const ShoalNetwork& from) {
    bool norms = false;
    for (int64_t l = 0; l < from.conv_count; ++l) norms |= from.convs[l].norm == SHOAL_BATCH_NORM;
    for (int64_t l = 0; l < from.dense_count; ++l) norms |= from.dense[l].norm == SHOAL_BATCH_NORM;
    return norms;
}

// Zeroed memory, to be freed by free(), and where in it a piece begins; null: there is none. Much of it lies in large pages,
// where the system has them: small ones take time to be looked up, and crowd some sets of the second cache.
inline char* allocate_zeroed(int64_t bytes, void*& memory) {
    constexpr int64_t LINE = 64, LARGE_PAGE = 1 << 21;
    const int64_t unit = bytes < LARGE_PAGE / 2 ? LINE : LARGE_PAGE, whole = round_up(bytes, unit);
    memory = calloc((size_t)(whole + unit), 1);
    char* piece = (char*)(((uintptr_t)memory + (uintptr_t)unit - 1) & ~(uintptr_t)(unit - 1));
#if defined(__linux__)
    if (memory && unit == LARGE_PAGE) madvise(piece, (size_t)whole, MADV_HUGEPAGE);
#endif
    return memory ? piece : nullptr;
}

// Lays the network out in fresh memory, zeroed, with ones behind the units, for steps of `rows` rows.
// False: out of memory.
inline bool build_network(Network& net, const ShoalNetwork& from, int64_t rows, bool training) {
    net.inputs = from.inputs;
    net.dense_count = from.dense_count;
    net.conv_count = from.conv_count;
    net.table_count = from.table_count;
    net.channels = from.channels;
    net.height = from.height;
    net.first_layer = from.first_layer;
    net.step_rows = rows;
    net.seen_rows = net.conv_count ? images_of_group(from, rows) : max(rows, EVALUATION_ROWS);
    net.group_rows = training && !net.stands && norms_batches(from) ? max(net.seen_rows, rows) : net.seen_rows;
    Arena count{nullptr, 0};
    allocate_buffers(net, from, training, count);
    Arena arena{allocate_zeroed(count.used, net.memory), 0};
    if (!arena.base) return false;
    allocate_buffers(net, from, training, arena);
    for (int64_t b = 0; b < net.group_rows; ++b) {
        net.dense_input.value[b * net.dense_input.output_stride + net.dense_input.units] = 1;
        for (int64_t l = 0; l < net.dense_count; ++l)
            net.dense[l].value[b * net.dense[l].output_stride + net.dense[l].units] = 1;
    }
    return true;
}

}  // namespace
}  // namespace shoal
