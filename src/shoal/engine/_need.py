"""The memory that a run will need, said before it starts: a sum of named terms, in bytes. Pure.

A run has three phases, each with a peak of its own: reading the data, training, drawing. Constants that cannot
be counted (libraries, what an allocator keeps) were measured on Linux; `python -m benchmarks.memory` compares
all of it with drawn studies. Memory of several processes is counted as their anonymous memory and, once, the
pages of the libraries that they share.

Letters: N rows, D inputs, K outputs, P parameters.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shoal.data import Dataset
from shoal.engine._batches import EVALUATION_ROWS
from shoal.engine._fits import Fit
from shoal.engine._inside import CHANNELS_KEPT, UNIT_ROWS
from shoal.engine._predict import PREDICTED_ROWS
from shoal.engine._trainer import every_kth
from shoal.nets import ConvLayer
from shoal.study import MOST_IMAGES

MB: Final = 1e6

LIBRARIES: Final = {
    "start": 59 * MB,  # Python, numpy, pydantic, Shoal, the command line
    "store": 4 * MB,  # SQLite
    "search": 12 * MB,  # scipy's distributions, for the choice; later the pictures of the search
    "torch": 205 * MB,  # in the coordinator, 78 MB of it pages of its libraries
    "torch gradients": 75 * MB,  # what its optimisers import
    "torch shared": 78 * MB,  # pages of its libraries, where only child processes have torch
    "child": 226 * MB,  # a child process that trains in torch, its own pages alone
    "drawing": 160 * MB,  # pandas, matplotlib, the canvas of a picture, the page
}
CELL: Final = 72.0
"""Bytes of a cell of a text file: a Python text, and its place in a row."""
TEXT: Final = 5.0
"""Copies of a text file while it is cut up: the text, and the reader's own (4 bytes a character)."""
NAME: Final = 150.0
"""A category or class label as a Python text, its place in a list, and its JSON, while rows are named by content."""
COVERAGE_ROW: Final = 260.0
"""Digests of each row, in lists and sets, while rows in both training and test rows are looked for."""
STATE: Final = 60.0
"""Bytes a parameter: values, moments, best values, gradients, two checkpoints, the record, the store's copies."""
FIT_ROW: Final = 100.0
"""Drawing the order of the rows and sorting their categories: some arrays of 64-bit numbers, one after the other."""
KEPT: Final = 64 * MB
"""What glibc keeps at the end of a thread's heap, at most: twice its largest threshold for mapping (mallopt(3))."""
MAPPED: Final = float(32 << 20)
"""From this size on a block is never kept, but mapped anew (the same threshold)."""
IMAGE: Final = 9.0
"""A value of an image on its way into a convolution: a byte, a float, and that in the order that convolutions want."""
STEP_MAP: Final = 22.0
"""A number of a feature map in a step of torch: the map, its pool and the pool's places, their gradients, and copies in
the order that convolutions want."""
SEEN_MAP: Final = (4.0, 2.0, 1.0)
"""The same without gradients, of the largest layer, block by block: the map, the pool's places, its pool."""
INSIDE_MAP: Final = 12.0
"""The same while channels are looked into: the maps of all layers, before and after activation, and their tests."""
EXCITED_MAP: Final = 40.0
"""The same while images are made that excite them: the map, what leaks through its activation, and their gradients."""
ERROR_BAR: Final = 650.0
"""A test row in a picture of a regression: matplotlib makes an object of each error bar."""
SHADE: Final = 35.0
"""A dot of a picture that is one map of colours: its value, its masks, four channels as float64."""
TILED_SHADE: Final = 65.0
"""The same where the map is a mosaic of images, and is held twice."""
UNIT_CELL: Final = 80.0
"""A unit's output at one input in its picture: its value, its colour, and as a Python number on the way to CSV."""
DOTS: Final = 120.0**2
"""Dots of a square inch."""


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
    fits = [fit for stage in stages for fit in stage]
    groups = [_Group(tuple(group), workers) for stage in stages for group in _grouped(stage)]
    search = LIBRARIES["search"] * any(not fit.tested for fit in fits)
    resident = LIBRARIES["start"] + LIBRARIES["store"] + search + held_bytes(dataset) + plan_bytes(fits)
    training = resident + truth_bytes(dataset)
    torch = _torch_here(fits, groups)
    trained = max((group.bytes(dataset) + torch * (not group.apart) for group in groups), default=0.0)
    left = max((group.left(dataset) for group in groups), default=0.0)
    return {
        "reading": LIBRARIES["start"] + _reading(dataset, source),
        "training": training + max(trained, torch + _inside(dataset, fits), _looking(dataset)),
        "drawing": resident + torch + left + max(_drawing(dataset, fits), 3 * truth_bytes(dataset)),
    }


