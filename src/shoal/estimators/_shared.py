"""Transformers of a Pipeline, fitted once for all candidates that share their settings and rows.

A Pipeline asks its `memory` before it fits a transformer. This memory answers by content: equal settings on
equal rows are one fit, whichever candidate asks. It lives as long as one search and writes nothing.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

Fitted = tuple[Any, ...]
"""Transformed rows, and last the fitted transformer."""


class SharedTransformers:
    """What a Pipeline takes as its `memory`: fits each transformer once for equal settings, rows and targets."""

    def __init__(self) -> None:
        self._fitted: dict[str, Fitted] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> SharedTransformers:
        """Stay the same one: clones of a Pipeline share it."""
        return self

    def cache(
        self, fit_transform: Callable[..., Fitted], ignore: Sequence[str] = ()
    ) -> Callable[..., Fitted]:
        """Give the function by which a Pipeline fits one transformer, made to remember."""
        del ignore

        def remembered(
            transformer: Any, x: Any, y: Any, *rest: Any, params: Any = None, **named: Any
        ) -> Fitted:
            name = content_of(transformer, x, y, params)
            if name not in self._fitted:
                self._fitted[name] = fit_transform(transformer, x, y, *rest, params=params, **named)
            *rows, fitted = self._fitted[name]
            # A later step may work in place: every Pipeline gets rows of its own.
            return (*copy.deepcopy(rows), fitted)

        return remembered


def content_of(*values: Any) -> str:
    """Give the SHA-256 of what the values hold: equal content, equal name, within one search.

    What has no content that can be read is named by the object itself.
    """
    whole = hashlib.sha256()
    for value in values:
        _add(whole, value)
    return whole.hexdigest()


def _add(whole: hashlib._Hash, value: Any) -> None:
    from scipy.sparse import issparse

    whole.update(f"{type(value).__qualname__} ".encode())
    if isinstance(value, type) or value is None or isinstance(value, str | bytes | int | float):
        whole.update(f"{value!r};".encode())
    elif issparse(value):
        rows = value.tocsr()
        _add(whole, [rows.shape, rows.data, rows.indices, rows.indptr])
    elif callable(getattr(value, "get_params", None)):
        _add(whole, [type(value), value.get_params(deep=False)])
    elif isinstance(value, Mapping):
        _add(whole, [part for pair in value.items() for part in pair])
    elif isinstance(value, list | tuple) and not _numeric(value):
        whole.update(f"{len(value)} parts;".encode())
        for part in value:
            _add(whole, part)
    else:
        _add_array(whole, np.asarray(value))


def _numeric(value: Sequence[Any]) -> bool:
    """Whether a list is long and of plain numbers, read faster as an array."""
    return len(value) > 1000 and isinstance(value[0], int | float)


def _add_array(whole: hashlib._Hash, array: Any) -> None:
    whole.update(f"{array.dtype.str} {array.shape};".encode())
    if array.dtype.hasobject:
        whole.update("\0".join(map(repr, array.ravel().tolist())).encode())
    else:
        whole.update(np.ascontiguousarray(array).tobytes())
