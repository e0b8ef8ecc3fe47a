"""The networks of the folds beside the delivered one: they say how sure each of its predictions is.

Letters: F folds, N new rows, S scores of a row, V rows held out, K targets or classes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data import Preprocessing
from shoal.engine._predict import PredictedRows, Trained, answers
from shoal.engine._trainer import Trainer
from shoal.errors import ModelFileError
from shoal.kinds import Task
from shoal.nets import Architecture, StoredFold, StoredModel
from shoal.results import COLDEST, HOTTEST, Counts, HeldOut, class_sets, cv_plus, rank_at
from shoal.wording import counted, one_number

_AT_ONCE: Final = 4096
Rows = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class FoldNetwork:
    """The network of one fold, by arrays in torch's shapes, and the scores of the rows that it held out."""

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    preprocessing: Preprocessing
    held_out: HeldOut

    def __repr__(self) -> str:
        return f"FoldNetwork({counted(self.held_out.scores.shape[1], 'row')} held out)"

    def trained(self, task: Task) -> Trained:
        """Give it as what answers rows."""
        parameters_P, buffers = self.architecture.flat(self.parameters)
        return Trained(self.architecture, parameters_P, buffers, self.preprocessing, task)


@dataclass(frozen=True, eq=False, repr=False)
class Calibration:
    """What says how sure a prediction is: a network of every fold; in classification, the temperature too."""

    task: Task
    folds: tuple[FoldNetwork, ...]
    temperature: float | None

    def __repr__(self) -> str:
        networks = f"{counted(len(self.folds), 'network')} of folds, {counted(self.rows, 'row')} held out"
        heat = "" if self.temperature is None else f", temperature {one_number(self.temperature)}"
        return f"Calibration({self.task}: {networks}{heat})"

    @property
    def rows(self) -> int:
        """How many rows were held out, each by one network."""
        return sum(fold.held_out.scores.shape[1] for fold in self.folds)

    @property
    def stored(self) -> tuple[StoredFold, ...]:
        """Give the networks of the folds as a model file holds them."""
        return tuple(
            StoredFold(
                fold.architecture,
                fold.parameters,
                fold.held_out.scores,
                {"preprocessing": fold.preprocessing.to_json()},
                fold.held_out.weights,
            )
            for fold in self.folds
        )

    def refuse(self, coverage: object) -> None:
        """Raise InputError for a coverage that is none, or more than the rows held out can tell."""
        rank_at(coverage, Counts.of(self._held_out))

    def intervals(self, trainer: Trainer, source: PredictedRows, rows: Rows, coverage: float) -> Floats:
        """Give the interval of every target at rows of a source, (N, K, 2). Raises InputError for a wrong coverage."""
        return cv_plus(list(self._answers(trainer, source, rows)), self._held_out, coverage)

    def sets(self, trainer: Trainer, source: PredictedRows, rows: Rows, coverage: float) -> NDArray[np.bool_]:
        """Give the set of classes at rows of a source, (N, K). Raises InputError for a wrong coverage."""
        return class_sets(self._answers(trainer, source, rows), self._held_out, coverage)

    @property
    def _held_out(self) -> list[HeldOut]:
        return [fold.held_out for fold in self.folds]

    @cached_property
    def _trained(self) -> list[Trained]:
        return [fold.trained(self.task) for fold in self.folds]

    def _answers(self, trainer: Trainer, source: PredictedRows, rows: Rows) -> Iterator[Floats]:
        for trained, fold in zip(self._trained, self.folds, strict=True):
            answer_NA = answers(trainer, trained, source, rows)
            yield answer_NA[:, : len(fold.held_out.scores)] if self.task == "regression" else answer_NA


def without_temperature(described: dict[str, Any]) -> tuple[dict[str, Any], float | None]:
    """Take the temperature out of facts that may be foreign: a number within Shoal's bounds, or None in regression."""
    facts = dict(described)
    temperature = facts.pop("temperature", False)
    classes = facts.get("task") == "classification"
    if (type(temperature) is float and COLDEST <= temperature <= HOTTEST) if classes else temperature is None:
        return facts, temperature
    expected = f"a number from {COLDEST:g} to {HOTTEST:g}" if classes else "null in regression"
    raise ModelFileError(f"temperature: expected {expected}, got something else")


def read_calibration(stored: StoredModel, task: Task, temperature: float | None) -> Calibration:
    """Read the networks of the folds, which may be foreign; they must be written again in the same words."""
    folds = []
    for number, fold in enumerate(stored.folds):
        described = fold.facts.get("preprocessing")
        preprocessing = Preprocessing.from_json(described)
        if len(fold.facts) > 1 or written(preprocessing.to_json()) != written(described):
            raise ModelFileError(f"fold {number}: expected facts as Shoal writes them, got others")
        held_out = HeldOut(fold.scores, fold.weights)
        folds.append(FoldNetwork(fold.architecture, fold.parameters, preprocessing, held_out))
    return Calibration(task, tuple(folds), temperature)


def ascend(score_SV: Floats) -> bool:
    """Whether every row of scores ascends; part by part, so that it takes no room."""
    starts = range(0, score_SV.shape[1], _AT_ONCE)
    parts = (score_SV[:, start : start + _AT_ONCE + 1] for start in starts)
    return all((part[:, :-1] <= part[:, 1:]).all() for part in parts)


def written(value: object) -> str:
    """Write facts in the one way in which they are compared."""
    return json.dumps(value, sort_keys=True)


def unknown_intervals(ends_NK2: NDArray[np.float64]) -> str:
    """Say for how many rows, (N, K, 2), the networks of the folds give no finite interval; empty where they do."""
    rows = int((~np.isfinite(ends_NK2).all(axis=(1, 2))).sum())
    why = "the answers of the folds' networks are not finite numbers"
    return f"no interval for {rows:,} of {counted(len(ends_NK2), 'row')}: {why}" if rows else ""
