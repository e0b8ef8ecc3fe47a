// Embeddings: codes to vectors, and the vectors' gradients, added up row by row.
//
// Letters: B rows of a batch.
#pragma once
#include "network.h"

namespace shoal {
namespace {

// The vectors of row b of the batch, whose codes are given, behind its other inputs.
inline void look_up(const Network& net, int64_t b, const float* codes) {
    float* to = net.dense_input.value + b * net.dense_input.output_stride;
    for (int64_t t = 0; t < net.table_count; ++t) {
        const Table& table = net.tables[t];
        const int64_t code = (int64_t)codes[t];
        net.codes[b * net.table_count + t] = (int32_t)code;
        __builtin_memcpy(to + table.input, net.vectors + table.first_number + code * table.size,
                         (size_t)table.size * sizeof(float));
    }
}

// Adds the gradients of `rows` rows' vectors up, in their order; code 0 gets none.
inline void add_vector_gradients(const Network& net, int64_t rows) {
    for (int64_t b = 0; b < rows; ++b) {
        const float* delta = net.dense_input.delta + b * net.dense_input.output_stride;
        for (int64_t t = 0; t < net.table_count; ++t) {
            const Table& table = net.tables[t];
            const int64_t code = net.codes[b * net.table_count + t];
            if (!code) continue;
            const float* from = delta + table.input;
            float* to = net.vector_gradient + table.first_number + code * table.size;
            for (int64_t i = 0; i < table.size; ++i) to[i] += from[i];
        }
    }
}

// Updates every vector, as torch does of dense gradients, and leaves these 0 for the next step.
template <class Optimizer>
inline void update_vectors(const Network& net, const Optimizer& optimizer) {
    const Optimizer update = optimizer;
    for (int64_t i = 0; i < net.vector_numbers; i += W) {
        update(net.vectors + i, net.vector_first_moment + i, net.vector_second_moment + i,
               load(net.vector_gradient + i));
        store(net.vector_gradient + i, vf32{});
    }
}

}  // namespace
}  // namespace shoal
