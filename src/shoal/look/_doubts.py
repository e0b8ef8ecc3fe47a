"""What gives reason to doubt a run: results in, the measured sentence out; empty where there is no doubt.

One function a check of `_checks.py`, which says why it matters and what to do.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Coverage
from shoal.errors import Problem, RunFolderError
from shoal.look._facts_checks import (
    FEWEST_POINTS,
    LAST_POINTS,
    edge_of,
    last_level,
    late_fall,
    lowest_point,
    luck_of_the_best,
    pooled_deviation,
)
from shoal.look._reasons import others_alike, told_from_others
from shoal.look._settings import short_keys, text_of
from shoal.look._tables import percent
from shoal.results import PlanEntry, Results, refusing

GAP: Final = 1.5
"""Validation loss over training loss from which a network is said to overfit."""
IMBALANCE: Final = 4.0
"""Rows of the largest class over those of the smallest from which classes are said to be uneven."""
VARIANTS: Final = 5
"""Variants tested on the same rows from which their best is said to be picked by the test."""


def on_the_edge(results: Results) -> str:
    """Name the searched values of the chosen candidate that lie at an end of those tried."""
    search, choice = results.study.search, results.choice
    if search is None or choice is None:
        return ""
    values = next(row.values for row in results.candidate_rows if row.candidate_id == choice.candidate_id)
    names = dict(zip(search.space, short_keys(list(search.space)), strict=True))
    edges = []
    for key, tried in search.space.items():
        side = edge_of(values.get(key), tried) if isinstance(tried, list) else None
        if side:
            others = ", ".join(text_of(value) for value in sorted(tried))
            edges.append(f"{names[key]} = {text_of(values[key])}, the {side} of {others}")
    return f"The chosen candidate has {'; '.join(edges)}." if edges else ""


def still_falling(results: Results) -> str:
    """Count the networks of the chosen candidate whose validation loss still falls at the end: more than half."""
    fits = _judged(results)
    curves = [_until_kept(results, fit, "validation_loss") for fit in fits]
    falls = np.array([late_fall(curve) for curve in curves])
    falls = falls[np.isfinite(falls)]
    falling = falls[falls > 0]
    if len(falling) <= len(falls) / 2 or not len(falls):
        return ""
    short = any(FEWEST_POINTS <= len(curve) < 10 * LAST_POINTS for curve in curves)
    at_least = f" (of {LAST_POINTS} evaluated ones at least)" if short else ""
    return (
        f"The validation loss of {len(falling)} of {count(len(falls), 'network')} of the chosen candidate was"
        f" still falling at the end: over the last tenth of the epochs{at_least} by"
        f" {percent(float(np.median(falling)))}."
    )


def not_distinguishable(results: Results) -> str:
    """Count the candidates that cannot be told from the best."""
    choice = results.choice
    if choice is None or len(choice.indistinguishable) < 2:
        return ""
    alike = [row for row in choice.standings if row.indistinguishable]
    smallest = min(row.parameter_count for row in alike)
    chosen = next(row for row in choice.standings if row.candidate_id == choice.candidate_id)
    smaller = f"; the smallest has {smallest:,} parameters, the chosen one {chosen.parameter_count:,}"
    told = told_from_others(*others_alike(choice))
    return f"{told} at 5 %{smaller if smallest < chosen.parameter_count else ''}."


def sick(results: Results) -> str:
    """Count the fits that diverged or failed, in all stages."""
    sick = [fit for fit in results.summaries.values() if fit.status != "ok"]
    if not sick:
        return ""
    first = min(sick, key=lambda fit: (fit.steps, fit.fit_id))
    counts = [sum(fit.status == status for fit in sick) for status in ("diverged", "failed")]
    told = " and ".join(
        f"{number} {status}" for number, status in zip(counts, ("diverged", "failed"), strict=True) if number
    )
    example = f" The earliest: {first.message}." if first.message else ""
    return f"Of {count(len(results.summaries), 'fit')}, {told}.{example}"


def overfits(results: Results) -> str:
    """Hold the chosen candidate's validation loss against its training loss, at the end of training."""
    fits = _judged(results)
    pairs = [
        (_until_kept(results, fit, "train_loss"), _until_kept(results, fit, "validation_loss"))
        for fit in fits
    ]
    pairs = [(train, judged) for train, judged in pairs if len(train) and len(judged)]
    if not pairs:
        return ""
    train = float(np.mean([last_level(curve) for curve, _ in pairs]))
    judged = float(np.mean([last_level(curve) for _, curve in pairs]))
    if not judged > GAP * train:
        return ""
    told = (
        f"The networks of the chosen candidate end with a validation loss of {judged:.4g} and a training loss of"
        f" {train:.4g}: {_times(judged, train)}."
    )
    curves = [curve for _, curve in pairs]
    if len({len(curve) for curve in curves}) == 1:
        place, lowest = lowest_point(curves)
        if lowest < 0.95 * judged:
            epoch = results.curve(fits[0].fit_id)["epoch"].iloc[place]
            told += f" The validation loss was lowest near epoch {epoch:,}: {lowest:.4g}."
    return told


