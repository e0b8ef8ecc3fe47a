// The vector types of a target, whose header says before how many lanes of 32 bits they have: SHOAL_LANES.
#pragma once
#include <stdint.h>

namespace shoal {
namespace {

constexpr int W = SHOAL_LANES;
constexpr int PANEL = 16;                 // matrices are padded to, and laid out in panels of, 16 columns
constexpr int PANEL_VECTORS = PANEL / W;  // vectors of a panel row

typedef float vf32 __attribute__((vector_size(4 * W)));
typedef int32_t vi32 __attribute__((vector_size(4 * W)));
typedef uint32_t vu32 __attribute__((vector_size(4 * W)));
typedef uint64_t vu64 __attribute__((vector_size(4 * W)));
typedef int64_t vi64 __attribute__((vector_size(4 * W)));
typedef double vf64 __attribute__((vector_size(4 * W)));
typedef uint16_t vu16 __attribute__((vector_size(2 * W)));
typedef uint8_t vu8 __attribute__((vector_size(16)));

// Lower and upper halves of W numbers of 32 bits.
struct Halves {
    vu16 low, high;
};

// A panel's columns in registers, whatever the width.
struct Panel {
    vf32 part[PANEL_VECTORS];
};

}  // namespace
}  // namespace shoal
