// The exported functions: check, choose the target, call.
#include "interface.h"

#include "check_fit.h"
#include "target.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {

using namespace shoal;

#if defined(__x86_64__)
// Asked of the processor itself: what __builtin_cpu_supports reads is not filled in a library that Zig links.
struct Features {
    unsigned ecx1 = 0, ebx7 = 0, saved = 0;  // leaf 1, leaf 7, registers that the system saves (XCR0)
    Features() {
        unsigned eax, ebx, ecx, edx, high;
        if (__get_cpuid(1, &eax, &ebx, &ecx1, &edx) && ecx1 & bit_OSXSAVE)
            __asm__("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
        __get_cpuid_count(7, 0, &eax, &ebx7, &ecx, &edx);
    }
    bool all(unsigned registers, unsigned of_leaf7) const {
        return (saved & registers) == registers && (ebx7 & of_leaf7) == of_leaf7;
    }
};

bool has_avx2() {
    const Features processor;
    return processor.all(0x6, bit_AVX2) && processor.ecx1 & bit_FMA;
}

bool has_avx512() {
    const Features processor;
    return processor.all(0xe6, bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL);
}
#endif

// The core of a target that was built and that this processor runs, or null.
const TargetCore* core_of(int64_t target) {
    switch (target) {
        case SHOAL_PORTABLE: return portable;
        case SHOAL_NEON: return neon;
#if defined(__x86_64__)
        case SHOAL_AVX2: return has_avx2() ? avx2 : nullptr;
        case SHOAL_AVX512: return has_avx512() ? avx512 : nullptr;
#endif
        default: return nullptr;
    }
}

}  // namespace

int64_t shoal_abi(void) { return SHOAL_ABI; }

int64_t shoal_targets(void) {
    int64_t bits = 0;
    for (int64_t target = 0; target < SHOAL_TARGET_COUNT; ++target)
        bits |= (int64_t)(core_of(target) != nullptr) << target;
    return bits;
}

const char* shoal_field(int64_t code) {
    static const char* const names[] = {
#define SHOAL_FIELD(name, text) text,
        SHOAL_FIELDS(SHOAL_FIELD)
#undef SHOAL_FIELD
    };
    return within(code, 0, FIELD_COUNT - 1) ? names[code] : "";
}

int64_t shoal_advance(int64_t target, ShoalFit* fit, int64_t until) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    if (Field refused = check_fit(fit, until)) return refused;
    return core->advance(*fit, until) ? OK : MEMORY;
}

int64_t shoal_outputs(int64_t target, const ShoalNetwork* network, const float* parameters,
                      int64_t parameter_count, const float* buffers, int64_t buffer_count, const float* x,
                      int64_t x_count, int64_t rows, float* outputs, int64_t outputs_count) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    Counts counts;
    if (Field refused =
            check_asked({network, parameters, parameter_count, buffers, buffer_count, x, x_count, rows}, counts))
        return refused;
    if (outputs_count != rows * counts.outputs || (rows && !outputs)) return OUTPUTS;
    return core->outputs(*network, parameters, buffers, x, rows, outputs) ? OK : MEMORY;
}

int64_t shoal_maps(int64_t target, const ShoalNetwork* network, const float* parameters, int64_t parameter_count,
                   const float* buffers, int64_t buffer_count, const float* x, int64_t x_count, int64_t rows,
                   float* maps, int64_t maps_count) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    Counts counts;
    if (Field refused =
            check_asked({network, parameters, parameter_count, buffers, buffer_count, x, x_count, rows}, counts))
        return refused;
    if (!network->conv_count) return CONV_COUNT;
    if (maps_count != rows * counts.maps || (rows && !maps)) return MAPS;
    return core->maps(*network, parameters, buffers, x, rows, maps) ? OK : MEMORY;
}

int64_t shoal_gradient(int64_t target, const ShoalGradient* question) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    if (Field refused = check_gradient(question)) return refused;
    return core->gradient(*question) ? OK : MEMORY;
}

int64_t shoal_dropout_draws(int64_t target, const uint32_t key[2], int64_t count, int64_t layer, int64_t step,
                            int64_t epoch, uint16_t* draws) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    if (!within(count, 1, MAX_ROWS)) return COUNT;
    if (!key || !draws || !within(layer, 0, UINT32_MAX) || !within(step, 0, UINT32_MAX) ||
        !within(epoch, 0, UINT32_MAX))
        return STREAM;
    return core->dropout_draws(key, count, layer, step, epoch, draws) ? OK : MEMORY;
}

int64_t shoal_permutation(int64_t target, const uint32_t key[2], int64_t count, int64_t epoch,
                          uint32_t* order) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    if (!within(count, 1, MAX_ROWS)) return COUNT;
    if (!key || !order || !within(epoch, 0, UINT32_MAX)) return STREAM;
    return core->permutation(key, count, epoch, order) ? OK : MEMORY;
}

int64_t shoal_activation(int64_t target, int64_t activation, int64_t count, const float* x, float* value,
                         float* derivative) {
    const TargetCore* core = core_of(target);
    if (!core) return TARGET;
    if (!within(activation, 0, SHOAL_ACTIVATION_COUNT - 1)) return ACTIVATION;
    if (!within(count, 0, MAX_ROWS) || (count && (!x || !value || !derivative))) return COUNT;
    core->activation(activation, count, x, value, derivative);
    return OK;
}

double shoal_multiply_adds(int64_t target, int64_t rounds) {
    const TargetCore* core = core_of(target);
    return core ? core->multiply_adds(rounds) : 0;
}
