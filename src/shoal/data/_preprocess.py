"""Rows as read to numbers for the arithmetic, with statistics of chosen rows only.

Categories become one column each (one-hot); numbers may be centred and scaled by mean and population
standard deviation, as scikit-learn's StandardScaler does; a constant column is only centred. Pixels are
divided by 255, or centred and scaled per channel.

Letters: N rows, D columns after one-hot, K targets, C channels, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import numbered, sorted_texts
from shoal.data._dataset import Column, Dataset
from shoal.data._findings import refuse
from shoal.data._pixels import WHITES
from shoal.errors import DataError, ModelFileError, Problem
from shoal.wording import few_quoted, quoted

Standardize = Literal["none", "inputs", "both"]
RESIZING: Final = "bilinear"
"""How images are brought to one size; see `resized_picture`."""
_ROWS_AT_ONCE = 1024
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class Scale:
    """Values become (value - mean) / scale."""

    name: str
    mean: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class OneHot:
    """Values become one column per category, 1 where the value is that category; others are all zero."""

    name: str
    categories: tuple[str, ...]


@dataclass(frozen=True)
class Preprocessing:
    """How rows become numbers: fitted once, then the same for every row. Fit with `fit_preprocessing`."""

    columns: tuple[Scale | OneHot, ...]
    target_scales: tuple[Scale, ...]
    channels: tuple[Scale, ...] = ()
    resize: tuple[int, int] | None = None
    """(H, W) that images of any size were and are brought to, before all else."""
    white: int | None = None
    """The brighter of two levels of the training images (see `white_of`): new images of two levels get the same."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the D columns; a category's is "column=category"."""
        return tuple(
            name
            for column in self.columns
            for name in (
                [f"{column.name}={category}" for category in column.categories]
                if isinstance(column, OneHot)
                else [column.name]
            )
        )

    @property
    def reads(self) -> tuple[object, ...]:
        """What it takes and gives, whatever it was fitted to: columns and their kinds, targets, channels, sizes."""
        columns = tuple((column.name, isinstance(column, OneHot)) for column in self.columns)
        names = (tuple(scale.name for scale in scales) for scales in (self.target_scales, self.channels))
        return (columns, *names, self.resize, self.white)

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the columns as read that hold categories."""
        return tuple(column.name for column in self.columns if isinstance(column, OneHot))

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """The categories that were learned, for each column as read that holds any."""
        return {column.name: column.categories for column in self.columns if isinstance(column, OneHot)}

    def unknown(self, columns: Sequence[Column]) -> Iterator[str]:
        """Say which categories of new rows were not learned, a sentence a column."""
        for column in columns:
            known = self.categories.get(column.name)
            strange = set() if known is None else set(column.values.tolist()) - set(known)
            if strange:
                what = "not among the categories it learned, and read as none of them"
                yield f"column {quoted(column.name)}: {what}: {few_quoted(sorted_texts(strange))}"

    @property
    def pixel_scale_C(self) -> NDArray[np.float32]:
        """What the bytes of each channel are multiplied by, float32 (C,)."""
        return np.array([1 / channel.scale for channel in self.channels], dtype=np.float32)

    @property
    def pixel_offset_C(self) -> NDArray[np.float32]:
        """What is added then, float32 (C,). Two roundings, so that every device gives the same bits."""
        return np.array([-channel.mean / channel.scale for channel in self.channels], dtype=np.float32)

    def inputs(
        self, source: Dataset | Sequence[Column], rows: NDArray[np.int64] | slice | None = None
    ) -> NDArray[np.float32]:
        """Prepare inputs, float32 (N, D), or float32 (N, C, H, W) of a data set of images.

        Raises DataError for a missing column, or a number too large for 32-bit arithmetic.
        """
        if isinstance(source, Dataset) and source.images is not None:
            return self.pixels(source.images if rows is None else source.images[rows])
        columns = source.columns if isinstance(source, Dataset) else source
        chosen = slice(None) if rows is None else rows
        by_name = {column.name: column.values for column in columns}
        refuse(self._misfits(columns))
        count = len(by_name[self.columns[0].name][chosen])
        x_ND = np.zeros((count, len(self.input_names)), dtype=np.float32)
        start = 0
        for column in self.columns:
            values = by_name[column.name][chosen]
            if isinstance(column, OneHot):
                code_N = numbered(values, column.categories, other=-1)
                known = np.flatnonzero(code_N >= 0)
                x_ND[known, start + code_N[known]] = 1
                start += len(column.categories)
            else:
                x_ND[:, start] = _scaled(values, column, "input")
                start += 1
        return x_ND

    def pixels(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepare images (N, C, H, W)."""
        x_NCHW = images.astype(np.float32)
        x_NCHW *= self.pixel_scale_C[:, None, None]
        x_NCHW += self.pixel_offset_C[:, None, None]
        return x_NCHW

    def _misfits(self, columns: Sequence[Column]) -> Iterator[Problem]:
        """Find columns that are missing, or of the other kind."""
        kinds = {column.name: "categories" if column.categorical else "numbers" for column in columns}
        for column in self.columns:
            expected = "categories" if isinstance(column, OneHot) else "numbers"
            actual = kinds.get(column.name, "no such column")
            if actual != expected:
                yield Problem(f"input column {quoted(column.name)}", f"expected {expected}, got {actual}")

    def targets(self, dataset: Dataset, rows: NDArray[np.int64] | slice) -> NDArray[Any]:
        """Prepare targets: float32 (N, K), or int64 (N,) class numbers."""
        if dataset.task == "classification":
            return np.asarray(dataset.targets[rows])
        y_NK = dataset.targets[rows]
        return np.stack(
            [_scaled(y_NK[:, k], scale, "target") for k, scale in enumerate(self.target_scales)], axis=1
        )

    def restore(self, outputs_NK: NDArray[Any]) -> NDArray[np.float64]:
        """Turn outputs of a network into the targets' units, float64 (N, K)."""
        if not self.target_scales:
            return outputs_NK.astype(np.float64)
        scale_K = np.array([column.scale for column in self.target_scales])
        mean_K = np.array([column.mean for column in self.target_scales])
        return np.asarray(outputs_NK.astype(np.float64) * scale_K + mean_K)

    def to_json(self) -> dict[str, Any]:
        """Give plain values for a model file; floats travel exactly."""
        return {
            "inputs": [
                {"name": column.name, "categories": list(column.categories)}
                if isinstance(column, OneHot)
                else _scale_json(column)
                for column in self.columns
            ],
            "targets": [_scale_json(scale) for scale in self.target_scales],
            "channels": [_scale_json(channel) for channel in self.channels],
            **({} if self.resize is None else {"resize": list(self.resize), "method": RESIZING}),
            **({} if self.white is None else {"white": self.white}),
        }

    @classmethod
    def from_json(cls, value: object) -> Preprocessing:
        """Read what `to_json` gave, from a file that may be foreign. Raises ModelFileError."""
        match value:
            case {"inputs": list(inputs), "targets": list(targets), "channels": list(channels), **others} if (
                not others
            ):
                if bool(inputs) != bool(channels):
                    columns = tuple(_column_from_json(entry) for entry in inputs)
                    return cls(columns, _scales_from_json(targets), _scales_from_json(channels))
            case {"resize": [int(height), int(width)], "method": "bilinear", "channels": [*channels], **rest}:
                if channels and height > 0 and width > 0 and bool not in (type(height), type(width)):
                    return replace(cls.from_json({"channels": channels, **rest}), resize=(height, width))
            case {"white": int(white), "channels": [*channels], **rest}:
                if channels and white in WHITES and type(white) is int:
                    return replace(cls.from_json({"channels": channels, **rest}), white=white)
        raise ModelFileError(
            "preprocessing: expected lists of inputs, targets and channels, got something else"
        )


