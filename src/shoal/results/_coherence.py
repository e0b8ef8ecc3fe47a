"""What the values of a run must be beside each other: plan, candidates, fits, true values, choice, arrays.

Each by itself is looked at in `_schema`. All of it raises ValueError for what does not go together.
Letters: N rows, V rows predicted, K targets or classes, T evaluation points.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._record import CandidateRow, FitRecord, PlanEntry, Truth
from shoal.results._schema import expect
from shoal.results._select import Choice
from shoal.scores import scores_of
from shoal.study import Study

Arrays = Mapping[str, NDArray[Any]]
_CURVE: Final = re.compile("(train|validation|inner)_[a-z0-9_]+")


def check_study(study: Study, truth: Truth, candidates: Sequence[CandidateRow]) -> None:
    """The study's task is that of the rows, and its candidates are no more than the store holds."""
    expect(study.study.task == truth.task)
    expect(len({row.candidate_id for row in candidates}) == len(candidates))


def check_plan(plan: Sequence[PlanEntry], candidates: Sequence[CandidateRow], truth: Truth) -> None:
    """Every place stands once, and belongs to a candidate and to rows that are there."""
    known = {row.candidate_id for row in candidates}
    places = {(entry.stage, entry.candidate_id, entry.label, entry.fold, entry.repeat) for entry in plan}
    expect(len(places) == len(plan))
    expect(
        len({(entry.fit_id, entry.train_rows, entry.validation_rows) for entry in plan})
        == len({entry.fit_id for entry in plan})
    )
    for entry in plan:
        expect((entry.stage == "search") == (not entry.label))
        expect(entry.candidate_id in known or entry.stage not in ("search", "nested"))
        expect(entry.train_rows + entry.validation_rows <= truth.train_rows)


def check_fits(plan: Sequence[PlanEntry], fits: Mapping[str, FitRecord], study: Study) -> None:
    """A fit that is well has the scores of the rows that its place predicts, all the same ones."""
    metrics = set(scores_of(study.study.task))
    names = {frozenset(pairs) for fit in fits.values() for pairs in fit.scores.values()}
    expect(len(names) < 2 and all(metrics <= metric for metric in names))
    for fit in fits.values():
        expect(fit.kept_epoch <= fit.epochs)
        expect(set(fit.scores) <= {"validation", "test"})
    for entry in plan:
        done = fits.get(entry.fit_id)
        if done is not None and done.status == "ok":
            untested = entry.stage in ("search", "nested")
            expect(not untested or not entry.validation_rows or "validation" in done.scores)
            expect(untested or "test" in done.scores)


def check_choice(choice: Choice | None, candidates: Sequence[CandidateRow]) -> None:
    """The chosen one and all that stand are candidates, each once, the chosen one among them."""
    if choice is None:
        return
    standing = [row.candidate_id for row in choice.standings]
    expect(len(set(standing)) == len(standing))
    expect(set(standing) <= {row.candidate_id for row in candidates})
    expect(choice.candidate_id in standing)


def check_part(part: str, arrays: Arrays, fit: FitRecord, truth: Truth, said: Distribution | None) -> None:
    """The curves, parameters or predictions of a fit have the shapes that its record and the true values ask for.

    `said` is what its network says of a target, where that is more than one number.
    """
    if part == "curves":
        _check_curves(arrays, fit)
    elif part == "parameters":
        expect(arrays or fit.status != "ok")
        own = fit.trainer == "module"  # masks of people's own modules may hold -inf
        expect(own or all(np.isfinite(array).all() for array in arrays.values()))
    elif part == "predictions":
        expect(
            set(arrays) <= {"validation", "test"}
            and ("test" in arrays or fit.status != "ok" or "test" not in fit.scores)
        )
        answers = outputs_of(truth) * (1 if said is None else said.outputs)
        for rows, predicted_VK in arrays.items():
            expect(predicted_VK.ndim == 2 and predicted_VK.shape[1] == answers)
            expect(rows != "test" or len(predicted_VK) == len(truth.y) - truth.train_rows)


def outputs_of(truth: Truth) -> int:
    """Count the targets or classes."""
    return len(truth.classes or truth.target_names)


def _check_curves(curves: Arrays, fit: FitRecord) -> None:
    epoch_T = curves["epoch"]
    expect(epoch_T.ndim == 1 and all(name == "epoch" or _CURVE.fullmatch(name) for name in curves))
    expect(all(curve.shape == epoch_T.shape for curve in curves.values()))
    if len(epoch_T):
        expect((epoch_T == np.round(epoch_T)).all() and (np.diff(epoch_T) > 0).all())
        expect(epoch_T[0] >= 0 and epoch_T[-1] <= fit.epochs)
