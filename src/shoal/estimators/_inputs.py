"""X, y and sample weights as a user gives them, checked and made ready for the arithmetic.

Letters: N rows, D inputs, K targets, C channels, H, W height and width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from numbers import Real
from typing import Any, Final, Protocol, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array, column_or_1d
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_consistent_length, validate_data

from shoal.data import Preprocessing
from shoal.engine import class_weights, unless_alike
from shoal.kinds import Task

MOST_CHANNELS: Final = 4


class CheckedRows(Protocol):
    """Rows of X, checked: what they are to a network is learned from some of them, where there is anything to learn."""

    def __len__(self) -> int: ...

    @property
    def is_whole(self) -> bool:
        """Whether they are a network's inputs as they are, whatever is learned."""
        ...

    def dense(self) -> Self:
        """Give the same without a sparse matrix."""
        ...

    def parts(self) -> Iterator[Self]:
        """Give the rows in their order, in parts that can be held as inputs."""
        ...

    def learned(self, rows: NDArray[np.int64]) -> Preprocessing | None:
        """Learn from some rows alone; None where there is nothing to learn."""
        ...

    def inputs(self, encoding: Preprocessing | None) -> NDArray[Any]:
        """Give the network's inputs."""
        ...


@dataclass(frozen=True, eq=False)
class CheckedImages:
    """Images (N, C, H, W), or flat rows (N, D) of series, which are inputs as they are."""

    images: NDArray[Any]
    is_whole: bool = True

    def __len__(self) -> int:
        return len(self.images)

    def dense(self) -> CheckedImages:
        """Give the same."""
        return self

    def parts(self) -> Iterator[CheckedImages]:
        """Give all of them."""
        yield self

    def learned(self, rows: NDArray[np.int64]) -> None:  # noqa: ARG002
        """Learn nothing."""
        return

    def inputs(self, encoding: Preprocessing | None) -> NDArray[Any]:  # noqa: ARG002
        """Give the images."""
        return self.images


@dataclass(frozen=True, eq=False)
class Prepared:
    """Checked rows, and what they say of the estimator (`fitted`, attributes by name).

    `x` is float (N, inputs) or (N, C, H, W), or uint8 (N, C, H, W), empty before it is `encoded`; `y` float (N, K), or
    int64 (N,) class numbers, -1 where `rows` have no such class; `sample_weight` float64 (N,) or None, `share` (N, K)
    how a row's weight is spread over its labels, or None. `task` is what is learned, None where the estimator says so.
    `rows` are those to learn from; `encoding` says what they taught of `checked`, which is let go of once all is
    planned.
    """

    x: NDArray[Any]
    y: NDArray[Any]
    rows: NDArray[np.int64]
    outputs: int
    sample_weight: NDArray[Any] | None = None
    share: NDArray[Any] | None = None
    task: Task | None = None
    fitted: dict[str, Any] = field(default_factory=dict)
    checked: CheckedRows | None = None
    encoding: Preprocessing | None = None

    @classmethod
    def of(cls, checked: CheckedRows, rows: NDArray[np.int64] | None = None) -> Prepared:
        """Begin with checked rows, of which `rows` (None: all) are learned from."""
        empty = np.empty((len(checked), 0))
        return cls(
            empty,
            empty,
            np.arange(len(checked), dtype=np.int64) if rows is None else rows,
            0,
            checked=checked,
        )

    def encoded(self, dtype: str, encoding: Preprocessing | None = None) -> Prepared:
        """Make inputs, by an encoding, or else by what the rows to learn from teach."""
        if self.checked is None:
            return self
        checked = self.checked.dense()
        encoding = encoding or checked.learned(self.rows)
        x = in_precision(checked.inputs(encoding), dtype)
        return replace(self, x=x, checked=checked, encoding=encoding)

    def learning_from(self, rows: NDArray[np.int64]) -> Prepared:
        """Give the same for other rows to learn from."""
        part = replace(self, rows=rows)
        if self.checked is None or not self.checked.is_whole:
            return part.encoded(str(self.x.dtype))
        return replace(part, encoding=self.checked.learned(rows))


