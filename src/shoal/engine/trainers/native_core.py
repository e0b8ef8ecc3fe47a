"""The plain C interface of `src/native/interface.h`: its structs, the library, the vector widths.

Where the core was not built, or the processor lacks what it needs, this module still imports and says so.
"""

from __future__ import annotations

import ctypes
import functools
import os
from pathlib import Path
from typing import Any, Final, TypeAlias

from shoal.core import core_file, load_core
from shoal.errors import Problem, ShoalError

MAX_CONVS: Final = 32
TARGETS: Final = ("portable", "avx2", "avx512", "neon")
_PREFERRED: Final = ("avx512", "avx2", "neon")

Words = ctypes.c_uint32 * 2
ShouldPause = ctypes.CFUNCTYPE(ctypes.c_int32)
_OUT_OF_MEMORY: Final = 1
_int, _real, _pointer = ctypes.c_int64, ctypes.c_double, ctypes.c_void_p


class DenseStruct(ctypes.Structure):
    """`ShoalDense` of the interface."""

    _fields_ = (("units", _int), ("activation", _int), ("dropout_threshold", _int), ("norm", _int))


class SidesStruct(ctypes.Structure):
    """`ShoalSides` of the interface."""

    _fields_ = (("height", _int), ("width", _int))


class ConvStruct(ctypes.Structure):
    """`ShoalConv` of the interface."""

    _fields_ = (
        ("units", _int), ("kernel", SidesStruct), ("stride", SidesStruct), ("padding", SidesStruct),
        ("dilation", SidesStruct), ("groups", _int), ("norm", _int), ("activation", _int),
        ("pool", _int), ("pool_size", SidesStruct), ("pool_stride", SidesStruct), ("dropout_threshold", _int),
        ("skip", _int),
    )  # fmt: skip


class TableStruct(ctypes.Structure):
    """`ShoalTable` of the interface."""

    _fields_ = (("rows", _int), ("size", _int))


class NetworkStruct(ctypes.Structure):
    """`ShoalNetwork` of the interface."""

    _fields_ = (
        ("inputs", _int), ("channels", _int), ("height", _int), ("width", _int),
        ("convs", ctypes.POINTER(ConvStruct)), ("conv_count", _int), ("first_layer", _int),
        ("tables", ctypes.POINTER(TableStruct)), ("table_count", _int),
        ("dense", ctypes.POINTER(DenseStruct)), ("dense_count", _int),
    )  # fmt: skip


class RowsStruct(ctypes.Structure):
    """`ShoalRows` of the interface."""

    _fields_ = (
        ("row_count", _int), ("x", _pointer), ("x_count", _int), ("index", _pointer), ("index_count", _int),
        ("values", _pointer), ("values_count", _int), ("labels", _pointer), ("labels_count", _int),
        ("weights", _pointer), ("weights_count", _int), ("shares", _pointer), ("shares_count", _int),
    )  # fmt: skip


class FitStruct(ctypes.Structure):
    """`ShoalFit` of the interface."""

    _fields_ = (
        ("abi", _int), ("network", NetworkStruct), ("loss", _int), ("loss_option", _real),
        ("levels", _pointer), ("level_count", _int),
        ("optimizer", _int), ("momentum", _real), ("nesterov", _int), ("weight_decay", _real),
        ("batch_size", _int), ("epochs", _int),
        ("learning_rates", _pointer), ("learning_rates_count", _int), ("monitor", _int), ("patience", _int),
        ("order_key", Words), ("dropout_key", Words),
        ("train", RowsStruct), ("validation", RowsStruct), ("inner", RowsStruct),
        ("evaluate_every", _int), ("images", _pointer), ("images_count", _int),
        ("pixel_scale", _pointer), ("pixel_offset", _pointer), ("pixel_count", _int),
        ("shift", _int), ("flip", _int), ("augment_key", Words), ("should_pause", ShouldPause),
        ("pause_interval", _int),
        ("evaluation_epochs", _pointer), ("evaluation_count", _int),
        ("parameters", _pointer), ("first_moment", _pointer), ("second_moment", _pointer),
        ("best_parameters", _pointer),
        ("parameter_count", _int),
        ("buffers", _pointer), ("best_buffers", _pointer), ("buffer_count", _int),
        ("curve", _pointer), ("curve_count", _int),
        ("epoch", _int), ("step", _int), ("evaluations_done", _int), ("best_epoch", _int), ("best_loss", _real),
        ("status", _int), ("diverged_epoch", _int), ("diverged_batch", _int),
    )  # fmt: skip


