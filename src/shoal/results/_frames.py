"""The results as pandas frames: plan entries and fits in, one frame out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.decisions import Decision, named_classes
from shoal.distributions import Distribution, by_target
from shoal.results._differences import Said
from shoal.results._intervals import Interval
from shoal.results._record import CandidateRow, FitRecord, PlanEntry, Truth, place_of
from shoal.results._select import Standing, means_of, search_scores
from shoal.results._two_way import Difference
from shoal.scores import SCORES
from shoal.study import Reference, Study

if TYPE_CHECKING:
    from pandas import DataFrame

Arrays = Mapping[str, NDArray[Any]]
_PLACE: Final = ("fit_id", "stage", "label", "candidate_id", "fold", "repeat")


def fits_frame(
    plan: Sequence[PlanEntry], fits: Mapping[str, FitRecord], refits: Mapping[str, FitRecord]
) -> DataFrame:
    """One row a place in the plan whose fit is done; `refits` are the records of those that were refitted."""
    import pandas as pd

    of_stage = {"refit": refits}
    done = [(entry, of_stage.get(entry.stage, fits)[entry.fit_id]) for entry in plan if entry.fit_id in fits]
    metrics = _score_columns(fit for _, fit in done)
    columns: dict[str, list[Any]] = {name: [getattr(entry, name) for entry, _ in done] for name in _PLACE}
    for name in ("trainer", "status", "message", "epochs", "kept_epoch", "steps"):
        columns[name] = [getattr(fit, name) for _, fit in done]
    for name in ("train_rows", "validation_rows"):
        columns[name] = [getattr(entry, name) for entry, _ in done]
    for rows, metric in metrics:
        columns[f"{rows}_{metric}"] = [fit.scores.get(rows, {}).get(metric, math.nan) for _, fit in done]
    columns["seconds"] = [fit.seconds for _, fit in done]
    return pd.DataFrame(columns)


def _score_columns(fits: Iterable[FitRecord]) -> list[tuple[str, str]]:
    columns = {(rows, metric) for fit in fits for rows, scores in fit.scores.items() for metric in scores}
    order = {metric: place for place, metric in enumerate(SCORES)}
    return sorted(
        columns, key=lambda pair: (pair[0] != "validation", pair[0], order.get(pair[1], 99), pair[1])
    )


def curve_frame(curves: Arrays) -> DataFrame:
    """The curve of one fit: epoch, then one column a curve."""
    import pandas as pd

    others = {name: curves[name] for name in sorted(set(curves) - {"epoch"})}
    return pd.DataFrame({"epoch": curves["epoch"].astype(np.int64), **others})


def curves_frame(places: Iterable[tuple[PlanEntry, Arrays]]) -> DataFrame:
    """One row a place in the plan and point of its curve; a curve that a fit does not have is NaN."""
    return _stacked([(entry, curve_frame(curves)) for entry, curves in places], ("epoch",))


def predictions_frame(
    places: Iterable[tuple[PlanEntry, Arrays]], truth: Truth, said: Said, decision: Decision | None = None
) -> DataFrame:
    """One row a place in the plan, row and target or label, or place and row where there are classes.

    What the winner's networks on all training rows predict is the class that the decision names.
    """

    def predicted(entry: PlanEntry, rows: str, values: NDArray[Any]) -> DataFrame:
        part = rows, _row_numbers(entry, rows, truth), values
        return _predicted(part, truth, said(entry.fit_id), decision if entry.stage == "refit" else None)

    parts = [
        (entry, predicted(entry, rows, values))
        for entry, predictions in places
        for rows, values in sorted(predictions.items(), key=lambda pair: pair[0] != "validation")
    ]
    return _stacked(parts, ("rows", "row", "true", "predicted"))


def _row_numbers(entry: PlanEntry, rows: str, truth: Truth) -> NDArray[np.int64]:
    if rows == "test":
        return np.arange(truth.train_rows, len(truth.y), dtype=np.int64)
    return truth.validation_rows[place_of(entry)]


def _predicted(
    part: tuple[str, NDArray[np.int64], NDArray[Any]],
    truth: Truth,
    said: Distribution | None,
    decision: Decision | None,
) -> DataFrame:
    import pandas as pd

    rows, row_V, value_VA = part
    columns: dict[str, Any]
    if truth.classes:
        names = np.array(truth.classes, dtype=object)
        columns = {"true": names[truth.y[row_V]], "predicted": names[named_classes(value_VA, decision)]}
        columns |= {f"probability_{name}": value_VA[:, k] for k, name in enumerate(truth.classes)}
        return pd.DataFrame({"rows": rows, "row": row_V, **columns})
    targets, true = len(truth.target_names), truth.y[row_V]
    labels = true.dtype == np.bool_
    predicted_VK = value_VA[:, :targets]
    columns = {
        "rows": rows,
        "row": np.repeat(row_V, targets),
        "target": np.tile(np.array(truth.target_names, dtype=object), len(row_V)),
        "true": (true.astype(np.int64) if labels else true).reshape(-1),
        "predicted": ((predicted_VK > 0.5).astype(np.int64) if labels else predicted_VK).reshape(-1),
    }
    if labels:
        columns["probability"] = predicted_VK.reshape(-1)
    if said is not None:
        shown = said.shown(by_target(value_VA, targets)).reshape(-1, len(said.names))
        columns |= {name: shown[:, place] for place, name in enumerate(said.names)}
    return pd.DataFrame(columns)


def _stacked(parts: Sequence[tuple[PlanEntry, DataFrame]], columns: Sequence[str]) -> DataFrame:
    """Put frames under each other, every row with its place in the study; `columns` when there are none."""
    import pandas as pd

    if not parts:
        return pd.DataFrame(columns=[*_PLACE, *columns])
    place = pd.DataFrame({name: [getattr(entry, name) for entry, _ in parts] for name in _PLACE})
    of_row = np.repeat(np.arange(len(parts)), [len(frame) for _, frame in parts])
    rows = pd.concat([frame for _, frame in parts], ignore_index=True)
    return pd.concat([place.iloc[of_row].reset_index(drop=True), rows], axis=1)


def candidates_frame(
    standings: Sequence[Standing],
    candidates: Sequence[CandidateRow],
    chosen: str | None,
    further: Mapping[str, Mapping[str, float]],
) -> DataFrame:
    """One row a candidate of the search, best first, with its settings; those with a failed fit last, unranked.

    `further` are means of scores by which nothing is chosen, by score and candidate.
    """
    import pandas as pd

    values = {row.candidate_id: row.values for row in candidates}
    keys = dict.fromkeys(key for row in standings for key in values[row.candidate_id])
    columns: dict[str, Any] = {
        "rank": pd.array([row.rank for row in standings], dtype="Int64"),
        "candidate_id": [row.candidate_id for row in standings],
        **{key: [values[row.candidate_id].get(key) for row in standings] for key in keys},
        "parameters": [row.parameter_count for row in standings],
    }
    for name in ("selection_score", "standard_error", "difference", "ci_low", "ci_high"):
        columns[name] = np.array([getattr(row, name) for row in standings], np.float64)
    for metric, means in further.items():
        columns[f"mean_{metric}"] = [means.get(row.candidate_id, math.nan) for row in standings]
    for name in ("p_value", "adjusted_p_value"):
        columns[name] = np.array([getattr(row, name) for row in standings], np.float64)
    columns["indistinguishable"] = np.array([row.indistinguishable for row in standings], np.bool_)
    columns["verdict"] = [row.verdict for row in standings]
    columns["networks"] = pd.array([row.networks for row in standings], dtype="Int64")
    columns["chosen"] = np.array([row.candidate_id == chosen for row in standings], np.bool_)
    columns["failed"] = np.array([row.failed for row in standings], np.bool_)
    return pd.DataFrame(columns)


def further_means(
    plan: Sequence[PlanEntry], candidates: Sequence[CandidateRow], fits: Mapping[str, FitRecord], study: Study
) -> dict[str, dict[str, float]]:
    """Give the mean of each of the study's further scores over folds and repeats, by score, then candidate."""
    further = {}
    for name in study.search.scores if study.search else ():
        scores = search_scores(plan, candidates, fits, study, name)
        further[name] = dict(zip(scores.candidate_ids, means_of(scores.scores_CFR).tolist(), strict=True))
    return further


