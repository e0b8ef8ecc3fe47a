// The core for vec_neon.h; setup.py gives the compiler this file's own flags.
#include "target.h"
#if defined(__aarch64__)
#include "vec_neon.h"
#include "train.h"
const shoal::TargetCore* const shoal::neon = &shoal::CORE;
#else
const shoal::TargetCore* const shoal::neon = nullptr;
#endif
