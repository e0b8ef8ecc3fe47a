"""The memory of what passes through a network that torch trains, in bytes, said without importing torch.

Blocks freed count where glibc keeps them. See `forecast/fit_memory.py`, which adds the rows and the network itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from shoal.engine._trainer import Job, every_kth
from shoal.engine.trainers.batches import EVALUATION_ROWS, IMAGE_VALUE
from shoal.kinds import Takes

MAPPED: Final = float(32 << 20)
"""From this size on a block is never kept, but mapped anew: glibc's largest threshold for that (mallopt(3))."""


def passing_bytes(job: Job, rows: int, asked: int) -> float:
    """Predict what passes through a network at once, trained on `rows` rows and asked for `asked` at a time."""
    return _PASSING[job.architecture.takes](job, rows, asked)


def lingering_bytes(job: Job, rows: int, asked: int) -> float:
    """Predict what glibc keeps for the thread of the blocks of steps and evaluations: of those that are not mapped."""
    return _LINGERING[job.architecture.takes](job, rows, asked)


def _of_rows(job: Job, rows: int, asked: int) -> float:  # noqa: ARG001
    """Numbers on their way through a dense network.

    Torch evaluates some thousand rows at a time, but glibc finds no room for the outputs of the widest layer where the
    last ones have been: aligned blocks (memalign(3)) do not fit into their own holes.
    """
    architecture = job.architecture
    units = [layer.numbers for layer in architecture.layers]
    at_once = min(rows, EVALUATION_ROWS["table"])
    evaluated = 4.0 * max(units) * rows + 4.0 * (sum(units) - max(units)) * at_once
    return 4.0 * math.prod(architecture.input_shape) * rows + evaluated + 24.0 * architecture.outputs * rows


def _of_images(job: Job, rows: int, asked: int) -> float:
    """Images and their maps, a whole batch at a time.

    The blocks of a step are kept for the next one, unless they are so large that they are mapped; those of an
    evaluation, of more images at a time, take their place where they are not mapped themselves.
    """
    step, block, seen = _blocks(job, rows, asked)
    batch = min(job.training.batch_size, rows)
    pixels = math.prod(job.architecture.input_shape)
    images = IMAGE_VALUE * pixels * max(batch, _seen_at_once(rows, asked))
    blocks = step + sum(size for size in seen if size >= MAPPED) if block < MAPPED else 0.0
    return images + max(step, sum(seen), blocks)


def _left_of_images(job: Job, rows: int, asked: int) -> float:
    step, block, seen = _blocks(job, rows, asked)
    return step * (block < MAPPED) + sum(size for size in seen if size < MAPPED)


def _blocks(job: Job, rows: int, asked: int) -> tuple[float, float, list[float]]:
    """Give the maps of a step in bytes, its largest block, and the blocks of an evaluation of the largest layer."""
    layers = job.architecture.convolutions
    batch, largest = min(job.training.batch_size, rows), max(layers, key=lambda layer: layer.numbers)
    seen = [size * _seen_at_once(rows, asked) for size in largest.seen_bytes]
    return sum(layer.step_bytes for layer in layers) * batch, 4.0 * largest.numbers * batch, seen


def _seen_at_once(rows: int, asked: int) -> int:
    return min(max(rows // every_kth(rows, "images"), asked), EVALUATION_ROWS["images"])


Bytes = Callable[[Job, int, int], float]
_PASSING: Final[dict[Takes, Bytes]] = {"table": _of_rows, "images": _of_images}
_LINGERING: Final[dict[Takes, Bytes]] = {"table": lambda *_: 0.0, "images": _left_of_images}