def fit_preprocessing(dataset: Dataset, rows: NDArray[np.int64], standardize: Standardize) -> Preprocessing:
    """Fit to the rows `rows` of `dataset`, looking at no others.

    Raises DataError for a column whose mean or standard deviation overflows.
    """
    if dataset.images is not None:
        return Preprocessing(
            (), (), _fit_channels(dataset.images, rows, standardize), dataset.resize, dataset.white
        )
    columns: list[Scale | OneHot] = []
    for column in dataset.columns:
        values = column.values[rows]
        if column.categorical:
            columns.append(OneHot(column.name, sorted_texts(set(values.tolist()))))
        else:
            columns.append(Scale(column.name) if standardize == "none" else _fit_scale(column.name, values))
    if dataset.task == "classification":
        return Preprocessing(tuple(columns), ())
    both = standardize == "both"
    scales = tuple(
        _fit_scale(name, dataset.targets[rows, k]) if both else Scale(name)
        for k, name in enumerate(dataset.target_names)
    )
    return Preprocessing(tuple(columns), scales)


def _fit_scale(name: str, values_N: NDArray[np.float64]) -> Scale:
    """Mean and population standard deviation, in two passes over numbers brought near 1 by a power of two."""
    low, high = float(values_N.min()), float(values_N.max())
    if low == high:
        return Scale(name, low, 1.0)
    unit = 2.0 ** min(1000, math.frexp(max(abs(low), abs(high)))[1])
    mean = float(np.mean(values_N / unit)) * unit
    with np.errstate(over="ignore"):
        rest_N = values_N - mean
    spread = float(np.abs(rest_N).max())
    if not math.isfinite(spread) or spread < np.finfo(np.float64).tiny:
        what = f"expected numbers that can be standardised, got values from {low} to {high}"
        raise DataError(Problem(f"column {quoted(name)}", what))
    rest_N /= spread
    return Scale(name, mean, spread * math.sqrt(float(np.mean((rest_N - rest_N.mean()) ** 2))))


