"""Standard input, output and error of a command: there, in any encoding, and one line where they fail."""

from __future__ import annotations

import io
import os
import sys
from typing import TextIO

from shoal.errors import EnvironmentFault, Problem
from shoal.wording import visible_lines


def print_out(text: str, end: str = "\n") -> None:
    """Write to standard output; quiet where its reader has gone, one line where it cannot be written."""
    try:
        write_out(sys.stdout, visible_lines(text) + end)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nor tried again at the end
        raise EnvironmentFault(Problem("standard output", f"cannot be written: {error.strerror}")) from error


def write_out(stream: TextIO, text: str) -> None:
    """Write at once, in the stream's own encoding."""
    stream.write(text)
    stream.flush()


def fill_closed_streams() -> None:
    """Put the empty device where a standard stream is closed: a file of ours would get its number, and its text."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free: this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def show_any_text() -> None:
    """Have both streams write what their encoding cannot as escapes, whoever writes to them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
