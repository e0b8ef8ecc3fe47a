// What is compiled once for every vector width, and how the width is chosen when the program runs.
#pragma once
#include "interface.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace shoal {

// The functions of one target. Those that can run out of memory answer false then.
struct TargetCore {
    bool (*advance)(ShoalFit& fit, int64_t until);
    bool (*outputs)(const ShoalNetwork& network, const float* parameters, const float* buffers, const float* x,
                    int64_t rows, float* y);
    bool (*maps)(const ShoalNetwork& network, const float* parameters, const float* buffers, const float* x,
                 int64_t rows, float* to);
    bool (*gradient)(const ShoalGradient& question);
    bool (*dropout_draws)(const uint32_t key[2], int64_t count, int64_t layer, int64_t step, int64_t epoch,
                          uint16_t* draws);
    bool (*permutation)(const uint32_t key[2], int64_t count, int64_t epoch, uint32_t* order);
    void (*activation)(int64_t activation, int64_t count, const float* x, float* value, float* derivative);
    double (*multiply_adds)(int64_t rounds);
};

extern const TargetCore* const portable;
extern const TargetCore* const avx2;
extern const TargetCore* const avx512;
extern const TargetCore* const neon;

namespace {

// Numbers too small for a normal float count as zero while this lives: moments of units that stay silent
// decay into them for ever, and they cost up to a hundred times a step's time. Every target does the same.
class FlushedDenormals {
#if defined(__SSE__)
    unsigned saved = _mm_getcsr();

  public:
    FlushedDenormals() { _mm_setcsr(saved | 0x8040); }
    ~FlushedDenormals() { _mm_setcsr(saved); }
#elif defined(__aarch64__)
    uint64_t saved;

  public:
    FlushedDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(saved));
        asm volatile("msr fpcr, %0" : : "r"(saved | 1u << 24));
    }
    ~FlushedDenormals() { asm volatile("msr fpcr, %0" : : "r"(saved)); }
#else
  public:
    FlushedDenormals() {}
#endif
    FlushedDenormals(const FlushedDenormals&) = delete;
    FlushedDenormals& operator=(const FlushedDenormals&) = delete;
};

}  // namespace
}  // namespace shoal
