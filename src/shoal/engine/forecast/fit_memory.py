"""The memory of one fit, in bytes: what it holds at most, and what stays of it in its process. Pure.

Rows are counted as they are made ready, networks by their parameters, what passes through a network as its trainer
says; blocks freed count where glibc keeps them. See `memory.py`, which sums fits up.
"""

from __future__ import annotations

import math
from typing import Final

from shoal.data import Dataset
from shoal.engine._planned import StudyFit
from shoal.engine._predict import PREDICTED_ROWS
from shoal.engine._trainer import Trainer
from shoal.engine.trainers.batches import IMAGE_VALUE
from shoal.engine.trainers.torch_memory import MAPPED

STATE: Final = 60.0
"""Bytes a parameter: values, moments, best values, gradients, two checkpoints, the record, the store's copies."""
FIT_ROW: Final = 100.0
"""Drawing the order of the rows and sorting their categories: some arrays of 64-bit numbers, one after the other."""
LINGERING: Final = 64e6
"""What glibc keeps at the end of a thread's heap, at most: twice its largest threshold for mapping (mallopt(3))."""


def fit_bytes(fit: StudyFit, trainer: Trainer, dataset: Dataset) -> float:
    """What one fit holds at most: its rows made ready, its network, and what passes through it at once."""
    architecture = fit.job.architecture
    inputs, outputs = math.prod(architecture.input_shape), architecture.outputs
    train, others = fit.rows.learning_count, len(fit.rows.validation) + len(fit.rows.inner)
    test, asked = (dataset.rows - dataset.train_rows) * fit.tested, _asked(fit, dataset)
    answers = 8.0 * outputs * (len(fit.rows.validation) + test) * 3
    state = STATE * architecture.parameter_count + FIT_ROW * train + 8.0 * (train + others) * (1 + outputs)
    passing = trainer.passing_bytes(fit.job, train, asked)
    if architecture.takes == "images":  # which are made ready batch by batch
        return state + answers + IMAGE_VALUE * inputs * asked + passing
    size = inputs * sum(_value_blocks(dataset))
    prepared = max(size * train, 4.0 * inputs * (train + others) + size * asked)
    return state + answers + prepared + passing


def left_bytes(fit: StudyFit, trainer: Trainer, dataset: Dataset) -> float:
    """What stays of a fit at the end of its thread's heap: of blocks that are not mapped, so much as glibc keeps."""
    architecture, asked, blocks = fit.job.architecture, _asked(fit, dataset), list[float]()
    if architecture.takes != "images":
        rows = (fit.rows.learning_count, len(fit.rows.validation), len(fit.rows.inner), asked)
        inputs = math.prod(architecture.input_shape)
        blocks = [size * inputs * count for size in _value_blocks(dataset) for count in rows]
    lingering = trainer.lingering_bytes(fit.job, fit.rows.learning_count, asked)
    return min(LINGERING, lingering + sum(size for size in blocks if size < MAPPED))


def _asked(fit: StudyFit, dataset: Dataset) -> int:
    """Rows that it predicts at once."""
    test = (dataset.rows - dataset.train_rows) * fit.tested
    return min(PREDICTED_ROWS, max(len(fit.rows.validation), test))


def _value_blocks(dataset: Dataset) -> tuple[float, ...]:
    """Bytes of a value of a row made ready: a float, and before it the byte of an image."""
    return (4.0,) if dataset.images is None else (4.0, IMAGE_VALUE - 4.0)


def map_numbers(fit: StudyFit) -> int:
    """Numbers in all feature maps of one image; 0 without convolutions."""
    return sum(layer.numbers for layer in fit.job.architecture.convolutions)
