"""New rows that are in memory already: numpy arrays, frames, mappings of columns, images.

Letters: N rows, D columns, C channels, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._dataset import Column
from shoal.data._findings import Findings, quoted, refuse
from shoal.data._pixels import alike, channels_first, resized
from shoal.data._source import read_columns
from shoal.data._tables import Cells, Foreign, Table
from shoal.errors import DataError, Problem

if TYPE_CHECKING:
    from pandas import DataFrame

_PLACE = "x"


def given_columns(
    x: NDArray[Any] | Mapping[str, Any] | DataFrame, names: Sequence[str], categorical: Sequence[str] = ()
) -> tuple[Column, ...]:
    """Read input columns: by name from a frame or a mapping, by place from numbers of shape (N, D).

    The rules are those of a table read from a file. Raises DataError with every mistake.
    """
    named = _by_place(x, names, categorical) if isinstance(x, np.ndarray) else _by_name(x)
    used = {name: cells for name, cells in named.items() if name in names and not isinstance(cells, Foreign)}
    lengths = {name: len(cells) for name, cells in used.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{quoted(name)} {length}" for name, length in list(lengths.items())[:10])
        raise DataError(Problem(_PLACE, f"expected columns of one length, got {shown}"))
    table = Table(_PLACE, tuple(named), tuple(named.values()), next(iter(lengths.values()), 0))
    return read_columns(table, names, categorical)


def given_images(x: NDArray[Any], shape: tuple[int, ...], *, resize: bool = False) -> NDArray[np.uint8]:
    """Bring images (N, H, W), (N, H, W, C) or (N, C, H, W) into the last form, bytes of `shape` (C, H, W).

    With `resize` those of another size are brought to it. Raises DataError.
    """
    findings = Findings(_PLACE)
    images, _ = channels_first(x, "", findings)
    if images is not None:
        images = resized(images, (shape[1], shape[2])) if resize else images
        images = alike(images, shape, (), findings)
    refuse(findings.problems())
    if images is None:
        raise DataError(Problem(_PLACE, "expected images"))
    return images


def _by_place(x: NDArray[Any], names: Sequence[str], categorical: Sequence[str]) -> dict[str, Cells]:
    if categorical:
        what = f"expected a frame or a dict of columns, since {quoted(categorical[0])} holds categories, got an array"
        raise DataError(Problem(_PLACE, what))
    if x.ndim != 2 or x.shape[1] != len(names) or x.dtype.kind not in "biuf":
        what = f"expected numbers of shape (N, {len(names)}), got {x.dtype} of shape {x.shape}"
        raise DataError(Problem(_PLACE, what))
    return {name: x[:, place] for place, name in enumerate(names)}


def _by_name(x: Mapping[str, Any] | DataFrame) -> dict[str, Cells]:
    import pandas as pd

    if not isinstance(x, Mapping | pd.DataFrame):
        what = f"expected an array, a frame or a dict of columns, got {type(x).__name__}"
        raise DataError(Problem(_PLACE, what))
    columns = list(x.items())
    names = [str(name) for name, _ in columns]
    for name in names:
        if names.count(name) > 1:
            what = f"expected every column name once, got {quoted(name)} {names.count(name)} times"
            raise DataError(Problem(_PLACE, what))
    return {str(name): _cells(values) for name, values in columns}


def _cells(values: Any) -> Cells:
    """Take numbers and text as they are; missing text is empty, a missing number is NaN; both are refused later."""
    import pandas as pd

    try:
        array = np.asarray(values)
    except (ValueError, TypeError):
        return Foreign(type(values).__name__)
    if array.ndim != 1:
        return Foreign(f"an array of shape {array.shape}")
    if array.dtype.kind in "biufU":
        return array
    if array.dtype.kind == "O":
        missing = pd.isna(array)
        there = array[~missing].tolist()
        if all(isinstance(value, str) for value in there):
            return [str(value) for value in np.where(missing, "", array)]
        if all(isinstance(value, Real) for value in there):
            return np.where(missing, np.nan, array).astype(np.float64)
    return Foreign(str(array.dtype))
