// Heights and widths of what goes over maps.
#pragma once
#include "interface.h"

namespace shoal {
namespace {

inline int64_t area_of(const ShoalSides& sides) { return sides.height * sides.width; }

// How far the last pixel under a kernel lies from its first.
inline ShoalSides reach_of(const ShoalSides& kernel, const ShoalSides& dilation) {
    return {dilation.height * (kernel.height - 1), dilation.width * (kernel.width - 1)};
}

}  // namespace
}  // namespace shoal
