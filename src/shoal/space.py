"""The address space that a command may have (`ulimit -v`, `ulimit -d`), and what is loaded while there is some.

OpenBLAS, which numpy and scipy each bring, asks for memory while it is loaded; refused, it asks again for ever or ends
the process, and it asks for more with every core. All other libraries fail with an error that says so
(`errors.lacks_memory`), so that whoever has loaded these two first can be told of any lack in one line.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from shoal.errors import EnvironmentFault, Problem

LEAST: Final = 256
"""MiB for commands that read and compute: Python, numpy and scipy.special need 190, with one thread each."""
LEAST_TO_DRAW: Final = 1024
"""MiB for commands that train, draw or load torch and ONNX, which were seen to crash below."""
_FOR_A_CORE: Final = 96
"""MiB. A thread's stacks and buffers of both OpenBLAS take 80."""
_LOADED_FIRST: Final = ("numpy", "scipy.special")
_RARELY: Final = 20_000
"""Objects after which a command looks for garbage: by Python's own 700 it would spend a tenth of its time so."""


@contextmanager
def loading(least: int = LEAST) -> Iterator[None]:
    """Load what a command needs: within it nothing is garbage, and looking for some would take a tenth of a start.

    Where a limit is narrow, numpy and scipy are loaded before anything else takes the space, with one thread each.
    Raises EnvironmentFault for a limit below `least` MiB.
    """
    _load_numbers(least)
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.freeze()  # what is loaded stays, and is never looked through again
            gc.set_threshold(_RARELY, *gc.get_threshold()[1:])
            gc.enable()


def _load_numbers(least: int) -> None:
    for option, most in _limits().items():
        if most < least:
            what = f"expected a limit of at least {least:,} MiB (ulimit -{option}), got {most:,} MiB"
            raise EnvironmentFault(Problem("memory", f"{what}; the libraries need that much to be loaded"))
    if is_narrow():
        os.environ["OPENBLAS_NUM_THREADS"] = "1"
        for name in _LOADED_FIRST:
            importlib.import_module(name)
        _take_buffer()


def is_narrow() -> bool:
    """Whether a limit is such that libraries as they are set may not fit into it on this machine."""
    ample = LEAST_TO_DRAW + _FOR_A_CORE * (os.cpu_count() or 1)
    return any(most < ample for most in _limits().values())


def _take_buffer() -> None:
    """Have numpy's OpenBLAS take its buffer, which it does at its first product of some size, and keeps."""
    import numpy as np

    np.dot(np.ones((128, 128)), np.ones((128, 128)))


def _limits() -> dict[str, int]:
    """Give the limits there are in MiB, by the option of ulimit."""
    if sys.platform == "win32":
        return {}
    import resource

    asked = {"v": resource.RLIMIT_AS, "d": resource.RLIMIT_DATA}
    limits = {option: resource.getrlimit(kind)[0] for option, kind in asked.items()}
    return {option: most >> 20 for option, most in limits.items() if most != resource.RLIM_INFINITY}
