"""Ctrl-C and SIGTERM outside of training: a command unwinds, wherever it is, and leaves nothing behind."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType


class Stop(BaseException):
    """Ctrl-C or SIGTERM, wherever it arrives outside training (which takes both as a wish, see `engine`)."""


def stop_again(ignored: sys.UnraisableHookArgs) -> None:
    """A stop that arrives inside a callback of the interpreter cannot unwind from there: let it arrive anew."""
    if not isinstance(ignored.exc_value, Stop):
        sys.__unraisablehook__(ignored)
        return
    sent = False
    while not sent:
        with suppress(Stop):  # on a busy machine it arrives before the timer's start is over
            on_signals(stop)
            threading.Timer(0.01, _send_again, ignored.exc_value.args).start()
            sent = True


def _send_again(number: int) -> None:
    if sys.platform == "win32":
        signal.raise_signal(number)
    else:  # to the thread that may be waiting for something else
        signal.pthread_kill(threading.main_thread().ident or 0, number)


def stop(number: int, _frame: FrameType | None) -> None:
    """Unwind, so that locks and temporary files go; a second signal ends the process at once."""
    on_signals(signal.SIG_DFL)
    raise Stop(number)


def on_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Have both signals handled so."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handler)
