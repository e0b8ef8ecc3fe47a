"""Tables as a user gives them: numbers, which may be missing, categories, sparse matrices; checked, then encoded.

Categories and missing cells become inputs by the encoders of studies, learned from the rows of a fit alone.
Letters: N rows, D columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from numbers import Integral
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import _get_feature_names, _num_features, _num_samples, validate_data

from shoal.data import (
    Column,
    GivenInputs,
    Preprocessing,
    column_types,
    fit_columns,
    is_category,
    is_plain_number,
    nfc,
)
from shoal.engine import available_memory
from shoal.estimators._inputs import refuse_times
from shoal.wording import did_you_mean, listed, quoted, value_text

_FLOATS: Final = (np.float64, np.float32)
_PART: Final = 2**26
"""Bytes of the parts in which sparse rows become dense."""
_SHARE: Final = 0.5
"""Of the memory that is available, what sparse rows may take once they are dense."""


@dataclass(frozen=True, eq=False)
class CheckedTable:
    """Rows of a table: `numbers` (N, D) of columns `names`, NaN where missing, of scipy.sparse's CSR too; or a `frame`,
    if some of its columns are more than numpy's numbers. Columns of at least `codes_from` categories get codes.
    """

    numbers: Any = None
    frame: GivenInputs | None = None
    rows: int = 0
    names: tuple[str, ...] = ()
    codes_from: int | None = None

    def __len__(self) -> int:
        return self.rows

    @cached_property
    def is_whole(self) -> bool:
        """Whether it holds numbers alone and none is missing: they are the network's inputs as they are."""
        if self.numbers is None:
            return False
        values = self.numbers.data if _is_sparse(self.numbers) else self.numbers
        return not np.isnan(values).any()

    def dense(self) -> CheckedTable:
        """Give the same without a sparse matrix. Raises ValueError where it would take too much memory."""
        if not _is_sparse(self.numbers):
            return self
        need, most = float(np.prod(self.numbers.shape)) * self.numbers.dtype.itemsize, available_memory()
        if most is not None and need > _SHARE * most:
            allowed = f"expected at most half of the memory available ({_SHARE * most / 1e6:,.0f} MB)"
            raise ValueError(
                f"X: {allowed} for sparse rows, which are learned from as dense ones, got {need / 1e6:,.0f} MB"
            )
        numbers = np.empty(self.numbers.shape, self.numbers.dtype)
        for part, table in zip(self._slices(), self.parts(), strict=True):
            numbers[part] = table.numbers
        return replace(self, numbers=numbers)

    def parts(self) -> Iterator[CheckedTable]:
        """Give the rows in their order, sparse ones in dense parts."""
        if not _is_sparse(self.numbers):
            yield self
            return
        for part in self._slices():
            numbers = self.numbers[part].toarray()
            yield replace(self, numbers=numbers, rows=len(numbers))

    def _slices(self) -> list[slice]:
        rows, columns = self.numbers.shape
        count = max(1, _PART // (self.numbers.dtype.itemsize * max(1, columns)))
        return [slice(start, min(start + count, rows)) for start in range(0, rows, count)]

    def learned(self, rows: NDArray[np.int64]) -> Preprocessing:
        """Learn from some rows alone what stands for missing numbers, and which categories there are."""
        learned = Preprocessing(fit_columns(self._columns(None), rows, "X", standardize=False), ())
        return learned.coded(self.codes_from)

    def inputs(self, encoding: Preprocessing | None) -> NDArray[Any]:
        """Give the network's inputs, floats of shape (N, inputs)."""
        if encoding is None or (self.is_whole and _keeps_numbers(encoding)):
            return np.asarray(self.numbers)
        return encoding.inputs(tuple(self._columns(encoding)), dtype=np.float64)

    def _columns(self, encoding: Preprocessing | None) -> Iterable[Column]:
        """Give the columns, of numbers one by one: all of them would be the rows once more."""
        encoders = () if encoding is None else encoding.columns
        if self.frame is not None:
            return self.frame.columns(encoders)
        names = [encoder.name for encoder in encoders] or self.names
        values = (self.numbers[:, place].astype(np.float64) for place in range(len(names)))
        return (Column(name, values_N, impute=True) for name, values_N in zip(names, values, strict=True))


def _keeps_numbers(encoding: Preprocessing) -> bool:
    """Whether every column becomes itself, where no cell is missing."""
    return all(encoder.names == (encoder.name,) for encoder in encoding.columns) and not encoding.categorical


def _is_sparse(x: Any) -> bool:
    return type(x).__module__.startswith("scipy.sparse") and getattr(x, "format", None) is not None


def checked_table(estimator: Any, x: Any, *, reset: bool) -> CheckedTable:
    """Check a table. `reset` notes its width, its names, and which columns are categories (`is_categorical_`)."""
    if reset:
        mask_D = _categories_asked(estimator.categorical_features, x)
        estimator.is_categorical_ = mask_D if mask_D is not None and mask_D.any() else None
    mask_D, kinds = vars(estimator).get("is_categorical_"), column_types(x)
    if mask_D is None and (kinds is None or all(map(is_plain_number, kinds))):
        return _numbers(estimator, x, reset=reset)
    if kinds is None:
        x = check_array(x, dtype=None, ensure_all_finite=False, input_name="X")
    validate_data(estimator, x, reset=reset, skip_check_array=True)
    if not _num_samples(x):
        raise ValueError("X: expected at least one row, got none")
    categorical = [False] * _num_features(x) if mask_D is None else mask_D.tolist()
    codes_from = None if estimator.embedding is None else int(estimator.embedding_from)
    return CheckedTable(frame=GivenInputs.of(x, categorical), rows=_num_samples(x), codes_from=codes_from)


def _numbers(estimator: Any, x: Any, *, reset: bool) -> CheckedTable:
    refuse_times("X", x)
    try:
        checked = validate_data(
            estimator, x, reset=reset, dtype=_FLOATS, accept_sparse="csr", ensure_all_finite="allow-nan"
        )
    except ValueError as error:
        if "could not convert string to float" not in str(error) or not (what := _text_column(x)):
            raise
        raise ValueError(what) from error
    rows, width = checked.shape
    named = tuple(nfc(name) for name in vars(estimator).get("feature_names_in_", ()))
    # Without names, or with one that comes twice, places are names.
    names = named if len(set(named)) == width else tuple(f"x{place}" for place in range(width))
    return CheckedTable(checked, rows=rows, names=names)


def _text_column(x: Any) -> str:
    """Name the first column of an array with a text that is no number, and the text; "" where there is none."""
    table = np.asarray(x, dtype=object)
    for number, column in enumerate(table.T if table.ndim == 2 else ()):
        for value in column:
            if isinstance(value, str) and not _is_number(value):
                remedy = f"if it is a category: categorical_features=[{number}]"
                return f"X, column {number}: expected numbers, got {value_text(value)}; {remedy}"
    return ""


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _categories_asked(asked: Any, x: Any) -> NDArray[np.bool_] | None:
    """Say which columns are categories, (D,); None where nobody asks for any."""
    if asked is None:
        return None
    if isinstance(asked, str):
        if asked != "from_dtype":
            raise ValueError(
                f'categorical_features: expected "from_dtype", None or a list of columns, got {asked!r}'
            )
        kinds = column_types(x)
        return None if kinds is None else np.array([is_category(kind) for kind in kinds], np.bool_)
    if _is_sparse(x):
        raise ValueError(
            f"categorical_features: expected None or 'from_dtype' with a sparse X, got {asked!r}"
        )
    width, listed_ = _num_features(x), np.asarray(asked, dtype=object).ravel().tolist()
    if listed_ and all(isinstance(entry, bool | np.bool_) for entry in listed_):
        if len(listed_) != width:
            raise ValueError(
                f"categorical_features: expected a truth value for each of {width} columns, got {len(listed_)}"
            )
        return np.array(listed_, np.bool_)
    names = _get_feature_names(x)
    known = [] if names is None else names.tolist()
    mask_D = np.zeros(width, np.bool_)
    for entry in listed_:
        mask_D[_place(entry, known, width)] = True
    return mask_D


def _place(entry: Any, names: list[str], width: int) -> int:
    """Give the place of a column by its name or number."""
    if isinstance(entry, str):
        if entry in names:
            return names.index(entry)
        among = (
            f"names of columns ({listed([quoted(name) for name in names[:10]], 'or')})"
            if names
            else "numbers of columns, since X has no names"
        )
        raise ValueError(
            f"categorical_features: expected {among}, got {quoted(entry)}{did_you_mean(entry, names, quoted)}"
        )
    if isinstance(entry, Integral) and not isinstance(entry, bool) and 0 <= int(entry) < width:
        return int(entry)
    raise ValueError(
        f"categorical_features: expected names or numbers of columns from 0 to {width - 1}, got {entry!r}"
    )
