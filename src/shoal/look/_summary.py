"""A run in half a minute: what was asked, what was chosen, how good, how sure.

Letters: V test rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_search import short_keys, text_of
from shoal.look._findings import Findings
from shoal.look._tables import interval, one_number, percent
from shoal.look._text import duration
from shoal.results import Results


@dataclass(frozen=True)
class Summary:
    """Five answers as sentences; `figure` is the one number that a reader takes home, `unit` says what it is."""

    asked: str
    chosen: str
    figure: str
    unit: str
    good: str
    sure: tuple[str, ...]


def summary(findings: Findings) -> Summary:
    """Answer a busy reader's questions from the results."""
    results = findings.results
    figure, unit, good = _good(findings)
    return Summary(_asked(results), _chosen(results), figure, unit, good, tuple(_sure(findings)))


def _asked(results: Results) -> str:
    truth, study = results.truth, results.study
    targets = " and ".join(_name(name) for name in truth.target_names[:3])
    what = f"one of {len(truth.classes)} classes" if truth.classes else f"the number {targets}"
    rows = f"{truth.train_rows:,} rows to learn from, {len(truth.y) - truth.train_rows:,} to be tested on"
    tried, compared = len(results.candidates), len(study.compare)
    done = [f"{tried:,} candidate{'s' * (tried > 1)} searched"] if study.search else []
    done += [f"{compared:,} variant{'s' * (compared > 1)} compared"] if compared else []
    seconds = sum(fit.seconds for fit in results.summaries.values())
    done.append(f"{len(results.summaries):,} networks trained in {duration(seconds)} of computing")
    return f"Predict {what} from {_source(results)}: {rows}. {', '.join(done).capitalize()}."


def _source(results: Results) -> str:
    truth = results.truth
    if truth.images.ndim == 4 and truth.images.shape[1:] != (0, 0, 0):
        channels, height, width = truth.images.shape[1:]
        return f"images of {height} × {width} pixels" + (f" in {channels} channels" if channels > 1 else "")
    count = len(truth.input_names) + len(results.study.data.categorical)
    return (
        f"the input {_name(truth.input_names[0])}" if count == 1 and truth.input_names else f"{count} inputs"
    )


def _chosen(results: Results) -> str:
    choice, search = results.choice, results.study.search
    if search is None:
        return "Nothing was searched: the study’s own network."
    if choice is None:
        return f"Nothing yet: {results.unfinished:,} fits are not trained."
    row = next(row for row in results.candidate_rows if row.candidate_id == choice.candidate_id)
    names = zip(short_keys(list(row.values)), row.values.values(), strict=True)
    settings = ", ".join(f"{name} {text_of(value)}" for name, value in names) or "the base network"
    standing = next(one for one in choice.standings if one.candidate_id == choice.candidate_id)
    score = (
        f"{choice.metric} {one_number(standing.selection_score)} ± {one_number(standing.standard_error, 2)}"
    )
    rule = "the best" if choice.rule == "best" else "the smallest within one standard error of the best"
    return f"{settings}: {row.parameter_count:,} parameters, {rule} selection score ({score}, which is optimistic)."


def _good(findings: Findings) -> tuple[str, str, str]:
    if not findings.delivered.healthy:
        sick = findings.delivered.sick
        return "–", "no test score", "The delivered network diverged." if sick else "Not tested yet."
    entry = findings.delivered.healthy[0]
    scores = findings.results.summaries[entry.fit_id].scores["test"]
    truth = findings.truth
    test_V = truth.y[truth.train_rows :]
    if findings.classes:
        most = float(np.bincount(truth.y[: truth.train_rows]).argmax())
        naive = float(np.mean(test_V == most))
        figure = percent(scores["accuracy"])
        said = (
            f"Right on {figure} of {len(test_V):,} rows it never saw; naming the most frequent class always"
        )
        return figure, "test accuracy", f"{said} would be right on {percent(naive)}."
    rmse, r2 = scores["rmse"], scores["r2"]
    said = f"On {len(test_V):,} rows it never saw, the usual error (RMSE) is {one_number(rmse)}"
    naive = float(np.sqrt(np.mean((test_V - truth.y[: truth.train_rows].mean(axis=0)) ** 2)))
    said += f"; always naming the mean would give {one_number(naive)}"
    return one_number(rmse), "test RMSE", f"{said}. R² is {one_number(r2)}."


def _sure(findings: Findings) -> list[str]:
    """Say how far chance could move the score: the test rows, the initialisation, the choice."""
    found: list[str] = []
    if findings.delivered.healthy:
        found.append(_over_rows(findings))
    repeats = [findings.results.summaries[entry.fit_id] for entry in findings.delivered.healthy]
    metric = "accuracy" if findings.classes else "rmse"
    if len(repeats) > 1:
        scores = [fit.scores["test"][metric] for fit in repeats]
        told = _range(findings, min(scores), max(scores))
        found.append(f"Trained {len(repeats)} times from other first weights: {told}.")
    elif repeats:
        found.append("Trained once: how much another initialisation would change is not known.")
    choice = findings.results.choice
    if choice and len(choice.standings) > 1:
        tied = sum(one.indistinguishable for one in choice.standings)
        many = f"{tied:,} of {len(choice.standings):,} candidates cannot be told from the best (5 %)"
        found.append(f"{many}." if tied > 1 else "The best candidate can be told from all others (5 %).")
    return found


def _over_rows(findings: Findings) -> str:
    truth = findings.truth
    value_VK = findings.predicted(findings.delivered)[0]
    true = truth.y[truth.train_rows :]
    if findings.classes:
        low, high = wilson(int(np.sum(value_VK.argmax(axis=1) == true)), len(true))
    else:
        low, high = rmse_interval(((value_VK - true) ** 2).mean(axis=1))
    return f"With other test rows of the same kind: {_range(findings, low, high)} (95 % interval)."


def _range(findings: Findings, low: float, high: float) -> str:
    """Write from where to where the leading score goes."""
    if findings.classes:
        return f"accuracy {percent(low)} to {percent(high)}"
    return f"RMSE {interval(low, high)}"


def wilson(right: int, rows: int, z: float = 1.959964) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927, "Probable inference", JASA 22, 209-212)."""
    share, square = right / rows, z * z / rows
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return middle - half, middle + half


def rmse_interval(square_V: NDArray[Any], z: float = 1.959964) -> tuple[float, float]:
    """Give the 95 % interval of a root mean square error: that of the mean of its squares, normal, then the root."""
    if len(square_V) < 2:
        return math.nan, math.nan
    mean, half = float(square_V.mean()), z * float(square_V.std(ddof=1)) / math.sqrt(len(square_V))
    return math.sqrt(max(0.0, mean - half)), math.sqrt(mean + half)


def _name(text: str, longest: int = 60) -> str:
    """Quote a name that comes with the data, cut where it is long."""
    return f"“{text if len(text) <= longest else text[: longest - 1] + '…'}”"
