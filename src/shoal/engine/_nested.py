"""The whole search made again on the training rows of every outer fold: which fits are to be trained next.

What is chosen there is refitted on those rows and answers the rows of its outer fold. What a round asks for may depend
on the records of the rounds before, so a run that was killed comes to the same fits.
"""

from __future__ import annotations

from collections.abc import Iterator

from shoal.engine._fits import PlannedFit, Planner
from shoal.engine._winner import decided_epochs
from shoal.errors import TrainingError
from shoal.results import Store, as_search, choose_within
from shoal.study import Candidate


def nested_rounds(planner: Planner, store: Store) -> Iterator[tuple[PlannedFit, ...]]:
    """Give what the searches of all outer folds ask for, round by round: each is trained before the next is asked for.

    An outer fold where every candidate diverged or failed, or every refit, has no more: nothing is delivered there.
    """
    ways = [_fold_rounds(outer, store) for outer in planner.outer_searches]
    while fits := tuple(item for way in ways for item in next(way, ())):
        yield fits


def _fold_rounds(outer: Planner, store: Store) -> Iterator[tuple[PlannedFit, ...]]:
    """The rounds of one search, then a refit of what it chose; another one only where that is not well."""
    yield outer.search_fits()
    while fits := outer.next_search_fits(store.summaries()):
        yield fits
    try:
        winner, epochs = _choose(outer, store)
    except TrainingError:  # every candidate has a fit that diverged or failed: the results say so
        return
    for repeat in range(outer.study.study.repeats):
        refit = outer.refit(winner, epochs, repeat)
        yield (refit,)
        if store.summaries()[refit.fit.id].status == "ok":
            return


def _choose(outer: Planner, store: Store) -> tuple[Candidate, int]:
    """Choose by the search on the outer fold's training rows, and decide the epochs of the refit, as for the winner."""
    fits, records = outer.search_fits(), store.summaries()
    chosen = choose_within(outer.study, as_search(item.entry for item in fits), outer.candidate_rows(), store)
    winner = next(candidate for candidate in outer.candidates if candidate.id == chosen)
    names = [item.fit.id for item in fits if item.entry.candidate_id == winner.id]
    return winner, decided_epochs(winner, [records[name] for name in names])
