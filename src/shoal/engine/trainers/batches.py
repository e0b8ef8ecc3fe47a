"""Rows on a device and the batches made of them: tables as they are, images made from shared bytes.

Letters: N rows, B rows of a batch, C channels, H height, W width.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sized
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import FitData, Rows, every_kth
from shoal.streams import draw
from shoal.study import Augment

if TYPE_CHECKING:
    from torch import Tensor

ToTensor = Callable[[NDArray[Any]], "Tensor"]

EVALUATION_ROWS = {"table": 8192, "images": 1024}
"""Rows evaluated at once: bounds memory, keeps a chunk of images in the cache, and is the same for every fit."""


def chunks_of(rows: Sized, kind: str = "table") -> list[slice]:
    """Cut rows into chunks that are evaluated at once; `kind` is table or images."""
    step = EVALUATION_ROWS[kind]
    return [slice(start, start + step) for start in range(0, max(len(rows), 1), step)]


class DeviceRows:
    """Rows on the device, given out as float batches: tables as they are, images made from shared bytes."""

    def __init__(self, tensor: ToTensor, rows: Rows, data: FitData) -> None:
        self.y = tensor(rows.y)
        self.weight = None if rows.weight is None else tensor(rows.weight)
        self.images = rows.index is not None
        self._x = tensor(rows.x)
        if rows.index is not None:
            assert data.pixel_scale_C is not None  # noqa: S101 - images come with their scale
            assert data.pixel_offset_C is not None  # noqa: S101
            self._index = tensor(rows.index)
            self._scale = tensor(data.pixel_scale_C)[:, None, None]
            self._offset = tensor(data.pixel_offset_C)[:, None, None]

    def __len__(self) -> int:
        return len(self.y)

    def ordered(self, order_N: Tensor) -> DeviceRows:
        """The same rows in another order: tables are gathered at once, images when their batch comes."""
        other = copy.copy(self)
        other.y = self.y[order_N]
        other.weight = None if self.weight is None else self.weight[order_N]
        if self.images:
            other._index = self._index[order_N]
        else:
            other._x = self._x[order_N]
        return other

    def thinned(self) -> DeviceRows:
        """Every k-th image, or all rows of a table: what the training curve is drawn from."""
        if not self.images:
            return self
        other, every = copy.copy(self), every_kth(len(self))
        other.y, other._index = self.y[::every], self._index[::every].contiguous()
        other.weight = None if self.weight is None else self.weight[::every]
        return other

    def batch(self, rows: slice, moves: Moves | None = None) -> Tensor:
        """Float inputs of some rows; images lie with their channels last, which convolutions are faster on."""
        import torch

        if not self.images:
            return self._x[rows]
        pixels = self._x.index_select(0, self._index[rows])
        if moves is not None:
            pixels = moves.apply(pixels, rows)
        x = pixels.to(self._scale.dtype, memory_format=torch.channels_last)
        return x.mul_(self._scale).add_(self._offset)

    def chunks(self) -> Iterator[Tensor]:
        """All inputs, a chunk at a time."""
        return (self.batch(rows) for rows in chunks_of(self, "images" if self.images else "table"))


class Moves:
    """Augmentation of one epoch: how far each image is moved and whether it is mirrored, drawn by its place."""

    def __init__(
        self, augment: Augment, key: tuple[int, int], place: tuple[int, int], tensor: ToTensor
    ) -> None:
        rows, epoch = place
        self.shift = augment.shift
        span = np.uint64(2 * augment.shift + 1)
        words = [draw(key, rows, layer=layer, epoch=epoch).astype(np.uint64) for layer in range(3)]
        self._down, self._right = (
            tensor(((word * span) >> np.uint64(32)).astype(np.int64)) for word in words[:2]
        )
        mirrored = (words[2] >> np.uint64(31)).astype(bool) & augment.flip
        self._mirrored = tensor(mirrored)

    def apply(self, pixels: Tensor, rows: slice) -> Tensor:
        """Move and mirror a batch (B, C, height, width) of bytes."""
        import torch
        from torch.nn import functional

        height, width = pixels.shape[2:]
        place = torch.arange(max(height, width), device=pixels.device)
        across = torch.where(self._mirrored[rows, None], width - 1 - place[:width], place[:width])
        down_BH = self._down[rows, None] + place[:height]
        right_BW = self._right[rows, None] + across
        padded = functional.pad(pixels, (self.shift,) * 4)
        row_B = torch.arange(len(pixels), device=pixels.device)[:, None, None]
        return padded[row_B, :, down_BH[:, :, None], right_BW[:, None, :]].permute(0, 3, 1, 2)


def channels_last(x: Tensor) -> Tensor:
    """Lay images with their channels last; rows of a table stay as they are."""
    import torch

    return x.to(memory_format=torch.channels_last) if x.ndim == 4 else x