def checked_images(estimator: Any, x: Any, *, reset: bool) -> NDArray[Any]:
    """Check images (N, H, W), (N, H, W, C) or (N, C, H, W), or flat rows (N, D), and give them as (N, C, H, W).

    Bytes (uint8) stay bytes; other numbers become floats. Flat rows become the smallest square of one channel
    that holds them, row by row, filled up with 0. `reset` notes the shape of an image as `image_shape_`, and whether
    images are bytes. Without it, the same numbers in another type become what was noted, and flat rows are images of
    the form that was noted.
    """
    shape, last, images = None, False, _stacked(x)
    if images.ndim > 2:
        last = _channels_last(images.shape)
        x = _channels_first(images)
        shape = x.shape[1:]
        if not reset and shape != estimator.image_shape_:
            raise ValueError(f"X: expected images of shape {estimator.image_shape_} (C, H, W), got {shape}")
        x = x.reshape(len(x), -1)
    flat = np.asarray(validate_data(estimator, x, reset=reset, dtype="numeric"))
    if reset:
        side = math.isqrt(flat.shape[1] - 1) + 1
        estimator.image_shape_ = shape or (1, side, side)
        estimator._bytes, estimator._flat_channels_last = flat.dtype == np.uint8, last
    elif shape is None and estimator._flat_channels_last:
        channels, *size = estimator.image_shape_
        flat = flat.reshape(-1, *size, channels).transpose(0, 3, 1, 2).reshape(flat.shape)
    flat = _bytes(flat) if estimator._bytes else _floats(flat)
    empty = math.prod(estimator.image_shape_) - flat.shape[1]
    whole = np.pad(flat, ((0, 0), (0, empty))) if empty else flat
    return np.ascontiguousarray(whole).reshape(len(flat), *estimator.image_shape_)


def checked_series(estimator: Any, x: Any, *, reset: bool) -> NDArray[Any]:
    """Check series (N, C, T), or (N, T) of one, and give them as floats (N, C T), one behind the other.

    `reset` notes their shape as `series_shape_`; without it, flat rows are series of the shape that was noted.
    """
    array = _stacked(x)
    if array.ndim > 3:
        raise ValueError(f"X: expected series of shape (N, C, T), or (N, T) of one, got {array.shape}")
    shape = array.shape[1:] if array.ndim == 3 else None
    if shape is not None:
        if not reset and shape != estimator.series_shape_:
            raise ValueError(f"X: expected series of shape {estimator.series_shape_} (C, T), got {shape}")
        x = array.reshape(len(array), -1)
    flat = np.asarray(validate_data(estimator, x, reset=reset, dtype="numeric"))
    if reset:
        estimator.series_shape_ = shape or (1, flat.shape[1])
    return _floats(flat)


def _stacked(x: Any) -> NDArray[Any]:
    """Give what came as one array; images one by one, in a list or in a column of a frame, are put together."""
    try:
        array = np.asarray(x)
        return np.array(list(array)) if array.dtype == object and array.ndim == 1 else array
    except ValueError as error:
        raise ValueError("X: expected images of one shape, or rows of one length, got several") from error


def _bytes(x: NDArray[Any]) -> NDArray[np.uint8]:
    """Give the same numbers as bytes. Raises ValueError for a number that no byte is."""
    if x.dtype == np.uint8:
        return x
    number = x.astype(np.float64)
    fits = (number >= 0) & (number <= 255) & (number == np.floor(number))
    if not fits.all():
        wrong = number[~fits][0]
        raise ValueError(
            f"X: expected whole numbers from 0 to 255 where bytes (uint8) were fitted, got {wrong:g}"
        )
    return number.astype(np.uint8)


def _floats(x: NDArray[Any]) -> NDArray[Any]:
    return x if x.dtype in (np.float32, np.float64) else x.astype(np.float64)


def _channels_last(shape: tuple[int, ...]) -> bool:
    return len(shape) == 4 and shape[3] <= MOST_CHANNELS


