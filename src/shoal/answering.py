"""What a trained network answers to rows that were checked: predictions, intervals, sets of classes, explanations.

Letters: N rows, K targets or classes, A answers of a row, C channels, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.data import Column, Missing, Preprocessing, given_columns, given_images
from shoal.decisions import Decision, named_classes
from shoal.engine import Calibration, Explanation, Trained, Trainer, answers, ascend, explain, trainer_of
from shoal.errors import DataError, InputError, Problem
from shoal.kinds import has_classes, task_kind
from shoal.links import link_of
from shoal.model_facts import Facts
from shoal.nets import Architecture
from shoal.results import tempered
from shoal.wording import counted, repeated

if TYPE_CHECKING:
    from pandas import DataFrame

Inputs = tuple[Column, ...] | NDArray[np.uint8]
"""New rows, checked: the columns that a model reads, or images (N, C, H, W)."""


@dataclass(frozen=True, eq=False, repr=False)
class Answering:
    """A trained network with what it reads and says, which answers checked rows; `Model` adds how people ask it."""

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    preprocessing: Preprocessing
    facts: Facts
    calibration: Calibration | None = None
    """The networks of the folds, which say how sure a prediction is; None in a file without them."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the columns it reads, in its order; none for a model of images."""
        return tuple(column.name for column in self.preprocessing.columns)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of those columns that hold categories."""
        return self.preprocessing.categorical

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """The categories that were learned, for each column that holds any."""
        return self.preprocessing.categories

    @property
    def image_shape(self) -> tuple[int, ...] | None:
        """(C, H, W) of the images it reads; None for a model of tables."""
        return self.architecture.input_shape if self.preprocessing.channels else None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of `predict_proba`'s columns; none where a row is not of one."""
        return self.facts.classes

    @property
    def decision(self) -> Decision | None:
        """From which probability on the positive class of two is named; None where the likelier class is."""
        own = self.facts.decision
        return None if own is None else Decision(self.classes.index(own.positive), own.threshold)

    @property
    def labelled(self) -> bool:
        """Whether it says of each of its targets whether a row has it."""
        return task_kind(self.facts.task).target == "labels"

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it predicts."""
        return self.facts.targets

    def unknown(self, inputs: Inputs) -> Iterator[str]:
        """Say what the training rows did not have, a sentence for each column.

        Parameters
        ----------
        inputs : checked rows
            See `inputs`.
        """
        return iter(()) if isinstance(inputs, np.ndarray) else self.preprocessing.unknown(inputs)

    def inputs(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> Inputs:
        """Check rows that are in memory.

        Parameters
        ----------
        x : frame, dict of columns, or array-like
            See `predict`.

        Returns
        -------
        checked rows
            The columns that the model reads, or images of bytes (N, C, H, W).

        Raises
        ------
        DataError
            For rows that it cannot read.
        """
        if self.image_shape is None:
            missing = self.missing if self.architecture.series is None else self.every_missing
            columns = given_columns(x, self.input_names, self.categories, missing, self.preprocessing.dates)
            self.refuse_gaps(columns, "x")
            return columns
        resize, white = self.preprocessing.resize is not None, self.preprocessing.white
        return given_images(x, self.image_shape, resize=resize, white=white)

    @property
    def missing(self) -> Missing:
        """In which columns of new rows cells may be missing, and what stands for one: of series none may."""
        own = self.preprocessing.missing
        return own if self.architecture.series is None else replace(own, columns=())

    @property
    def every_missing(self) -> Missing:
        """The same, cells of all columns; a text that was learned as a category is no missing one."""
        learned = {category for names in self.categories.values() for category in names}
        marks = self.preprocessing.missing.marks
        return Missing(frozenset(self.input_names), replace(marks, texts=marks.texts - learned))

    def refuse_gaps(self, columns: Sequence[Column], source: str) -> None:
        """Refuse series of which values are missing: those learned from had none, and no median stands for a moment.

        Parameters
        ----------
        columns : sequence of Column
            As read, whatever is missing.
        source : str
            What the rows are called.

        Raises
        ------
        DataError
        """
        if self.architecture.series is None:
            return
        missing_ND = np.stack([column.missing_N for column in columns], axis=1)
        if not missing_ND.any():
            return
        row_N = missing_ND.any(axis=1)
        count, rows = counted(int(missing_ND.sum()), "missing value"), counted(len(missing_ND), "row")
        where = f"in {int(row_N.sum()):,} of {rows}, the first in row {int(row_N.argmax()) + 1:,}"
        raise DataError(Problem(source, f"expected series without missing values, got {count} {where}"))

    def answer(self, inputs: Inputs) -> NDArray[np.float64]:
        """Answer checked rows: predictions and what else is said of targets, or probabilities.

        Parameters
        ----------
        inputs : checked rows
            See `inputs`.

        Returns
        -------
        ndarray of shape (N, K A) or (N, K)
            float64: predictions of all targets in their units, then what is said beside them (see `distributions`), or
            probabilities.
        """
        return answers(self._trainer, self._trained, inputs, _every(inputs))

    @property
    def _trainer(self) -> Trainer:
        return trainer_of(self.facts.fit.trainer, self.architecture)

    @cached_property
    def _trained(self) -> Trained:
        parameters_P, buffers = self.architecture.flat(self.parameters)
        return Trained(self.architecture, parameters_P, buffers, self.preprocessing, self.facts.task)

    def explanation(self, inputs: Inputs) -> Explanation:
        """Explain checked rows; see `explain`.

        Parameters
        ----------
        inputs : checked rows
            See `inputs`.
        """
        named_N = np.zeros(0, np.int64)
        if has_classes(self.facts.task):
            named_N = named_classes(self.answer(inputs), self.decision)
        return explain(self._trained, list(inputs), (self.classes, named_N))

    def intervals(self, inputs: Inputs, coverage: float) -> NDArray[np.float64]:
        """Give the intervals of checked rows, (N, K, 2); see `predict_interval`.

        Parameters
        ----------
        inputs : checked rows
            See `inputs`.
        coverage : float
        """
        return self._calibrated.intervals(self._trainer, inputs, _every(inputs), coverage)

    def sets(self, inputs: Inputs, coverage: float) -> NDArray[np.bool_]:
        """Give the sets of classes of checked rows, (N, K); see `predict_set`.

        Parameters
        ----------
        inputs : checked rows
            See `inputs`.
        coverage : float
        """
        return self._calibrated.sets(self._trainer, inputs, _every(inputs), coverage)

    def at_temperature(self, probability_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give probabilities at the temperature of the model.

        Parameters
        ----------
        probability_NK : ndarray of shape (N, K)

        Raises
        ------
        InputError
            Where it has none.
        """
        temperature = self._calibrated.temperature
        return tempered(probability_NK, 1.0 if temperature is None else temperature)

    @property
    def _calibrated(self) -> Calibration:
        if self.calibration is None:
            what = "expected a model with the networks of its folds, got one without"
            raise InputError(f"{what}: the report of its run says why, if that is of this version")
        return self.calibration


