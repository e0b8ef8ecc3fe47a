"""What several checks of method look at: fits, scores, coverage, columns and answers of a run; and their words.

Letters: R repeats, V test rows, K outputs or classes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.data import ColumnWarnings, Coverage
from shoal.errors import Problem, RunFolderError
from shoal.kinds import LOSSES, row_of
from shoal.look._measures import leading_metric
from shoal.results import PlanEntry, refusing
from shoal.study import TASK_LOSS, base_candidate
from shoal.wording import first_few, shorten, visible

if TYPE_CHECKING:
    from shoal.results import Results


def judged_fits(results: Results) -> list[PlanEntry]:
    """Give the healthy fits of the chosen candidate that have validation rows: the search's, else the comparison's."""
    chosen = results.choice.candidate_id if results.choice else None
    for stage, candidate_id in (("search", chosen), ("compare", None)):
        fits = [
            entry
            for entry in results.plan
            if entry.stage == stage
            and (entry.candidate_id == candidate_id if stage == "search" else entry.label == "winner")
            and entry.validation_rows
            and entry.fit_id in results.summaries
            and results.summaries[entry.fit_id].status == "ok"
        ]
        if fits:
            return fits
    return []


def fits_of_shares(results: Results) -> list[PlanEntry]:
    """Give those fits if one value of their loss is a share of another; none where it has no zero to begin at."""
    task = results.study.study.task
    fits = judged_fits(results)
    own = base_candidate(results.study)
    candidates = (results.tried.get(entry.candidate_id, own) for entry in fits)
    losses = {candidate.training.loss or TASK_LOSS[task] for candidate in candidates}
    return fits if all(row_of("loss", LOSSES, name).from_zero for name in losses) else []


def curve_until_kept(results: Results, fit: PlanEntry, name: str) -> NDArray[np.float64]:
    """Give one curve up to the epoch whose weights were kept; empty where the fit has no such curve."""
    curve = results.curve(fit.fit_id)
    if name not in curve:
        return np.zeros(0)
    until = curve["epoch"].to_numpy() <= results.summaries[fit.fit_id].kept_epoch
    return np.asarray(curve[name].to_numpy()[until], np.float64)


def scores_on_test_rows(results: Results) -> dict[str, NDArray[np.float64]]:
    """Give the test scores of the healthy repeats of every comparison, the winner's last; equal settings once."""
    metric = leading_metric(results)
    scores: dict[str, list[float]] = {}
    tested: dict[str, tuple[str, ...]] = {}
    for entry in results.plan:
        record = results.summaries.get(entry.fit_id)
        if entry.stage == "compare" and record is not None and record.status == "ok":
            scores.setdefault(entry.label, []).append(record.scores["test"][metric])
            tested[entry.label] = (*tested.get(entry.label, ()), entry.fit_id)
    of_fits = {
        fits: name for name, fits in reversed(tested.items())
    }  # the same settings are the same networks
    return {name: np.array(values) for name, values in scores.items() if of_fits[tested[name]] == name}


def pooled_deviation(groups: Sequence[NDArray[Any]]) -> float:
    """Give the standard deviation within groups, all together; NaN where no group has two values."""
    freedom = sum(len(group) - 1 for group in groups if len(group) > 1)
    squares = sum(float(((group - group.mean()) ** 2).sum()) for group in groups if len(group) > 1)
    return math.sqrt(squares / freedom) if freedom else math.nan


def coverage_of(results: Results) -> Coverage | None:
    """Give where the test rows lie among the training rows; None for results of old."""
    what = "the coverage of the test rows in its results is not what Shoal writes"
    with refusing(lambda: RunFolderError(Problem(str(results.folder), what))):
        return Coverage.from_json(results.coverage) if results.coverage is not None else None


def columns_of(results: Results) -> ColumnWarnings:
    """Give the columns of numbers of a run."""
    truth = results.truth
    inputs = list(zip(truth.input_names, truth.x_ND.T, strict=True))
    targets = [] if truth.classes else list(zip(truth.target_names, truth.y.T, strict=True))
    data, dates = results.study.data, frozenset(results.dates)
    return ColumnWarnings(inputs, targets, truth.train_rows, data.standardize, data.target_transform, dates)


def finding(results: Results, name: str) -> str:
    """Give what a check of the rows measured as a sentence, empty where it found nothing."""
    return as_sentence(results.findings_in_rows.get(name, ""))


def as_sentence(clause: str) -> str:
    """Make a sentence of a clause; nothing of nothing."""
    return f"{clause[0].upper()}{clause[1:]}." if clause else ""


def delivered_answers(results: Results) -> NDArray[np.float64] | None:
    """Give what the delivered model, the first healthy refit, answers to the test rows, (V, K); None without one."""
    refits = [results.summaries.get(entry.fit_id) for entry in results.plan if entry.stage == "refit"]
    record = next((fit for fit in refits if fit is None or fit.status == "ok"), None)
    if record is None or len(results.truth.y) == results.truth.train_rows:
        return None
    return results.test_predictions(record.fit_id)


def in_quotes(name: str) -> str:
    """Quote a name that comes with the data, with the marks of the page."""
    return f"“{visible(shorten(name, 40), 'masked')}”"


def phrases(parts: Sequence[str]) -> str:
    """Write phrases one after the other, at most four."""
    return first_few(parts, 4, joint=", and ")