def _torch_here(fits: Sequence[Fit], groups: Sequence[_Group]) -> float:
    """Torch in the coordinator: it trains there, convolutions are looked into, and an ensemble answers."""
    gradients = any(group.torch and not group.apart for group in groups)
    gradients |= any(fit.job.architecture.convolutional for fit in fits)
    if gradients:
        return LIBRARIES["torch"] + LIBRARIES["torch gradients"]
    return LIBRARIES["torch"] * any(fit.trainer == "torch" and not fit.tested for fit in fits)


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


def _reading(dataset: Dataset, source: Source) -> float:
    """The cells of a text file; rows twice, as they are read, split and put together."""
    named = bool(dataset.classes) or any(column.categorical for column in dataset.columns)
    rows = 2 * held_bytes(dataset) + NAME * dataset.rows * named
    return max(rows, source.text_bytes * TEXT + source.cells * CELL)


def _looking(dataset: Dataset) -> float:
    """While training rows and test rows are compared, and the truth is packed for the store."""
    compared = (0 if dataset.images is not None else held_bytes(dataset)) + COVERAGE_ROW * dataset.rows
    return max(compared, 3 * truth_bytes(dataset))


def _inside(dataset: Dataset, fits: Sequence[Fit]) -> float:
    """While the channels of a convolutional network are looked into, at test images and at images made for them."""
    at_once = min(UNIT_ROWS, dataset.rows - dataset.train_rows)
    channels = [min(CHANNELS_KEPT, max(layer.units for layer in fit.job.architecture.layers)) for fit in fits]
    each = (INSIDE_MAP * at_once + EXCITED_MAP * made for made in channels)
    return max((size * sum(_maps(fit)) for size, fit in zip(each, fits, strict=True)), default=0.0)


def _drawing(dataset: Dataset, fits: Sequence[Fit]) -> float:
    """Libraries; the truth, which is read back; what was answered for test rows; the pictures that are large."""
    tested = dataset.rows - dataset.train_rows
    members = Counter(fit.candidate.id for fit in fits if not fit.tested)
    networks = sum(fit.tested for fit in fits) + 2 * max(members.values(), default=0)
    answers = 8.0 * dataset.outputs * tested * networks
    bars = ERROR_BAR * tested * (0 if dataset.classes else dataset.outputs)
    pictures = _confusion_picture(len(dataset.classes)) + bars
    pictures += max(
        (_unit_picture(dataset, fit, tested) + _map_picture(dataset, fit) for fit in fits), default=0.0
    )
    return LIBRARIES["drawing"] + truth_bytes(dataset) + answers + pictures


def _confusion_picture(classes: int) -> float:
    """Its side grows with the classes (see `draw_confusion`)."""
    side = min(3.4 + 0.52 * classes, 14)
    return SHADE * DOTS * side * (side + 0.8) if classes else 0.0


def _unit_picture(dataset: Dataset, fit: Fit, tested: int) -> float:
    """Units at test rows; where all inputs are numbers, all test rows pass through the network at once."""
    units = [layer.units for layer in fit.job.architecture.layers if not isinstance(layer, ConvLayer)]
    shown = UNIT_CELL * sum(units) * min(tested, 1000)
    kept = dataset.images is not None or any(column.categorical for column in dataset.columns)
    return shown if kept or len(dataset.columns) == 1 else shown + 4.0 * tested * (sum(units) + max(units))


def _map_picture(dataset: Dataset, fit: Fit) -> float:
    """Feature maps of an image of each class, at most 32 channels of a layer (see `draw_feature_maps`)."""
    layers = [layer for layer in fit.job.architecture.layers if isinstance(layer, ConvLayer)]
    columns = min(CHANNELS_KEPT, max((layer.units for layer in layers), default=0))
    rows = min(len(dataset.classes), MOST_IMAGES)
    side = min(0.62, 12 / max(1, columns), 18 / max(1, rows))
    return TILED_SHADE * DOTS * (side * (columns + 1) + 3.2) * (side * rows + 1.4) * bool(layers)


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

    def left(self, dataset: Dataset) -> float:
        """What stays of them in this process when all is trained."""
        kept = (_left(fit, dataset) for fit in self.fits)
        return 0.0 if self.apart else sum(sorted(kept, reverse=True)[: self.running])


def _grouped(fits: Sequence[Fit]) -> list[list[Fit]]:
    groups: dict[tuple[str, bool], list[Fit]] = {}
    for fit in fits:
        groups.setdefault((fit.trainer, fit.job.architecture.convolutional), []).append(fit)
    return list(groups.values())


