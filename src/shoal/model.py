"""A trained network as a thing to use: `shoal.load(path).predict(x)`.

Letters: N rows, D inputs, K targets or classes, C channels, H, W height and width.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from shoal.data import Column, Preprocessing, given_columns, given_images
from shoal.engine import Trained, answers, trainer_of
from shoal.errors import InputError, ModelFileError, Problem, as_path
from shoal.files import Folder, Unreadable, kind_of, opened, size_of, write
from shoal.nets import MODEL_NAME, Architecture, model_bytes, read_model
from shoal.wording import counted, repeated, visible

if TYPE_CHECKING:
    from pandas import DataFrame

Inputs = tuple[Column, ...] | NDArray[np.uint8]
"""New rows, checked: the columns that a model reads, or images (N, C, H, W)."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FitFacts(_Part):
    """Which fit this network is."""

    id: str
    trainer: str
    epochs: int
    repeat: int


class Facts(_Part):
    """What a model file says beside its network."""

    task: Literal["regression", "classification"]
    classes: tuple[str, ...] = Field(strict=False)
    targets: tuple[str, ...] = Field(strict=False)
    preprocessing: dict[str, Any]
    training: dict[str, Any]
    fit: FitFacts
    scores: dict[str, dict[str, float | None]]

    @field_validator("scores", mode="before")
    @classmethod
    def _numbers(cls, scores: object) -> object:
        """Stop at the first mistake; pydantic alone would list millions."""
        parts = scores.values() if isinstance(scores, dict) else [None]
        for part in parts:
            values = part.values() if isinstance(part, dict) else [part]
            if not isinstance(part, dict) or not all(type(value) in (float, NoneType) for value in values):
                raise PydanticCustomError("scores", "expected scores by name")
        return scores


