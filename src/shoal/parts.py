"""What is made after training, part by part: a part that cannot be made is told in one line, and the rest is made.

The one policy for the model file, the ensemble, the inside of the network, each picture, the page and the tables.
What the machine fails at (memory, disk, a damaged run folder) and a wish to stop end the command as everywhere else.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from shoal.errors import (
    EnvironmentFault,
    Interrupted,
    Problem,
    RunFolderBusy,
    RunFolderError,
    lacks_memory,
)
from shoal.wording import shorten, visible

RUN: Final = "the same `shoal run`"
"""What makes parts again that need rows and trainer."""
REPORT: Final = "`shoal report`"
"""What makes parts again that need the run folder alone."""
SHOW: Final = "`shoal show`"
"""What prints the tables again."""
_LONGEST: Final = 300


@dataclass(frozen=True)
class Missing:
    """A part that could not be made, the exception's kind and words, and the command that makes it again."""

    part: str
    reason: str
    again: str
    file: bool = False
    """Whether it is a file that the command promises."""

    def __str__(self) -> str:
        """Give the one line that a user reads."""
        return visible(f"missing: {self.part}: {self.reason}; {self.again} makes it again")


class Parts:
    """The parts of one command: `missing` are those that could not be made so far, each told when it fails."""

    def __init__(self, tell: Callable[[str], Any] | None = None) -> None:
        """Tell by `tell`, else by a RuntimeWarning."""
        self.missing: list[Missing] = []
        self._tell = tell

    @contextmanager
    def attempt(self, part: str, again: str, forget: Callable[[], None] | None = None) -> Iterator[None]:
        """Make a part within; an error of its own ends the part alone.

        Sums and squares of huge numbers are inf there, and those of inf no numbers: they are shown so, and numpy has
        nothing to say beside it.
        `forget` is there of a file that the command promises: it removes what an earlier command left in its place.

        Raises EnvironmentFault where the machine fails, memory among it, and whatever asks to stop.
        """
        import numpy as np

        try:
            with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
                yield
        except (EnvironmentFault, Interrupted, RunFolderBusy, RunFolderError):
            raise
        except Exception as error:
            if lacks_memory(error):
                raise EnvironmentFault(Problem(part, "out of memory; what is finished is kept")) from error
            # Libraries raise OSErrors of their own about what they read; the machine's have a number.
            if isinstance(error, OSError) and error.errno is not None:
                raise EnvironmentFault(Problem(part, f"the machine failed: {error}")) from error
            if forget is not None:
                forget()
            self._miss(Missing(part, _in_words(error), again, forget is not None))

    def _miss(self, part: Missing) -> None:
        self.missing.append(part)
        if self._tell is None:
            try:
                warnings.warn(str(part), RuntimeWarning, stacklevel=4)
            except (
                RuntimeWarning
            ):  # where warnings are errors: one part less is still no reason to make no other
                sys.stderr.write(f"{part}\n")
        else:
            self._tell(str(part))


def _in_words(error: Exception) -> str:
    """Give kind and words of an exception on one line."""
    words = " ".join(str(error).split())
    line = f"{type(error).__name__}: {words}" if words else type(error).__name__
    return shorten(line, _LONGEST)