def comparisons_frame(
    plan: Sequence[PlanEntry],
    fits: Mapping[str, FitRecord],
    differences: Mapping[str, Mapping[str, Difference]],
    *,
    losses: bool = False,
) -> DataFrame:
    """One row a comparison, in the order of the study; statistics over its repeats that did not fail.

    For every test metric its mean, sample standard deviation, minimum, median and maximum over repeats, and the
    mean difference to the first comparison, paired by repeat, with its 95 % interval and p-value out of `differences`:
    they speak of other test rows and, with more than one repeat, of other initialisations. `losses`: whether the loss
    is another number than the mean squared error, and one score for all.
    """
    import pandas as pd

    tests: dict[str, dict[int, FitRecord]] = {}
    for entry in plan:
        if entry.stage == "compare" and entry.fit_id in fits:
            tests.setdefault(entry.label, {})[entry.repeat] = fits[entry.fit_id]
    metrics = [
        metric
        for rows, metric in _score_columns(fit for repeats in tests.values() for fit in repeats.values())
        if rows == "test"
    ]
    if "mse" in metrics and not losses:
        metrics.remove("loss")
    first = next(iter(tests.values()), {})
    rows = []
    for label, repeats in tests.items():
        row: dict[str, Any] = {"label": label, "repeats": len(repeats)}
        row["failed"] = sum(fit.status != "ok" for fit in repeats.values())
        for metric in metrics:
            difference = differences.get(label, {}).get(metric)
            row |= _compared(metric, _test_scores(repeats, metric), _test_scores(first, metric), difference)
        rows.append(row)
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["label", "repeats", "failed"])


