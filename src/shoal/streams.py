"""Counter-based random streams: a draw is a function of its place, so there is no generator state to save.

Philox 4x32-10 (Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3", SC '11), keyed
by (study seed, split, repeat, role); the counter is (block, layer, step, epoch). The four words of
block `i` of `n` draws are draws `i`, `i+Q`, `i+2Q`, `i+3Q` with `Q = ceil(n/4)`: every implementation,
of any vector width, writes whole runs of neighbouring draws and gives the same bits.

The C++ core draws the same bits (tests/contracts); change both or none.

Letters: Q blocks, N draws or rows, L layer, `epoch` and `step` count from 0.
"""

from __future__ import annotations

import enum
import hashlib
import struct
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Places = int | NDArray[Any]

REFIT_STREAM: Final = 2**31 - 1
"""The split number of the refit on all training rows; those of folds lie far below."""

COMPARE_STREAM: Final = 2**31 - 2
"""The split number of the comparisons."""

PERMUTED_STREAM: Final = 2**31 - 3
"""The split number of networks trained on permuted targets."""

INNER_STREAMS: Final = 2**31
"""Added to a split's number for the draw of its inner rows, so that no draw serves two purposes."""

_MULTIPLIER = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


class Role(enum.IntEnum):
    """What a stream is drawn for; roles never share a draw."""

    INIT = 0
    ORDER = 1
    DROPOUT = 2
    SPLIT = 3
    AUGMENT = 4
    INSPECT = 5
    PERMUTE = 6


@dataclass(frozen=True)
class StreamKey:
    """Names the streams of one fit: candidates of one split and repeat share them (common random numbers)."""

    seed: int
    split: int
    repeat: int

    def words(self, role: Role) -> tuple[int, int]:
        """Give the two 32-bit key words of one role: the head of a SHA-256 over the whole name."""
        name = struct.pack("<8sQIII", b"shoal/1\0", self.seed, self.split, self.repeat, role)
        first, second = struct.unpack_from("<II", hashlib.sha256(name).digest())
        return first, second


def philox(key: tuple[int, int], counter: tuple[NDArray[Any] | int, ...]) -> NDArray[np.uint32]:
    """Philox 4x32-10 of many counters at once.

    `counter` holds four words, scalars or arrays that broadcast to one shape S; the answer has shape (4, *S).
    """
    c0, c1, c2, c3 = np.broadcast_arrays(*(np.asarray(word, dtype=np.uint64) for word in counter))
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _MULTIPLIER[0] * c0, _MULTIPLIER[1] * c2
        c0, c1, c2, c3 = (
            (p1 >> _32) ^ c1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _32) ^ c3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack((c0, c1, c2, c3)).astype(np.uint32)


def draw(
    key: tuple[int, int], count: int, *, layer: int = 0, step: Places = 0, epoch: Places = 0
) -> NDArray[np.uint32]:
    """`count` draws of 32 bits at one place, shape (N,); arrays of steps or epochs, shape S, give (*S, N)."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint64)
    step, epoch = (np.asarray(place, dtype=np.uint64)[..., None] for place in (step, epoch))
    words = np.moveaxis(philox(key, (blocks, layer, step, epoch)), 0, -2)
    return words.reshape(*words.shape[:-2], -1)[..., :count]


def uniform(
    key: tuple[int, int], count: int, *, layer: int = 0, step: int = 0, epoch: int = 0
) -> NDArray[np.float64]:
    """`count` draws from [0, 1) with 24 bits each, shape (N,)."""
    bits = draw(key, count, layer=layer, step=step, epoch=epoch) >> np.uint32(8)
    return bits.astype(np.float64) * 2.0**-24


def permutation(key: tuple[int, int], count: int, *, epoch: int = 0) -> NDArray[np.int64]:
    """Give the order of `count` rows in one epoch: rows sorted by their draws, ties by row number; shape (N,)."""
    keyed = draw(key, count, epoch=epoch).astype(np.uint64) << _32 | np.arange(count, dtype=np.uint64)
    keyed.sort()
    return (keyed & _LOW).astype(np.int64)


def dropout_threshold(rate: float) -> int:
    """Give the 16-bit threshold of a rate: a draw below it drops the unit (rates are multiples of 1/65536)."""
    return min(round(rate * 65536), 65535)


def dropout_scale(rate: float) -> np.float32:
    """Give what a kept unit is multiplied by, so that the mean is unchanged exactly at the rounded rate."""
    return np.float32(65536 / (65536 - dropout_threshold(rate)))


def dropout_draws(
    key: tuple[int, int], count: int, *, layer: int, step: Places, epoch: Places
) -> NDArray[np.uint16]:
    """`count` draws of 16 bits, shape (N,) or (*S, N): the low halves of the words of `draw`, then the high halves.

    Unit `h` of row `b` of a batch with `H` units has draw `b*H + h`.
    """
    words = draw(key, (count + 1) // 2, layer=layer, step=step, epoch=epoch)
    return np.concatenate((words, words >> np.uint32(16)), axis=-1).astype(np.uint16)[..., :count]
