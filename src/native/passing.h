// What convolutions pass on: where it lies, dropout of whole channels, and the way to the dense layers and back.
//
// Letters: B images that go through together, C channels.
#pragma once
#include "network.h"
#include "pool.h"

namespace shoal {
namespace {

// Where what convolution `l` passes on of a block, or its gradients, lies: inside the next one's maps, or, behind the last,
// in `last`, to become rows of the dense layers' input.
inline Plane passed_plane(const Network& net, int64_t l, int64_t block, float* Conv::* maps, float* last) {
    const Conv& conv = net.convs[l];
    if (l == net.conv_count - 1)
        return {last + block * conv.pooled_floats(), conv.pooled_pixels * PANEL, conv.pooled_width * PANEL};
    const Conv& next = net.convs[l + 1];
    return {next.*maps + block * next.map_stride + next.corner(), next.channel_stride, next.row_stride};
}

inline Plane passed_values(const Network& net, int64_t l, int64_t block) {
    return passed_plane(net, l, block, &Conv::input_maps, net.last_values);
}

inline Plane passed_gradients(const Network& net, int64_t l, int64_t block) {
    return passed_plane(net, l, block, &Conv::map_deltas, net.last_deltas);
}

// What the values of each channel of a block's images are multiplied by: (units, 16); 0 where one is dropped. Channel c of
// row b of the batch has draw b * C + c.
inline void channel_factors(const Layer& filters, int64_t first_row, int64_t images, float* factors) {
    const bool drops = first_row != NO_DROPOUT && filters.dropout_threshold;
    const float scale = (float)(65536.0 / (double)(65536 - filters.dropout_threshold));
    for (int64_t c = 0; c < filters.units; ++c, factors += PANEL) {
        store(factors, broadcast_panel(drops ? 0 : 1));
        for (int64_t n = 0; drops && n < min(PANEL, images); ++n)
            if (filters.dropout_draws[(first_row + n) * filters.units + c] >= filters.dropout_threshold)
                factors[n] = scale;
    }
}

// The matrix of a block's last values, a panel for each number, as rows of the dense layers' input: of `images` images.
inline void panels_to_rows(const Network& net, int64_t block, int64_t images) {
    const Layer& to = net.dense_input;
    const float* panels = passed_values(net, net.conv_count - 1, block).at;
    float rows[PANEL * PANEL];
    for (int64_t d = 0; d < to.units; d += PANEL) {
        transpose_16x16(panels + d * PANEL, rows);
        const int64_t numbers = min(PANEL, to.units - d);
        for (int64_t n = 0; n < min(PANEL, images); ++n) {
            float* row = to.value + (block * PANEL + n) * to.output_stride + d;
            if (numbers == PANEL)
                store(row, load_panel(rows + n * PANEL));
            else
                __builtin_memcpy(row, rows + n * PANEL, (size_t)numbers * sizeof(float));
        }
    }
}

// The way back, of gradients: 0 where a block has no image.
inline void rows_to_panels(const Network& net, int64_t block, int64_t images) {
    const Layer& from = net.dense_input;
    float* panels = passed_gradients(net, net.conv_count - 1, block).at;
    float rows[PANEL * PANEL] = {};
    for (int64_t d = 0; d < from.units; d += PANEL) {
        for (int64_t n = 0; n < min(PANEL, images); ++n)
            __builtin_memcpy(rows + n * PANEL, from.delta + (block * PANEL + n) * from.output_stride + d,
                             PANEL * sizeof(float));
        transpose_16x16(rows, panels + d * PANEL);
    }
}

}  // namespace
}  // namespace shoal
