"""The memory that a run will need, said before it starts: a sum of named terms, in bytes. Pure.

A run has three phases, each with a peak of its own: reading the data, training, drawing. Constants that cannot
be counted (libraries, what an allocator keeps) were measured on Linux; `python -m benchmarks.memory` compares
all of it with drawn studies. Memory of several processes is counted as their anonymous memory and, once, the
pages of the libraries that they share.

Letters: N rows, D inputs, K outputs, P parameters.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal.data import Dataset
from shoal.engine._batches import EVALUATION_ROWS
from shoal.engine._fits import Fit
from shoal.engine._predict import PREDICTED_ROWS
from shoal.engine._trainer import every_kth
from shoal.nets import ConvLayer

MB: Final = 1e6

LIBRARIES: Final = {
    "start": 59 * MB,  # Python, numpy, pydantic, Shoal, the command line
    "store": 4 * MB,  # SQLite
    "search": 12 * MB,  # scipy's distributions, for the choice
    "torch": 300 * MB,  # in the coordinator, 78 MB of it pages of its libraries
    "torch shared": 78 * MB,  # these pages, where only child processes have torch
    "child": 245 * MB,  # a child process with torch, its own pages alone
    "drawing": 185 * MB,  # pandas, matplotlib, the canvas of a picture, the page
    "drawing a search": 15 * MB,
    "drawing images": 20 * MB,
}
CELL: Final = 72.0
"""Bytes of a cell of a text file: a Python text, and its place in a row."""
TEXT: Final = 5.0
"""Copies of a text file while it is cut up: the text, and the reader's own (4 bytes a character)."""
COVERAGE_ROW: Final = 260.0
"""Digests of each row, in lists and sets, while rows in both training and test rows are looked for."""
DRAWN_ROW: Final = 2500.0
"""Numbers of a test row in frames, pictures and tables of the page."""
TORCH_KEEPS: Final = 0.65
"""Share of a convolutional fit's memory that glibc keeps for the next one (see `keep_memory`)."""
STATE: Final = 60.0
"""Bytes a parameter: values, moments, best values, gradients, two checkpoints, the record, the store's copies."""


@dataclass(frozen=True)
class Source:
    """What the data are read from: bytes of text files (0 for others) and how many cells they have."""

    text_bytes: int
    cells: int


def source_of(paths: Iterable[str | None], dataset: Dataset) -> Source:
    """Look how large the files are; the cells are those of the columns used."""
    texts = [Path(path) for path in paths if path and Path(path).suffix.lower() in (".csv", ".tsv", ".tab")]
    size = sum(path.stat().st_size for path in texts if path.is_file())
    return Source(size, dataset.rows * (len(dataset.columns) + len(dataset.target_names)) if size else 0)


def predicted_peaks(
    dataset: Dataset, source: Source, stages: Sequence[Sequence[Fit]], workers: int
) -> dict[str, float]:
    """Predict the peak of each phase; `stages` are the fits to be trained, one list after the other."""
    held = held_bytes(dataset)
    fits = [fit for stage in stages for fit in stage]
    groups = [_Group(tuple(group), workers) for stage in stages for group in _grouped(stage)]
    searched = any(not fit.tested for fit in fits)
    here = [group for group in groups if group.torch and not group.apart]
    # Convolutions are looked into in the coordinator, and an ensemble answers there.
    asked = any(fit.job.architecture.convolutional or (searched and fit.trainer == "torch") for fit in fits)
    torch = LIBRARIES["torch"] * bool(here or asked)
    resident = LIBRARIES["start"] + LIBRARIES["store"] + LIBRARIES["search"] * searched
    resident += held + truth_bytes(dataset) + plan_bytes(fits)
    trained = max((group.bytes(dataset) + torch * (not group.apart) for group in groups), default=0.0)
    left = TORCH_KEEPS * max((group.bytes(dataset) for group in here), default=0.0)
    return {
        "reading": LIBRARIES["start"] + max(2 * held, source.text_bytes * TEXT + source.cells * CELL),
        "training": resident + max(trained, torch, _looking(dataset)),
        "drawing": resident + torch + left + _drawing(dataset, fits, searched),
    }


# What the coordinator keeps


def held_bytes(dataset: Dataset) -> float:
    """The rows as read."""
    images = dataset.images.nbytes if dataset.images is not None else 0
    groups = dataset.groups.nbytes if dataset.groups is not None else 0
    return float(
        sum(column.values.nbytes for column in dataset.columns) + dataset.targets.nbytes + images + groups
    )


def truth_bytes(dataset: Dataset) -> float:
    """What the results keep of the rows: numeric inputs and targets."""
    numeric = sum(column.values.nbytes for column in dataset.columns if not column.categorical)
    return float(numeric + dataset.targets.nbytes)


