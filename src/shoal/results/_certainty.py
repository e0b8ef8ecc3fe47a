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
from shoal.results._conformal import class_sets, cv_plus, temperature_of, tempered
from shoal.results._ensemble import Ensemble
from shoal.results._held_out import Counts, conformities, in_order, residuals
from shoal.results._intervals import Interval, Units
from shoal.results._record import PlanEntry, Truth
from shoal.results._schema import expect
from shoal.results._score_rows import row_score
from shoal.results._scores import classification_scores, counted_rows, mean_over_rows
from shoal.results._two_way import repeated_interval
from shoal.wording import counted, is_or_are, worth

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
    mean number of classes; `empty` the share of sets without any. Rows count what they weigh.
    """

    name: str
    share: float
    interval: Interval
    size: float
    empty: float = 0.0


@dataclass(frozen=True)
class CoveredClass:
    """Of how many test `rows` of a class it is in their set, as a `share`.

    Rows count what they weigh; `worth` is how many of one weight would tell as much.
    """

    name: str
    rows: int
    share: float
    worth: float


@dataclass(frozen=True)
class Tempered:
    """The temperature, and the cross-entropy and calibration error on the test rows: as they are, and at it."""

    temperature: float
    loss: tuple[float, float]
    ece: tuple[float, float]


@dataclass(frozen=True, eq=False, repr=False)
class Certainty(Brief):
    """How sure single predictions are, as the networks of the folds say it; where they cannot, `why` in words.

    `rows` were held out by so many `folds`; `worth` so many of one weight would tell as much. `classes` are those that
    test rows have, the one that their sets hold least often first: the coverage is one of all rows, and may be far from
    that of a rare class. `grid_G2` are the ends of the interval at the ensemble's `grid_G` where there is one input and
    one target. `not_in_file` says why the model file leaves the networks of the folds out.
    """

    why: str = ""
    folds: int = 0
    rows: int = 0
    worth: float = 0.0
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
    delivered network's answer to them. Rows that weigh nothing are left out.
    """
    rows = truth.train_rows
    if rows < FEWEST_ROWS:
        return Certainty(f"{counted(rows, 'training row')} {is_or_are(rows)} too few")
    place = {} if ensemble is None else {entry.fit_id: m for m, entry in enumerate(ensemble.members)}
    if ensemble is None or any(entry.fit_id not in place for entry in entries):
        return Certainty("the networks of the folds have no answers to the test rows")
    own_F = np.array([place[entry.fit_id] for entry in entries])
    parts = [truth.validation_rows["search", entry.fold] for entry in entries]
    true, answers = [truth.y[row_V] for row_V in parts], [held_out(entry) for entry in entries]
    score = conformities if truth.classes else residuals
    scores = [score(y, answer) for y, answer in zip(true, answers, strict=True)]
    folds = in_order(scores, [truth.weights[row_V] for row_V in parts] if len(truth.weights) else None)
    counts = Counts.of(folds)
    if counts.worth < FEWEST_ROWS:
        what = (
            f"{counted(counts.rows, 'training row')} of such unequal weights are worth {worth(counts.worth)}"
        )
        return Certainty(f"{what}, too few")
    own_weights, (test, *asked) = counted_rows(truth.test_weights, truth.y[rows:], *ensemble.test_MVK[own_F])
    units, known = (
        Units.of(len(test), None, own_weights),
        Certainty("", len(entries), counts.rows, counts.worth),
    )
    if truth.classes:
        set_VK, row_V = class_sets(asked, folds, COVERAGE), np.concatenate(parts)
        temperature = temperature_of(
            truth.y[row_V], np.concatenate(answers), len(entries), truth.weights_of(row_V)
        )
        heat = _tempered(temperature, truth, delivered_VK)
        overall, classes = (
            _covered_classes(truth, set_VK, test, units),
            _covered_by_class(truth, set_VK, test, units),
        )
        return replace(known, covered=(overall,), tempered=heat, classes=classes)
    ends_VK2 = cv_plus(asked, folds, COVERAGE)
    covered = tuple(
        _covered_target(name, test[:, k], ends_VK2[:, k], units) for k, name in enumerate(truth.target_names)
    )
    known = replace(known, covered=covered)
    if len(truth.target_names) > 1 or not len(ensemble.grid_G):
        return known
    grid_G2 = cv_plus(list(ensemble.grid_MGK[own_F]), folds, COVERAGE)[:, 0]
    return replace(known, grid_G=ensemble.grid_G, grid_G2=grid_G2)


def _covered_target(name: str, true_V: Floats, ends_V2: Floats, units: Units) -> Covered:
    within_V = (ends_V2[:, 0] <= true_V) & (true_V <= ends_V2[:, 1])
    return Covered(name, *_share(within_V, units), _mean(ends_V2[:, 1] - ends_V2[:, 0], units))


def _covered_classes(
    truth: Truth, set_VK: NDArray[np.bool_], class_V: NDArray[np.int64], units: Units
) -> Covered:
    size_V = set_VK.sum(axis=1)
    share, interval = _share(set_VK[np.arange(len(class_V)), class_V], units)
    empty = _mean(size_V == 0, units) if len(size_V) else 0.0
    return Covered(truth.target_names[0], share, interval, _mean(size_V, units), empty)


def _covered_by_class(
    truth: Truth, set_VK: NDArray[np.bool_], class_V: NDArray[np.int64], units: Units
) -> tuple[CoveredClass, ...]:
    within_V = set_VK[np.arange(len(class_V)), class_V]
    covered = []
    for k in np.unique(class_V):
        row_R = np.flatnonzero(class_V == k)
        own = units.of_rows(row_R)
        covered.append(CoveredClass(truth.classes[k], len(row_R), _mean(within_V[row_R], own), own.effective))
    return tuple(sorted(covered, key=lambda of: (of.share, -of.rows)))


def _mean(number_V: NDArray[Any], units: Units) -> float:
    """Give the mean over rows as they weigh; NaN of none."""
    return float(mean_over_rows(number_V, units.weight_N)) if len(number_V) else float("nan")


def _share(within_V: NDArray[np.bool_], units: Units) -> tuple[float, Interval]:
    """Give the share of rows within, and its interval: that of an accuracy, where those within are right."""
    hit_V2 = np.stack([~within_V, within_V], axis=1).astype(np.float64)
    accuracy, right_V = row_score("classification", "accuracy"), np.ones(len(within_V), np.int64)
    return _mean(within_V, units), repeated_interval(accuracy, right_V, [hit_V2], units)


def _tempered(temperature: float, truth: Truth, answer_VK: Floats | None) -> Tempered | None:
    class_V, weight_V = truth.y[truth.train_rows :], truth.test_weights
    if answer_VK is None or not len(class_V):
        return None
    both = (answer_VK, tempered(answer_VK, temperature))
    first, second = (classification_scores(class_V, values_VK, weight_V) for values_VK in both)
    return Tempered(temperature, (first["loss"], second["loss"]), (first["ece"], second["ece"]))
