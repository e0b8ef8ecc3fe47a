"""Rows that are in memory already, as a table: numpy arrays, frames of any library, mappings of columns.

Letters: N rows, D columns, K targets.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sized
from datetime import date, datetime
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._arrow_cells import arrow_cells, is_arrow
from shoal.data._classes import nfc
from shoal.data._findings import Findings, refuse
from shoal.data._table import Cells, DateCells, Foreign, Table, names_are_good
from shoal.errors import DataError, Problem
from shoal.wording import quoted

if TYPE_CHECKING:
    from pandas import DataFrame

NOT_READ: Final = Foreign("values that were not read")
_GIVES_ONE: Final = ("collect", "to_frame", "toarray", "numpy")
"""What gives an array or a frame: of lazy frames, of series, of sparse matrices, of tensors."""


def columns_by_name(x: Any, names: Collection[str], place: str) -> list[tuple[str, Any]]:
    """Take named columns as they are called; no library of frames is imported, none is preferred.

    A level of a pandas index is taken where one of the `names` is its own and no column's. Raises DataError.
    """
    if isinstance(x, np.ndarray):
        return [(name, x[name]) for name in x.dtype.names or ()]
    if isinstance(x, Mapping):
        return [(str(name), values) for name, values in x.items()]
    called = getattr(x, "column_names", None) or getattr(x, "columns", None) if isinstance(x, Sized) else None
    if called is None:
        other = way_to_rows(x)
        what = f"expected an array, a frame or a dict of columns, got {kind_of_thing(x)}"
        raise DataError(Problem(place, f"{what}; its {other}() gives one" if other else what))
    if (levels := getattr(called, "nlevels", 1)) > 1:
        joined = 'columns.map("_".join) makes one of them'
        raise DataError(Problem(place, f"expected one name a column, got {levels} levels of names; {joined}"))
    if callable(getattr(x, "items", None)):  # pandas: the one whose names may be there twice
        return [*((str(name), values) for name, values in x.items()), *_index_levels(x, names)]
    return [(str(name), x[name]) for name in called]


def way_to_rows(x: Any) -> str:
    """Name the method by which a thing that is neither array nor frame becomes one; empty where none is known."""
    return next((name for name in _GIVES_ONE if callable(getattr(x, name, None))), "")


def table_of(named: Iterable[tuple[str, Any]], place: str, names: Collection[str] | None = None) -> Table:
    """Put named columns together, of which those in `names` (None: all) are read, and are of one length.

    Raises DataError for names that are there twice, and for lengths that differ.
    """
    named, findings = list(named), Findings(place)
    names_are_good([name for name, _ in named if name], "", findings)
    refuse(findings.problems())
    columns = {
        name: cells_of(values) if names is None or name in names else NOT_READ
        for name, values in ((nfc(name), values) for name, values in named)
    }
    lengths = {name: len(cells) for name, cells in columns.items() if not isinstance(cells, Foreign)}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{quoted(name)} {length}" for name, length in list(lengths.items())[:10])
        raise DataError(Problem(place, f"expected columns of one length, got {shown}"))
    ordered = tuple(name for name, values in named if name and _has_order(values))
    rows = next(iter(lengths.values()), 0)
    return Table(place, tuple(columns), tuple(columns.values()), rows, ordered=ordered)


def _has_order(values: Any) -> bool:
    """Whether the type of a series says that its categories have an order: of pandas, pyarrow, or an Enum of polars."""
    kind = getattr(values, "type", None) or getattr(values, "dtype", None)
    return getattr(kind, "ordered", None) is True or type(kind).__name__ == "Enum"


def _index_levels(frame: DataFrame, names: Collection[str]) -> Iterator[tuple[str, Any]]:
    """Give the levels of an index of pandas that are asked for and no columns; an unnamed one as pandas stores it."""
    missing = set(map(nfc, names)) - {nfc(str(name)) for name in frame.columns}
    for level, name in enumerate(frame.index.names):
        stored = f"__index_level_{level}__" if name is None else str(name)
        if nfc(stored) in missing:
            yield stored, frame.index.get_level_values(level)


def kind_of_thing(x: object) -> str:
    """Name the type of a thing, with the library that it comes from."""
    library = type(x).__module__.partition(".")[0]
    return type(x).__name__ if library == "builtins" else f"{library}.{type(x).__name__}"


def cells_of(values: Any) -> Cells:
    """Take numbers and text as they are, also mixed; what is missing is None or NaN, and is refused later."""
    if np.ma.is_masked(values):  # numpy forgets the mask
        masked, values = np.ma.getmaskarray(values), np.asarray(values).astype(object)
        values[masked] = None
    try:
        if is_arrow(values):
            return arrow_cells(values)
        array, zone = _array(values)
    except (MemoryError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException:  # every library of frames has its own; a panic of polars is no Exception
        return Foreign(str(getattr(values, "dtype", kind_of_thing(values))))
    if array.ndim != 1:
        single = f"a single {kind_of_thing(values)}"
        return Foreign(f"an array of shape {array.shape}" if array.ndim else single)
    if array.dtype.kind == "T":
        array = array.astype(object)
    if array.dtype.kind in "biufU":
        return array
    if array.dtype.kind == "M":
        return DateCells(array, zone)
    return _object_cells(array) if array.dtype.kind == "O" else Foreign(str(array.dtype))


def _array(values: Any) -> tuple[NDArray[Any], bool | None]:
    """Make an array of values of any library, and say whether they are dates with a time zone."""
    if isinstance(values, list | tuple):  # numpy would make text of all cells where one is text
        return np.array([*values, None], dtype=object)[:-1], None
    zone = _zone(values)
    return np.asarray(values, dtype="datetime64[ns]" if zone else None), zone


def _object_cells(array: NDArray[Any]) -> Cells:
    """Give an array of Python objects the narrowest type that changes no value; a mixture stays one."""
    import pandas as pd

    try:
        missing = pd.isna(array)
    except ArithmeticError:
        return Foreign("a signalling NaN")
    if any(isinstance(value, pd.Interval) for value in array):  # of pandas.cut, as a file has them
        array = np.array([str(value) if isinstance(value, pd.Interval) else value for value in array], object)
    there = array[~missing].tolist()
    if there and all(isinstance(value, date) for value in there):
        return _dates(array, missing)
    strange = next(
        (value for value in there if not isinstance(value, str | bool | np.bool_ | Real | Decimal)), None
    )
    if strange is not None:
        return Foreign(f"cells of {kind_of_thing(strange)}")
    if all(isinstance(value, str) for value in there):
        return [str(value) for value in np.where(missing, "", array)]
    truth = [isinstance(value, bool | np.bool_) for value in there]
    if all(truth) and not missing.any():
        return array.astype(np.bool_)
    if not any(truth) and not any(isinstance(value, str) for value in there):
        whole = all(isinstance(value, Integral) and abs(int(value)) < 2**63 for value in there)
        if whole and not missing.any():
            return array.astype(np.int64)
        return _or_beyond(lambda: np.where(missing, np.nan, array).astype(np.float64))
    gone_N = missing.tolist()
    return _or_beyond(
        lambda: np.array(
            [*(None if gone else _cell(value) for gone, value in zip(gone_N, array, strict=True)), None],
            object,
        )[:-1]
    )


def _or_beyond(numbers: Callable[[], NDArray[Any]]) -> Cells:
    """Give numbers, unless 64 bits do not hold them."""
    try:
        return numbers()
    except OverflowError:
        return Foreign("a whole number beyond the range of float64")


def _cell(value: Any) -> str | bool | int | float:
    """Give a cell of a mixture as text, truth value or number of Python's. Raises OverflowError."""
    if isinstance(value, str | bool | np.bool_):
        return value if isinstance(value, str) else bool(value)
    number = float(value)
    return int(value) if isinstance(value, Integral) else number


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
        offset = value.utcoffset() if isinstance(value, datetime) else None
        if offset is None:
            values[row] = np.datetime64(value)
        else:  # which Python does not take off where it leads out of its years
            values[row] = np.datetime64(value.replace(tzinfo=None)) - np.timedelta64(offset)
    return DateCells(values, zones.pop())
