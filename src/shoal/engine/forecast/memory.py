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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from shoal.data import TEXT_CELL, TEXT_COPIES, Dataset
from shoal.engine._extents import CHANNELS_KEPT, PASSED_AT_ONCE, UNIT_ROWS, mapped, rows_mapped
from shoal.engine._planned import StudyFit
from shoal.engine.forecast.drawing import Drawing
from shoal.engine.forecast.fit_memory import fit_bytes, left_bytes, map_numbers
from shoal.engine.forecast.groups import FitGroup
from shoal.engine.forecast.simple_models import LIBRARIES as SIMPLE_MODELS
from shoal.engine.trainers.choice import Trainers
from shoal.results import MAX_UNITS

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
NAME: Final = 150.0
"""A category or class label as a Python text, its place in a list, and its JSON, while rows are named by content."""
COVERAGE_ROW: Final = 260.0
"""Digests of each row, in lists and sets, while rows in both training and test rows are looked for."""
PLANNED: Final = 1300.0
"""A fit and its place in the plan."""
SEARCH_ERRORS: Final = 6.6
"""Arrays of every unit and candidate at a time, while candidates are compared on the rows held out: measured."""
INSIDE_MAP: Final = 12.0
"""A number of a feature map while channels are looked into: before and after activation, and what is asked of it."""
ALONG_INPUTS: Final = 12.0
"""An input of a row that is asked about with others: as it is, as it is set, and on its way."""
EXCITED_MAP: Final = 40.0
"""The same while images are made that excite them: the map, what leaks through its activation, and their gradients."""


@dataclass(frozen=True)
class TextSize:
    """What the data are read from: bytes of text (0 for other files), unpacked, and how many cells they have."""

    text_bytes: int
    cells: int


def source_of(dataset: Dataset) -> TextSize:
    """Say how much text was read; the cells are those of the columns used."""
    cells = dataset.rows * (len(dataset.columns) + len(dataset.target_names))
    return TextSize(dataset.text_bytes, cells if dataset.text_bytes else 0)


def predicted_peaks(
    dataset: Dataset,
    source: TextSize,
    groups: Sequence[FitGroup],
    drawing: Drawing | None,
    *,
    replayed: bool = False,
    simple_models: float = 0.0,
) -> dict[str, float]:
    """Predict the peak of each phase; `groups` are all fits, as they are trained.

    With `replayed`, the delivered network is trained once more in the coordinator, to be watched. `simple_models` is
    what these take. Without `drawing`, all ends with training.
    """
    everything = [fit for group in groups for fit in group.fits]
    groups = [replace(group, fits=_few(group)) for group in groups]
    fits = [fit for group in groups for fit in group.fits]
    search = LIBRARIES["search"] * any(not fit.tested for fit in fits)
    start = LIBRARIES["start"] + dataset.given_bytes
    resident = start + LIBRARIES["store"] + search + held_bytes(dataset)
    resident += plan_bytes(everything)
    training = resident + truth_bytes(dataset)
    torch = _torch_here(groups, replayed)
    again = max((max(_fit_bytes(group, dataset)) for group in groups), default=0.0) * replayed
    trained = max((_group_bytes(group, dataset) + torch * (not group.apart) for group in groups), default=0.0)
    reading = start + _reading(dataset, source)
    if drawing is None:
        return {"reading": reading, "training": training + max(trained, _looking(dataset))}
    libraries = min(simple_models, SIMPLE_MODELS)
    drawn = _drawing(dataset, everything) + drawing.memory(fit.job.architecture for fit in fits)
    remaining = max((_group_left(group, dataset) for group in groups), default=0.0)
    return {
        "reading": reading,
        "training": training
        + max(
            trained,
            torch + simple_models + drawing.beside,
            torch + libraries + again + _inside(dataset, fits) + drawing.beside,
            _looking(dataset),
        ),
        "drawing": resident
        + torch
        + libraries
        + remaining
        + max(drawn + drawing.beside, 3 * truth_bytes(dataset)),
    }


def _torch_here(groups: Sequence[FitGroup], replayed: bool) -> float:
    """Torch in the coordinator: it trains there, looks into convolutions that the core does not take, and an ensemble
    answers.
    """
    by_torch = [group for group in groups if group.trainer.imports_torch]
    if any(replayed or not group.apart for group in by_torch):
        return LIBRARIES["torch"] + LIBRARIES["torch gradients"]
    asked = any(not fit.tested for group in by_torch for fit in group.fits)
    mapped = (
        fit.job.architecture for group in groups for fit in group.fits if fit.job.architecture.convolutions
    )
    looked_into = any(Trainers().taking(architecture).imports_torch for architecture in mapped)
    return LIBRARIES["torch"] * (asked or looked_into)


# What the coordinator keeps


def held_bytes(dataset: Dataset) -> float:
    """The rows as read."""
    groups = dataset.groups, dataset.test_groups
    arrays = (*(column.values for column in dataset.columns), dataset.targets, dataset.images, *groups)
    return float(sum(array.nbytes for array in arrays if array is not None))


