// What a skip adds, by a network's description: which maps, and at which stride they are as large as those of the sum.
#pragma once
#include "sides.h"

namespace shoal {
namespace {

// The convolution whose input the skip of convolution `l` adds; -1 without one.
inline int64_t source_of_skip(const ShoalConv* convs, int64_t l) { return convs[l].skip ? l + 1 - convs[l].skip : -1; }

// Whether what enters convolution `s` is added to a later sum, or its own.
inline bool feeds_skip(const ShoalNetwork& net, int64_t s) {
    for (int64_t l = s; l < net.conv_count; ++l)
        if (source_of_skip(net.convs, l) == s) return true;
    return false;
}

// Whether no convolution behind `l` adds what that one's skip does: its gradients are the first that come back there.
inline bool comes_back_first(const ShoalNetwork& net, int64_t l) {
    for (int64_t k = l + 1; k < net.conv_count; ++k)
        if (source_of_skip(net.convs, k) == source_of_skip(net.convs, l)) return false;
    return true;
}

// Strides of the convolutions and pools from the source of a skip to its sum; no more than is larger than any map.
inline ShoalSides strides_of_skip(const ShoalConv* convs, int64_t l) {
    const auto times = [](int64_t stride, int64_t by) { return stride < (1 << 24) / by ? stride * by : 1 << 24; };
    ShoalSides strides = {1, 1};
    const auto take = [&](const ShoalSides& by) {
        strides = {times(strides.height, by.height), times(strides.width, by.width)};
    };
    for (int64_t k = source_of_skip(convs, l); k <= l; ++k) {
        take(convs[k].stride);
        if (k < l && convs[k].pool) take(convs[k].pool_stride);
    }
    return strides;
}

// Whether what entered, of so many channels, passes a convolution before it is added to so many.
inline bool passes_skip(const ShoalSides& strides, int64_t channels, int64_t units) {
    return area_of(strides) != 1 || channels != units;
}

}  // namespace
}  // namespace shoal
