"""Initial parameters from the streams: PyTorch's default law, drawn by place.

Weights and biases are uniform in +-1/sqrt(fan_in), which is what `torch.nn.Linear.reset_parameters` and
`torch.nn.Conv2d.reset_parameters` draw (kaiming_uniform with a = sqrt(5)); batch norm starts at 1 and 0.

Vectors of embeddings are uniform in +-1/sqrt(size), as in Gorishniy, Rubachev, Khrulkov, Babenko (2021): Revisiting
deep learning models for tabular data, NeurIPS; that of a category that was not learned is 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import row_of
from shoal.nets._architecture import Architecture, Slot
from shoal.nets._own_module import numbers_of, own_draws
from shoal.streams import REFIT_STREAM, Role, StreamKey, uniform


def _uniform(slot: Slot, words: tuple[int, int]) -> NDArray[np.float64]:
    draws = uniform(words, slot.size, layer=slot.layer, step=slot.part.draw)
    return np.asarray((2 * draws - 1) * (1 / math.sqrt(slot.part.fan_in)))


def _vectors(slot: Slot, words: tuple[int, int]) -> NDArray[np.float64]:
    drawn = _uniform(slot, words)
    drawn[: slot.part.fan_in] = 0
    return drawn


FIRST: Final[dict[str, Callable[[Slot, tuple[int, int]], NDArray[np.float64]]]] = {
    "uniform": _uniform,
    "vectors": _vectors,
    "ones": lambda slot, _words: np.ones(slot.size),
    "zeros": lambda slot, _words: np.zeros(slot.size),
}
"""What arrays begin as, by the name of the law."""


def initial_parameters(architecture: Architecture, key: StreamKey) -> NDArray[np.float32]:
    """Draw the flat parameter vector, shape (P,). Layers of equal shape get equal draws in every candidate."""
    if architecture.own is not None:
        return initial_numbers(architecture, key)[0]
    return _first(architecture.slots, key.words(Role.INIT))


def refit_parameters(architecture: Architecture, seed: int, repeat: int) -> NDArray[np.float32]:
    """Draw what the refit on all training rows starts from, shape (P,)."""
    return initial_parameters(architecture, StreamKey(seed, REFIT_STREAM, repeat))


def initial_buffers(architecture: Architecture) -> NDArray[np.float32]:
    """Running means 0 and variances 1, flat."""
    return _first(architecture.buffer_slots, (0, 0))


def initial_numbers(
    architecture: Architecture, key: StreamKey
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Give both flat vectors; of a person's own module, which draws from torch's generator, by making it anew."""
    if architecture.own is None:
        return initial_parameters(architecture, key), initial_buffers(architecture)
    first, second = key.words(Role.INIT)
    with own_draws() as seed:
        seed(first | second << 32)
        arrays = architecture.own.arrays(architecture.own.network.build(architecture.outputs))
    return architecture.flat(
        {name: numbers_of(array) for name, array in {**arrays.trained, **arrays.others}.items()}
    )


def _first(slots: tuple[Slot, ...], words: tuple[int, int]) -> NDArray[np.float32]:
    """Lay out what the arrays begin as. Raises StudyError for a law that is unknown."""
    parts = [row_of("first weights", FIRST, slot.part.first)(slot, words) for slot in slots]
    return np.concatenate([np.zeros(0), *parts]).astype(np.float32)