class GradientStruct(ctypes.Structure):
    """`ShoalGradient` of the interface."""

    _fields_ = (
        ("abi", _int), ("network", NetworkStruct), ("parameters", _pointer), ("parameter_count", _int),
        ("buffers", _pointer), ("buffer_count", _int), ("row_count", _int), ("x", _pointer), ("x_count", _int),
        ("by_outputs", _pointer), ("by_outputs_count", _int), ("layer", _int), ("least_slope", _real),
        ("gradient", _pointer), ("gradient_count", _int),
    )  # fmt: skip


@functools.cache
def load_library(path: Path | None = None) -> ctypes.CDLL | None:
    """Load the core (or another build of it) with what trains networks; None where there is none."""
    library = load_core(path)
    if library is None:
        return None
    words = ctypes.POINTER(ctypes.c_uint32)
    library.shoal_field.restype = ctypes.c_char_p
    library.shoal_multiply_adds.restype = _real
    network = ctypes.POINTER(NetworkStruct)
    asked = (_int, network, _pointer, _int, _pointer, _int, _pointer, _int, _int, _pointer, _int)
    signatures: dict[str, tuple[Any, ...]] = {
        "shoal_targets": (),
        "shoal_field": (_int,),
        "shoal_advance": (_int, ctypes.POINTER(FitStruct), _int),
        "shoal_outputs": asked,
        "shoal_maps": asked,
        "shoal_gradient": (_int, ctypes.POINTER(GradientStruct)),
        "shoal_dropout_draws": (_int, words, _int, _int, _int, _int, _pointer),
        "shoal_permutation": (_int, words, _int, _int, _pointer),
        "shoal_activation": (_int, _int, _int, _pointer, _pointer, _pointer),
        "shoal_multiply_adds": (_int, _int),
    }  # fmt: skip
    for name, arguments in signatures.items():
        function = getattr(library, name)
        function.argtypes = arguments
        if name not in ("shoal_field", "shoal_multiply_adds"):
            function.restype = _int
    return library


def runnable_targets() -> tuple[str, ...]:
    """Vector widths that were built and that this processor can run."""
    library = load_library()
    bits = library.shoal_targets() if library else 0
    return tuple(name for place, name in enumerate(TARGETS) if bits >> place & 1)


def _wish() -> str:
    return os.environ.get("SHOAL_NATIVE", "")


def pick_target() -> str | None:
    """Choose the width: the widest that runs, or what the environment variable SHOAL_NATIVE asks for."""
    runnable = runnable_targets()
    for name in (_wish(),) if _wish() else _PREFERRED:
        if name in runnable:
            return name
    return None


def native_available() -> bool:
    """Whether the native trainer can run here."""
    return pick_target() is not None


def native_missing_reason() -> str:
    """Say in one sentence why the native trainer cannot run here and how to get it; empty when it can."""
    if native_available():
        return ""
    if _wish():
        return f"SHOAL_NATIVE is {_wish()!r}, which is not one of {', '.join(runnable_targets()) or 'none built'}"
    if load_library() is None and core_file() is not None:
        return "the native trainer was built for another version of Shoal, or another system; reinstall shoal"
    if load_library() is None:
        return "the native trainer was not built; install GCC or Clang (g++, clang++) and reinstall shoal"
    return "the native trainer needs a processor with AVX2 and FMA (x86-64), or 64-bit Arm"


Build: TypeAlias = tuple[Path | None, str | None]
"""Where a core lies, None for the one that is installed, and the vector width at which it is to work."""


def call(build: Build, name: str, *arguments: Any) -> None:
    """Call a function of a core. Raises ShoalError for what it refuses, and MemoryError."""
    core, target = build
    library = load_library(core)
    if library is None or target is None:
        raise ShoalError(native_missing_reason())
    code = getattr(library, name)(TARGETS.index(target), *arguments)
    if code == _OUT_OF_MEMORY:
        raise MemoryError("the native trainer could not allocate its buffers")
    if code:
        field = library.shoal_field(code).decode()
        raise ShoalError(
            Problem(f"native trainer: {field}", "the core refuses this value; this is a mistake in Shoal")
        )
