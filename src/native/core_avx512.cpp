// The core for vec_avx512.h; setup.py gives the compiler this file's own flags.
#include "target.h"
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__)
#include "vec_avx512.h"
#include "train.h"
const shoal::TargetCore* const shoal::avx512 = &shoal::CORE;
#else
const shoal::TargetCore* const shoal::avx512 = nullptr;
#endif
