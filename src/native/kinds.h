// Kinds of things come as numbers. Each place that tells them apart names them all, and counts them, so that
// a kind added to interface.h and forgotten there does not compile; a number without a kind is refused at the
// boundary (check.h), and no place takes it for another kind (tests/native/test_core_kinds.py).
#pragma once

namespace shoal {
namespace {

// Ends the program: past the boundary such a number is a mistake in the core.
[[noreturn]] inline void unknown_kind() { __builtin_trap(); }

}  // namespace
}  // namespace shoal
