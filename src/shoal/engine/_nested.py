"""The whole search made again on the training rows of every outer fold: which fits are to be trained next.

What is chosen there is refitted on those rows and answers the rows of its outer fold. What a round asks for may depend
on the records of the rounds before, so a run that was killed comes to the same fits.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping

from shoal.engine._fits import Planner
from shoal.engine._planned import PlannedFit
from shoal.engine._winner import decided_epochs
from shoal.errors import TrainingError
from shoal.results import (
    FitRecord,
    OuterRows,
    Store,
    as_search,
    choose_within,
    choosing_scores,
    scored_summaries,
)
from shoal.study import Candidate

Fits = tuple[PlannedFit, ...]
Records = Mapping[str, FitRecord]


def nested_rounds(planner: Planner, store: Store) -> Iterator[Fits]:
    """Give what the searches of all outer folds ask for, round by round: each is trained before the next is asked for.

    An outer fold where every candidate diverged or failed, or every refit, has no more: nothing is delivered there.
    """
    if not planner.outer_searches:
        return
    rows = OuterRows.of(store)
    ways = [_fold_rounds(outer, rows) for outer in planner.outer_searches]
    fits = tuple(item for way in ways for item in next(way))
    records: dict[str, FitRecord] = {}
    while fits:
        yield fits
        records = scored_summaries(store, choosing_scores(planner.study), records)
        fits = tuple(item for way in ways for item in way.send(records))


def _fold_rounds(outer: Planner, rows: OuterRows) -> Generator[Fits, Records, None]:
    """The rounds of one search, then a refit of what it chose, another one only where that is not well; then nothing.

    It is sent the records of what it gave.
    """
    records = yield outer.search_fits()
    while fits := outer.next_search_fits(records):
        records = yield fits
    for refit in _refits(outer, rows, records):
        records = yield (refit,)
        if records[refit.fit.id].status == "ok":
            break
    while True:
        yield ()


def _refits(outer: Planner, rows: OuterRows, records: Records) -> Iterator[PlannedFit]:
    """Every initialisation of what the search chose; none where every candidate diverged or failed."""
    try:
        winner, epochs = _choose(outer, rows, records)
    except TrainingError:  # the results say so
        return
    for repeat in range(outer.study.study.repeats):
        yield outer.refit(winner, epochs, repeat)


def _choose(outer: Planner, rows: OuterRows, records: Records) -> tuple[Candidate, int]:
    """Choose by the search on the outer fold's training rows, and decide the epochs of the refit, as for the winner."""
    fits, candidates = outer.search_fits(), outer.candidate_rows()
    chosen = choose_within(outer.study, as_search(item.entry for item in fits), candidates, records, rows)
    winner = next(candidate for candidate in outer.candidates if candidate.id == chosen)
    names = [item.fit.id for item in fits if item.entry.candidate_id == winner.id]
    return winner, decided_epochs(winner, [records[name] for name in names])
