// The core for vec_portable.h; setup.py gives the compiler this file's own flags.
#include "target.h"
#include "vec_portable.h"
#include "train.h"
const shoal::TargetCore* const shoal::portable = &shoal::CORE;
