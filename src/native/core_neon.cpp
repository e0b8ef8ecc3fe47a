// The core for vec_neon.h; setup.py gives the compiler this file's own flags.
#include "target.h"
#if defined(__aarch64__)
#include "vec_neon.h"
#include "train.h"
const shoal::Kernel* const shoal::neon = &shoal::KERNEL;
#else
const shoal::Kernel* const shoal::neon = nullptr;
#endif
