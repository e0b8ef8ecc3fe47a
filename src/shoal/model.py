"""A trained network as a thing to use: `shoal.load(path).predict(x)`.

Letters: N rows, D inputs, K targets or classes, C channels, H, W height and width.
"""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from shoal.data import Column, Preprocessing, given_columns, given_images
from shoal.decisions import Decision, named_classes
from shoal.distributions import Distribution, by_target
from shoal.engine import (
    Calibration,
    Explanation,
    Trained,
    Trainer,
    answers,
    ascend,
    explain,
    input_records,
    not_finite,
    read_calibration,
    trainer_of,
    unknown_intervals,
    without_temperature,
)
from shoal.errors import InputError, ModelFileError, Problem, as_path
from shoal.files import Folder, Unreadable, kind_of, opened, size_of, write
from shoal.kinds import LOSSES, has_classes, task_kind
from shoal.links import link_of
from shoal.look import Asked, NetworkFacts, network_facts, network_html, pieces_html
from shoal.model_facts import Facts, facts_of
from shoal.nets import MODEL_NAME, Architecture, model_bytes, read_model
from shoal.results import shard_said, tempered
from shoal.study import Training
from shoal.wording import counted, listed, repeated, visible

if TYPE_CHECKING:
    from pandas import DataFrame

Inputs = tuple[Column, ...] | NDArray[np.uint8]
"""New rows, checked: the columns that a model reads, or images (N, C, H, W)."""


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A trained network, its preprocessing and where it comes from. Get one with `load`; the page "Model files,
    predictions, export" has examples.

    `parameters` holds float32 arrays by name in torch's shapes, running statistics of batch norm among them.
    """

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    preprocessing: Preprocessing
    facts: Facts
    calibration: Calibration | None = None
    """The networks of the folds, which say how sure a prediction is; None in a file without them."""

    @classmethod
    def from_bytes(cls, content: bytes) -> Model:
        """Make a model from the content of a model file. Raises ModelFileError."""
        return cls.read(BytesIO(content), len(content))

    @classmethod
    def read(cls, stream: BinaryIO, size: int) -> Model:
        """Read a model from a file of `size` bytes. Raises ModelFileError."""
        stored = read_model(stream, size)
        described, temperature = stored.facts, None
        if stored.folds:
            described, temperature = without_temperature(stored.facts)
        facts = facts_of(described)
        preprocessing = Preprocessing.from_json(facts.preprocessing)
        calibration = read_calibration(stored, facts.task, temperature) if stored.folds else None
        model = cls(stored.architecture, stored.parameters, preprocessing, facts, calibration)
        for sentence in model._misfits():
            raise ModelFileError(sentence)
        return model

    def to_bytes(self) -> bytes:
        """Give the content of a model file; the same bytes that it was read from."""
        facts, calibration = self.facts.described, self.calibration
        if calibration is None:
            return model_bytes(self.architecture, self.parameters, facts)
        facts["temperature"] = calibration.temperature
        return model_bytes(self.architecture, self.parameters, facts, calibration.stored)

    def save(self, path: Path | str) -> None:
        """Write a model file, whole or not at all."""
        write(as_path(path, "the path of a model file"), self.to_bytes())

    def __repr__(self) -> str:
        names = len(self.input_names)
        inputs = counted(names, "input") if names else f"images {self.image_shape}"
        count, trainer = self.architecture.parameter_count, visible(self.facts.fit.trainer[:40])
        return f"Model({self.facts.task}: {inputs}, {count} parameters, trained by {trainer})"

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

    def predict(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[Any]:
        """Predict rows: float64 (N, K) in the targets' units, or the names of the likeliest classes, str (N,); of two
        classes those that `decision` names, where the model has one.

        Of several labels int64 (N, K), 1 where a row is more likely to have the label than not, else 0.

        `x` is a frame or a dict of columns, taken by name (others are ignored); or numbers (N, D) in the
        order of `input_names`, where no column holds categories; or images (N, H, W), (N, H, W, C)
        or (N, C, H, W) of bytes, or of other numbers that stand for bytes exactly (after training on two levels alone,
        false and true are 0 and 1 too); of any size where the study has `data.resize`. A frame is pandas',
        polars' or alike. A category has the spelling that was learned, whatever type it comes in (True, 1.0, 01). One
        that the training rows did not have counts as none of them, with a UserWarning; several rows of which no
        category of a column is known are refused. A missing cell (NaN, None, an empty text, a word such as NA) is
        answered as in training; where no training row lacked one, with a UserWarning; after `data.missing = "refuse"`
        it is refused. A prediction that is too large for floating-point numbers is infinite or NaN, with a UserWarning.
        Raises DataError.

        The same rows in the same order give the bytes that the run stored for them, if the trainer that
        trained the model is here, on the CPU, in the same versions on the same kind of processor.
        """
        answer_NA = self._answered(x)
        if not has_classes(self.facts.task):
            predicted_NK = answer_NA[:, : len(self.targets)]
            return (predicted_NK > 0.5).astype(np.int64) if self.labelled else predicted_NK
        return np.asarray(np.array(self.classes, dtype=np.str_)[named_classes(answer_NA, self.decision)])

    def predict_quantiles(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[np.float64]:
        """Give the quantiles of every target at `levels` in its units, float64 (N, K, L); see `predict` for `x`.

        Of a network trained by `training.loss = "quantile"` they are those of `training.quantiles`, none above a later
        one; of "gaussian" those of its normal distribution. InputError for a model of any other.
        """
        return self._distribution.quantiles(by_target(self._answered(x), len(self.targets)))

    def predict_std(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[np.float64]:
        """Give how far targets lie from what `predict` gives, as standard deviations in their units, float64 (N, K).

        InputError for a model that was not trained by `training.loss = "gaussian"`.
        """
        distribution = self._distribution
        if distribution.names != ("std",):
            raise InputError("expected a model of means and standard deviations, got one of quantiles")
        return distribution.shown(by_target(self._answered(x), len(self.targets)))[:, :, 0]

    @property
    def levels(self) -> tuple[float, ...]:
        """The levels of `predict_quantiles`, ascending; none of a model that says one number of a target."""
        distribution = self.preprocessing.distribution
        return () if distribution is None else distribution.levels

    @property
    def _distribution(self) -> Distribution:
        distribution = self.preprocessing.distribution
        if distribution is None:
            losses = listed([f'"{name}"' for name, kind in LOSSES.items() if kind.distribution], "or")
            what = f"expected a model trained by training.loss = {losses}, got one of another loss"
            raise InputError(f"{what}: it says one number of a target")
        return distribution

    def predict_proba(
        self, x: NDArray[Any] | Mapping[str, Any] | DataFrame, *, calibrated: bool = False
    ) -> NDArray[np.float64]:
        """Give the probability of every class or label, float64 (N, K); see `predict`. InputError in regression.

        `calibrated` ones are those at the temperature of the model file (Guo and others 2017), in the same order;
        InputError where it has none.
        """
        if self.facts.task == "regression":
            raise InputError("expected a model of classes, got one of numbers: it has no probabilities")
        if calibrated and self.labelled:
            raise InputError("expected a model of classes, got one of labels: it has no temperature")
        answer_NK = self._answered(x)
        return self.at_temperature(answer_NK) if calibrated else answer_NK

    def predict_interval(
        self, x: NDArray[Any] | Mapping[str, Any] | DataFrame, coverage: float = 0.9
    ) -> NDArray[np.float64]:
        """Give the interval of every target in its units, float64 (N, K, 2); see `predict` for `x`.

        Of new rows of the same kind as the training rows, about the share `coverage` lies in theirs, of each target by
        itself; at least 1 - 2 (1 - coverage) of them, less at most sqrt(2 / rows), is guaranteed on average over
        training rows. Where rows have weights it is a share of that of new rows, and none is guaranteed. They come from
        the networks of the folds (CV+: Barber and others 2021), each of which answers the rows, and may leave out what
        `predict` gives; an end is NaN or infinite, with a UserWarning, where their answers are not finite. InputError
        for a model of classes, one without these networks, or a coverage that is no share from 0.5 on or more than the
        rows held out can tell.
        """
        if self.facts.task != "regression":
            got = "labels: it has no intervals" if self.labelled else "classes: it has no intervals, but sets"
            raise InputError(f"expected a model of numbers, got one of {got}")
        ends_NK2 = self.intervals(self._warned(x), coverage)
        if unknown := unknown_intervals(ends_NK2):
            warnings.warn(unknown, UserWarning, stacklevel=2)
        return ends_NK2

    def predict_set(
        self, x: NDArray[Any] | Mapping[str, Any] | DataFrame, coverage: float = 0.9
    ) -> NDArray[np.bool_]:
        """Give which classes are in the set of each row, bool (N, K); see `predict` for `x`.

        Of new rows of the same kind, about the share `coverage` has the true class in its set, with the guarantee of
        `predict_interval`. A set is empty where no class is as likely as true ones usually are. InputError for a model
        of numbers, and as `predict_interval` does.
        """
        if not has_classes(self.facts.task):
            got = "labels: it has no sets" if self.labelled else "numbers: it has no sets, but intervals"
            raise InputError(f"expected a model of classes, got one of {got}")
        return self.sets(self._warned(x), coverage)

    def explain(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> Explanation:
        """Say what each input column adds to each prediction, by integrated gradients; see `predict` for `x`.

        They add up to the prediction in the target's units (of classes, the log-odds of the class that is named; of
        labels, those of each), less that of a baseline: every number at the mean of the training rows, every category
        a little, and the same. InputError for a model of images.
        """
        if not self.input_names:
            raise InputError("expected a model of tables, got one of images, which have no columns")
        return self.explanation(self._warned(x))

    def explanation(self, inputs: Inputs) -> Explanation:
        """Explain checked rows; see `explain`."""
        named_N = np.zeros(0, np.int64)
        if has_classes(self.facts.task):
            named_N = named_classes(self.answer(inputs), self.decision)
        return explain(self._trained, list(inputs), (self.classes, named_N))

    def intervals(self, inputs: Inputs, coverage: float) -> NDArray[np.float64]:
        """Give the intervals of checked rows, (N, K, 2); see `predict_interval`."""
        return self._calibrated.intervals(self._trainer, inputs, _every(inputs), coverage)

    def sets(self, inputs: Inputs, coverage: float) -> NDArray[np.bool_]:
        """Give the sets of classes of checked rows, (N, K); see `predict_set`."""
        return self._calibrated.sets(self._trainer, inputs, _every(inputs), coverage)

    def at_temperature(self, probability_NK: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give probabilities at the temperature of the model, (N, K). InputError where it has none."""
        temperature = self._calibrated.temperature
        return tempered(probability_NK, 1.0 if temperature is None else temperature)

    @property
    def _calibrated(self) -> Calibration:
        if self.calibration is None:
            what = "expected a model with the networks of its folds, got one without"
            raise InputError(f"{what}: the report of its run says why, if that is of this version")
        return self.calibration

    def _warned(self, x: Any, depth: int = 3) -> Inputs:
        """Check rows, and warn of what is unknown of them in one sentence, whoever is so many calls above."""
        inputs = self.inputs(x)
        strange = "; ".join(self.unknown(inputs))
        if strange:
            warnings.warn(strange, UserWarning, stacklevel=depth)
        return inputs

    def _answered(self, x: Any) -> NDArray[np.float64]:
        """Check rows and answer them; warn of what is unknown of them, and of answers that are not finite."""
        answer_NA = self.answer(self._warned(x, 4))
        if overflow := not_finite(answer_NA):
            warnings.warn(overflow, UserWarning, stacklevel=3)
        return answer_NA

    def unknown(self, inputs: Inputs) -> Iterator[str]:
        """Say what the training rows did not have, a sentence for each column of checked rows."""
        return iter(()) if isinstance(inputs, np.ndarray) else self.preprocessing.unknown(inputs)

    def inputs(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> Inputs:
        """Check rows that are in memory; see `predict`."""
        if self.image_shape is None:
            preprocessing = self.preprocessing
            return given_columns(
                x, self.input_names, self.categories, preprocessing.missing, preprocessing.dates
            )
        resize, white = self.preprocessing.resize is not None, self.preprocessing.white
        return given_images(x, self.image_shape, resize=resize, white=white)

    def answer(self, inputs: Inputs) -> NDArray[np.float64]:
        """Answer checked rows: predictions in the targets' units and what else is said (see `distributions`), float64
        (N, K A), or probabilities, float64 (N, K)."""
        return answers(self._trainer, self._trained, inputs, _every(inputs))

    @property
    def _trainer(self) -> Trainer:
        return trainer_of(self.facts.fit.trainer, self.architecture)

    @cached_property
    def _trained(self) -> Trained:
        parameters_P, buffers = self.architecture.flat(self.parameters)
        return Trained(self.architecture, parameters_P, buffers, self.preprocessing, self.facts.task)

    def network_facts(self) -> NetworkFacts:
        """Give what is drawn of it."""
        training = self.facts.training.get("training")
        try:
            known = Training.model_validate(training) if training else None
        except ValidationError:  # of another version: it is drawn without its loss
            known = None
        distribution = self.preprocessing.distribution
        asked = Asked("", self.facts.task, self.targets, self.classes, known, distribution)
        return network_facts(self.architecture, input_records(self.preprocessing), asked)

    def _repr_html_(self) -> str:
        """Give its line and its drawing, as a notebook shows it."""
        drawn = pieces_html({"the network": lambda: network_html(self.network_facts())}, "`shoal.draw`")
        return f"<p>{html.escape(repr(self))}</p>{drawn}"

    def _misfits(self) -> Iterator[str]:
        """Find facts that do not fit the network or each other."""
        facts, outputs, preprocessing = self.facts, self.architecture.outputs, self.preprocessing
        shape = self.architecture.input_shape
        channels = len(preprocessing.channels)
        if channels and (len(shape) != 3 or shape[0] != channels):
            yield f"preprocessing: expected images of shape {shape}, got {channels} channels"
        if not channels and shape != (len(preprocessing.input_names),):
            yield f"preprocessing: expected inputs of shape {shape}, got {len(preprocessing.input_names)} columns"
        if preprocessing.resize is not None and preprocessing.resize != shape[1:]:
            yield f"preprocessing: expected images brought to {shape[1:]}, got {preprocessing.resize}"
        yield from repeated("input", self.input_names)
        yield from preprocessing.misfits(self.architecture.code_rows)
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
            yield f"preprocessing: expected {scaled} targets, got {len(preprocessing.target_scales)}"
        if scaled and link_of(preprocessing.link).task != facts.task:
            yield f"preprocessing: expected a link of {task_kind(facts.task).noun}, got {preprocessing.link}"
        if self.calibration is not None and self.labelled:
            yield "folds: expected none of several labels, got some"
        elif self.calibration is not None:
            yield from self._strange_folds(self.calibration)

    def _strange_folds(self, calibration: Calibration) -> Iterator[str]:
        """Find what does not fit of the networks of the folds: they read the same, and are of the same layers."""
        rows = len(self.targets) if self.facts.task == "regression" else 1
        for number, fold in enumerate(calibration.folds):
            own, architecture = fold.preprocessing, self.architecture
            if own.columns:
                architecture = architecture.with_inputs(len(own.input_names), fold.architecture.tables)
            if own.reads != self.preprocessing.reads:
                yield f"fold {number}: expected the columns of the delivered network, got others"
            yield from own.misfits(fold.architecture.code_rows)
            if fold.architecture != architecture:
                yield f"fold {number}: expected the layers of the delivered network, got others"
            scores, weights = fold.held_out.scores, fold.held_out.weights
            if len(scores) != rows or not ascend(scores):
                yield f"fold {number}: expected {rows} rows of scores in ascending order, got others"
            if self.classes and scores.max() > 1:
                yield f"fold {number}: expected probabilities as scores, got others"
            if weights is not None and not weights.min() > 0:
                yield f"fold {number}: expected weights above 0, got others"


def load(path: Path | str) -> Model:
    """Read a model file, or the model of a run folder; nothing in it can run, and no more is allocated than it holds.

    Raises ModelFileError, in one sentence, for a file that is missing, damaged, foreign, inconsistent or of a newer
    Shoal.
    """
    path = as_path(path, "the path of a run folder or a model file")
    file = path / MODEL_NAME if kind_of(path) == "a folder" else path
    try:
        with _opened(path) as stream:
            return Model.read(stream, size_of(stream))
    except ModelFileError as error:
        raise ModelFileError(Problem(str(file), str(error))) from error
    except Unreadable as error:
        missing = file != path and kind_of(file) == "nothing"
        why = f": {shard_said(path) or 'a run makes it at its end'}" if missing else ""
        raise ModelFileError(Problem(str(file), error.sentence("a model file") + why)) from error
    except OSError as error:
        raise ModelFileError(Problem(str(file), Unreadable.by(error).sentence())) from error


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a model file, or that of a run folder, which may be a stranger's: no link leads out of it."""
    if kind_of(path) != "a folder":
        with opened(path) as stream:
            yield stream
        return
    with Folder.open(path) as folder, folder.opened(MODEL_NAME) as stream:
        yield stream


def _every(inputs: Inputs) -> NDArray[np.int64]:
    """Give the numbers of all rows."""
    count = len(inputs) if isinstance(inputs, np.ndarray) else len(inputs[0].values)
    return np.arange(count, dtype=np.int64)
