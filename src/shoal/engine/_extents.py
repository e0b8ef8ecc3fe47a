"""How much of a run is looked at once it is trained: what looks at it keeps to this, and forecasts reckon with it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from shoal.kinds import Takes
from shoal.wording import counted

if TYPE_CHECKING:
    from shoal.data import Dataset
    from shoal.engine._fits import Planner
    from shoal.engine._trainer import Job
    from shoal.nets import Architecture

SERIES_SHOWN: Final = 4
"""Test rows of series that are shown."""
SERIES_CHANNELS: Final = 8
"""Channels of a layer whose maps over time are shown, and for which series are made: the first ones."""
GRID_POINTS: Final = 241
"""Points between the least and the largest value of an only input, at which the ensemble is asked."""
EXCITING_STEPS: Final = 160
"""Steps towards an image that excites a channel."""
CHANNELS_KEPT: Final = 32
"""Channels of a layer that pictures show, at most: the first."""
LOOKED_AT: Final = 2000
"""Test images at which channels are measured, at most."""
MAP_BYTES: Final = 4 << 20
"""Bytes of feature maps kept of one layer, and of images kept beside them, at most."""
COURSE_ROWS: Final = 1000
"""Training rows at which gradients and dead units are measured over the epochs, at most."""
COURSE_BATCHES: Final = 16
"""Batches of them, at most."""
LEAST_BATCH: Final[dict[Takes, int]] = {"table": 256, "images": 32}
"""Rows of such a batch, at least, where no batch norm asks for batches as in training."""
UNIT_ROWS: Final = 400
"""Test rows at which the outputs of dense layers are kept, at most."""
FRAME_BYTES: Final = 3 << 19
"""Of feature maps at all snapshots of the weights that are kept, at most; of kernels a quarter of that."""
FRAMES_OF_IMAGES: Final = 2
FRAMES_OF_ROWS: Final = 400
FRAMES_OF_CLASSES: Final = 1000
"""Images whose feature maps are kept at every snapshot, and training rows that are answered there, at most."""
MOST_ROWS: Final = 2000
"""Rows that each network is asked about with permuted inputs, at most."""
LEAST_ROWS: Final = 50
"""So many rows are asked about of large networks and of many columns, too."""
MOST_WORK: Final = 8e10
"""Multiplications and additions, about two seconds of one core, beyond which fewer rows are asked about."""
FAR_TOO_MUCH: Final = 20
"""How many times that makes the answers of the fewest rows too many to be asked for."""
MOST_GROUPED: Final = 200
"""Columns of which pairs are looked at that may go along with each other, at most."""
MOST_CURVES: Final = 6
MOST_PAIRED: Final = 5
"""Inputs, at most, along which answers are looked at, and in pairs: the most important."""
GRID: Final = 25
PAIR_GRID: Final = 12
"""Values of a number, at most, and of each of a pair: quantiles of the training rows from 1 % to 99 %."""
ROWS: Final = 300
PAIR_ROWS: Final = 100
"""Training rows, at most, that means are over, and pairs are looked at."""
PASSED_AT_ONCE: Final = 8192
"""Rows that pass through the network at once."""
WORK: Final = 4e10
"""Multiplications and additions, about a second of one core, beyond which curves, and pairs, take fewer rows."""
EXPLAINED: Final = 20
"""Images of which it is asked where in them a class is seen, at most: half of them mistakes."""
FEWEST_EXPLAINED: Final = 2
POINTS: Final = (32, 128, 256)
"""Points at which the gradient is taken on the way of a row: more where what is added does not add up with fewer. A way
that is divided has as many as the last at most, and each of its parts no more than the first."""
IMAGE_POINTS: Final = POINTS[:2]
"""Points at which gradients of an image are taken: more where its pixels do not add up with fewer."""
PULLED_AT_ONCE: Final = 64
"""Images through which gradients are pulled back at once."""
ATTRIBUTED: Final = 1e11
"""Multiplications and additions, about four seconds of one core, beyond which fewer images are asked about."""
MAPPED: Final = 1000
"""Test rows whose activations are put on a map, at most."""
MAPPED_BYTES: Final = 64 << 20
"""Bytes of these activations, at most."""


def images_explained(architecture: Architecture) -> int:
    """Give of how many images Grad-CAM is asked, at most: as many as are kept."""
    return max(FEWEST_EXPLAINED, min(EXPLAINED, MAP_BYTES // math.prod(architecture.input_shape)))


def image_points(architecture: Architecture) -> int:
    """Give at how many points of a way gradients of an image are taken, at most.

    A way through dense layers is divided where units bend: to find that takes a pass forwards for each.
    """
    if architecture.convolutions:
        return sum(IMAGE_POINTS)
    return POINTS[-1] + sum(layer.units for layer in architecture.dense[:-1]) // 3


def images_attributed(architecture: Architecture) -> int:
    """Give of how many of these gradients are integrated, each of two classes, forwards and backwards."""
    each = 2 * 3 * image_points(architecture) * max(1, architecture.flops_per_row)
    return max(FEWEST_EXPLAINED, min(images_explained(architecture), int(ATTRIBUTED / each)))


def mapped(dataset: Dataset) -> bool:
    """Whether activations at test rows are put on a map: of images, and of three classes or more."""
    return len(dataset.classes) > 2 or bool(dataset.classes and not dataset.columns)


def rows_mapped(architecture: Architecture) -> int:
    """Give how many test rows are put on a map of what the output layer is given, at most."""
    return min(MAPPED, max(UNIT_ROWS, MAPPED_BYTES // (8 * architecture.layers[-1].inputs)))


def course_rows(job: Job, rows: int) -> tuple[int, int]:
    """Give at how many of so many training rows gradients and dead units are measured, and in how many batches."""
    size = job.training.batch_size
    if not any(layer.batch_norm for layer in job.architecture.layers):
        size = max(size, LEAST_BATCH[job.architecture.takes])
    count = min(rows, COURSE_ROWS, COURSE_BATCHES * size)
    return count, -(-count // size)


def networks_permuted(planner: Planner) -> int:
    """Give how many networks are asked with permuted inputs: those of the folds, or the delivered one."""
    return len(planner.folds) * planner.study.search.repeats if planner.study.search else 1


def rows_permuted(planner: Planner, architecture: Architecture, subjects: int, networks: int) -> int:
    """Give how many rows each network is asked about with the inputs of each subject permuted, at most.

    None where there are none, or even the fewest would take too long.
    """
    flops = max(1, architecture.flops_per_row)
    passes = planner.study.inspect.importance * subjects * networks * flops
    most = MOST_ROWS if passes * MOST_ROWS <= MOST_WORK else max(LEAST_ROWS, int(MOST_WORK / passes))
    held_out = [len(split.validation) for split in planner.folds]
    there = max(held_out, default=planner.dataset.rows - planner.dataset.train_rows)
    rows = min(most, there)
    return rows if passes * rows <= FAR_TOO_MUCH * MOST_WORK else 0


def rows_averaged(architecture: Architecture, train_rows: int) -> tuple[int, int]:
    """Give how many training rows curves, and pairs, are means over."""
    flops = max(1, architecture.flops_per_row)
    points = MOST_CURVES * GRID + PAIR_GRID**2
    evaluations = math.comb(MOST_PAIRED, 2) + MOST_PAIRED
    curves = max(20, min(ROWS, int(WORK / flops / points)))
    pairs = max(10, min(PAIR_ROWS, int(math.sqrt(WORK / flops / evaluations))))
    return min(curves, train_rows), min(pairs, train_rows)


def rows_along_inputs(architecture: Architecture, columns: int, train_rows: int) -> int:
    """Give how many rows pass through the network along the most important inputs and their pairs, in all."""
    curves, pairs = rows_averaged(architecture, train_rows)
    shown, paired = min(columns, MOST_CURVES), min(columns, MOST_PAIRED)
    return curves * (shown * GRID + PAIR_GRID**2) + pairs**2 * (math.comb(paired, 2) + paired)


def importance_notes(planner: Planner, architecture: Architecture) -> Iterator[str]:
    """Say before a run that none of so many inputs will be permuted; the network is like the delivered one."""
    columns, asked = len(planner.dataset.columns), planner.study.inspect.importance
    networks = networks_permuted(planner)
    if columns and asked and not rows_permuted(planner, architecture, columns, networks):
        yield (
            f"inspect.importance = {asked}: {counted(columns, 'input')} permuted one by one take minutes,"
            " so that none is"
        )
