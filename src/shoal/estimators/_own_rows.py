"""Rows for people's own modules: arrays of any number of axes, several by name, datasets of PyTorch.

All of them become one array of floats, (N, D), of which a module is given its own shapes again. Letters: N rows, D
numbers of a row.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import validate_data

from shoal.estimators._inputs import CheckedImages, refuse_times
from shoal.nets import InputPart
from shoal.wording import listed, quoted

_FLOATS: Final = (np.float64, np.float32)
_EXACT: Final = {"float32": 2**24, "float64": 2**53}
"""Up to here every whole number is one in such floats."""
_LOOKED_AT: Final = 32
"""Rows of a Dataset that are read again: half of them mirrored by chance are all the same once in 2**32."""


def rows_and_targets(x: Any, y: Any = None) -> tuple[Any, Any]:
    """Give inputs of which rows can be taken, and their targets: several arrays by name become one array of fields, a
    Dataset of PyTorch is read into arrays; all else is left as it is.

    Raises ValueError for arrays of other lengths, and for a Dataset of which there are no arrays.
    """
    if _is_dataset(x):
        if y is not None:
            raise ValueError("y: expected none beside a Dataset, whose rows have their targets, got some")
        x, y = _read_once(x)
    x, y = _without_gradient("X", x), _without_gradient("y", y)
    by_name = isinstance(x, dict) and getattr(x, "shape", None) is None  # a kind of sparse matrix is a dict
    return (_fields(x) if by_name else x), y


def _without_gradient(what: str, x: Any) -> Any:
    """Give a tensor of PyTorch as an array; all else as it is. Raises ValueError for one without numbers."""
    if not (type(x).__module__.startswith("torch") and callable(getattr(x, "detach", None))):
        return x
    layout = "meta" if x.device.type == "meta" else str(x.layout).removeprefix("torch.")
    if layout != "strided":
        raise ValueError(f"{what}: expected a tensor that holds all of its numbers, got a {layout} one")
    x = x.detach().cpu()
    return (x.float() if str(x.dtype) == "torch.bfloat16" else x).numpy()


def checked_own_rows(estimator: Any, x: Any, *, reset: bool) -> CheckedImages:
    """Check rows, and give them as (N, D). `reset` notes the shapes of a row as `_inputs`, in parts."""
    x, _ = rows_and_targets(x)
    names = getattr(getattr(x, "dtype", None), "names", None)
    if names:
        fitted = () if reset else tuple(part.name for part in estimator._inputs)
        names = fitted if {*fitted} == {*names} else names  # by name, in whichever order they come
        flat, parts = _of_fields(x, names, estimator.dtype)
        if reset:
            estimator.n_features_in_ = flat.shape[1]
    else:
        flat, parts = _of_array(estimator, x, reset=reset)
    if reset:
        estimator._inputs = parts
    elif _shapes(parts) != _shapes(estimator._inputs):
        raise ValueError(f"X: expected rows of {_said(estimator._inputs)} as fitted, got {_said(parts)}")
    return CheckedImages(flat)


def _of_array(estimator: Any, x: Any, *, reset: bool) -> tuple[NDArray[Any], tuple[InputPart, ...]]:
    """Give the rows of one array of two axes or more, or of a frame."""
    refuse_times("X", x)
    shape = x.shape[1:] if getattr(x, "ndim", 0) > 2 else ()
    if shape:
        x = np.asarray(x).reshape(len(x), math.prod(shape))
    flat = np.asarray(validate_data(estimator, x, reset=reset, dtype=_FLOATS))
    return flat, (InputPart("", tuple(shape) or (flat.shape[1],)),)


def _of_fields(
    x: NDArray[Any], names: tuple[str, ...], dtype: str
) -> tuple[NDArray[Any], tuple[InputPart, ...]]:
    """Give the rows of several arrays, side by side."""
    if not len(x):
        raise ValueError("X: expected at least one row, got none")
    parts, columns = [], []
    for name in names:
        array, where = x[name], f"X[{name!r}]"
        refuse_times(where, array)
        if array.dtype.kind not in "biuf":
            raise ValueError(f"{where}: expected numbers, got {array.dtype}")
        part = InputPart(name, array.shape[1:], whole=array.dtype.kind in "iu" and array.dtype != np.uint8)
        numbers = array.reshape(len(x), part.size).astype(np.float64)
        if not np.isfinite(numbers).all():
            raise ValueError(f"{where}: expected finite numbers, got others")
        if part.whole and numbers.size and np.abs(numbers).max() > _EXACT[dtype]:
            raise ValueError(f"{where}: expected whole numbers up to {_EXACT[dtype]:,}, got larger ones")
        parts.append(part)
        columns.append(numbers)
    return np.concatenate(columns, axis=1), tuple(parts)


def _shapes(parts: tuple[InputPart, ...]) -> list[tuple[str, tuple[int, ...]]]:
    return [(part.name, part.shape) for part in parts]


def _said(parts: tuple[InputPart, ...]) -> str:
    return listed(
        [f"{quoted(part.name)} {part.shape}" if part.name else f"shape {part.shape}" for part in parts]
    )


def _fields(arrays: dict[Any, Any]) -> NDArray[Any]:
    """Put arrays by name side by side, as one array of a field each."""
    made = {name: np.asarray(_without_gradient(f"X[{name!r}]", array)) for name, array in arrays.items()}
    strange = [name for name, array in made.items() if not (isinstance(name, str) and name and array.ndim)]
    if strange or not made:
        got = repr(strange[0]) if strange else "none"
        raise ValueError(f"X: expected arrays by the names of the inputs of the module's forward, got {got}")
    rows = {name: len(array) for name, array in made.items()}
    if len(set(rows.values())) > 1:
        said = listed([f"{count} in {quoted(name)}" for name, count in rows.items()])
        raise ValueError(f"X: expected as many rows in each of several inputs, got {said}")
    fields = np.dtype([(name, array.dtype, array.shape[1:]) for name, array in made.items()])
    whole = np.empty(next(iter(rows.values())), fields)
    for name, array in made.items():
        whole[name] = array
    return whole


# -- datasets of PyTorch ---------------------------------------------------------------------------------------


def _is_dataset(x: Any) -> bool:
    return any(kind.__module__.startswith("torch.utils.data") for kind in type(x).__mro__)


def _read_once(dataset: Any) -> tuple[Any, Any]:
    """Read a Dataset row by row. Raises ValueError where rows have no numbers, differ in shape or from time to time."""
    kind = type(dataset).__name__
    try:
        items = [dataset[number] for number in range(len(dataset))]
    except (TypeError, NotImplementedError) as error:
        raise ValueError(
            f"X: expected a Dataset with a length, whose rows have numbers, got {kind}"
        ) from error
    if not items:
        raise ValueError(f"X: expected a Dataset with rows, got {kind} without any")
    pairs = [isinstance(item, tuple | list) and len(item) == 2 for item in items]
    if (any(pairs) and not all(pairs)) or any(isinstance(item, tuple | list) for item in items) != any(pairs):
        raise ValueError(f"X: expected rows of a Dataset as pairs of inputs and target, got others of {kind}")
    inputs = [item[0] for item in items] if all(pairs) else items
    for number in np.linspace(0, len(items) - 1, _LOOKED_AT, dtype=int):
        if not _equal(dataset[int(number)], items[number]):
            what = "expected a Dataset whose rows are the same each time, since they are read once"
            raise ValueError(
                f"X: {what}, got {kind}, whose row {number} changes (it draws, as augmentation does)"
            )
    targets = _stacked("y", [np.asarray(item[1]) for item in items]) if all(pairs) else None
    if isinstance(inputs[0], Mapping):
        names = [*inputs[0]]
        return {
            name: _stacked(f"X[{name!r}]", [np.asarray(row[name]) for row in inputs]) for name in names
        }, targets
    return _stacked("X", [np.asarray(row) for row in inputs]), targets


def _equal(row: Any, other: Any) -> bool:
    if isinstance(row, Mapping):
        return all(_equal(value, other[name]) for name, value in row.items())
    if isinstance(row, tuple | list):
        return len(row) == len(other) and all(map(_equal, row, other))
    return np.array_equal(np.asarray(row), np.asarray(other))


def _stacked(what: str, rows: list[NDArray[Any]]) -> NDArray[Any]:
    shapes = {row.shape: None for row in rows}
    if len(shapes) > 1:
        first, second, *_ = shapes
        raise ValueError(f"{what}: expected rows of one shape in a Dataset, got {first} and {second}")
    return np.stack(rows)
