"""A second process that draws beside this one: drawing takes most of a small run's time, and Python keeps to one core.

It is a convenience: where it cannot be started, ends, or cannot do what it is asked for, all is made here, to the same
bytes. It is asked to call a function of ours, which is known by its name, with arguments of plain data.
"""

from __future__ import annotations

import gc
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self, TypeAlias

import numpy as np

from shoal.cores import core_count
from shoal.process import ProcessBeside, answer

Call: TypeAlias = tuple[Callable[..., Any], tuple[Any, ...]]
"""A function and its arguments."""


class SecondProcess:
    """A second process, from `start` to the end of the block."""

    def __init__(self, *, allowed: bool = True) -> None:
        """Start nothing yet; never where it is not allowed, there is one core, or Python does not know its path."""
        self._startable = allowed and core_count() > 1 and bool(sys.executable)
        self._process: ProcessBeside | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it, if it runs."""
        if self._process is not None:
            self._process.end()

    def start(self) -> None:
        """Start it, unless it runs; it is at work a second later."""
        if self._startable:
            self._startable = False
            with suppress(OSError):
                self._process = ProcessBeside(__name__, quiet=True)

    @contextmanager
    def ahead(self, calls: Sequence[Call]) -> Iterator[list[Callable[[], Any]]]:
        """Have calls made there, from the last one on, while whoever asks makes them from the first one on.

        Each has a function that says what came of it: None where it was not begun, and now never will be, or failed.
        Then it is to be made here.
        """
        thread = ThreadPoolExecutor(1)
        try:
            yield self._asked(thread, calls)
        finally:
            thread.shutdown(wait=False, cancel_futures=True)

    def _asked(self, thread: ThreadPoolExecutor, calls: Sequence[Call]) -> list[Callable[[], Any]]:
        """Ask for the calls in a thread, which waits for what comes of them."""
        if self._process is not None:
            with suppress(RuntimeError):  # the system has no further thread
                made = [thread.submit(self._made, self._process, call) for call in reversed(calls)]
                return [partial(_result, future) for future in reversed(made)]
        return [_nothing] * len(calls)

    @staticmethod
    def _made(process: ProcessBeside, call: Call) -> Any:
        try:
            process.send(call)
            return process.receive()
        except Exception:  # the process is no more, or the call has no form in which it could be sent
            return None


def _nothing() -> None:
    """Nothing came of a call that nobody made."""


def _result(future: Future[Any]) -> Any:
    return None if future.cancel() else future.result()


# The process


def _serve(line: Connection) -> None:
    """Be it: make calls until the line is let go."""
    _get_ready()
    while True:
        try:
            function, arguments = line.recv()
        except (EOFError, OSError):
            return
        except Exception:  # a function that is not to be had here
            line.send(None)
        else:
            line.send(_call(function, arguments))


def _call(function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    """Make a call; None where it fails, or has to say something, which is then said by whoever makes it again."""
    with warnings.catch_warnings(record=True) as said, np.errstate(all="ignore"):
        try:
            made = function(*arguments)
        except Exception:
            return None
    return None if said else made


def _get_ready() -> None:
    """Load what drawing needs, and draw an empty sheet, so that fonts are there."""
    from shoal.look._figure import Chapter
    from shoal.look._paper import panels, png
    from shoal.look.figures import figures_of

    for chapter in Chapter:
        figures_of(chapter)
    png(lambda count: panels(count)[0], 1)
    gc.freeze()


if __name__ == "__main__":
    answer(_serve)
