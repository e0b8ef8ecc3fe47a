// Kinds of things come as numbers. Each place that tells them apart names them all, and counts them, so that a
// kind added to interface.h and forgotten here does not compile; a number without a kind is refused at the
// boundary (check.h).
#pragma once

namespace shoal {
namespace {

// Never reached: there is no other kind to take it for.
[[noreturn]] inline void unknown_kind() { __builtin_trap(); }

}  // namespace
}  // namespace shoal
