// What is compiled once for every vector width, and how the width is chosen when the program runs.
#pragma once
#include "interface.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

namespace shoal {

// The functions of one target. Each answers false when memory runs out.
struct Kernel {
    bool (*advance)(ShoalFit& fit, int64_t until);
    bool (*outputs)(const ShoalNetwork& network, const float* parameters, const float* x, int64_t rows,
                    float* y);
    bool (*halves)(const uint32_t key[2], int64_t count, int64_t layer, int64_t step, int64_t epoch,
                   uint16_t* draws);
    bool (*order)(const uint32_t key[2], int64_t count, int64_t epoch, uint32_t* order);
    void (*activation)(int64_t activation, int64_t count, const float* x, float* value, float* slope);
    double (*multiply_adds)(int64_t rounds);
};

extern const Kernel* const portable;
extern const Kernel* const avx2;
extern const Kernel* const avx512;
extern const Kernel* const neon;

namespace {

// Numbers too small for a normal float count as zero while this lives: moments of units that stay silent
// decay into them for ever, and they cost up to a hundred times a step's time. Every target does the same.
class FlushedDenormals {
#if defined(__SSE__)
    unsigned before = _mm_getcsr();

  public:
    FlushedDenormals() { _mm_setcsr(before | 0x8040); }
    ~FlushedDenormals() { _mm_setcsr(before); }
#elif defined(__aarch64__)
    uint64_t before;

  public:
    FlushedDenormals() {
        asm volatile("mrs %0, fpcr" : "=r"(before));
        asm volatile("msr fpcr, %0" : : "r"(before | 1u << 24));
    }
    ~FlushedDenormals() { asm volatile("msr fpcr, %0" : : "r"(before)); }
#else
  public:
    FlushedDenormals() {}
#endif
    FlushedDenormals(const FlushedDenormals&) = delete;
    FlushedDenormals& operator=(const FlushedDenormals&) = delete;
};

}  // namespace
}  // namespace shoal
