"""New rows that are in memory already: numpy arrays, frames, mappings of columns, images.

Letters: N rows, D columns, C channels, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Sized
from datetime import UTC, date
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._classes import nfc
from shoal.data._column_kind import DateStyle
from shoal.data._dataset import Column
from shoal.data._findings import Findings, refuse
from shoal.data._input_columns import read_columns
from shoal.data._missing import STRICT, Missing
from shoal.data._pixels import alike, channels_first, resized, with_white
from shoal.data._table import Cells, DateCells, Foreign, Table, names_are_good
from shoal.errors import DataError, Problem
from shoal.wording import quoted

if TYPE_CHECKING:
    from pandas import DataFrame

_PLACE = "x"


def given_columns(
    x: NDArray[Any] | Mapping[str, Any] | DataFrame,
    names: Sequence[str],
    categories: Mapping[str, Sequence[str]] | None = None,
    missing: Missing = STRICT,
    dates: Mapping[str, DateStyle] | None = None,
) -> tuple[Column, ...]:
    """Read input columns: by name from a frame or a mapping, by place from numbers of shape (N, D).

    A frame is pandas', polars' or any other thing of rows with named columns: `x.columns` or `x.column_names`, and
    `x[name]`. An index of pandas is asked where a name is no column's. The rules are those of a table read
    from a file; see `read_columns`. Raises DataError with every mistake.
    """
    if isinstance(x, np.ndarray) and x.dtype.names is None:
        named = _by_place(
            x, names, {**dict.fromkeys(dates or (), "dates"), **dict.fromkeys(categories or (), "categories")}
        )
    else:
        named = _by_name(x, names)
    findings = Findings(_PLACE)
    names_are_good([name for name, _ in named if name], "", findings)
    refuse(findings.problems())
    known_names = set(map(nfc, names))
    columns = {nfc(name): cells for name, cells in named}
    used = {
        name: cells
        for name, cells in columns.items()
        if name in known_names and not isinstance(cells, Foreign)
    }
    lengths = {name: len(cells) for name, cells in used.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{quoted(name)} {length}" for name, length in list(lengths.items())[:10])
        raise DataError(Problem(_PLACE, f"expected columns of one length, got {shown}"))
    table = Table(_PLACE, tuple(columns), tuple(columns.values()), next(iter(lengths.values()), 0))
    return read_columns(table, names, categories, missing, dates)


def given_images(
    x: Any, shape: tuple[int, ...], *, resize: bool = False, white: int | None = None
) -> NDArray[np.uint8]:
    """Bring images (N, H, W), (N, H, W, C) or (N, C, H, W) into the last form, bytes of `shape` (C, H, W).

    With `resize` those of another size are brought to it. `white` is that of the training images; see `with_white`.
    Raises DataError.
    """
    findings = Findings(_PLACE)
    if np.ma.is_masked(x):
        raise DataError(Problem(_PLACE, "expected images, got an array of which some values are masked"))
    images, _ = channels_first(_one_array(x), "", findings, white)
    if images is not None:
        images, _ = with_white(images, white)
        images = resized(images, (shape[1], shape[2])) if resize else images
        images = alike(images, shape, (), findings)
    refuse(findings.problems())
    if images is None:
        raise DataError(Problem(_PLACE, "expected images"))
    return images


def _one_array(x: Any) -> NDArray[Any]:
    """Give images as one array; those of several sizes, and what is none, are refused."""
    try:
        array = np.asarray(x)
    except (ValueError, TypeError):
        raise DataError(Problem(_PLACE, "expected images of one size, in one array, got several")) from None
    if array.ndim == 0:
        raise DataError(Problem(_PLACE, f"expected an array of images, got {_kind(x)}"))
    return array


def _by_place(x: NDArray[Any], names: Sequence[str], others: Mapping[str, str]) -> list[tuple[str, Cells]]:
    """Take columns of numbers in their order; `others` are columns that are none, and what they hold."""
    for name, content in others.items():
        what = f"expected a frame or a dict of columns, since {quoted(name)} holds {content}, got an array"
        raise DataError(Problem(_PLACE, what))
    if x.ndim != 2 or x.shape[1] != len(names) or x.dtype.kind not in "biuf":
        what = f"expected numbers of shape (N, {len(names)}), got {x.dtype} of shape {x.shape}"
        raise DataError(Problem(_PLACE, what))
    return [(name, _cells(x[:, place])) for place, name in enumerate(names)]


def _by_name(x: Any, names: Sequence[str]) -> list[tuple[str, Cells]]:
    """Take named columns as they are called; no library of frames is imported, none is preferred."""
    if isinstance(x, np.ndarray):
        return [(name, _cells(x[name])) for name in x.dtype.names or ()]
    if isinstance(x, Mapping):
        return [(str(name), _cells(values)) for name, values in x.items()]
    called = getattr(x, "column_names", None) or getattr(x, "columns", None) if isinstance(x, Sized) else None
    if called is None:
        raise DataError(Problem(_PLACE, f"expected an array, a frame or a dict of columns, got {_kind(x)}"))
    if callable(getattr(x, "items", None)):  # pandas: the one whose names may be there twice
        return [*((str(name), _cells(values)) for name, values in x.items()), *_index_levels(x, names)]
    return [(str(name), _cells(x[name])) for name in called]


def _index_levels(frame: DataFrame, names: Sequence[str]) -> Iterator[tuple[str, Cells]]:
    """Give the levels of an index of pandas that are asked for and no columns; an unnamed one as pandas stores it."""
    missing = set(map(nfc, names)) - {nfc(str(name)) for name in frame.columns}
    for level, name in enumerate(frame.index.names):
        stored = f"__index_level_{level}__" if name is None else str(name)
        if nfc(stored) in missing:
            yield stored, _cells(frame.index.get_level_values(level))


def _kind(x: object) -> str:
    """Name the type of a thing, with the library that it comes from."""
    library = type(x).__module__.partition(".")[0]
    return type(x).__name__ if library == "builtins" else f"{library}.{type(x).__name__}"


def _cells(values: Any) -> Cells:
    """Take numbers and text as they are, also mixed; what is missing is None or NaN, and is refused later."""
    if np.ma.is_masked(values):  # numpy forgets the mask
        masked, values = np.ma.getmaskarray(values), np.asarray(values).astype(object)
        values[masked] = None
    zone = _zone(values)
    try:
        array = np.asarray(values) if zone is not True else np.asarray(values, dtype="datetime64[ns]")
    except (ValueError, TypeError):
        return Foreign(type(values).__name__)
    if array.ndim != 1:
        return Foreign(f"an array of shape {array.shape}")
    if isinstance(values, list | tuple):  # numpy would make text of all cells where one is text
        array = np.array([*values, None], dtype=object)[:-1]
    if array.dtype.kind in "biufU":
        return array
    if array.dtype.kind == "M":
        return DateCells(array, zone)
    return _object_cells(array) if array.dtype.kind == "O" else Foreign(str(array.dtype))


def _object_cells(array: NDArray[Any]) -> Cells:
    """Give an array of Python objects the narrowest type that changes no value; a mixture stays one."""
    import pandas as pd

    missing = pd.isna(array)
    there = array[~missing].tolist()
    if there and all(isinstance(value, date) for value in there):
        return _dates(array, missing)
    strange = next(
        (value for value in there if not isinstance(value, str | bool | np.bool_ | Real | Decimal)), None
    )
    if strange is not None:
        return Foreign(f"cells of {_kind(strange)}")
    if all(isinstance(value, str) for value in there):
        return [str(value) for value in np.where(missing, "", array)]
    truth = [isinstance(value, bool | np.bool_) for value in there]
    if all(truth) and not missing.any():
        return array.astype(np.bool_)
    if not any(truth) and not any(isinstance(value, str) for value in there):
        whole = all(isinstance(value, Integral) and abs(int(value)) < 2**63 for value in there)
        if whole and not missing.any():
            return array.astype(np.int64)
        try:
            return _floats(array, missing)
        except OverflowError:
            return Foreign("a whole number beyond the range of float64")
    cells = [float(value) if isinstance(value, Decimal) else value for value in array]
    mixed = np.empty(len(array), dtype=object)
    mixed[:] = [None if gone else cell for gone, cell in zip(missing.tolist(), cells, strict=True)]
    return mixed


def _floats(array: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[np.float64]:
    return np.where(missing, np.nan, array).astype(np.float64)


def _zone(values: Any) -> bool | None:
    """Say whether the dates of a series of pandas or polars have a time zone; None for what does not say so."""
    kind = getattr(values, "dtype", None)
    if isinstance(values, np.ndarray) or kind is None:
        return None
    return any(getattr(kind, name, None) is not None for name in ("tz", "time_zone"))


def _dates(array: NDArray[Any], missing: NDArray[np.bool_]) -> Cells:
    """Take dates that are Python objects, of pandas too, in UTC."""
    zones = {getattr(value, "tzinfo", None) is not None for value in array[~missing]}
    if len(zones) > 1:
        return Foreign("dates with and without a time zone")
    values = np.full(len(array), "NaT", dtype="datetime64[us]")
    for row in np.flatnonzero(~missing).tolist():
        value = array[row]
        if getattr(value, "tzinfo", None) is not None:
            value = value.astimezone(UTC).replace(tzinfo=None)
        values[row] = np.datetime64(value)
    return DateCells(values, zones.pop())
