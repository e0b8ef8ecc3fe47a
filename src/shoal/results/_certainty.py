"""How sure single predictions of a run are, held against its test rows: intervals or sets, and the temperature.

Letters: F folds, V test rows, G points along the one input, K targets or classes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief
from shoal.results._conformal import (
    class_sets,
    conformities,
    cv_plus,
    residuals,
    temperature_of,
    tempered,
)
from shoal.results._ensemble import Ensemble
from shoal.results._intervals import FEWEST_ROWS_OF_SHARES, Interval, wilson
from shoal.results._record import PlanEntry, Truth
from shoal.results._schema import expect
from shoal.results._scores import calibration_bins, classification_scores

Floats = NDArray[np.float64]
Answers = Callable[[PlanEntry], Floats]

COVERAGE: Final = 0.9
"""The share of new rows that the intervals and sets of a report are to hold."""
NOT_IN_FILE: Final = "folds not in the model file"
"""The fact that says why they are not, empty where they are."""
FEWEST_ROWS: Final = 9
"""Rows held out below which no interval of this coverage has ends."""


@dataclass(frozen=True)
class Covered:
    """What the intervals of one target, or the sets of classes, did on the test rows.

    `share` of them lies within; `interval` is its 95 % interval for other test rows. `size` is the mean width, or the
    mean number of classes; `empty` the share of sets without any.
    """

    name: str
    share: float
    interval: Interval
    size: float
    empty: float = 0.0


@dataclass(frozen=True)
class CoveredClass:
    """Of how many test `rows` of a class it is in their set, as a `share`."""

    name: str
    rows: int
    share: float


@dataclass(frozen=True)
class Tempered:
    """The temperature, and the cross-entropy and calibration error on the test rows: as they are, and at it."""

    temperature: float
    loss: tuple[float, float]
    ece: tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class Certainty(Brief):
    """How sure single predictions are, as the networks of the folds say it; where they cannot, `why` in words.

    `rows` were held out by so many `folds`. `classes` are those that test rows have, the one that their sets hold
    least often first: the coverage is one of all rows, and may be far from that of a rare class. `grid_G2` are the
    ends of the interval at the ensemble's `grid_G` where there is one input and one target. `not_in_file` says why the
    model file leaves the networks of the folds out.
    """

    why: str = ""
    folds: int = 0
    rows: int = 0
    covered: tuple[Covered, ...] = ()
    tempered: Tempered | None = None
    grid_G: Floats = field(default_factory=lambda: np.zeros(0))
    grid_G2: Floats = field(default_factory=lambda: np.zeros((0, 2)))
    not_in_file: str = ""
    classes: tuple[CoveredClass, ...] = ()

    def noting(self, not_in_file: object) -> Certainty:
        """Give the same with what the store says of the model file. ValueError for what is no text."""
        expect(not_in_file is None or isinstance(not_in_file, str))
        return replace(self, not_in_file=str(not_in_file or ""))


def certainty_of(
    entries: Sequence[PlanEntry],
    truth: Truth,
    held_out: Answers,
    ensemble: Ensemble | None,
    delivered_VK: Floats | None,
) -> Certainty:
    """Say how sure predictions are, from the networks at these places, which hold out each training row once.

    `held_out` gives what each answered to these; the ensemble what all answered to the test rows; `delivered_VK` is the
    delivered network's answer to them.
    """
    rows, test = truth.train_rows, truth.y[truth.train_rows :]
    if rows < FEWEST_ROWS:
        return Certainty(f"{rows} training rows are too few")
    place = {} if ensemble is None else {entry.fit_id: m for m, entry in enumerate(ensemble.members)}
    if ensemble is None or any(entry.fit_id not in place for entry in entries):
        return Certainty("the networks of the folds have no answers to the test rows")
    own_F = np.array([place[entry.fit_id] for entry in entries])
    true = [truth.y[truth.validation_rows["search", entry.fold]] for entry in entries]
    answers = [held_out(entry) for entry in entries]
    asked = list(ensemble.test_MVK[own_F])
    if truth.classes:
        scores = [conformities(y, answer) for y, answer in zip(true, answers, strict=True)]
        set_VK = class_sets(asked, scores, COVERAGE)
        heat = _tempered(temperature_of(np.concatenate(true), np.concatenate(answers)), test, delivered_VK)
        overall, classes = _covered_classes(truth, set_VK, test), _covered_by_class(truth, set_VK, test)
        return Certainty("", len(entries), rows, (overall,), heat, classes=classes)
    scores = [residuals(y, answer) for y, answer in zip(true, answers, strict=True)]
    ends_VK2 = cv_plus(asked, scores, COVERAGE)
    covered = tuple(
        _covered_target(name, test[:, k], ends_VK2[:, k]) for k, name in enumerate(truth.target_names)
    )
    certainty = Certainty("", len(entries), rows, covered)
    if len(truth.target_names) > 1 or not len(ensemble.grid_G):
        return certainty
    grid_G2 = cv_plus(list(ensemble.grid_MGK[own_F]), scores, COVERAGE)[:, 0]
    return Certainty("", len(entries), rows, covered, None, ensemble.grid_G, grid_G2)


def _covered_target(name: str, true_V: Floats, ends_V2: Floats) -> Covered:
    within_V = (ends_V2[:, 0] <= true_V) & (true_V <= ends_V2[:, 1])
    width = float(np.mean(ends_V2[:, 1] - ends_V2[:, 0])) if len(true_V) else float("nan")
    return Covered(name, *_share(within_V), width)


def _covered_classes(truth: Truth, set_VK: NDArray[np.bool_], class_V: NDArray[np.int64]) -> Covered:
    size_V = set_VK.sum(axis=1)
    share, interval = _share(set_VK[np.arange(len(class_V)), class_V])
    size, empty = (float(size_V.mean()), float((size_V == 0).mean())) if len(size_V) else (float("nan"), 0.0)
    return Covered(truth.target_names[0], share, interval, size, empty)


def _covered_by_class(
    truth: Truth, set_VK: NDArray[np.bool_], class_V: NDArray[np.int64]
) -> tuple[CoveredClass, ...]:
    within_V, classes = set_VK[np.arange(len(class_V)), class_V], np.unique(class_V)
    covered = [
        CoveredClass(truth.classes[k], int((class_V == k).sum()), float(within_V[class_V == k].mean()))
        for k in classes
    ]
    return tuple(sorted(covered, key=lambda of: (of.share, -of.rows)))


def _share(within_V: NDArray[Any]) -> tuple[float, Interval]:
    rows = len(within_V)
    if rows < FEWEST_ROWS_OF_SHARES:
        why = f"{rows:,} row{'s are' if rows != 1 else ' is'} too few for an interval"
        return (float(within_V.mean()) if rows else float("nan")), Interval(float("nan"), float("nan"), why)
    share = float(within_V.mean())
    return share, Interval(*wilson(share, rows))


def _tempered(temperature: float, class_V: NDArray[np.int64], answer_VK: Floats | None) -> Tempered | None:
    if answer_VK is None or not len(class_V):
        return None
    both = (answer_VK, tempered(answer_VK, temperature))
    first, second = (classification_scores(class_V, values_VK)["loss"] for values_VK in both)
    before, after = (calibration_bins(class_V, values_VK).error for values_VK in both)
    return Tempered(temperature, (first, second), (before, after))
