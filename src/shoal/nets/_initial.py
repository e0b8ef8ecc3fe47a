"""Initial parameters from the streams: PyTorch's default law, drawn by place.

Weights and biases are uniform in +-1/sqrt(fan_in), which is what `torch.nn.Linear.reset_parameters` and
`torch.nn.Conv2d.reset_parameters` draw (kaiming_uniform with a = sqrt(5)); batch norm starts at 1 and 0.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from shoal.nets._architecture import Architecture
from shoal.streams import REFIT_STREAM, Role, StreamKey, uniform


def initial_parameters(architecture: Architecture, key: StreamKey) -> NDArray[np.float32]:
    """Draw the flat parameter vector, shape (P,). Layers of equal shape get equal draws in every candidate."""
    words = key.words(Role.INIT)
    parts: list[NDArray[np.float64]] = []
    for slot in architecture.slots:
        if "_norm." in slot.name:
            parts.append(np.full(slot.size, 1.0 if slot.name.endswith("weight") else 0.0))
            continue
        bound = 1 / math.sqrt(slot.fan_in)
        draws = uniform(words, slot.size, layer=slot.layer, step=int(slot.name.endswith("bias")))
        parts.append((2 * draws - 1) * bound)
    return np.concatenate(parts).astype(np.float32)


def refit_parameters(architecture: Architecture, seed: int, repeat: int) -> NDArray[np.float32]:
    """Draw what the refit on all training rows starts from, shape (P,)."""
    return initial_parameters(architecture, StreamKey(seed, REFIT_STREAM, repeat))


def initial_buffers(architecture: Architecture) -> NDArray[np.float32]:
    """Running means 0 and variances 1, flat."""
    parts = [np.full(slot.size, float(slot.name.endswith("var"))) for slot in architecture.buffer_slots]
    return np.concatenate([np.zeros(0), *parts]).astype(np.float32)
