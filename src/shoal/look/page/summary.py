"""A run in half a minute: what was asked, what was chosen, how good, how sure.

Letters: V test rows.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._findings import RunFindings
from shoal.look._notes import NAMES
from shoal.look._numbers import interval, one_number, percent
from shoal.look._reasons import others_alike, significance_sentence
from shoal.look._settings import settings_text
from shoal.look._text import duration
from shoal.results import Results, regression_scores
from shoal.wording import counted, listed, shorten

ADDED_UP: Final = "added up over all networks"


@dataclass(frozen=True)
class Summary:
    """Five answers as sentences; `figure` is the one number that a reader takes home, `unit` says what it is."""

    asked: str
    chosen: str
    figure: str
    unit: str
    good: str
    sure: tuple[str, ...]


def summary(findings: RunFindings) -> Summary:
    """Answer a busy reader's questions from the results."""
    results = findings.results
    figure, unit, good = _good(findings)
    return Summary(_asked(results), _chosen(results), figure, unit, good, tuple(_sure(findings)))


def _asked(results: Results) -> str:
    truth, study = results.truth, results.study
    many = "s" * (len(truth.target_names) > 1)
    targets = listed([_name(name) for name in truth.target_names], most=NAMES)
    what = f"one of {len(truth.classes):,} classes" if truth.classes else f"the number{many} {targets}"
    rows = f"{truth.train_rows:,} rows to learn from, {len(truth.y) - truth.train_rows:,} to be tested on"
    tried, compared = len(results.candidates), len(study.compare)
    done = [f"{counted(tried, 'candidate')} searched"] if study.search else []
    done += [f"{counted(compared, 'variant')} compared"] if compared else []
    seconds = sum(fit.seconds for fit in results.summaries.values())
    wall = f"{duration(seconds)} of wall time, {ADDED_UP}"
    done.append(f"{counted(len(results.summaries), 'network')} trained in {wall}")
    return f"Predict {what} from {_source(results)}: {rows}. {', '.join(done).capitalize()}."


def _source(results: Results) -> str:
    truth = results.truth
    if truth.images.ndim == 4 and truth.images.shape[1:] != (0, 0, 0):
        channels, height, width = truth.images.shape[1:]
        return f"images of {width} × {height} pixels" + (f" in {channels} channels" if channels > 1 else "")
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
    settings = settings_text(row.values)
    standing = next(
        candidate for candidate in choice.standings if candidate.candidate_id == choice.candidate_id
    )
    score = f"{choice.metric} {one_number(standing.selection_score)}"
    score += f", standard error {one_number(standing.standard_error, 2)}"
    rule = "the best selection score"
    if choice.rule != "best":
        rule = "the fewest parameters within one standard error of the best selection score"
    if len(choice.standings) == 1:
        rule = "the only candidate"
    size = counted(row.parameter_count, "parameter")
    return f"{settings}: {size}, {rule}. Its selection score, which is optimistic: {score}."


def _good(findings: RunFindings) -> tuple[str, str, str]:
    if not findings.delivered.healthy:
        failed = findings.delivered.failed
        return (
            "–",
            "no test score",
            "Every refitted network diverged or failed." if failed else "Not tested yet.",
        )
    entry = findings.delivered.healthy[0]
    scores = findings.results.summaries[entry.fit_id].scores["test"]
    truth = findings.truth
    test_V = truth.y[truth.train_rows :]
    if findings.classes:
        most = float(np.bincount(truth.y[: truth.train_rows]).argmax())
        naive = percent(float(np.mean(test_V == most)))
        figure = percent(scores["accuracy"])
        text = f"The delivered network is right on {figure} of the {counted(len(test_V), 'test row')}; the baseline,"
        text += f" which always predicts the most frequent class of the training rows, on {naive}."
        return figure, "test accuracy", text
    rmse, r2 = one_number(scores["rmse"]), one_number(scores["r2"])
    mean_VK = np.broadcast_to(truth.y[: truth.train_rows].mean(axis=0), test_V.shape)
    naive = one_number(regression_scores(test_V, mean_VK)["rmse"])
    targets = len(truth.target_names)
    several = f"mean of the {targets} targets’ " if targets > 1 else ""
    text = (
        f"On the {counted(len(test_V), 'test row')}, the delivered network’s {several}root mean squared error"
    )
    text += f" (RMSE) is {rmse}; that of the baseline, the mean of the training rows, is {naive}"
    r2_of = f"The {several}R²" if several else "R²"
    return rmse, "test RMSE", f"{text}. {r2_of} is {r2}."


