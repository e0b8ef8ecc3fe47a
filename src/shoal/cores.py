"""The cores that this process may use, and work on columns that is spread over them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

MANY: Final = 50_000
"""Rows from which threads are worth their start."""
_Item = TypeVar("_Item")
_Made = TypeVar("_Made")


def core_count() -> int:
    """Give the number of cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1


def spread(function: Callable[[_Item], _Made], items: Sequence[_Item], rows: int) -> list[_Made]:
    """Call a function of numpy or the core, which let other threads work meanwhile, for each of some items in order.

    `rows` is how many each looks at. What the first of them raises is raised.
    """
    threads = min(core_count(), len(items))
    if threads < 2 or rows < MANY:
        return [function(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))