def fit_bytes(fit: Fit, dataset: Dataset) -> float:
    """What one fit holds at most: its rows made ready, its network, and what passes through it at once."""
    architecture = fit.job.architecture
    inputs, outputs = math.prod(architecture.input_shape), architecture.outputs
    train, others = _learning(fit), len(fit.split.validation) + len(fit.inner)
    test, asked = (dataset.rows - dataset.train_rows) * fit.tested, _asked(fit, dataset)
    answers = 8.0 * outputs * (len(fit.split.validation) + test) * 3
    kept = STATE * architecture.parameter_count + FIT_ROW * train + 8.0 * (train + others) * (1 + outputs)
    if architecture.convolutional:
        return kept + answers + 5.0 * inputs * asked + _convolved(fit, inputs, asked)
    # While an image is made of floats, it is there as bytes, too.
    size = inputs * (5.0 if dataset.images is not None else 4.0)
    prepared = max(size * train, 4.0 * inputs * (train + others) + size * asked)
    return kept + answers + prepared + _passed(fit, inputs, train)


def _learning(fit: Fit) -> int:
    return len(fit.split.train) - len(fit.inner)


def _asked(fit: Fit, dataset: Dataset) -> int:
    """Rows that it predicts at once."""
    test = (dataset.rows - dataset.train_rows) * fit.tested
    return min(PREDICTED_ROWS, max(len(fit.split.validation), test))


def _passed(fit: Fit, inputs: int, train: int) -> float:
    """Numbers on their way through a dense network.

    Torch evaluates some thousand rows at a time, but glibc finds no room for the outputs of the widest layer where the
    last ones have been: aligned blocks (memalign(3)) do not fit into their own holes.
    """
    units = [layer.units for layer in fit.job.architecture.layers]
    if fit.trainer == "native":
        return 12.0 * sum(units) * min(train, fit.job.training.batch_size)
    at_once = min(train, EVALUATION_ROWS["table"])
    evaluated = 4.0 * max(units) * train + 4.0 * (sum(units) - max(units)) * at_once
    return 4.0 * inputs * train + evaluated + 24.0 * fit.job.architecture.outputs * train


def _convolved(fit: Fit, inputs: int, asked: int) -> float:
    """Images and their maps on the way: in torch a whole batch at a time, natively a few images.

    The blocks of a step are kept for the next one, unless they are so large that they are mapped. The blocks of an
    evaluation, of more images at a time, do not fit into their holes.
    """
    if fit.trainer == "native":
        return 8 * MB
    step, block, seen = _torch_blocks(fit, asked)
    batch = min(fit.job.training.batch_size, _learning(fit))
    images = IMAGE * inputs * max(batch, _seen_at_once(fit, asked))
    kept = step + sum(one for one in seen if one > block) if block < MAPPED else 0.0
    return images + max(step, sum(seen), kept)


def _torch_blocks(fit: Fit, asked: int) -> tuple[float, float, list[float]]:
    """Give the maps of a step in bytes, its largest block, and the blocks of an evaluation."""
    maps, at_once = _maps(fit), _seen_at_once(fit, asked)
    batch = min(fit.job.training.batch_size, _learning(fit))
    seen = [share * max(maps) * at_once for share in SEEN_MAP]
    return STEP_MAP * sum(maps) * batch, 4.0 * max(maps) * batch, seen


def _seen_at_once(fit: Fit, asked: int) -> int:
    train = _learning(fit)
    return min(max(train // every_kth(train), asked), EVALUATION_ROWS["images"])


def _left(fit: Fit, dataset: Dataset) -> float:
    """What stays of a fit at the end of its thread's heap: of blocks that are not mapped, so much as glibc keeps."""
    architecture = fit.job.architecture
    asked = _asked(fit, dataset)
    if not architecture.convolutional:
        shares = (4.0, 1.0) if dataset.images is not None else (4.0,)
        rows = (_learning(fit), len(fit.split.validation), len(fit.inner), asked)
        blocks = [share * math.prod(architecture.input_shape) * count for share in shares for count in rows]
    elif fit.trainer == "torch":
        step, block, blocks = _torch_blocks(fit, asked)
        blocks += [step] * (block < MAPPED)
    else:
        blocks = []
    return min(KEPT, sum(block for block in blocks if block < MAPPED))


def _maps(fit: Fit) -> list[int]:
    """Numbers in the feature maps of one image, layer by layer; none without convolutions."""
    layers = fit.job.architecture.layers
    return [layer.units * math.prod(layer.size) for layer in layers if isinstance(layer, ConvLayer)] or [0]
