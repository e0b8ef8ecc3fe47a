"""What chance draws in a run, and what it may do to its test scores: from plan, fits and answers to intervals."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.distributions import Distribution
from shoal.results._intervals import Interval, Units
from shoal.results._mean_recall import BALANCED, recall_interval
from shoal.results._record import FitRecord, PlanEntry, Truth
from shoal.results._said import in_common
from shoal.results._score_rows import score_on
from shoal.results._two_way import Difference, Scored, difference, repeated_interval

Answers = Callable[[str], NDArray[np.float64]]
"""Gives what the fit of an id answers to the test rows, (V, K A)."""
Said = Callable[[str], Distribution | None]
"""Gives what the network of a fit's id says of a target, where that is more than one number."""


def test_units(truth: Truth) -> Units:
    """Give the units that chance draws among the test rows: groups where they are known, else rows, in order of time
    blocks of them.

    Rows too where every group of them was trained on: what is tested then are other rows of these groups.
    """
    test = slice(truth.train_rows, None)
    known = groups_trained_on(truth) < 1
    units = Units.of(len(truth.y[test]), truth.groups[test] if known else None, truth.test_weights)
    if units.grouped or not len(truth.times) or not np.isfinite(truth.times[test]).all():
        return units
    return Units.blocks(truth.times[test], truth.test_weights)


def groups_trained_on(truth: Truth) -> float:
    """Give the share of the groups of the test rows that training rows have too; 0 where they are not known."""
    group_U = np.unique(truth.groups[truth.train_rows :])
    if not len(group_U) or (group_U < 0).any():
        return 0.0
    return float(np.isin(group_U, truth.groups[: truth.train_rows]).mean())


def comparison_differences(
    plan: Sequence[PlanEntry],
    fits: Mapping[str, FitRecord],
    truth: Truth,
    answers: Answers,
    said: Said,
    names: Sequence[str],
) -> dict[str, dict[str, Difference]]:
    """Give the difference of every comparison to the first one, by label, then by each of the scores named.

    {} for fewer than two. Where their networks do not all say the same of a target, the loss is left out: it is not
    one score.
    """
    tested: dict[str, dict[int, str]] = {}
    for entry in plan:
        if entry.stage == "compare" and entry.fit_id in fits:
            ok = fits[entry.fit_id].status == "ok"
            tested.setdefault(entry.label, {}).update({entry.repeat: entry.fit_id} if ok else {})
    if len(tested) < 2:
        return {}
    units, y = test_units(truth), truth.y[truth.train_rows :]
    of_all = [said(fit_id) for repeats in tested.values() for fit_id in repeats.values()]
    scores = {
        name: score_on(truth, name, of_all[0] if of_all else None)
        for name in names
        if name != "loss" or in_common(of_all)
    }
    (_, start), *others = tested.items()
    start_answers = {repeat: answers(fit_id) for repeat, fit_id in start.items()}
    firsts = {name: Scored.of(score, y, start_answers, units) for name, score in scores.items()}
    differences: dict[str, dict[str, Difference]] = {}
    for label, repeats in others:
        own_answers = {repeat: answers(fit_id) for repeat, fit_id in repeats.items()}
        differences[label] = {
            name: difference(Scored.of(score, y, own_answers, units), firsts[name])
            for name, score in scores.items()
        }
    return differences


def mean_interval(
    truth: Truth, metric: str, fit_ids: Sequence[str], answers: Answers, said: Distribution | None = None
) -> Interval:
    """Give the 95 % interval of the mean test score of some fits of the same settings, one a repeat.

    On other rows, and for more than one also at other initialisations. `said` is what they say of a target.
    """
    if not fit_ids:
        return Interval(float("nan"), float("nan"), "nothing was measured")
    score, y = score_on(truth, metric, said), truth.y[truth.train_rows :]
    if metric == BALANCED and len(fit_ids) == 1:
        return recall_interval(y, answers(fit_ids[0]), test_units(truth))
    return repeated_interval(score, y, [answers(fit_id) for fit_id in fit_ids], test_units(truth))
