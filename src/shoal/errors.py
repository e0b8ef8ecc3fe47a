"""Every error that Shoal raises on purpose.

    ShoalError                          exit code
    ├── InputError          ValueError  2   what was given is refused; nothing was written
    │   ├── StudyError                  2   a study file or an override
    │   ├── DataError                   2   a table, images, folds
    │   ├── ModelFileError              2   a model file
    │   └── RunFolderError              2   a run folder that cannot be used as asked
    ├── TrainingError       ValueError  2   every fit of a stage diverged or failed
    ├── EnvironmentFault                3   disk full, out of memory, failing writes
    ├── RunFolderBusy                   4   another process holds the run folder
    └── Interrupted                     130 stopped on request; resumable

A message is one line a mistake: where, what was expected, what came. What is marked so, and all below it, is a
ValueError too: whoever calls Shoal as they call scikit-learn catches it so.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal.wording import visible

_NOT_LOADED: Final = re.compile(
    r"(failed to map segment from shared object|cannot map zero-fill pages)$|: Cannot allocate memory",
    re.MULTILINE,
)
"""What glibc says of a library that there is no memory for; where it may not be run (noexec), more follows."""


@dataclass(frozen=True, order=True)
class Problem:
    """One mistake: `where` (file, key path, line, column ...), then what was expected and what came."""

    where: str
    what: str

    def __str__(self) -> str:
        """Give the one line that a user reads."""
        return visible(f"{self.where}: {self.what}" if self.where else self.what)


class ShoalError(Exception):
    """The root: catch this to catch whatever Shoal refuses or reports."""

    exit_code = 2

    def __init__(self, problems: str | Problem | Iterable[Problem]) -> None:
        """Take one sentence, one problem or all problems found at once."""
        if isinstance(problems, str):
            problems = Problem("", problems)
        self.problems: tuple[Problem, ...] = (problems,) if isinstance(problems, Problem) else tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

    def __reduce__(self) -> tuple[type[ShoalError], tuple[tuple[Problem, ...]]]:
        """Travel between processes with every problem."""
        return type(self), (self.problems,)


class InputError(ShoalError, ValueError):
    """What was given is refused; nothing was written."""


class StudyError(InputError):
    """A study file, an override or a study built in Python is refused."""


class DataError(InputError):
    """A table, a set of images or a way of splitting them is refused."""


class ModelFileError(InputError):
    """A model file is damaged, foreign or of a newer version."""


class RunFolderError(InputError):
    """A run folder holds another study, or none."""


class TrainingError(ShoalError, ValueError):
    """Every fit of a stage diverged or failed, so that nothing can be chosen, or only test rows would choose."""


class EnvironmentFault(ShoalError):
    """The machine failed: disk full, out of memory, failing writes."""

    exit_code = 3


class RunFolderBusy(ShoalError):
    """Another process holds the run folder."""

    exit_code = 4


class Interrupted(ShoalError):
    """Stopped on request; what a run has finished is kept, and the same command goes on from there."""

    exit_code = 130

    @classmethod
    def by(cls, number: int, *, goes_on: bool = True) -> Interrupted:
        """Give the error for a signal, with the exit code that a shell gives to it: 130 or 143.

        `goes_on`: the same command begins where this one ended, as runs do.
        """
        rest = "; what is finished is kept, and the same command goes on from here" if goes_on else ""
        error = cls(f"stopped{rest}")
        error.exit_code = 128 + number
        return error


def lacks_memory(error: BaseException | None) -> bool:
    """Whether an error is lack of memory, under whatever name: a library that cannot be loaded says ImportError."""
    while error is not None:
        loading = isinstance(error, ImportError) and _NOT_LOADED.search(str(error))
        if loading or isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
            return True
        error = error.__cause__ or error.__context__
    return False


def another_kind(expected: str, value: object) -> InputError:
    """Give the error for a value of a kind that cannot be meant: what was expected, and the kind that came."""
    return InputError(f"expected {expected}, got {kind_of(value)}")


def kind_of(value: object) -> str:
    """Name the kind of a value: "a DataFrame", "an int", "None"."""
    if value is None:
        return "None"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def as_path(value: str | os.PathLike[str], expected: str) -> Path:
    """Give the path that a caller names. Raises InputError for what is none: `expected`, and the kind that came."""
    if isinstance(value, str | os.PathLike) and isinstance(os.fspath(value), str):
        return Path(value)
    raise another_kind(expected, value)
