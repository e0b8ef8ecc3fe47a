"""What a method of search is, and where it is found by name.

A method is a file of the room `methods`, named after it, with an `ask` in it; its row in `kinds.SEARCHES` is all that
is said of it elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import import_module
from typing import TYPE_CHECKING

from shoal.kinds import SEARCHES, row_of
from shoal.study import Candidate, Study, candidates

if TYPE_CHECKING:
    from shoal.results import SearchScores, Standing


@dataclass(frozen=True)
class Trial:
    """A candidate to be trained on every fold, in every repeat."""

    candidate: Candidate


@dataclass(frozen=True, eq=False)
class History:
    """All that a method may know: the study, the trials asked for so far, and their validation scores.

    It is made of what the store holds and of nothing else, so that a run that was killed, or has another number of
    workers, comes to the same history. `scores` is None before the first round.
    """

    study: Study
    trials: tuple[Trial, ...] = ()
    scores: SearchScores | None = None

    @cached_property
    def standings(self) -> tuple[Standing, ...]:
        """Where the candidates tried so far stand, best first, those with a failed fit last."""
        from shoal.results import rank_candidates  # of no use before there are scores

        return rank_candidates(self.scores) if self.scores else ()


Searcher = Callable[[History], tuple[Trial, ...] | None]
"""Gives the next round, or None when the search is over: a pure function of the history, without state of its own."""


def whole_space(history: History) -> tuple[Trial, ...] | None:
    """Ask for every candidate of the study's space at once; then the search is over."""
    return None if history.trials else tuple(map(Trial, candidates(history.study)))


@cache
def searcher_of(method: str) -> Searcher:
    """Give a method of search by name. Raises StudyError for one that is unknown."""
    row_of("search.method", SEARCHES, method)
    ask: Searcher = import_module(f"shoal.search.methods.{method.replace('-', '_')}").ask
    return ask


def next_round(history: History) -> tuple[Trial, ...]:
    """Ask the study's method; empty where the search is over. What it asked for before is not tried again."""
    if history.study.search is None:
        return ()
    known = {trial.candidate.id for trial in history.trials}
    asked = searcher_of(history.study.search.method)(history) or ()
    return tuple({trial.candidate.id: trial for trial in asked if trial.candidate.id not in known}.values())
