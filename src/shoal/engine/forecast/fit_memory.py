"""The memory of one fit, in bytes: what it holds at most, and what stays of it in its process. Pure.

Rows are counted as they are made ready, networks by their parameters, what passes through a network by the numbers that
there are at once; blocks freed count where glibc keeps them. See `memory.py`, which sums fits up.
"""

from __future__ import annotations

import math
from typing import Final

from shoal.data import Dataset
from shoal.engine._fits import StudyFit
from shoal.engine._predict import PREDICTED_ROWS
from shoal.engine._trainer import every_kth
from shoal.engine.trainers.batches import EVALUATION_ROWS
from shoal.nets import ConvLayer

NATIVE_IMAGES: Final = 8e6
"""What the native trainer holds of a convolutional network: the maps of a few images."""
STATE: Final = 60.0
"""Bytes a parameter: values, moments, best values, gradients, two checkpoints, the record, the store's copies."""
FIT_ROW: Final = 100.0
"""Drawing the order of the rows and sorting their categories: some arrays of 64-bit numbers, one after the other."""
LINGERING: Final = 64e6
"""What glibc keeps at the end of a thread's heap, at most: twice its largest threshold for mapping (mallopt(3))."""
MAPPED: Final = float(32 << 20)
"""From this size on a block is never kept, but mapped anew (the same threshold)."""
IMAGE: Final = 5.0
"""A value of an image on its way into a network: a byte and a float."""
STEP_MAP: Final = 22.0
"""A number of a feature map in a step of torch: the map, its pool and the pool's places, their gradients, and copies in
the order that convolutions want."""
SEEN_MAP: Final = (4.0, 2.0, 1.0)
"""The same without gradients, of the largest layer, block by block: the map, the pool's places, its pool."""


def fit_bytes(fit: StudyFit, dataset: Dataset) -> float:
    """What one fit holds at most: its rows made ready, its network, and what passes through it at once."""
    architecture = fit.job.architecture
    inputs, outputs = math.prod(architecture.input_shape), architecture.outputs
    train, others = fit.rows.learning_count, len(fit.rows.validation) + len(fit.rows.inner)
    test, asked = (dataset.rows - dataset.train_rows) * fit.tested, _asked(fit, dataset)
    answers = 8.0 * outputs * (len(fit.rows.validation) + test) * 3
    state = STATE * architecture.parameter_count + FIT_ROW * train + 8.0 * (train + others) * (1 + outputs)
    if architecture.convolutional:
        return state + answers + IMAGE * inputs * asked + _convolved(fit, inputs, asked)
    size = inputs * (IMAGE if dataset.images is not None else 4.0)
    prepared = max(size * train, 4.0 * inputs * (train + others) + size * asked)
    return state + answers + prepared + _passed(fit, inputs, train)


def _asked(fit: StudyFit, dataset: Dataset) -> int:
    """Rows that it predicts at once."""
    test = (dataset.rows - dataset.train_rows) * fit.tested
    return min(PREDICTED_ROWS, max(len(fit.rows.validation), test))


def _passed(fit: StudyFit, inputs: int, train: int) -> float:
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


def _convolved(fit: StudyFit, inputs: int, asked: int) -> float:
    """Images and their maps on the way: in torch a whole batch at a time, natively a few images.

    The blocks of a step are kept for the next one, unless they are so large that they are mapped; those of an
    evaluation, of more images at a time, take their place where they are not mapped themselves.
    """
    if fit.trainer == "native":
        return NATIVE_IMAGES
    step, block, seen = _torch_blocks(fit, asked)
    batch = min(fit.job.training.batch_size, fit.rows.learning_count)
    images = IMAGE * inputs * max(batch, _seen_at_once(fit, asked))
    blocks = step + sum(size for size in seen if size >= MAPPED) if block < MAPPED else 0.0
    return images + max(step, sum(seen), blocks)


def _torch_blocks(fit: StudyFit, asked: int) -> tuple[float, float, list[float]]:
    """Give the maps of a step in bytes, its largest block, and the blocks of an evaluation."""
    numbers, at_once = maps(fit), _seen_at_once(fit, asked)
    batch = min(fit.job.training.batch_size, fit.rows.learning_count)
    seen = [share * max(numbers) * at_once for share in SEEN_MAP]
    return STEP_MAP * sum(numbers) * batch, 4.0 * max(numbers) * batch, seen


def _seen_at_once(fit: StudyFit, asked: int) -> int:
    train = fit.rows.learning_count
    return min(max(train // every_kth(train), asked), EVALUATION_ROWS["images"])


def left_bytes(fit: StudyFit, dataset: Dataset) -> float:
    """What stays of a fit at the end of its thread's heap: of blocks that are not mapped, so much as glibc keeps."""
    architecture = fit.job.architecture
    asked, total, blocks = _asked(fit, dataset), 0.0, list[float]()
    if not architecture.convolutional:
        shares = (4.0, 1.0) if dataset.images is not None else (4.0,)
        rows = (fit.rows.learning_count, len(fit.rows.validation), len(fit.rows.inner), asked)
        blocks = [share * math.prod(architecture.input_shape) * count for share in shares for count in rows]
    elif fit.trainer == "torch":
        step, block, blocks = _torch_blocks(fit, asked)
        total = step if block < MAPPED else 0.0
    return min(LINGERING, total + sum(size for size in blocks if size < MAPPED))


def maps(fit: StudyFit) -> list[int]:
    """Numbers in the feature maps of one image, layer by layer; none without convolutions."""
    layers = fit.job.architecture.layers
    return [layer.units * math.prod(layer.size) for layer in layers if isinstance(layer, ConvLayer)] or [0]
