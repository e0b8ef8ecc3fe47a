"""Which networks of a search say how sure one prediction is: those of one round of folds, if they may."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import Task, task_kind
from shoal.results._record import PlanEntry, Truth
from shoal.results._select import Choice
from shoal.study import Candidate, Study, Training


@dataclass(frozen=True)
class FoldNetworks:
    """The places of the chosen candidate's networks, one a fold, which hold out each training row exactly once.

    Where they cannot be had there are none, and `why` is the reason in words.
    """

    entries: tuple[PlanEntry, ...]
    why: str = ""


def says_nothing_of(task: Task) -> str:
    """Say why networks of the folds do not tell how sure a prediction of a task is; nothing where they may."""
    if task_kind(task).target != "labels":
        return ""
    return "of several labels there are neither intervals nor sets of classes, but a probability for each"


def fold_networks(
    entries: Sequence[PlanEntry],
    training: Training,
    train_rows: int,
    held_out: Callable[[PlanEntry], NDArray[np.int64]],
    *,
    grouped: bool,
) -> FoldNetworks:
    """Find them among the places of the chosen candidate in the search: of the first repeat, the first round of folds.

    `held_out` gives the training rows that the network of a place did not learn from, `grouped` says whether the study
    names groups.
    """
    if not entries:
        return FoldNetworks((), "the study has no search, so no network has rows that it did not learn from")
    if grouped:
        what = "rows of one group are alike (data.groups), so they do not count as so many draws"
        return FoldNetworks((), f"{what}, and too little is known of new groups")
    if training.keep == "best" and training.early_stopping == "none":
        return FoldNetworks((), 'the rows held out also chose the epoch of each network (keep = "best")')
    first = sorted((entry for entry in entries if entry.repeat == 0), key=lambda entry: entry.fold)
    times_N = np.zeros(train_rows, dtype=np.int64)
    for count, entry in enumerate(first, start=1):
        times_N[held_out(entry)] += 1
        if (times_N == 1).all():
            return FoldNetworks(tuple(first[:count]))
    return FoldNetworks((), "the folds do not hold out each training row exactly once")


def chosen_networks(
    plan: Sequence[PlanEntry],
    study: Study,
    truth: Truth,
    choice: Choice | None,
    tried: Mapping[str, Candidate],
) -> FoldNetworks:
    """Find them in the plan of a run; `tried` are its candidates by their ids."""
    if why := says_nothing_of(truth.task):
        return FoldNetworks((), why)
    if study.search and choice is None:
        return FoldNetworks((), "no candidate is chosen yet")
    chosen = choice.candidate_id if choice else ""
    return fold_networks(
        [entry for entry in plan if entry.stage == "search" and entry.candidate_id == chosen],
        tried[chosen].training if choice else study.training,
        truth.train_rows,
        lambda entry: truth.validation_rows["search", entry.fold],
        grouped=bool(study.data.groups) or len(truth.groups) > 0,
    )
