"""The folds of the search where rows have an order: which times each was trained on and judged by, and how well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.data import TimeKind, time_text
from shoal.results import Results
from shoal.wording import counted


@dataclass(frozen=True)
class TimeFold:
    """One fold: the rows of each side, from when to when they are, and the winner's mean score over repeats."""

    label: str
    trained: str
    judged: str
    score: float


def time_folds(results: Results) -> tuple[TimeFold, ...]:
    """Give the folds by their time, the earliest first; none where rows have no order, or nothing is chosen yet."""
    truth, choice = results.truth, results.choice
    if not len(truth.times) or choice is None:
        return ()
    scores = _scores(results, choice.candidate_id, choice.metric)
    rows_of = {number: rows for (stage, number), rows in truth.validation_rows.items() if stage == "search"}
    first = {number: float(truth.times[rows].min()) for number, rows in rows_of.items()}
    kind = _kind(results)
    folds = []
    for number in sorted(rows_of, key=first.__getitem__):
        judged = rows_of[number]
        aside = np.concatenate((judged, truth.unused_rows.get(number, np.arange(0))))
        trained = np.setdiff1d(np.arange(truth.train_rows), aside)
        before, after = (_span(truth.times[rows], kind) for rows in (trained, judged))
        label = f"fold {number + 1} of {len(rows_of)}"
        folds.append(TimeFold(label, before, after, scores.get(number, math.nan)))
    return tuple(folds)


def _scores(results: Results, candidate_id: str, metric: str) -> dict[int, float]:
    """Give the mean score of a candidate on the rows that each fold holds out, by the number of the fold."""
    by_fold: dict[int, list[float]] = {}
    for entry in results.plan:
        if entry.stage == "search" and entry.candidate_id == candidate_id:
            scores = results.summaries[entry.fit_id].scores.get("validation", {})
            by_fold.setdefault(entry.fold, []).append(scores.get(metric, math.nan))
    return {number: float(np.mean(values)) for number, values in by_fold.items()}


def _kind(results: Results) -> TimeKind:
    """Say what the times of a run are."""
    name = results.study.data.time
    if name is None:
        return "place"
    dated = any(column.name == name and column.kind == "date" for column in results.columns)
    return "date" if dated else "number"


def _span(times: NDArray[Any], kind: TimeKind) -> str:
    first, last = (time_text(float(end), kind) for end in (times.min(), times.max()))
    return f"{counted(len(times), 'row')}, {first} to {last}"
