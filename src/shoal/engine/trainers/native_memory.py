"""The memory of what passes through a network that the core trains, in bytes."""

from __future__ import annotations

import math
from typing import Final

from shoal.engine._trainer import Job
from shoal.nets import Architecture, both

FEW_IMAGES: Final = 8e6
"""Bytes of the maps of small images that pass together."""
PASSING_NUMBER: Final = 12.0
NORMED_NUMBER: Final = 4.0
"""Bytes of a unit's output for a row: value, derivative, gradient; with batch norm the normed sum, too."""
NUMBER: Final = 4.0
BLOCK: Final = 16
"""Bytes of a number; images that the core works on side by side."""


def passing_bytes(job: Job, rows: int) -> float:
    """Predict what passes through a network at once: a batch of rows; of images a block or a few, or, where a norm
    needs them together, a batch, whose numbers in the dense layers are little beside the maps.
    """
    architecture, batch = job.architecture, min(rows, job.training.batch_size)
    layers = architecture.layers
    if not architecture.convolutions:
        return batch * sum(
            (PASSING_NUMBER + NORMED_NUMBER * (layer.batch_norm or layer.layer_norm)) * layer.numbers
            for layer in layers
        )
    block = NUMBER * _numbers_of_an_image(architecture) * BLOCK
    if not any(layer.batch_norm for layer in layers):
        return max(FEW_IMAGES, block)
    return FEW_IMAGES + block * -(-batch // BLOCK)


def _numbers_of_an_image(architecture: Architecture) -> int:
    """Count what stays of an image until its batch has passed back: inputs of every convolution, within their
    borders, its sums and the places of its maxima; gradients of the largest. With a skip derivatives beside the normed
    sums, and gradients of what entered its source."""
    size, inputs, numbers, pooled, skipped = architecture.map_shape[1:], list[int](), list[int](), 0, 0
    sources = {layer.source for layer in architecture.convolutions}
    for layer in architecture.convolutions:
        borders = both(layer.padding)
        inputs.append(
            layer.inputs * math.prod(side + 2 * border for side, border in zip(size, borders, strict=True))
        )
        numbers.append(layer.numbers)
        normed = layer.batch_norm or layer.layer_norm
        skipped += inputs[-1] * (layer.name in sources) + layer.numbers * (layer.skip > 0 and normed)
        pooled += layer.units * math.prod(layer.pooled) * (layer.pool == "max")
        size = layer.pooled
    return sum(inputs) + sum(numbers) + pooled + skipped + max(inputs) + max(numbers)
