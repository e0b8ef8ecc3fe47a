// The exported functions: check, choose the target, call.
#include "interface.h"

#include "check.h"
#include "target.h"

namespace {

using namespace shoal;

// The kernel of a target that was built and that this processor runs, or null.
const Kernel* kernel(int64_t target) {
    switch (target) {
        case SHOAL_PORTABLE: return portable;
        case SHOAL_NEON: return neon;
#if defined(__x86_64__)
        case SHOAL_AVX2:
            return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? avx2 : nullptr;
        case SHOAL_AVX512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                           __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")
                       ? avx512
                       : nullptr;
#endif
        default: return nullptr;
    }
}

}  // namespace

int64_t shoal_abi(void) { return SHOAL_ABI; }

int64_t shoal_targets(void) {
    int64_t bits = 0;
    for (int64_t target = 0; target < SHOAL_TARGETS; ++target)
        bits |= (int64_t)(kernel(target) != nullptr) << target;
    return bits;
}

const char* shoal_field(int64_t code) {
    static const char* const names[] = {
#define SHOAL_FIELD(name, text) text,
        SHOAL_FIELDS(SHOAL_FIELD)
#undef SHOAL_FIELD
    };
    return within(code, 0, FIELDS - 1) ? names[code] : "";
}

int64_t shoal_advance(int64_t target, ShoalFit* fit, int64_t until) {
    const Kernel* core = kernel(target);
    if (!core) return TARGET;
    if (Field bad = check_fit(fit, until)) return bad;
    return core->advance(*fit, until) ? OK : MEMORY;
}

int64_t shoal_outputs(int64_t target, const ShoalNetwork* network, const float* parameters,
                      int64_t parameter_count, const float* x, int64_t x_count, int64_t rows, float* outputs,
                      int64_t outputs_count) {
    const Kernel* core = kernel(target);
    if (!core) return TARGET;
    if (!network) return FIT;
    int64_t counted = 0;
    if (Field bad = check_network(*network, &counted)) return bad;
    if (parameter_count != counted) return PARAMETER_COUNT;
    if (!parameters) return PARAMETERS;
    if (!within(rows, 0, MOST_ROWS) || x_count != rows * network->inputs || (rows && !x)) return X_ROWS;
    const int64_t units = network->layers[network->layer_count - 1].units;
    if (outputs_count != rows * units || (rows && !outputs)) return OUTPUTS;
    return core->outputs(*network, parameters, x, rows, outputs) ? OK : MEMORY;
}

int64_t shoal_dropout_draws(int64_t target, const uint32_t key[2], int64_t count, int64_t layer, int64_t step,
                            int64_t epoch, uint16_t* draws) {
    const Kernel* core = kernel(target);
    if (!core) return TARGET;
    if (!within(count, 1, MOST_ROWS)) return COUNT;
    if (!key || !draws || !within(layer, 0, UINT32_MAX) || !within(step, 0, UINT32_MAX) ||
        !within(epoch, 0, UINT32_MAX))
        return PLACE;
    return core->halves(key, count, layer, step, epoch, draws) ? OK : MEMORY;
}

int64_t shoal_permutation(int64_t target, const uint32_t key[2], int64_t count, int64_t epoch,
                          uint32_t* order) {
    const Kernel* core = kernel(target);
    if (!core) return TARGET;
    if (!within(count, 1, MOST_ROWS)) return COUNT;
    if (!key || !order || !within(epoch, 0, UINT32_MAX)) return PLACE;
    return core->order(key, count, epoch, order) ? OK : MEMORY;
}

int64_t shoal_activation(int64_t target, int64_t activation, int64_t count, const float* x, float* value,
                         float* slope) {
    const Kernel* core = kernel(target);
    if (!core) return TARGET;
    if (!within(activation, 0, SHOAL_ACTIVATIONS - 1)) return ACTIVATION;
    if (!within(count, 0, MOST_ROWS) || (count && (!x || !value || !slope))) return COUNT;
    core->activation(activation, count, x, value, slope);
    return OK;
}

double shoal_multiply_adds(int64_t target, int64_t rounds) {
    const Kernel* core = kernel(target);
    return core ? core->multiply_adds(rounds) : 0;
}
