"""Mistakes of one file, collected so that all of them are reported at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shoal.errors import DataError, Problem, visible

_PRINTED = 20
_LONGEST = 60
_COMPARED = 2000


@dataclass(eq=False)
class Findings:
    """What is wrong with `file`; the first 20 are printed, in the order of the file, the others counted."""

    file: str
    found: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, what: str, place: str = "", order: int = 0) -> None:
        """Note one mistake; `order` (a line or row number) sorts it among the others."""
        self.found.append((order, place, what))

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


def quoted(text: str) -> str:
    """Show foreign text on one line: quoted, control characters escaped, cut at 60 characters."""
    cut = text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
    return f'"{visible(cut)}"'


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Give '; did you mean "x"?' where a known name is close, else nothing; never the word that was asked for.

    Nothing among very many names: to compare with all of them would take long.
    """
    if len(known) > _COMPARED:
        return ""
    others = [other for other in known if quoted(other) != quoted(name)]
    close = difflib.get_close_matches(name, others, n=1)
    return f"; did you mean {quoted(close[0])}?" if close else ""


def listed(names: Sequence[str]) -> str:
    """Join quoted names, at most ten."""
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(quoted(name) for name in names[:10]) + more
