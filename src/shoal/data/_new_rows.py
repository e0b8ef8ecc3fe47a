"""New rows to predict that are in memory already: numpy arrays, frames, mappings of columns, images.

Letters: N rows, D columns, C channels, H, W height and width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shoal.data._array_columns import array_names, arrays_of
from shoal.data._classes import nfc
from shoal.data._column_kind import DateStyle
from shoal.data._dataset import Column
from shoal.data._findings import Findings, refuse
from shoal.data._input_columns import read_columns
from shoal.data._missing import STRICT, Missing
from shoal.data._pixels import alike, channels_first, resized, with_white
from shoal.data._rows_in_memory import columns_by_name, kind_of_thing, table_of
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
    """Read input columns: by name from a frame or a mapping, by place from numbers (N, D), or (N, C, T) of series.

    A frame is pandas', polars' or any other thing of rows with named columns: `x.columns` or `x.column_names`, and
    `x[name]`. An index of pandas is asked where a name is no column's. The rules are those of a table read
    from a file; see `read_columns`. Raises DataError with every mistake.
    """
    if isinstance(x, np.ndarray) and x.dtype.names is None:
        others = {**dict.fromkeys(dates or (), "dates"), **dict.fromkeys(categories or (), "categories")}
        named = _by_place(x, names, others)
    else:
        named = columns_by_name(x, names, _PLACE)
    return read_columns(
        table_of(named, _PLACE, frozenset(map(nfc, names))), names, categories, missing, dates
    )


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
        raise DataError(Problem(_PLACE, f"expected an array of images, got {kind_of_thing(x)}"))
    return array


def _shapes(names: Sequence[str]) -> list[tuple[int, ...]]:
    """Give the shapes of rows that hold these columns in their order: of an array also with its axes, one or two."""
    flat = (len(names),)
    for array, shape in arrays_of(names).items():
        if list(names) == array_names(array, shape):
            return [flat, shape if len(shape) == 2 else (1, *shape)]
    return [flat]


def _by_place(x: NDArray[Any], names: Sequence[str], others: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Take columns of numbers in their order; `others` are columns that are none, and what they hold."""
    for name, content in others.items():
        what = f"expected a frame or a dict of columns, since {quoted(name)} holds {content}, got an array"
        raise DataError(Problem(_PLACE, what))
    shapes = _shapes(names)
    if x.shape[1:] not in shapes or x.dtype.kind not in "biuf":
        said = " or ".join(f"(N, {', '.join(map(str, shape))})" for shape in shapes)
        what = f"expected numbers of shape {said}, got {x.dtype} of shape {x.shape}"
        raise DataError(Problem(_PLACE, what))
    return list(zip(names, x.reshape(len(x), len(names)).T, strict=True))