def truth_bytes(dataset: Dataset) -> float:
    """What the results keep of the rows: numeric inputs, targets, and the numbers of their groups."""
    numeric = sum(column.values.nbytes for column in dataset.columns if not column.categorical)
    groups = 8 * dataset.rows * (dataset.groups is not None)
    return float(numeric + dataset.targets.nbytes + groups)


def plan_bytes(fits: Sequence[StudyFit]) -> float:
    """What describes each fit, and row numbers; those that fits share are counted once."""
    splits = {id(fit.split): fit.split for fit in fits}.values()
    arrays = [array for split in splits for array in (split.train, split.validation)]
    arrays += [fit.rows.inner for fit in fits]
    return PLANNED * len(fits) + float(sum({id(array): array.nbytes for array in arrays}.values()))


def _reading(dataset: Dataset, source: TextSize) -> float:
    """The cells of a text file; rows twice, as they are read, split and put together."""
    named = bool(dataset.classes) or any(column.categorical for column in dataset.columns)
    rows = 2 * held_bytes(dataset) + NAME * dataset.rows * named
    return max(rows, source.text_bytes * TEXT_COPIES + source.cells * TEXT_CELL)


def _looking(dataset: Dataset) -> float:
    """While training rows and test rows are compared, columns by copies, and the truth is packed for the store."""
    compared = held_bytes(dataset) * bool(dataset.columns) + COVERAGE_ROW * dataset.rows
    return max(compared, 3 * truth_bytes(dataset))


def _inside(dataset: Dataset, fits: Sequence[StudyFit]) -> float:
    """While the channels of a convolutional network are looked into, at test images and at images made for them; and
    while a network is asked along the inputs of a table.
    """
    on_map = max((_mapped(dataset, fit) for fit in fits), default=0.0) if mapped(dataset) else 0.0
    if dataset.columns:
        inputs = (math.prod(fit.job.architecture.input_shape) for fit in fits)
        return max(on_map, ALONG_INPUTS * PASSED_AT_ONCE * max(inputs, default=0))
    at_once = min(UNIT_ROWS, dataset.rows - dataset.train_rows)
    channels = [min(CHANNELS_KEPT, max(layer.units for layer in fit.job.architecture.layers)) for fit in fits]
    each = (INSIDE_MAP * at_once + EXCITED_MAP * made for made in channels)
    numbers = (size * map_numbers(fit) for size, fit in zip(each, fits, strict=True))
    return max(on_map, max(numbers, default=0.0))


def _mapped(dataset: Dataset, fit: StudyFit) -> float:
    """While activations at test rows are put on a map: themselves, and five products of all pairs of rows."""
    rows = min(rows_mapped(fit.job.architecture), dataset.rows - dataset.train_rows)
    return 8.0 * rows * (1.5 * fit.job.architecture.layers[-1].inputs + 5 * rows)


def _drawing(dataset: Dataset, fits: Sequence[StudyFit]) -> float:
    """Libraries; the truth, which is read back; what was answered for test rows; candidates on the rows held out."""
    tested = dataset.rows - dataset.train_rows
    members = Counter(fit.candidate.id for fit in fits if not (fit.tested or fit.nested))
    networks = sum(fit.tested for fit in fits) + 2 * max(members.values(), default=0)
    of_row = dataset.outputs * max((fit.job.outputs_of_target for fit in fits), default=1)
    answers = 8.0 * of_row * tested * networks
    compared = compared_bytes(min(MAX_UNITS, dataset.train_rows), len(members))
    return LIBRARIES["drawing"] + truth_bytes(dataset) + answers + compared


def compared_bytes(units: int, candidates: int) -> float:
    """While so many candidates are compared on so many rows, or groups, held out."""
    return 8.0 * SEARCH_ERRORS * units * candidates


# What workers hold


def _group_bytes(group: FitGroup, dataset: Dataset) -> float:
    """Sum the largest fits; in processes of their own each has the rows and the libraries too."""
    largest = sorted(_fit_bytes(group, dataset), reverse=True)[: group.running]
    if not group.apart:
        return sum(largest)
    each = LIBRARIES["child"] + held_bytes(dataset)
    return sum(largest) + group.running * each + LIBRARIES["torch shared"]


def _fit_bytes(group: FitGroup, dataset: Dataset) -> list[float]:
    return [fit_bytes(fit, group.trainer, dataset) for fit in group.fits]


def _group_left(group: FitGroup, dataset: Dataset) -> float:
    """What stays of them in this process when all is trained."""
    remaining = (left_bytes(fit, group.trainer, dataset) for fit in group.fits)
    return 0.0 if group.apart else sum(sorted(remaining, reverse=True)[: group.running])


def _few(group: FitGroup) -> list[StudyFit]:
    """Keep of each kind as many as can run at a time: the others hold nothing more."""
    counts: Counter[tuple[int, ...]] = Counter()
    few = []
    for fit in group.fits:
        if counts[fit.cost_key] < group.workers:
            counts[fit.cost_key] += 1
            few.append(fit)
    return few