def _channels_first(x: NDArray[Any]) -> NDArray[Any]:
    if x.ndim == 3:
        return x[:, None]
    if _channels_last(x.shape):
        return x.transpose(0, 3, 1, 2)
    if x.ndim == 4 and x.shape[1] <= MOST_CHANNELS:
        return x
    forms = "(N, H, W), (N, H, W, C) or (N, C, H, W) with C up to 4, or rows (N, D)"
    raise ValueError(f"X: expected images of shape {forms}, got {x.shape}")


def in_precision(x: NDArray[Any], dtype: str, what: str = "X") -> NDArray[Any]:
    """Give floats in `dtype`; bytes stay bytes. Raises ValueError for a number that is too large for it."""
    if x.dtype in (np.uint8, np.dtype(dtype)):
        return x
    with np.errstate(over="ignore"):
        ready = x.astype(dtype)
    if not np.isfinite(ready).all():
        most = f"numbers of at most {np.finfo(dtype).max:.2g}, which {dtype} can hold"
        raise ValueError(f"{what}: expected {most}, got {x.ravel()[np.argmax(np.abs(x))]:g}")
    return ready


def refuse_times(what: str, values: Any) -> None:
    """Raise ValueError for dates or durations, which an array would give as whole numbers of some unit."""
    types = getattr(values, "dtypes", getattr(values, "dtype", None))
    for dtype in types if isinstance(types, Iterable) else [types]:
        kind = getattr(dtype, "kind", "")
        if kind in ("M", "m"):
            raise ValueError(f"{what}: expected numbers, got {'dates' if kind == 'M' else 'durations'}")


def checked_targets(y: Any, x: NDArray[Any], dtype: str) -> tuple[NDArray[Any], bool]:
    """Check numbers to predict; float (N, K), and whether they came as one column without a second axis."""
    refuse_times("y", np.asarray(y) if isinstance(y, list | tuple) else y)
    targets = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
    if targets.ndim == 2 and targets.shape[1] == 1:
        targets = column_or_1d(targets, warn=True)
    check_consistent_length(x, targets)
    if targets.ndim > 2:
        raise ValueError(f"y: expected targets of shape (N,) or (N, K), got {targets.shape}")
    return in_precision(targets.reshape(len(targets), -1), dtype, "y"), targets.ndim == 1


def checked_indicators(y: Any, x: NDArray[Any], dtype: str) -> NDArray[Any] | None:
    """Check several labels, 1 where a row has one and 0 where not, as floats (N, K); None for classes in one column.

    A sparse matrix of them is taken as well.
    """
    from scipy.sparse import issparse

    if getattr(y, "ndim", 2) < 2:
        return None
    dense = y.toarray() if issparse(y) else y
    array = check_array(dense, ensure_2d=False, dtype=None, input_name="y")
    if array.ndim != 2 or array.shape[1] < 2:
        return None
    numeric = array.dtype.kind in "biuf"
    strange = [
        value for value in (np.unique(array) if numeric else array.ravel()).tolist() if value not in (0, 1)
    ]
    if strange:
        raise ValueError(
            f"y: expected labels of 0 and 1 in each of {array.shape[1]} columns, got {strange[0]!r}"
        )
    check_consistent_length(x, array)
    return np.asarray(array, dtype)


def checked_labels(y: Any, x: NDArray[Any]) -> NDArray[Any]:
    """Check class labels of any type; (N,)."""
    array = check_array(y, ensure_2d=False, dtype=None, input_name="y")
    labels = column_or_1d(array, warn=True)
    if labels.dtype == object and len({isinstance(label, str) for label in labels}) > 1:
        kinds = sorted({type(label).__name__ for label in labels})
        raise ValueError(f"y: expected labels of one type, to be sorted, got {' and '.join(kinds)}")
    check_classification_targets(labels)
    check_consistent_length(x, labels)
    return np.asarray(labels)