def misfits(model: Answering) -> Iterator[str]:
    """Find facts that do not fit the network or each other."""
    facts, outputs, preprocessing = model.facts, model.architecture.outputs, model.preprocessing
    shape = model.architecture.input_shape
    channels = len(preprocessing.channels)
    if channels and (len(shape) != 3 or shape[0] != channels):
        yield f"preprocessing: expected images of shape {shape}, got {counted(channels, 'channel')}"
    if not channels and shape != (len(preprocessing.input_names),):
        yield (
            f"preprocessing: expected inputs of shape {shape}, got"
            f" {counted(len(preprocessing.input_names), 'column')}"
        )
    if preprocessing.resize is not None and preprocessing.resize != shape[1:]:
        yield f"preprocessing: expected images brought to {shape[1:]}, got {preprocessing.resize}"
    yield from repeated("input", model.input_names)
    yield from preprocessing.misfits(model.architecture.code_rows)
    yield from repeated("class", facts.classes)
    yield from repeated("target", facts.targets)
    of_classes = has_classes(facts.task)
    classes = outputs if of_classes else 0
    if len(facts.classes) != classes:
        yield f"classes: expected {classes}, got {len(facts.classes)}"
    if facts.decision is not None and (classes != 2 or facts.decision.positive not in facts.classes):
        yield "decision: expected one of two classes, got another"
    said = 1 if preprocessing.distribution is None else preprocessing.distribution.outputs
    targets = 1 if of_classes else outputs // said
    if outputs % said or len(facts.targets) != targets:
        yield f"targets: expected {targets}, got {len(facts.targets)}"
    scaled = 0 if of_classes or channels else targets
    if len(preprocessing.target_scales) != scaled:
        yield f"preprocessing: expected {counted(scaled, 'target')}, got {len(preprocessing.target_scales)}"
    if scaled and link_of(preprocessing.link).task != facts.task:
        yield f"preprocessing: expected a link of {task_kind(facts.task).noun}, got {preprocessing.link}"
    if model.calibration is not None and model.labelled:
        yield "folds: expected none of several labels, got some"
    elif model.calibration is not None:
        yield from _strange_folds(model, model.calibration)


def _strange_folds(model: Answering, calibration: Calibration) -> Iterator[str]:
    """Find what does not fit of the networks of the folds: they read the same, and are of the same layers."""
    rows = len(model.targets) if model.facts.task == "regression" else 1
    for number, fold in enumerate(calibration.folds):
        own, architecture = fold.preprocessing, model.architecture
        if own.columns:
            architecture = architecture.with_inputs(len(own.input_names), fold.architecture.tables)
        if own.reads != model.preprocessing.reads:
            yield f"fold {number}: expected the columns of the delivered network, got others"
        yield from own.misfits(fold.architecture.code_rows)
        if fold.architecture != architecture:
            yield f"fold {number}: expected the layers of the delivered network, got others"
        scores, weights = fold.held_out.scores, fold.held_out.weights
        if len(scores) != rows or not ascend(scores):
            yield f"fold {number}: expected {counted(rows, 'row')} of scores in ascending order, got others"
        if model.classes and scores.max() > 1:
            yield f"fold {number}: expected probabilities as scores, got others"
        if weights is not None and not weights.min() > 0:
            yield f"fold {number}: expected weights above 0, got others"


def _every(inputs: Inputs) -> NDArray[np.int64]:
    """Give the numbers of all rows."""
    count = len(inputs) if isinstance(inputs, np.ndarray) else len(inputs[0].values)
    return np.arange(count, dtype=np.int64)
