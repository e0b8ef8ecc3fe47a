"""The cores that this process may use, and work on columns that is spread over them."""

from __future__ import annotations

import os
import threading
from collections import deque
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

    `rows` is how many each looks at. What the first of them raises is raised. This thread takes its share: where it
    works, memory that it freed before is used again.
    """
    threads = min(core_count(), len(items))
    if threads < 2 or rows < MANY:
        return [function(item) for item in items]
    waiting, made, wrong = deque(enumerate(items)), dict[int, _Made](), dict[int, BaseException]()

    def work() -> None:
        while waiting:
            try:
                place, item = waiting.popleft()
            except IndexError:  # another thread was faster
                return
            try:
                made[place] = function(item)
            except BaseException as error:  # raised below, in the thread that asked
                wrong[place] = error
                waiting.clear()  # what came before it was begun, and ends

    others: list[threading.Thread] = []
    try:
        for _ in range(threads - 1):
            thread = threading.Thread(target=work)
            thread.start()
            others.append(thread)
        work()
    finally:
        waiting.clear()  # of what is not begun, where this thread was interrupted
        for thread in others:
            thread.join()
    if wrong:
        raise wrong[min(wrong)]
    return [made[place] for place in range(len(items))]
