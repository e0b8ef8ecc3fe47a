"""Rows on a device and the batches made of them: tables as they are, images made from shared bytes.

Letters: N rows, B rows of a batch, C channels, H height, W width.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sized
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.engine._trainer import FitData, Job, Rows, every_kth
from shoal.kinds import Takes
from shoal.streams import Role, draw
from shoal.study import Augment

if TYPE_CHECKING:
    from torch import Tensor

ToTensor = Callable[[NDArray[Any]], "Tensor"]

EVALUATION_ROWS: Final[dict[Takes, int]] = {"table": 8192, "images": 1024}
"""Rows evaluated at once: bounds memory, keeps a chunk of images in the cache, and is the same for every fit."""
IMAGE_VALUE: Final = 5.0
"""Bytes of a value of an image on its way into a network: a byte and a float."""


def chunks_of(rows: Sized, takes: Takes) -> list[slice]:
    """Cut rows into chunks that are evaluated at once."""
    step = EVALUATION_ROWS[takes]
    return [slice(start, start + step) for start in range(0, max(len(rows), 1), step)]


class DeviceRows(ABC):
    """Rows on the device, given out as float batches."""

    takes: ClassVar[Takes]

    def __init__(self, tensor: ToTensor, rows: Rows) -> None:
        self.y = tensor(rows.y)
        self.weight = None if rows.weight is None else tensor(rows.weight)
        self.share = None if rows.share is None else tensor(rows.share)
        self._x = tensor(rows.x)

    def __len__(self) -> int:
        return len(self.y)

    def picked(self, rows: Tensor | slice) -> Self:
        """Some of the rows, or all in another order."""
        other = copy.copy(self)
        other.y = self.y[rows]
        other.weight = None if self.weight is None else self.weight[rows]
        other.share = None if self.share is None else self.share[rows]
        return other

    def thinned(self) -> Self:
        """Every k-th row: what the training curve is drawn from."""
        return self.picked(slice(None, None, every_kth(len(self), self.takes)))

    @abstractmethod
    def moves(self, job: Job, epoch: int, tensor: ToTensor) -> Moves | None:
        """Augmentation of an epoch, if any is asked for."""

    @abstractmethod
    def batch(self, rows: slice, moves: Moves | None = None) -> Tensor:
        """Float inputs of some rows."""

    def chunks(self) -> Iterator[Tensor]:
        """All inputs, a chunk at a time."""
        return (self.batch(rows) for rows in chunks_of(self, self.takes))


class FloatRows(DeviceRows):
    """Rows that are floats already, gathered at once: of a table, or images made floats before."""

    takes = "table"

    def picked(self, rows: Tensor | slice) -> Self:
        """Some of the rows, or all in another order."""
        other = super().picked(rows)
        other._x = self._x[rows]
        return other

    def moves(self, job: Job, epoch: int, tensor: ToTensor) -> None:
        """None: only images of bytes are moved."""

    def batch(self, rows: slice, moves: Moves | None = None) -> Tensor:  # noqa: ARG002
        """Float inputs of some rows."""
        return self._x[rows]


class ImageRows(DeviceRows):
    """Images made from bytes that all fits share when their batch comes."""

    takes = "images"

    def __init__(self, tensor: ToTensor, rows: Rows, data: FitData) -> None:
        super().__init__(tensor, rows)
        assert rows.index is not None  # noqa: S101 - who makes this has looked
        assert data.pixel_scale_C is not None  # noqa: S101 - images come with their scale
        assert data.pixel_offset_C is not None  # noqa: S101
        self._index = tensor(rows.index)
        self._scale = tensor(data.pixel_scale_C)[:, None, None]
        self._offset = tensor(data.pixel_offset_C)[:, None, None]

    def picked(self, rows: Tensor | slice) -> Self:
        """Some of the rows, or all in another order."""
        other = super().picked(rows)
        other._index = self._index[rows].contiguous()
        return other

    def moves(self, job: Job, epoch: int, tensor: ToTensor) -> Moves | None:
        """Augmentation of an epoch, if any is asked for."""
        augment = job.training.augment
        if not (augment.shift or augment.flip):
            return None
        return Moves(augment, job.key.words(Role.AUGMENT), (len(self), epoch), tensor)

    def batch(self, rows: slice, moves: Moves | None = None) -> Tensor:
        """Float inputs of some rows; they lie with their channels last, which convolutions are faster on."""
        import torch

        pixels = self._x.index_select(0, self._index[rows])
        if moves is not None:
            pixels = moves.apply(pixels, rows)
        x = pixels.to(self._scale.dtype, memory_format=torch.channels_last)
        return x.mul_(self._scale).add_(self._offset)


def on_device(tensor: ToTensor, rows: Rows, data: FitData) -> DeviceRows:
    """Put rows on the device."""
    return FloatRows(tensor, rows) if rows.index is None else ImageRows(tensor, rows, data)


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
