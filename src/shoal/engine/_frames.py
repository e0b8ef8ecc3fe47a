"""What each snapshot of the delivered network keeps for pictures that move over the epochs, within a few megabytes.

Letters: S snapshots, B bins, U channels of a layer, C channels of an image, M images, G points of a grid, N rows,
K targets, classes or labels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, Final, cast

import numpy as np
from numpy.typing import NDArray

from shoal.data import Dataset, Preprocessing
from shoal.engine._channels import Channels
from shoal.engine._ensemble import grid_of
from shoal.engine._extents import (
    FRAME_BYTES,
    FRAMES_OF_CLASSES,
    FRAMES_OF_IMAGES,
    FRAMES_OF_ROWS,
    GRID_POINTS,
)
from shoal.engine._planned import StudyFit
from shoal.engine._predict import Trained, answers
from shoal.engine._trainer import State, Trainer
from shoal.nets import ConvLayer, weights_by_layer
from shoal.results import MOST_TILES

BINS: Final = 64
MOST_TARGETS: Final = 6
MOST_SIDE: Final = 32
"""Pixels of a kept map along its longer side, at most: of larger ones every k-th."""
_LARGEST: Final = float(np.finfo(np.float32).max)
NAME: Final = "frames/"
"""Begins the names of all that is kept for frames."""

Arrays = dict[str, NDArray[Any]]


class Frames:
    """What is kept of one fit at so many snapshots."""

    def __init__(
        self,
        fit: StudyFit,
        dataset: Dataset,
        preprocessing: Preprocessing,
        rows: Callable[[], NDArray[np.int64]],
        snapshots: int,
    ) -> None:
        """Take the fit and its rows; `rows` gives those of the images whose maps are shown, where there are maps."""
        self._fit, self._dataset, self._preprocessing = fit, dataset, preprocessing
        self._shown_rows, self._snapshots = rows, snapshots

    def of(self, trainer: Trainer, state: State) -> Arrays:
        """Give what is kept of one snapshot; an array of one name has one shape in all of them."""
        named = self._fit.job.architecture.named(state.parameters_P, state.buffers)
        arrays = _counted(named) | self._answered(trainer, state)
        if self._convolutions:
            arrays |= self._kernels(named) | self._maps(named)
        return {f"{NAME}{name}": array for name, array in arrays.items()}

    def finished(self, seen: Arrays) -> Arrays:
        """Put bins of one width under the weights of each layer, and add what is the same in all snapshots."""
        along = self._numbers and self._grid is not None
        fixed: Arrays = {"x": self._grid.values} if along else {"rows": self._rows}
        if self._convolutions:
            fixed |= {"image_rows": self._image_rows, "images": self._images}
        arrays = dict(seen)
        for name in seen:
            if name.endswith("/counts"):
                power = name.removesuffix("counts") + "power"
                arrays[name], arrays[power] = one_width(seen[name], seen[power])
        return arrays | {f"{NAME}{name}": array for name, array in fixed.items()}

    @property
    def images_named(self) -> str:
        """The rows of the images whose maps are kept, as a name."""
        return ",".join(map(str, self._image_rows)) if self._convolutions else ""

    @property
    def _numbers(self) -> bool:
        return self._dataset.task == "regression"

    @property
    def _convolutions(self) -> tuple[ConvLayer, ...]:
        return self._fit.job.architecture.image_convolutions

    @cached_property
    def _image_rows(self) -> NDArray[np.int64]:
        return self._shown_rows()[:FRAMES_OF_IMAGES]

    @cached_property
    def _images(self) -> NDArray[np.uint8]:
        return cast("NDArray[np.uint8]", self._dataset.images)[self._image_rows]

    @cached_property
    def _grid(self) -> Any:
        return grid_of(self._dataset)

    @cached_property
    def _rows(self) -> NDArray[np.int64]:
        """Rows that were learned from, which are asked again at every snapshot: test rows are asked once, at the end.

        Evenly spaced over all; of classes so many of each.
        """
        learned: NDArray[np.int64] = self._fit.rows.learning
        if self._dataset.task == "classification":
            class_N: NDArray[np.int64] = self._dataset.targets[learned]
            each = max(1, FRAMES_OF_CLASSES // len(self._dataset.classes))
            of_classes = (np.flatnonzero(class_N == k) for k in range(len(self._dataset.classes)))
            places = np.sort(np.concatenate([own[_evenly(len(own), each)] for own in of_classes]))
        else:
            places = _evenly(len(learned), FRAMES_OF_ROWS)
        rows: NDArray[np.int64] = learned[places]
        return rows

    def _answered(self, trainer: Trainer, state: State) -> Arrays:
        """What the network answers: along its one input, or to rows; of classes and labels how sure it is of them."""
        architecture, dataset = self._fit.job.architecture, self._dataset
        trained = Trained(architecture, state.parameters_P, state.buffers, self._preprocessing, dataset.task)
        if self._numbers:
            shown = min(dataset.outputs, MOST_TARGETS)
            if self._grid is not None:
                answer_GA = answers(trainer, trained, [self._grid], np.arange(GRID_POINTS, dtype=np.int64))
                return {"curve": _single(answer_GA[:, :shown])}
            return {"answers": _single(answers(trainer, trained, dataset, self._rows)[:, :shown])}
        answer_NK, true = answers(trainer, trained, dataset, self._rows), dataset.targets[self._rows]
        if dataset.task == "classification":
            of_true = answer_NK[np.arange(len(true)), true]
            return {"sure": _single([_mean(of_true[true == k]) for k in range(answer_NK.shape[1])])}
        both = [[_mean(answer_NK[true[:, k] == has, k]) for has in (1, 0)] for k in range(true.shape[1])]
        return {"sure": _single(both)}

    def _kernels(self, named: Mapping[str, NDArray[Any]]) -> Arrays:
        """Kernels of the first convolution."""
        weight_UCHW = named[f"{self._convolutions[0].name}.weight"]
        fitting = FRAME_BYTES // (4 * self._snapshots * weight_UCHW[0].size)
        return _in_bytes("kernels", weight_UCHW[: max(1, min(8 * MOST_TILES, fitting))])

    def _maps(self, named: Mapping[str, NDArray[Any]]) -> Arrays:
        """Feature maps of the shown images, of the first channels of every layer."""
        scale, offset = self._preprocessing.pixel_scale_C, self._preprocessing.pixel_offset_C
        assert scale is not None  # noqa: S101 - images come with their scale
        assert offset is not None  # noqa: S101
        (maps,) = Channels(self._fit.job.architecture, named, scale, offset).maps(self._images)
        room = FRAME_BYTES // (self._snapshots * len(self._convolutions) * len(self._images))
        arrays: Arrays = {}
        for layer, map_MUHW in zip(self._convolutions, maps, strict=True):
            every = every_pixel(map_MUHW.shape[2:], room)
            part = map_MUHW[:, :MOST_TILES, ::every, ::every]
            fitting = max(1, room // math.prod(part.shape[2:]))
            arrays |= _in_bytes(f"{layer.name}/maps", part[:, :fitting])
        return arrays


def every_pixel(size: tuple[int, ...], room: int) -> int:
    """Give k: of maps of this size every k-th pixel is kept, so that a few of them take at most `room` bytes."""
    every = -(-max(size) // MOST_SIDE)
    while every < max(size) and math.prod(-(-side // every) for side in size) > room // 4:
        every += 1
    return every


def _counted(named: Mapping[str, NDArray[Any]]) -> Arrays:
    """How many weights of every layer lie in each of 64 bins around 0, which are as wide as a power of two.

    So bins of two snapshots can be put together exactly, whatever the weights grow to.
    """
    arrays: Arrays = {}
    for layer, weights in weights_by_layer(named).items():
        values = weights.astype(np.float64)
        power = int(np.frexp(np.abs(values).max(initial=2.0**-60))[1]) - int(math.log2(BINS // 2))
        bins = np.floor(np.ldexp(values, -power)).astype(np.int64) + BINS // 2
        arrays[f"{layer}/counts"] = np.bincount(bins, minlength=BINS)
        arrays[f"{layer}/power"] = np.array(power)
    return arrays


def one_width(count_SB: NDArray[np.int64], power_S: NDArray[np.int64]) -> tuple[Any, Any]:
    """Give counts in the widest of the bins, (S, B), and the power of two that is their width, ()."""
    widest = power_S.max()
    place_B = np.arange(BINS) - BINS // 2
    wide_SB = np.zeros_like(count_SB)
    for count_B, power, wide_B in zip(count_SB, power_S, wide_SB, strict=True):
        np.add.at(wide_B, (place_B >> min(int(widest - power), BINS - 1)) + BINS // 2, count_B)
    return wide_SB, widest


def _in_bytes(name: str, values: NDArray[Any]) -> Arrays:
    """Keep numbers as bytes: each is `low + byte * (high - low) / 255`, of which `NAME_ends` are low and high."""
    numbers = np.nan_to_num(values.astype(np.float64), posinf=_LARGEST, neginf=-_LARGEST)
    low, high = float(numbers.min()), float(numbers.max())
    places = ((numbers - low) / (high - low or 1.0) * 255).round()
    return {name: places.astype(np.uint8), f"{name}_ends": np.array([low, high])}


def _single(values: Any) -> NDArray[np.float32]:
    """Give numbers as float32, those that are not finite as NaN: an early network may answer anything."""
    numbers = np.asarray(values, np.float64)
    return np.where(np.abs(numbers) <= _LARGEST, numbers, np.nan).astype(np.float32)


def _mean(values: NDArray[np.float64]) -> float:
    """Mean over rows; NaN without any."""
    return float(values.mean()) if len(values) else math.nan


def _evenly(count: int, most: int) -> NDArray[np.int64]:
    """Give places evenly spaced over all, at most so many."""
    size = min(count, most)
    places: NDArray[np.int64] = np.arange(size, dtype=np.int64) * count // max(1, size)
    return places
