// The way in from and out to flat vectors in torch's order: parameters, their moments, running statistics.
//
// Letters: D inputs, H units.
#pragma once
#include "network.h"

namespace shoal {
namespace {

// Where the weight from input d (d = D: the bias) to unit h lies.
inline int64_t weight_index(const Layer& layer, int64_t d, int64_t h) {
    const int64_t r = layer.narrow ? h : d, c = layer.narrow ? d : h;
    return c / PANEL * layer.panel_stride + r * layer.row_stride + c % PANEL;
}

// The same for the weights of a layer alone.
template <class F>
inline void for_each_weight_of(const Layer& layer, F&& f) {
    for (int64_t h = 0; h < layer.units; ++h) {
        const int64_t weight = layer.flat_offset + h * layer.inputs,
                      bias = layer.flat_offset + layer.units * layer.inputs + h;
        for (int64_t d = 0; d < layer.inputs; ++d) f(layer, weight + d, weight_index(layer, d, h));
        if (layer.has_bias) f(layer, bias, weight_index(layer, layer.inputs, h));
    }
}

// Calls f(layer or norm, index in the flat vector, index in its matrix) for every weight and bias, scale and shift.
template <class F>
inline void for_each_weight(const Network& net, F&& f) {
    for (int64_t l = 0; l < net.layer_count(); ++l) {
        const Layer& layer = net.layer(l);
        for_each_weight_of(layer, f);
        if (net.projection(l)) for_each_weight_of(*net.projection(l), f);
        const Norm& norm = layer.norm;
        const int64_t scales = layer.flat_offset + layer.units * (layer.inputs + 1);
        for (int64_t i = 0; norm.width && i < 2 * layer.units; ++i)
            f(norm, scales + i, i / layer.units * norm.width + i % layer.units);
    }
}

// Calls f(number, index in the flat buffers) for every running statistic.
template <class F>
inline void for_each_statistic(const Network& net, F&& f) {
    for (int64_t l = 0; l < net.layer_count(); ++l) {
        const Layer& layer = net.layer(l);
        for (int64_t h = 0; layer.norm.kind == SHOAL_BATCH_NORM && h < layer.units; ++h) {
            f(layer.norm.mean[h], layer.norm.buffer_offset + h);
            f(layer.norm.variance[h], layer.norm.buffer_offset + layer.units + h);
        }
    }
}

inline void read_parameters(Network& net, const float* parameters) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) net.vectors[i] = parameters[i];
    for_each_weight(
        net, [=](const Trained& trained, int64_t flat, int64_t at) { trained.weights[at] = parameters[flat]; });
}

inline void write_parameters(const Network& net, float* parameters) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) parameters[i] = canonical_nan(net.vectors[i]);
    for_each_weight(net, [=](const Trained& trained, int64_t flat, int64_t at) {
        parameters[flat] = canonical_nan(trained.weights[at]);
    });
}

inline void read_buffers(const Network& net, const float* buffers) {
    for_each_statistic(net, [=](float& statistic, int64_t at) { statistic = buffers[at]; });
}

inline void write_buffers(const Network& net, float* buffers) {
    for_each_statistic(net, [=](float& statistic, int64_t at) { buffers[at] = canonical_nan(statistic); });
}

inline void read_moments(Network& net, const float* first_moment, const float* second_moment) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) {
        net.vector_first_moment[i] = first_moment[i];
        net.vector_second_moment[i] = second_moment[i];
    }
    for_each_weight(net, [=](const Trained& trained, int64_t flat, int64_t at) {
        trained.first_moment[at] = first_moment[flat];
        trained.second_moment[at] = second_moment[flat];
    });
}

inline void write_moments(const Network& net, float* first_moment, float* second_moment) {
    for (int64_t i = 0; i < net.vector_numbers; ++i) {
        first_moment[i] = canonical_nan(net.vector_first_moment[i]);
        second_moment[i] = canonical_nan(net.vector_second_moment[i]);
    }
    for_each_weight(net, [=](const Trained& trained, int64_t flat, int64_t at) {
        first_moment[flat] = canonical_nan(trained.first_moment[at]);
        second_moment[flat] = canonical_nan(trained.second_moment[at]);
    });
}

}  // namespace
}  // namespace shoal