def plan_bytes(fits: Sequence[Fit]) -> float:
    """Row numbers of all fits; those that fits share are counted once."""
    arrays = [array for fit in fits for array in (fit.split.train, fit.split.validation, fit.inner)]
    return float(sum({id(array): array.nbytes for array in arrays}.values()))


def _looking(dataset: Dataset) -> float:
    """While training rows and test rows are compared, and the truth is packed for the store."""
    compared = (0 if dataset.images is not None else held_bytes(dataset)) + COVERAGE_ROW * dataset.rows
    return max(compared, 3 * truth_bytes(dataset))


def _drawing(dataset: Dataset, fits: Sequence[Fit], searched: bool) -> float:
    """Libraries; the truth, which is read back; points and cells of the pictures of test rows."""
    libraries = LIBRARIES["drawing"] + LIBRARIES["drawing a search"] * searched
    libraries += LIBRARIES["drawing images"] * (dataset.images is not None)
    tested = dataset.rows - dataset.train_rows
    units = max((sum(layer.units for layer in fit.job.architecture.layers) for fit in fits), default=0)
    looked_at = 0 if dataset.images is not None else 16.0 * units * tested
    return libraries + truth_bytes(dataset) + DRAWN_ROW * tested + looked_at


# What workers hold


@dataclass(frozen=True)
class _Group:
    """Fits that are trained beside each other: of one trainer, all convolutional or none."""

    fits: tuple[Fit, ...]
    workers: int

    @property
    def running(self) -> int:
        return min(self.workers, len(self.fits))

    @property
    def torch(self) -> bool:
        return self.fits[0].trainer == "torch"

    @property
    def apart(self) -> bool:
        """Whether each is trained in a process of its own."""
        return self.torch and self.running > 1 and not self.fits[0].job.architecture.convolutional

    def bytes(self, dataset: Dataset) -> float:
        """Sum the largest fits; in processes of their own each has the rows and the libraries too."""
        largest = sorted((fit_bytes(fit, dataset) for fit in self.fits), reverse=True)[: self.running]
        if not self.apart:
            return sum(largest)
        each = LIBRARIES["child"] + held_bytes(dataset)
        return sum(largest) + self.running * each + LIBRARIES["torch shared"]


def _grouped(fits: Sequence[Fit]) -> list[list[Fit]]:
    groups: dict[tuple[str, bool], list[Fit]] = {}
    for fit in fits:
        groups.setdefault((fit.trainer, fit.job.architecture.convolutional), []).append(fit)
    return list(groups.values())


def fit_bytes(fit: Fit, dataset: Dataset) -> float:
    """What one fit holds at most: its rows made ready, its network, and what passes through it at once."""
    architecture = fit.job.architecture
    inputs, outputs = math.prod(architecture.input_shape), architecture.outputs
    train, others = len(fit.learning_rows), len(fit.split.validation) + len(fit.inner)
    test = (dataset.rows - dataset.train_rows) if fit.tested else 0
    answers = 8.0 * outputs * (len(fit.split.validation) + test) * 3
    network = STATE * architecture.parameter_count
    kept = 8.0 * (train + others) * (1 + outputs)
    if architecture.convolutional:
        return kept + network + answers + _convolved(fit, inputs, max(len(fit.split.validation), test))
    prepared = 4.0 * inputs * (train + others) + inputs * train * (dataset.images is not None)
    return kept + network + answers + prepared + _passed(fit, inputs, train)


def _passed(fit: Fit, inputs: int, train: int) -> float:
    """Numbers on their way through a dense network."""
    units = sum(layer.units for layer in fit.job.architecture.layers)
    if fit.trainer == "native":
        return 12.0 * units * min(train, fit.job.training.batch_size)
    at_once = min(train, EVALUATION_ROWS["table"])
    return 4.0 * inputs * train + 8.0 * units * at_once + 24.0 * fit.job.architecture.outputs * train


def _convolved(fit: Fit, inputs: int, asked: int) -> float:
    """Images and their maps on the way: in torch a whole batch at a time, natively a few images."""
    architecture = fit.job.architecture
    maps = sum(
        layer.units * math.prod(layer.size) for layer in architecture.layers if isinstance(layer, ConvLayer)
    )
    predicted = 5.0 * inputs * min(PREDICTED_ROWS, asked)
    if fit.trainer == "native":
        return predicted + 8 * MB
    seen = len(fit.learning_rows) // every_kth(len(fit.learning_rows))
    at_once = max(
        min(fit.job.training.batch_size, len(fit.learning_rows)), min(seen, EVALUATION_ROWS["images"])
    )
    return predicted + 12.0 * maps * at_once + 4.0 * inputs * at_once