def _sure(findings: RunFindings) -> list[str]:
    """Say how far chance could move the score: the test rows, the initialisation, the choice."""
    sentences: list[str] = []
    if findings.delivered.healthy:
        sentences.append(_over_rows(findings))
    repeats = [findings.results.summaries[entry.fit_id] for entry in findings.delivered.healthy]
    metric, failed = "accuracy" if findings.classes else "rmse", findings.delivered.failed
    lost = f" ({failed} diverged or failed)" if failed else ""
    if len(repeats) > 1:
        scores = [fit.scores["test"][metric] for fit in repeats]
        span = _range(findings, min(scores), max(scores))
        sentences.append(
            f"Refitted {len(repeats) + failed} times, each with another initialisation and order of rows{lost}:"
            f" test {span}."
        )
    elif repeats:
        times = "once" if not failed else f"{1 + failed} times{lost}"
        sentences.append(f"Refitted {times}: how much the score varies with the initialisation is not known.")
    choice = findings.results.choice
    if choice and len(choice.standings) > 1:
        sentences.append(f"{significance_sentence(*others_alike(choice))} (5 %).")
    return sentences


def _over_rows(findings: RunFindings) -> str:
    truth = findings.truth
    value_VK = findings.predicted(findings.delivered)[0]
    true = truth.y[truth.train_rows :]
    if findings.classes:
        low, high = wilson(int(np.sum(value_VK.argmax(axis=1) == true)), len(true))
    else:
        low, high = rmse_interval((value_VK - true) ** 2)
    return f"With other test rows of the same kind: test {_range(findings, low, high)} (95 % interval)."


def _range(findings: RunFindings, low: float, high: float) -> str:
    """Write from where to where the leading score goes."""
    if findings.classes:
        return f"accuracy {percent(low)}" + (f" to {percent(high)}" if high > low else " each time")
    return f"RMSE {interval(low, high)}"


def wilson(right: int, rows: int, z: float = 1.959964) -> tuple[float, float]:
    """Give the 95 % interval of a share (Wilson 1927, "Probable inference", JASA 22, 209-212)."""
    share, square = right / rows, z * z / rows
    middle = (share + square / 2) / (1 + square)
    half = z * math.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return middle - half, middle + half


def rmse_interval(square_VK: NDArray[Any], z: float = 1.959964) -> tuple[float, float]:
    """Give the 95 % interval of the root mean square error, of K targets the mean of theirs, from squared errors.

    The root of the normal interval of its square. That square is the mean over rows of one number each: the
    row's squares, weighted so that small changes of the targets' errors count as they do in the mean of the roots.
    """
    if len(square_VK) < 2:
        return math.nan, math.nan
    rmse_K = np.sqrt(square_VK.mean(axis=0))
    weight_K = np.divide(rmse_K.mean(), rmse_K, out=np.zeros_like(rmse_K), where=rmse_K > 0)
    square_V = (square_VK * weight_K).mean(axis=1)
    mean, half = float(square_V.mean()), z * float(square_V.std(ddof=1)) / math.sqrt(len(square_V))
    return math.sqrt(max(0.0, mean - half)), math.sqrt(mean + half)


def _name(text: str, longest: int = 60) -> str:
    """Quote a name that comes with the data, cut where it is long."""
    return f"“{shorten(text, longest)}”"