def references_frame(
    references: Sequence[Reference],
    plan: Sequence[PlanEntry],
    fits: tuple[Mapping[str, FitRecord], Mapping[str, FitRecord]],
    interval: Callable[..., Interval],
) -> DataFrame:
    """One row a published value, in the order of the study: what was measured over the repeats that did not fail.

    `fits` are those of comparisons, and those that were refitted. `interval` gives that of the mean of a test metric
    over fits, `decided` or not.
    """
    import pandas as pd

    labels = {entry.label for entry in plan if entry.stage == "compare"}
    rows = []
    for reference in references:
        # A comparison may be called "delivered" too.
        stage, label = ("compare", reference.name) if reference.name in labels else ("refit", None)
        decided = stage == "refit"
        own = fits[decided]
        repeats = {
            entry.repeat: own[entry.fit_id]
            for entry in plan
            if entry.stage == stage and label in (None, entry.label) and entry.fit_id in own
        }
        values = np.array(list(_test_scores(repeats, reference.metric).values()), np.float64)
        healthy = [fit.fit_id for fit in repeats.values() if fit.status == "ok"]
        span = interval(reference.metric, healthy, decided=decided)
        rows.append(
            {
                "name": reference.name,
                "metric": reference.metric,
                "published": reference.value,
                "repeats": len(repeats),
            }
            | {"failed": sum(fit.status != "ok" for fit in repeats.values())}
            | _measured(values, reference.value)
            | {"ci_low": span.low, "ci_high": span.high}
            | {"source": reference.source}
        )
    columns = [
        "name",
        "metric",
        "published",
        "repeats",
        "failed",
        *_measured(np.zeros(0), 0),
        "ci_low",
        "ci_high",
        "source",
    ]
    return pd.DataFrame(rows, columns=columns)


def _measured(values: NDArray[np.float64], published: float) -> dict[str, Any]:
    """Describe measured values; `inside` (whether their range holds the published one) needs two of them."""
    some = values if len(values) else np.full(1, np.nan)
    several = len(values) > 1
    return {
        "mean": float(some.mean()),
        "std": float(values.std(ddof=1)) if several else math.nan,
        "min": float(some.min()),
        "median": float(np.median(some)),
        "max": float(some.max()),
        "difference": float(some.mean() - published),
        "inside": bool(some.min() <= published <= some.max()) if several else None,
    }


def _test_scores(repeats: Mapping[int, FitRecord], metric: str) -> dict[int, float]:
    healthy = {repeat: fit for repeat, fit in repeats.items() if fit.status == "ok"}
    return {repeat: fit.scores["test"][metric] for repeat, fit in healthy.items()}


def _compared(
    metric: str, scores: dict[int, float], first: dict[int, float], difference: Difference | None
) -> dict[str, float]:
    values = np.array(list(scores.values()), np.float64)
    nan = np.full(1, np.nan)
    some = values if len(values) else nan
    both = sorted(scores.keys() & first.keys())
    paired = [scores[repeat] - first[repeat] for repeat in both] or [math.nan]
    statistics = {
        "mean": some.mean(),
        "std": values.std(ddof=1) if len(values) > 1 else math.nan,
        "min": some.min(),
        "median": np.median(some),
        "max": some.max(),
        "difference": np.mean(paired),
        "ci_low": difference.low if difference else math.nan,
        "ci_high": difference.high if difference else math.nan,
        "p_value": difference.p if difference else math.nan,
    }
    return {f"{metric}_{name}": float(value) for name, value in statistics.items()}