def numbers_of(labels: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.int64]:
    """Number labels by their place among the sorted classes, int64 (N,); -1 for a label that is none of them."""
    place_N = np.minimum(np.searchsorted(classes, labels), len(classes) - 1)
    return np.where(classes[place_N] == labels, place_N, -1).astype(np.int64)


def checked_weight(sample_weight: Any, rows: int) -> NDArray[Any] | None:
    """Check the weights of rows, float64 (N,). Raises ValueError for negative ones, or none above 0.

    Only their ratios count: such as float32 would not hold are divided by the largest.
    """
    if sample_weight is None:
        return None
    weight_N = np.asarray(_check_sample_weight(sample_weight, np.empty((rows, 0)), dtype=np.float64))
    if weight_N.min() < 0:
        raise ValueError(f"sample_weight: expected no negative weights, got {weight_N.min():g}")
    if not weight_N.any():
        raise ValueError("sample_weight: expected at least one weight above zero, got zeros only")
    largest, range_ = weight_N.max(), np.finfo(np.float32)
    return weight_N if range_.tiny <= largest <= range_.max / len(weight_N) else weight_N / largest


@dataclass(frozen=True, eq=False)
class TrainingRows:
    """Rows in the order and number in which they are learned from; their weights, where these differ."""

    rows: NDArray[np.int64]
    sample_weight: NDArray[Any] | None


def without_idle_rows(prepared: Prepared) -> Prepared:
    """Learn from no row that weighs nothing, and give no weights where all that is left weigh the same."""
    if prepared.sample_weight is None:
        return prepared
    rows = prepared.rows[prepared.sample_weight[prepared.rows] > 0]
    if not len(rows):
        raise ValueError("sample_weight: expected at least one row to learn from with a weight above zero")
    weight_R = prepared.sample_weight[rows]
    weight = None if (weight_R == weight_R[0]).all() else prepared.sample_weight
    return replace(prepared, rows=rows, sample_weight=weight)


def with_class_weight(prepared: Prepared, inner: NDArray[np.int64], class_weight: Any) -> Prepared:
    """Weigh the rows to learn from by their classes, all but `inner`, which alone say what balances these.

    As in scikit-learn, a dict may leave classes out, which weigh 1. Raises ValueError for a label that is no class.
    """
    if class_weight is None:
        return prepared
    if prepared.task == "multilabel":
        return _with_weights_of_labels(prepared, inner, class_weight)
    if isinstance(class_weight, list):
        raise ValueError('class_weight: expected a dict, "balanced" or None for classes, got a list')
    classes = prepared.fitted["classes_"].tolist()
    if class_weight != "balanced":
        _refuse_weights(class_weight, classes)
    learned = np.setdiff1d(prepared.rows, inner)
    weight_N = (
        np.ones(len(prepared.y))
        if prepared.sample_weight is None
        else prepared.sample_weight.astype(np.float64)
    )
    own_N = None if prepared.sample_weight is None else weight_N[learned]
    weight_K = class_weights(class_weight, prepared.y[learned], classes, own_N)
    with np.errstate(over="ignore"):
        weight_N[learned] *= weight_K[prepared.y[learned]]
    return _weighed(prepared, weight_N, learned)


