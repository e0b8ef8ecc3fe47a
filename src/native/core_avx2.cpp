// The core for vec_avx2.h; setup.py gives the compiler this file's own flags.
#include "target.h"
#if defined(__AVX2__) && defined(__FMA__)
#include "vec_avx2.h"
#include "train.h"
const shoal::TargetCore* const shoal::avx2 = &shoal::CORE;
#else
const shoal::TargetCore* const shoal::avx2 = nullptr;
#endif
