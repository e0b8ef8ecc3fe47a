"""Rows as read to numbers for the arithmetic, with statistics of chosen rows only.

Every input column has an encoder (`_encoder.py`); targets may be centred and scaled. Pixels are divided by 255, or
centred and scaled per channel.

Letters: N rows, D columns after encoding, K targets, C channels, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, Literal, NoReturn

import numpy as np
from numpy.typing import NDArray

from shoal.data._column_kind import DateStyle
from shoal.data._dataset import Column, Dataset, uncopied
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._encoder import (
    Encoder,
    OfCodes,
    OfDates,
    WithCodes,
    encoder_from_json,
    fit_encoder,
    in_order,
    takes,
)
from shoal.data._findings import refuse
from shoal.data._missing import Marks, Missing
from shoal.data._pixels import WHITES
from shoal.data._ranges import Range, far_outside, range_of, ranges_from_json
from shoal.data._scale import Scale, scale_of_counts
from shoal.data._target_scale import TargetScale, fit_target
from shoal.distributions import Distribution, side_by_side
from shoal.errors import DataError, ModelFileError, Problem
from shoal.links import link_of
from shoal.wording import counted, quoted

Standardize = Literal["none", "inputs", "both"]
RESIZING: Final = "bilinear"
"""How images are brought to one size; see `resized_picture`."""
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class Preprocessing:
    """How rows become numbers: fitted once, then the same for every row. Fit with `fit_preprocessing`."""

    columns: tuple[Encoder, ...]
    target_scales: tuple[TargetScale, ...]
    channels: tuple[Scale, ...] = ()
    resize: tuple[int, int] | None = None
    """(H, W) that images of any size were and are brought to, before all else."""
    white: int | None = None
    """The brighter of two levels of the training images (see `white_of`): new images of two levels get the same."""
    missing_marks: tuple[str, ...] = ()
    """What the study took for a missing cell beside the usual words."""
    dialect: Dialect = PLAIN
    """How the study's files are written, and files of new rows will be."""
    ranges: tuple[Range | None, ...] = ()
    """Of each column, where the numbers of the training rows lie; None of one without, nothing where none are known."""

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the D columns; those of codes come last."""
        return tuple(name for column in self.in_order for name in column.names)

    @cached_property
    def in_order(self) -> tuple[Encoder, ...]:
        """The encoders in the order of the D columns."""
        return in_order(self.columns)

    @property
    def code_rows(self) -> tuple[int, ...]:
        """Of each column of codes, how many vectors are to be looked up by them; none without such columns."""
        return tuple(column.rows for column in self.columns if isinstance(column, OfCodes))

    @property
    def reads(self) -> tuple[object, ...]:
        """What it takes and gives, whatever it was fitted to: columns and their kinds, targets, channels, sizes."""
        columns = tuple((column.name, takes(column)) for column in self.columns)
        targets = tuple(
            (target.name, target.kind, target.link, target.distribution) for target in self.target_scales
        )
        return (columns, targets, tuple(channel.name for channel in self.channels), self.resize, self.white)

    @property
    def link(self) -> str:
        """What makes answers of outputs in the targets' units; of classes there are none."""
        return self.target_scales[0].link if self.target_scales else "identity"

    @property
    def distribution(self) -> Distribution | None:
        """What is said of each target; None where that is one number."""
        return self.target_scales[0].distribution if self.target_scales else None

    @property
    def categorical(self) -> tuple[str, ...]:
        """Names of the columns as read that hold categories."""
        return tuple(column.name for column in self.columns if takes(column) == "categories")

    @property
    def categories(self) -> dict[str, tuple[str, ...]]:
        """The categories that were learned, for each column as read that holds any."""
        return {column.name: column.categories for column in self.columns if column.categories is not None}

    @property
    def dates(self) -> dict[str, DateStyle]:
        """How the dates are written of each column as read that holds any."""
        return {column.name: column.style for column in self.columns if isinstance(column, OfDates)}

    @property
    def missing(self) -> Missing:
        """In which columns of new rows cells may be missing, and what stands for one."""
        imputed = frozenset(column.name for column in self.columns if column.imputes)
        return Missing(imputed, Marks.of(self.missing_marks))

    def with_ranges(self, dataset: Dataset, rows: NDArray[np.int64]) -> Preprocessing:
        """Give the same, knowing where the numbers of the training rows `rows` lie."""
        return replace(self, ranges=tuple(range_of(column, rows) for column in dataset.columns))

    @property
    def codes(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """Name of each column of codes, in the same order, and the texts with a code, from 1 on; empty: missing."""
        return tuple((column.name, column.texts) for column in self.columns if isinstance(column, OfCodes))

    @property
    def code_names(self) -> tuple[str, ...]:
        """Names of the columns of codes, in the same order."""
        return tuple(name for name, _ in self.codes)

    def coded(self, at_least: int | None) -> Preprocessing:
        """Give the same with codes for every column of categories that has become `at_least` so many columns; None:
        for no column.
        """
        if at_least is None:
            return self
        return replace(
            self,
            columns=tuple(
                column.coded() if isinstance(column, WithCodes) and column.count >= at_least else column
                for column in self.columns
            ),
        )

    def linked(self, link: str, distribution: Distribution | None = None) -> Preprocessing:
        """Give the same for a network of whose outputs `link` makes answers. Raises StudyError for an unknown one.

        Where answers are not in the units of learned targets, these are left as they are. `distribution` is what is
        said of each target, where that is more than one number.
        """
        if not self.target_scales:
            return self
        if link_of(link).scaled:
            said = tuple(replace(target, distribution=distribution) for target in self.target_scales)
            return self if distribution is None else replace(self, target_scales=said)
        scales = tuple(TargetScale(Scale(target.name), link=link) for target in self.target_scales)
        return replace(self, target_scales=scales)

    def unknown(self, columns: Sequence[Column]) -> Iterator[str]:
        """Say what of new rows was not learned, or lies far outside of what was, a sentence a column."""
        encoders = {encoder.name: encoder for encoder in self.columns}
        for column in columns:
            said = encoders[column.name].unknown(column.values) if column.name in encoders else ""
            if said:
                yield f"column {quoted(column.name)}: {said}"
        yield from far_outside(columns, dict(zip(encoders, self.ranges, strict=False)))

    def misfits(self, code_rows: tuple[int, ...] = ()) -> Iterator[str]:
        """Find what does not go together within a column of a file that may be foreign, and codes that have not so many
        vectors of a network.
        """
        for column in self.columns:
            yield from column.misfits()
        if self.code_rows != code_rows:
            yield f"preprocessing: expected codes of {code_rows} vectors, got {self.code_rows}"
        if len({target.kind for target in self.target_scales}) > 1:
            yield "preprocessing: expected one transform of all targets, got several"
        if len({target.link for target in self.target_scales}) > 1:
            yield "preprocessing: expected one link of all targets, got several"
        if len({target.distribution for target in self.target_scales}) > 1:
            yield "preprocessing: expected one distribution of all targets, got several"

    @property
    def pixel_scale_C(self) -> NDArray[np.float32]:
        """What the bytes of each channel are multiplied by, float32 (C,)."""
        return np.array([1 / channel.scale for channel in self.channels], dtype=np.float32)

    @property
    def pixel_offset_C(self) -> NDArray[np.float32]:
        """What is added then, float32 (C,). Two roundings, so that every device gives the same bits."""
        return np.array([-channel.mean / channel.scale for channel in self.channels], dtype=np.float32)

    def inputs(
        self,
        source: Dataset | Sequence[Column],
        rows: NDArray[np.int64] | slice | None = None,
        dtype: Any = np.float32,
    ) -> NDArray[Any]:
        """Prepare inputs, (N, D) in `dtype`, or float32 (N, C, H, W) of a data set of images.

        Raises DataError for a missing column, or a number too large for such arithmetic.
        """
        if isinstance(source, Dataset) and source.images is not None:
            return self.pixels(source.images if rows is None else source.images[rows])
        columns = source.columns if isinstance(source, Dataset) else source
        chosen = slice(None) if rows is None else rows
        by_name = {column.name: column.values for column in columns}
        refuse(self._misfits(columns))
        count = len(by_name[self.columns[0].name][chosen])
        x_ND = np.zeros((count, len(self.input_names)), dtype=dtype)
        start = 0
        for column in self.in_order:
            end = start + len(column.names)
            column.encode(by_name[column.name][chosen], x_ND[:, start:end])
            start = end
        return x_ND

    @property
    def baseline_D(self) -> NDArray[np.float64]:
        """The D columns of a row that says nothing, float64: of a number whose mean was not learned, the middle of its
        range, or 0 where that is not known either.
        """
        ranges = dict(zip((column.name for column in self.columns), self.ranges, strict=False))
        values: list[float] = []
        for column in self.in_order:
            low, high = ranges.get(column.name) or (0.0, 0.0)
            values += (low / 2 + high / 2 if math.isnan(value) else value for value in column.baseline)
        return np.array(values)

    @property
    def spans(self) -> dict[str, slice]:
        """Where among the D columns those of each column as read stand, in the order of the D columns."""
        spans, start = {}, 0
        for column in self.in_order:
            spans[column.name] = slice(start, start := start + len(column.names))
        return spans

    def pixels(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Prepare images (N, C, H, W)."""
        x_NCHW = images.astype(np.float32)
        x_NCHW *= self.pixel_scale_C[:, None, None]
        x_NCHW += self.pixel_offset_C[:, None, None]
        return x_NCHW

    def _misfits(self, columns: Sequence[Column]) -> Iterator[Problem]:
        """Find columns that are missing, or of the other kind."""
        kinds: dict[str, str] = {column.name: column.takes for column in columns}
        for column in self.columns:
            expected = takes(column)
            actual = kinds.get(column.name, "no such column")
            if actual != expected:
                yield Problem(f"input column {quoted(column.name)}", f"expected {expected}, got {actual}")

    def targets(self, dataset: Dataset, rows: NDArray[np.int64] | slice) -> NDArray[Any]:
        """Prepare targets: float32 (N, K), or int64 (N,) class numbers."""
        if dataset.task == "classification":
            return np.asarray(dataset.targets[rows])
        y_NK = dataset.targets[rows]
        return np.stack([scale.applied(y_NK[:, k]) for k, scale in enumerate(self.target_scales)], axis=1)

    def restore(self, outputs: NDArray[Any]) -> NDArray[np.float64]:
        """Turn outputs of a network into answers in the targets' units, float64 (N, K A); see `distributions`.

        Predictions are the first K of them, and all where one number is said of a target.
        """
        values = outputs.astype(np.float64)
        if not self.target_scales:
            return values
        targets = len(self.target_scales)
        values_NKA = values.reshape(len(values), targets, values.shape[1] // targets)
        for k, scale in enumerate(self.target_scales):
            values_NKA[:, k] = scale.restored(values_NKA[:, k])
        return side_by_side(values_NKA)

    def to_json(self) -> dict[str, Any]:
        """Give plain values for a model file; floats travel exactly."""
        return {
            "inputs": [column.to_json() for column in self.columns],
            "targets": [scale.to_json() for scale in self.target_scales],
            "channels": [channel.to_json() for channel in self.channels],
            **({} if self.resize is None else {"resize": list(self.resize), "method": RESIZING}),
            **({} if self.white is None else {"white": self.white}),
            **({"missing_marks": list(self.missing_marks)} if self.missing_marks else {}),
            **({} if self.dialect == PLAIN else {"dialect": self.dialect.settings()}),
            **({"ranges": [ends and list(ends) for ends in self.ranges]} if self.ranges else {}),
        }

    @classmethod
    def from_json(cls, value: object) -> Preprocessing:
        """Read what `to_json` gave, from a file that may be foreign. Raises ModelFileError."""
        match value:
            case {"inputs": list(inputs), "targets": list(targets), "channels": list(channels), **others} if (
                not others
            ):
                if bool(inputs) != bool(channels):
                    columns = tuple(encoder_from_json(entry) for entry in inputs)
                    return cls(columns, _targets_from_json(targets), _channels_from_json(channels))
            case {"resize": [int(height), int(width)], "method": "bilinear", "channels": [*channels], **rest}:
                if channels and height > 0 and width > 0 and bool not in (type(height), type(width)):
                    return replace(cls.from_json({"channels": channels, **rest}), resize=(height, width))
            case {"white": int(white), "channels": [*channels], **rest}:
                if channels and white in WHITES and type(white) is int:
                    return replace(cls.from_json({"channels": channels, **rest}), white=white)
            case {"missing_marks": [*marks], "inputs": [*inputs], **rest} if inputs and marks:
                if all(isinstance(mark, str) and mark for mark in marks):
                    return replace(cls.from_json({"inputs": inputs, **rest}), missing_marks=tuple(marks))
            case {"dialect": dict(settings), "inputs": [*inputs], **rest} if inputs:
                dialect = Dialect.from_settings(settings)
                if dialect is not None:
                    return replace(cls.from_json({"inputs": inputs, **rest}), dialect=dialect)
            case {"ranges": [*entries], "inputs": [*inputs], **rest} if inputs:
                ranges = ranges_from_json(entries, len(inputs))
                if ranges:
                    return replace(cls.from_json({"inputs": inputs, **rest}), ranges=ranges)
        raise ModelFileError(
            "preprocessing: expected lists of inputs, targets and channels, got something else"
        )


def fit_preprocessing(dataset: Dataset, rows: NDArray[np.int64], standardize: Standardize) -> Preprocessing:
    """Fit to the rows `rows` of `dataset`, looking at no others.

    Raises DataError for a column whose mean or standard deviation overflows, and where no input has a value in them.
    """
    if dataset.images is not None:
        return Preprocessing(
            (), (), _fit_channels(dataset.images, rows, standardize), dataset.resize, dataset.white
        )
    scaled = standardize != "none"
    columns = fit_columns(dataset.columns, rows, dataset.source, standardize=scaled)
    if dataset.task == "classification":
        return Preprocessing(columns, (), missing_marks=dataset.missing_marks, dialect=dataset.dialect)
    both, transform = standardize == "both" and dataset.task == "regression", dataset.target_transform
    chosen = uncopied(rows)
    scales = tuple(
        fit_target(name, dataset.targets[chosen, k], transform, standardize=both)
        for k, name in enumerate(dataset.target_names)
    )
    return Preprocessing(columns, scales, missing_marks=dataset.missing_marks, dialect=dataset.dialect)


def fit_columns(
    columns: Iterable[Column], rows: NDArray[np.int64], source: str, *, standardize: bool
) -> tuple[Encoder, ...]:
    """Fit the encoder of each column to the rows `rows`, looking at no others. Raises DataError as above."""
    chosen = uncopied(rows)
    encoders = tuple(fit_encoder(column, chosen, standardize=standardize) for column in columns)
    if not any(encoder.names for encoder in encoders):
        what = f"expected an input that has a value in the {counted(len(rows), 'row')} of every fit, got none in some"
        raise DataError(Problem(source, what))
    return encoders


def unscalable(
    column: Column, rows: NDArray[np.int64], others: NDArray[np.int64], standardize: Standardize
) -> str:
    """Say why the values in `others` cannot be prepared by statistics of `rows`; nothing where they can."""
    try:
        encoder = fit_encoder(column, rows, standardize=standardize != "none")
        encoder.encode(column.values[others], np.zeros((len(others), len(encoder.names)), dtype=np.float32))
    except DataError as error:
        return error.problems[0].what
    return ""


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
        scale_of_counts(name, count_V) for name, count_V in zip(names, count_CV.tolist(), strict=True)
    )


def _targets_from_json(entries: list[object]) -> tuple[TargetScale, ...]:
    return tuple(TargetScale.from_json(entry) or _no_scale(entry) for entry in entries)


def _channels_from_json(entries: list[object]) -> tuple[Scale, ...]:
    return tuple(Scale.from_json(entry) or _no_scale(entry) for entry in entries)


def _no_scale(entry: object) -> NoReturn:
    """Refuse an entry that is no mean and scale. Raises ModelFileError."""
    encoder_from_json(entry)  # refuses what is no column at all
    raise ModelFileError("preprocessing: expected means and scales of targets and channels, got categories")
