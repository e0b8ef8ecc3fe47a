// exp and log in double at one width, for test_core_lanes.py: built with -DSHOAL_WIDTH='"vec_avx2.h"' and the like.
#include <stddef.h>

#include SHOAL_WIDTH
#include "elementary.h"

namespace {

constexpr int64_t LANES = shoal::W / 2;

template <class F>
void for_vectors(int64_t count, const double* x, double* y, F&& f) {
    for (int64_t i = 0; i < count; i += LANES) {
        shoal::vf64 value = {};
        const size_t bytes = (size_t)shoal::min(LANES, count - i) * sizeof(double);
        __builtin_memcpy(&value, x + i, bytes);
        value = f(value);
        __builtin_memcpy(y + i, &value, bytes);
    }
}

}  // namespace

extern "C" void exp_of(int64_t count, const double* x, double* y) {
    for_vectors(count, x, y, [](shoal::vf64 value) { return shoal::exp(value); });
}
extern "C" void log_of(int64_t count, const double* x, double* y) {
    for_vectors(count, x, y, [](shoal::vf64 value) { return shoal::log(value); });
}