def _fit_channels(
    images: NDArray[np.uint8], rows: NDArray[np.int64], standardize: Standardize
) -> tuple[Scale, ...]:
    """Scale each channel, from exact counts of its 256 values in the rows."""
    names = ("grey",) if images.shape[1] == 1 else ("red", "green", "blue")
    if standardize == "none":
        return tuple(Scale(name, 0.0, 255.0) for name in names)
    count_CV = np.zeros((len(names), 256), dtype=np.int64)
    for part in np.array_split(rows, math.ceil(len(rows) / _ROWS_AT_ONCE)):
        for number in range(len(names)):
            count_CV[number] += np.bincount(images[part, number].reshape(-1), minlength=256)
    return tuple(
        _scale_of_counts(name, count_V) for name, count_V in zip(names, count_CV.tolist(), strict=True)
    )


def _scale_of_counts(name: str, count_V: list[int]) -> Scale:
    """Mean and population standard deviation of whole numbers, given how often each occurs."""
    total = sum(count_V)
    first = sum(value * count for value, count in enumerate(count_V))
    second = sum(value * value * count for value, count in enumerate(count_V))
    spread = total * second - first * first  # total squared times the variance, exactly
    return Scale(name, first / total, math.sqrt(spread) / total if spread else 1.0)


def _scaled(values_N: NDArray[np.float64], column: Scale, noun: str) -> NDArray[np.float32]:
    """Centre and scale in float64, then round once."""
    with np.errstate(over="ignore"):
        scaled_N = (values_N - column.mean) / column.scale
    worst = int(np.argmax(np.abs(scaled_N))) if len(scaled_N) else 0
    if len(scaled_N) and not abs(scaled_N[worst]) <= _LARGEST:
        what = f"expected numbers within 32-bit floating point (3.4e38), got {values_N[worst]}"
        raise DataError(Problem(f"{noun} column {quoted(column.name)}", what))
    return scaled_N.astype(np.float32)


def _scale_json(column: Scale) -> dict[str, Any]:
    return {"name": column.name, "mean": column.mean, "scale": column.scale}


def _column_from_json(entry: object) -> Scale | OneHot:
    """Read one column's description; everything is checked."""
    match entry:
        case {"name": str(name), "categories": list(categories), **others} if not others:
            if all(isinstance(category, str) for category in categories):
                return OneHot(name, tuple(categories))
        case {"name": str(name), "mean": float(mean), "scale": float(scale), **others} if not others:
            if math.isfinite(mean) and math.isfinite(scale) and scale > 0:
                return Scale(name, mean, scale)
    shown = entry.get("name") if isinstance(entry, Mapping) else entry
    what = f"expected a column with mean and scale or categories, got {str(shown)[:60]!a}"
    raise ModelFileError(f"preprocessing: {what}")


def _scales_from_json(entries: list[object]) -> tuple[Scale, ...]:
    scales = tuple(_column_from_json(entry) for entry in entries)
    if not all(isinstance(scale, Scale) for scale in scales):
        raise ModelFileError(
            "preprocessing: expected means and scales of targets and channels, got categories"
        )
    return tuple(scale for scale in scales if isinstance(scale, Scale))
