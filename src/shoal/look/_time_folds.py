"""The folds of the search where rows have an order: which times each was trained on and judged by, and how well."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import TimeKind, time_text
from shoal.results import Results, Truth, Units
from shoal.scores import score_kind
from shoal.wording import counted, interval, one_number

LEVEL: Final = 0.05


@dataclass(frozen=True)
class TimeFold:
    """One fold, the one of number `place`: the rows of each side, from when to when, and the winner's mean score over
    repeats.
    """

    label: str
    place: int
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
    kind = kind_of_times(results)
    folds = []
    for number in sorted(rows_of, key=first.__getitem__):
        judged = rows_of[number]
        aside = np.concatenate((judged, truth.unused_rows.get(number, np.arange(0))))
        trained = np.setdiff1d(np.arange(truth.train_rows), aside)
        before, after = (_span(truth.times[rows], kind) for rows in (trained, judged))
        label = f"fold {number + 1} of {len(rows_of)}"
        folds.append(TimeFold(label, number, before, after, scores.get(number, math.nan)))
    return tuple(folds)


@dataclass(frozen=True)
class Ageing:
    """The winner's mean score on the earlier half of its folds and on the later half, and the 95 % interval of the
    difference, later less earlier.
    """

    earlier: float
    later: float
    low: float
    high: float


def ageing_of(results: Results) -> Ageing | None:
    """Hold the later half of the winner's folds against the earlier half; None where nothing is known of it.

    Means over the rows of each fold are compared, with what they would vary by on other rows, drawn in blocks of
    neighbours in time, or groups; of an odd number of folds the middle one is left out. What training varies by is not
    part of it.
    """
    from scipy.special import stdtrit

    folds, choice = time_folds(results), results.choice
    if len(folds) < 2 or choice is None or any(math.isnan(fold.score) for fold in folds):
        return None
    with results.rows_held_out() as rows:
        score_of = rows.of_folds(choice.candidate_id, choice.metric)
    half = len(folds) // 2
    ends = [
        _mean_of(results.truth, fold.place, score_of.get(fold.place))
        for fold in (*folds[:half], *folds[-half:])
    ]
    if any(units < 2 for _, _, units in ends):  # a fold of one row, or one group
        return None
    earlier, later = (float(np.mean([mean for mean, _, _ in part])) for part in (ends[:half], ends[half:]))
    error = math.sqrt(sum(variance for _, variance, _ in ends)) / half
    reach = float(stdtrit(sum(units - 1 for _, _, units in ends), 1 - LEVEL / 2)) * error
    return Ageing(earlier, later, later - earlier - reach, later - earlier + reach)


def ageing_sentence(results: Results) -> str:
    """Say that the winner does worse on the later half of its folds; nothing where that is not shown, or not known."""
    ageing, choice = ageing_of(results), results.choice
    if ageing is None or choice is None:
        return ""
    title = results.truth.title_of(choice.metric)
    if not (ageing.high < 0 if score_kind(choice.metric).higher_is_better else ageing.low > 0):
        return ""
    what = f"mean {title} {one_number(ageing.later)} against {one_number(ageing.earlier)} on the earlier half"
    apart = f"95 % interval of the difference {interval(ageing.low, ageing.high)}"
    over = "for other rows, in blocks of neighbours in time"
    if len(results.truth.groups):
        over = "for other groups, as if those near each other in time were independent"
    return (
        f"The winner does worse on the later half of its folds: {what} ({apart}, {over}); rows to come may be harder"
        " still."
    )


def _mean_of(truth: Truth, fold: int, score_V: NDArray[np.float64] | None) -> tuple[float, float, int]:
    """Give the mean score of one fold, its variance over other rows, and of how many units that is: blocks of rows that
    follow each other in time, or groups.
    """
    row_V = truth.validation_rows["search", fold]
    if score_V is None or len(row_V) < 2:
        return math.nan, math.nan, 0
    group_V = truth.groups[row_V] if len(truth.groups) else None
    units = Units.blocks(truth.times[row_V]) if group_V is None else Units.of(len(row_V), group_V)
    share_U = units.sizes / len(row_V)
    mean, count = float(score_V.mean()), len(share_U)
    off_U = np.bincount(units.of_N, score_V / len(row_V)) - share_U * mean
    return mean, float((off_U**2).sum()) * count / max(count - 1, 1), count


def _scores(results: Results, candidate_id: str, metric: str) -> dict[int, float]:
    """Give the mean score of a candidate on the rows that each fold holds out, by the number of the fold."""
    by_fold: dict[int, list[float]] = {}
    for entry in results.plan:
        if entry.stage == "search" and entry.candidate_id == candidate_id:
            scores = results.summaries[entry.fit_id].scores.get("validation", {})
            by_fold.setdefault(entry.fold, []).append(scores.get(metric, math.nan))
    return {number: float(np.mean(values)) for number, values in by_fold.items()}


def kind_of_times(results: Results) -> TimeKind:
    """Say what the times of a run are."""
    name = results.study.data.time
    if name is None:
        return "place"
    dated = any(column.name == name and column.kind == "date" for column in results.columns)
    return "date" if dated else "number"


def _span(times: NDArray[Any], kind: TimeKind) -> str:
    first, last = (time_text(float(end), kind) for end in (times.min(), times.max()))
    return f"{counted(len(times), 'row')}, {first} to {last}"
