"""Who follows a run: the seam between the engine and any display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from shoal.engine._planned import PlannedFit
from shoal.results import FitRecord


class Watcher(Protocol):
    """Who wants to know how a run comes along: a progress display, a log, a notebook."""

    def note(self, line: str) -> None:
        """Pass on a sentence for the user."""
        ...

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Mapping[str, float]) -> None:
        """Announce a stage: `done` of its fits are known; `work` is each missing fit's predicted seconds.

        `planned` are the places of its fits, and of those of other shards, which are trained elsewhere.
        """
        ...

    def progress(self, fit_id: str, share: float) -> None:
        """Say how far a running fit has come, from 0 to 1."""
        ...

    def finished(self, record: FitRecord) -> None:
        """Report that a fit is finished and stored."""
        ...

    def end(self) -> None:
        """Close the stage, also after an error."""
        ...


class Silent:
    """Says nothing: what a library does by default."""

    def note(self, line: str) -> None:
        """Ignore it."""

    def begin(self, title: str, planned: Sequence[PlannedFit], done: int, work: Mapping[str, float]) -> None:
        """Ignore it."""

    def progress(self, fit_id: str, share: float) -> None:
        """Ignore it."""

    def finished(self, record: FitRecord) -> None:
        """Ignore it."""

    def end(self) -> None:
        """Ignore it."""
