"""The C++ core of `src/native/`: one shared library beside this file, loaded through ctypes."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ABI: Final = 13
"""The number of `src/native/interface.h`; a library of another is not used."""


@functools.cache
def load_core(path: Path | None = None) -> ctypes.CDLL | None:
    """Load the core that was built into the package's folder (or another build of it); None where there is none.

    Its file is `_core` with the ending that the system gives a library; setup.py leaves no other beside it.
    """
    path = path or next(Path(__file__).parent.glob("_core.*"), None)
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