@dataclass(frozen=True, eq=False, repr=False)
class Model:
    """A trained network, its preprocessing and where it comes from. Get one with `load`.

    `parameters` holds float32 arrays by name in torch's shapes, running statistics of batch norm among them.
    """

    architecture: Architecture
    parameters: dict[str, NDArray[np.float32]]
    preprocessing: Preprocessing
    facts: Facts

    @classmethod
    def from_bytes(cls, content: bytes) -> Model:
        """Make a model from the content of a model file. Raises ModelFileError."""
        return cls.read(BytesIO(content), len(content))

    @classmethod
    def read(cls, stream: BinaryIO, size: int) -> Model:
        """Read a model from a file of `size` bytes. Raises ModelFileError."""
        stored = read_model(stream, size)
        facts = _facts(stored.facts)
        preprocessing = Preprocessing.from_json(facts.preprocessing)
        model = cls(stored.architecture, stored.parameters, preprocessing, facts)
        for sentence in model._misfits():
            raise ModelFileError(sentence)
        return model

    def to_bytes(self) -> bytes:
        """Give the content of a model file; the same bytes that it was read from."""
        return model_bytes(self.architecture, self.parameters, self.facts.model_dump(mode="json"))

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
        """Names of the classes, in the order of `predict_proba`'s columns; none in regression."""
        return self.facts.classes

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of what it predicts."""
        return self.facts.targets

    def predict(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[Any]:
        """Predict rows: float64 (N, K) in the targets' units, or the names of the likeliest classes, str (N,).

        `x` is a frame or a dict of columns, taken by name (others are ignored); or numbers (N, D) in the
        order of `input_names`, where no column holds categories; or images (N, H, W), (N, H, W, C)
        or (N, C, H, W) of bytes, or of other numbers that stand for bytes exactly (after training on two levels alone,
        false and true are 0 and 1 too); of any size where the study has `data.resize`. A frame is pandas',
        polars' or alike. A category has the spelling that was learned, whatever type it comes in (True, 1.0, 01). One
        that the training rows did not have counts as none of them, with a UserWarning; several rows of which no
        category of a column is known are refused. A missing cell (NaN, None, an empty text, a word such as NA) is
        answered as in training; where no training row lacked one, with a UserWarning; after `data.missing = "refuse"`
        it is refused. Raises DataError.

        The same rows in the same order give the bytes that the run stored for them, if the trainer that
        trained the model is here, on the CPU, in the same versions on the same kind of processor.
        """
        answer_NK = self.answer(self._warned(x))
        if self.facts.task == "regression":
            return answer_NK
        return np.asarray(np.array(self.classes, dtype=np.str_)[answer_NK.argmax(axis=1)])

    def predict_proba(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> NDArray[np.float64]:
        """Give the probability of every class, float64 (N, K); see `predict`. InputError in regression."""
        if self.facts.task == "regression":
            raise InputError("expected a model of classes, got one of numbers: it has no probabilities")
        return self.answer(self._warned(x))

    def _warned(self, x: Any) -> Inputs:
        """Check rows, and warn of what is unknown of them in one sentence."""
        inputs = self.inputs(x)
        strange = "; ".join(self.unknown(inputs))
        if strange:
            warnings.warn(strange, UserWarning, stacklevel=3)
        return inputs

    def unknown(self, inputs: Inputs) -> Iterator[str]:
        """Say what the training rows did not have, a sentence for each column of checked rows."""
        return iter(()) if isinstance(inputs, np.ndarray) else self.preprocessing.unknown(inputs)

    def inputs(self, x: NDArray[Any] | Mapping[str, Any] | DataFrame) -> Inputs:
        """Check rows that are in memory; see `predict`."""
        if self.image_shape is None:
            return given_columns(x, self.input_names, self.categories, self.preprocessing.missing)
        resize, white = self.preprocessing.resize is not None, self.preprocessing.white
        return given_images(x, self.image_shape, resize=resize, white=white)

    def answer(self, inputs: Inputs) -> NDArray[np.float64]:
        """Predict checked rows: numbers in the targets' units, or probabilities, float64 (N, K)."""
        count = len(inputs) if isinstance(inputs, np.ndarray) else len(inputs[0].values)
        trainer = trainer_of(self.facts.fit.trainer, self.architecture)
        return answers(trainer, self._trained, inputs, np.arange(count, dtype=np.int64))

    @cached_property
    def _trained(self) -> Trained:
        parameters_P, buffers = self.architecture.flat(self.parameters)
        return Trained(self.architecture, parameters_P, buffers, self.preprocessing, self.facts.task)

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
        yield from preprocessing.misfits()
        yield from repeated("class", facts.classes)
        yield from repeated("target", facts.targets)
        classes = outputs if facts.task == "classification" else 0
        if len(facts.classes) != classes:
            yield f"classes: expected {classes}, got {len(facts.classes)}"
        targets = 1 if facts.task == "classification" else outputs
        if len(facts.targets) != targets:
            yield f"targets: expected {targets}, got {len(facts.targets)}"
        scaled = targets if facts.task == "regression" and not channels else 0
        if len(preprocessing.target_scales) != scaled:
            yield f"preprocessing: expected {scaled} targets, got {len(preprocessing.target_scales)}"


def load(path: Path | str) -> Model:
    """Read a model file, or the model of a run folder.

    Nothing in the file can run, and no more is allocated than it holds. Raises ModelFileError, in one
    sentence, for a file that is missing, damaged, foreign, inconsistent or of a newer Shoal.
    """
    path = as_path(path, "the path of a run folder or a model file")
    file = path / MODEL_NAME if kind_of(path) == "a folder" else path
    try:
        with _opened(path) as stream:
            return Model.read(stream, size_of(stream))
    except ModelFileError as error:
        raise ModelFileError(Problem(str(file), str(error))) from error
    except Unreadable as error:
        at_its_end = ": a run makes it at its end" if file != path and kind_of(file) == "nothing" else ""
        raise ModelFileError(Problem(str(file), error.sentence("a model file") + at_its_end)) from error
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


def _facts(described: dict[str, Any]) -> Facts:
    """Read facts that may be foreign; they must be written again in the same words."""
    try:
        facts = Facts.model_validate(described)
        if _text(facts.model_dump(mode="json")) == _text(described):
            return facts
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))[:60]
        raise ModelFileError(f"metadata {place!a}: {first['msg'].splitlines()[0]}") from error
    except (ValueError, RecursionError):  # nested deeper than can be written
        pass
    raise ModelFileError("expected facts as Shoal writes them, got others")


def _text(value: object) -> str:
    return json.dumps(value, sort_keys=True)
