"""Where the values of a study stand: a file and its lines, overrides, keywords, the paths as they were written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from shoal.errors import Problem
from shoal.study._key_paths import KeyPath, key_path_text, overlap, parse_key_path
from shoal.study._lines import key_lines

_SECTIONS: Final = ("study.", "data.", "network.", "training.", "inspect.", "search.", "nested.")


@dataclass(eq=False)
class Origin:
    """Where values come from: a file and its text, or the overrides at some key paths, or keywords of a call.

    `written` gives how a path reads that was made absolute since. No
    part of what a study says: all origins are equal.
    """

    name: str = ""
    text: str = ""
    overridden: list[KeyPath] = field(default_factory=list)
    keywords: list[KeyPath] = field(default_factory=list)
    written: dict[str, str] = field(default_factory=dict)

    def __eq__(self, other: object) -> bool:
        """Hold for any two origins."""
        return isinstance(other, Origin)

    __hash__ = None  # type: ignore[assignment]

    @cached_property
    def lines(self) -> dict[KeyPath, int]:
        """Give the line of each key path of the file."""
        return key_lines(self.text)

    def line(self, path: KeyPath) -> int:
        """Give the line of a key path, or of the innermost table around it; 0: unknown, -1: no line of the file."""
        changed = (*self.overridden, *self.keywords)
        if any(path[: len(other)] == other for other in changed):
            return -1
        lines = self.lines
        if path not in lines and any(other[: len(path)] == path for other in changed):
            return -1
        return next((lines[path[:depth]] for depth in range(len(path), 0, -1) if path[:depth] in lines), 0)

    def where(self, path: KeyPath) -> str:
        """Write file, line and key path, as far as there are any."""
        line = self.line(path)
        if line == -1:
            by_keyword = any(overlap(path, keyword) for keyword in self.keywords)
            return f"{'' if by_keyword else '--set '}{key_path_text(path)}"
        place = f"{self.name}:{line}" if line else self.name
        return ": ".join(part for part in (place, key_path_text(path)) if part)

    def placed(self, problem: Problem, files: Mapping[str, str]) -> Problem:
        """Say of a mistake in a study's data where the study asks for it, with paths as the study writes them.

        `files` gives the key of each file of the study, by its path.
        """
        where, what = problem.where, problem.what
        if where in files:
            at = f"{self.where(('data', files[where]))}: {self.written.get(where, where)}"
        elif where.startswith(_SECTIONS) and " " not in where:
            at = self.where(parse_key_path(where))
        else:
            at = where
        for absolute, written in sorted(self.written.items(), reverse=True):  # a longer path first
            at, what = at.replace(absolute, written), what.replace(absolute, written)
        return Problem(at, what)
