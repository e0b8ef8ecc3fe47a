"""Mistakes of one file, collected so that all of them are reported at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from shoal.errors import DataError, Problem

_PRINTED = 20


@dataclass(eq=False)
class Findings:
    """What is wrong with `file`; the first 20 are printed, in the order of the file, the others counted.

    `of_study`: it is a file of a study, whose keys can be set.
    """

    file: str
    found: list[tuple[int, str, str]] = field(default_factory=list)
    of_study: bool = False

    def add(self, what: str, place: str = "", order: int = 0) -> None:
        """Note one mistake; `order` (a line or row number) sorts it among the others."""
        self.found.append((order, place, what))

    def remedy(self, keys: str) -> str:
        """Say which keys of a study to set, as the end of a sentence; nothing where none can be set."""
        return f"; set {keys}" if keys and self.of_study else ""

    def otherwise(self, remedy: str) -> None:
        """End every mistake so far with the same remedy."""
        self.found = [(order, place, what + remedy) for order, place, what in self.found]

    def problems(self) -> list[Problem]:
        """Give the problems to print."""
        ordered = sorted(self.found, key=lambda item: item[0])
        shown = [
            Problem(f"{self.file}, {place}" if place else self.file, what)
            for _, place, what in ordered[:_PRINTED]
        ]
        if len(ordered) > _PRINTED:
            shown.append(Problem(self.file, f"and {len(ordered) - _PRINTED} more"))
        return shown


def refuse(*groups: Iterable[Problem]) -> None:
    """Raise DataError with every problem of every group, if there is one."""
    problems = [problem for group in groups for problem in group]
    if problems:
        raise DataError(problems)
