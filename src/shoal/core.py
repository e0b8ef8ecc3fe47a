"""The C++ core of `src/native/`: one shared library beside this file, loaded through ctypes."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ABI: Final = 15
"""The number of `src/native/interface.h`; a library of another is not used."""


def core_file() -> Path | None:
    """Give the library that lies in the package's folder: setup.py leaves one `_core` with the system's ending."""
    return next(Path(__file__).parent.glob("_core.*"), None)


@functools.cache
def load_core(path: Path | None = None) -> ctypes.CDLL | None:
    """Load the core that was built into the package's folder (or another build of it); None where there is none, or one
    that does not load here, or is another version's.
    """
    path = path or core_file()
    if path is None:
        return None
    try:
        library = ctypes.CDLL(str(path))
        library.shoal_abi.restype = ctypes.c_int64
        return library if library.shoal_abi() == ABI else None
    except (OSError, AttributeError):
        return None


def function_of_core(name: str, arguments: tuple[Any, ...]) -> Callable[..., int] | None:
    """Give a function of the core that answers with a number; None where there is no core."""
    core = load_core()
    if core is None:
        return None
    function: Callable[..., int] = getattr(core, name)
    function.argtypes, function.restype = arguments, ctypes.c_int64  # type: ignore[attr-defined]
    return function