def uneven_classes(results: Results) -> str:
    """Hold the largest class of the training rows against the smallest."""
    truth = results.truth
    if not truth.classes:
        return ""
    rows_K = np.bincount(truth.y[: truth.train_rows], minlength=len(truth.classes))
    most, fewest = int(rows_K.argmax()), int(rows_K.argmin())
    if rows_K[most] < IMBALANCE * rows_K[fewest]:
        return ""
    return (
        f"Of the training rows, {rows_K[most]:,} are of class {shown(truth.classes[most])} and"
        f" {rows_K[fewest]:,} of class {shown(truth.classes[fewest])}; always answering the first is right for"
        f" {percent(float(rows_K[most] / rows_K.sum()), 0)} of them."
    )


def repeated_rows(results: Results) -> str:
    """Count the test rows that are training rows too."""
    seen = _coverage(results)
    if seen is None or not seen.repeated_rows:
        return ""
    share = seen.repeated_rows / seen.test_rows
    told = f"{seen.repeated_rows:,} of {count(seen.test_rows, 'test row')} ({percent(share)}) are training rows too"
    told += ", with the same inputs and the same target."
    if seen.repeated_train:
        told += f" Among the training rows, {seen.repeated_train:,} repeat another."
    return told


def outside(results: Results) -> str:
    """Count the test rows beyond the training rows: in numbers, or in categories."""
    seen = _coverage(results)
    if seen is None:
        return ""
    told = [
        f"{one.test_rows:,} {'below' if one.low is None else 'above'}"
        f" {text_of(one.high if one.low is None else one.low)} in {shown(one.input)}"
        for one in seen.bare
        if not one.inside
    ]
    told += [
        f"{rows:,} with a category of {shown(name)} that no training row has" for name, rows in seen.unseen
    ]
    if not told:
        return ""
    return f"Of {count(seen.test_rows, 'test row')}, outside of all training rows lie {listed(told)}."


def in_a_gap(results: Results) -> str:
    """Count the test rows in gaps between training rows."""
    seen = _coverage(results)
    gaps = [one for one in seen.bare if one.inside] if seen else []
    if seen is None or not gaps:
        return ""
    told = [
        f"{one.test_rows:,} between {text_of(one.low)} and {text_of(one.high)} in {shown(one.input)}"
        for one in gaps
    ]
    share = seen.gap_rows / seen.test_rows
    return (
        f"{seen.gap_rows:,} of {count(seen.test_rows, 'test row')} ({percent(share, 0)}) lie where there is no"
        f" training row: {listed(told)}."
    )


def many_variants(results: Results) -> str:
    """Count the variants tested on the same rows, and say what luck makes of so many."""
    scores = _test_scores(results)
    if len(scores) < VARIANTS:
        return ""
    told = f"{len(scores)} variants were tested on the same test rows."
    spread = pooled_deviation(list(scores.values()))
    if spread > 0:
        means = max(len(values) for values in scores.values())
        luck = luck_of_the_best(len(scores)) * spread / math.sqrt(means)
        told += (
            f" Were all {len(scores)} equally good, the best of them would look {luck:.2g} better in"
            f" {_metric(results)} by luck alone."
        )
    return told