def _with_weights_of_labels(prepared: Prepared, inner: NDArray[np.int64], class_weight: Any) -> Prepared:
    """The same of several labels: a list has a dict with the keys 0 and 1, "balanced" or None, weight 1, for each."""
    outputs, learned = prepared.outputs, np.setdiff1d(prepared.rows, inner)
    of_labels = [class_weight] * outputs if class_weight == "balanced" else class_weight
    if not isinstance(of_labels, list) or len(of_labels) != outputs:
        got = f"a list of {len(of_labels)}" if isinstance(of_labels, list) else "a dict"
        what = (
            f'expected "balanced" or a list of {outputs} dicts, such as {{0: 1, 1: 5}}, for {outputs} labels'
        )
        raise ValueError(f"class_weight: {what}, got {got}")
    own_N = None if prepared.sample_weight is None else prepared.sample_weight[learned].astype(np.float64)
    cell_NK = np.ones((len(prepared.y), outputs))
    for k, of_label in enumerate(of_labels):
        if isinstance(of_label, dict):
            _refuse_weights(of_label, (0, 1))
        elif of_label is not None and not (isinstance(of_label, str) and of_label == "balanced"):
            what = 'expected a dict, such as {0: 1, 1: 5}, "balanced" or None for each label'
            raise ValueError(f"class_weight: {what}, got {of_label!r} for label {k}")
        has_N = (prepared.y[learned, k] > 0).astype(np.int64)
        cell_NK[learned, k] = class_weights(of_label or "none", has_N, (0, 1), own_N)[has_N]
    mean_N = cell_NK.mean(axis=1)
    share_NK = np.divide(cell_NK, mean_N[:, None], out=np.ones_like(cell_NK), where=mean_N[:, None] > 0)
    with np.errstate(over="ignore"):
        weight_N = mean_N if prepared.sample_weight is None else mean_N * prepared.sample_weight
    weighed = _weighed(prepared, weight_N, learned)
    alike = bool((share_NK == 1).all())
    return replace(weighed, share=None if alike else share_NK.astype(weighed.y.dtype))


def _refuse_weights(class_weight: Any, classes: Sequence[Any]) -> None:
    """Raise ValueError for a label that is no class, or a weight that is none."""
    strange = [label for label in class_weight if label not in classes]
    if strange and any(label not in class_weight for label in classes):
        raise ValueError(f"class_weight: expected labels among {list(classes)}, got {strange[0]!r}")
    for weight in class_weight.values():
        if not (isinstance(weight, Real) and 0 <= float(weight) < math.inf):
            raise ValueError(f"class_weight: expected weights of at least 0, got {weight!r}")


def _weighed(prepared: Prepared, weight_N: NDArray[np.float64], learned: NDArray[np.int64]) -> Prepared:
    """Give prepared rows with such weights, where they differ. Raises ValueError for what float64 does not hold."""
    if np.isinf(weight_N).any():
        raise ValueError(
            "class_weight: expected weights that float64 holds times sample_weight, got larger ones"
        )
    if not weight_N[learned].any():
        raise ValueError("class_weight: expected a weight above zero of some class to learn from")
    dtype = prepared.x.dtype if prepared.sample_weight is None else prepared.sample_weight.dtype
    weighed = replace(prepared, sample_weight=unless_alike(weight_N))
    if weighed.sample_weight is None:
        return weighed
    in_dtype = weighed.sample_weight.astype(np.float32 if dtype == np.uint8 else dtype)
    return without_idle_rows(replace(weighed, sample_weight=in_dtype))


def training_rows(prepared: Prepared, inner: NDArray[np.int64], most: int) -> TrainingRows:
    """Lay out the rows to learn from, all but `inner`.

    Where one batch (of up to `most` rows) holds all rows, its loss depends neither on their order nor on whether
    a row weighs two or comes twice. So that this holds to the last bit, whole weights become repeats and the rows
    are put in an order of their own.
    """
    rows, weight_N = prepared.rows, prepared.sample_weight
    # Sorted and different, as most are, there is nothing to take out.
    if len(inner) or (np.diff(rows) <= 0).any():
        rows = np.setdiff1d(rows, inner)
    if weight_N is not None and not len(inner):
        times_N = weight_N[rows]
        if (times_N == np.floor(times_N)).all() and times_N.sum() <= most:
            rows, weight_N = np.repeat(rows, times_N.astype(np.int64)), None
    if len(rows) <= most:
        rows = rows[_canonical(prepared.x[rows], prepared.y[rows])]
    return TrainingRows(rows, weight_N)


def _canonical(x: NDArray[Any], y: NDArray[Any]) -> NDArray[np.int64]:
    """Give an order of rows that depends on their content alone."""
    parts = [np.ascontiguousarray(part).reshape(len(part), -1).view(np.uint8) for part in (x, y)]
    whole = np.ascontiguousarray(np.concatenate(parts, axis=1))
    return np.argsort(whole.view(f"V{whole.shape[1]}").ravel(), kind="stable")
