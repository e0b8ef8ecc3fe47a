"""What the inputs of a table do to the answers: looked at once after training, kept beside the delivered fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from shoal.engine._dependence import ask_dependence
from shoal.engine._fits import Planner
from shoal.engine._importance import ask_importance
from shoal.engine._planned import StudyFit
from shoal.engine._trainer import Trainer
from shoal.parts import RUN, Parts
from shoal.results import (
    DEPENDENCE,
    IMPORTANCE,
    DependenceAsked,
    FitRecord,
    Importance,
    ImportanceAsked,
    Store,
)
from shoal.study import Candidate


def look_at_inputs(
    planner: Planner,
    winner: Candidate,
    delivered: tuple[StudyFit, FitRecord],
    store: Store,
    trainers: Mapping[str, Trainer],
    parts: Parts,
) -> None:
    """Ask how much the score rests on each input, then how answers hang on the most important ones.

    Facts of earlier runs are not believed, whatever comes; each part that cannot be made is noted in `parts`.
    """
    before = store.fact(DEPENDENCE)
    store.put_fact(IMPORTANCE, None)
    store.put_fact(DEPENDENCE, None)
    if not planner.dataset.columns or not planner.study.inspect.importance:
        return
    asked: ImportanceAsked | None = None
    with parts.attempt("importance of the inputs", RUN):
        asked = ask_importance(planner, winner, delivered, store, trainers)
        store.put_fact(IMPORTANCE, asdict(asked))
    if asked is None or asked.why:
        return
    with parts.attempt("partial dependence", RUN):
        fit, _ = delivered
        names = _most_important(planner, fit, asked, store)
        known = None if before is None else DependenceAsked(**before)
        made = ask_dependence(planner, delivered, names, store, trainers[fit.trainer], known)
        store.put_fact(DEPENDENCE, asdict(made))


def _most_important(planner: Planner, fit: StudyFit, asked: ImportanceAsked, store: Store) -> list[str]:
    """Name the columns that the network knows, the most important first."""
    arrays = store.arrays(asked.fit, asked.part)
    importance = Importance(asked, arrays["base"], arrays["worse"], arrays["low"], arrays["high"])
    known = {column.name for column in planner.preprocessing_of(fit).columns if column.names}
    return [asked.columns[place] for place in importance.ranked if asked.columns[place] in known]