def seed_noise(results: Results) -> str:
    """Name the comparisons that differ by less than repeats of the same settings do."""
    scores = _test_scores(results)
    spread = pooled_deviation(list(scores.values()))
    if len(scores) < 2 or math.isnan(spread):
        return ""
    (first, start), *others = scores.items()
    within = [
        f"{shown(name)} ({values.mean() - start.mean():+.2g})"
        for name, values in others
        if 0 < abs(values.mean() - start.mean()) < spread
    ]
    if not within:
        return ""
    return (
        f"Test {_metric(results)} varies by {spread:.2g} (standard deviation) from repeat to repeat of the same"
        f" settings; less than that differ from {shown(first)}: {listed(within)}."
    )


def one_repeat(results: Results) -> str:
    """Count the comparisons that were trained once."""
    scores = _test_scores(results)
    if len(scores) < 2 or results.study.study.repeats > 1:
        return ""
    return f"{len(scores)} variants are compared by one initialisation each, so their spread is not known."


# What they are looked for in


def _judged(results: Results) -> list[PlanEntry]:
    """Give the healthy fits of the chosen candidate that have validation rows: the search's, else the comparison's."""
    chosen = results.choice.candidate_id if results.choice else None
    for stage, wanted in (("search", chosen), ("compare", None)):
        fits = [
            entry
            for entry in results.plan
            if entry.stage == stage
            and (entry.candidate_id == wanted if stage == "search" else entry.label == "winner")
            and entry.validation_rows
            and entry.fit_id in results.summaries
            and results.summaries[entry.fit_id].status == "ok"
        ]
        if fits:
            return fits
    return []


def _until_kept(results: Results, fit: PlanEntry, name: str) -> NDArray[np.float64]:
    """Give one curve up to the epoch whose weights were kept; empty where the fit has no such curve."""
    curve = results.curve(fit.fit_id)
    if name not in curve:
        return np.zeros(0)
    until = curve["epoch"].to_numpy() <= results.summaries[fit.fit_id].kept_epoch
    return np.asarray(curve[name].to_numpy()[until], np.float64)


def _test_scores(results: Results) -> dict[str, NDArray[np.float64]]:
    """Give the test scores of the healthy repeats of every comparison, the winner's last; equal settings once."""
    metric = _metric(results)
    found: dict[str, list[float]] = {}
    tested: dict[str, tuple[str, ...]] = {}
    for entry in results.plan:
        record = results.summaries.get(entry.fit_id)
        if entry.stage == "compare" and record is not None and record.status == "ok":
            found.setdefault(entry.label, []).append(record.scores["test"][metric])
            tested[entry.label] = (*tested.get(entry.label, ()), entry.fit_id)
    of_fits = {
        fits: name for name, fits in reversed(tested.items())
    }  # the same settings are the same networks
    return {name: np.array(values) for name, values in found.items() if of_fits[tested[name]] == name}


def _coverage(results: Results) -> Coverage | None:
    what = "the coverage of the test rows in its results is not what Shoal writes"
    with refusing(lambda: RunFolderError(Problem(str(results.folder), what))):
        return Coverage.from_json(results.coverage) if results.coverage is not None else None


def _metric(results: Results) -> str:
    return "accuracy" if results.truth.classes else "mse"


# Words


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def _times(high: float, low: float) -> str:
    return f"{high / low:.1f} times as high" if low > 0 else "nothing is left to learn from the training rows"


def shown(name: str, limit: int = 40) -> str:
    """Quote a name that comes with the data, cut and without what cannot be seen."""
    seen = "".join(letter if letter.isprintable() else "?" for letter in name)
    return f'"{seen}"' if len(seen) <= limit else f'"{seen[: limit - 1]}…"'


def listed(parts: Sequence[str], most: int = 4) -> str:
    more = f", and {len(parts) - most} more" if len(parts) > most else ""
    return ", ".join(parts[:most]) + more
