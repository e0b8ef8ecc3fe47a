"""Rows that are sent through the transformers of a Pipeline once, for all candidates that are scored on them."""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from shoal.estimators._answers import warn_again
from shoal.estimators._copies import copied

_BLOCK_BYTES: Final = 1 << 20
_KNOWN: Final = {"sklearn", "numpy", "scipy", "pandas", "builtins"}
"""Libraries that change nothing and draw nothing where they transform, but for what `answers_alike` names."""


def transformed(transformers: Sequence[Any], x: Any) -> Any:
    """Send rows through transformers, as a Pipeline does."""
    for transformer in transformers:
        x = transformer.transform(x)
    return x


def answers_alike(transformers: Iterable[Any]) -> bool:
    """Whether transformers make the same of the same rows, whoever asks and however often.

    What is not scikit-learn's own may count, draw or write as it likes.
    """
    values: list[Any] = list(transformers)
    for value in values:
        if not _is_known(value):
            return False
        if isinstance(value, list | tuple | set | dict):
            values += value.values() if isinstance(value, dict) else value
        elif not isinstance(value, type) and callable(getattr(value, "get_params", None)):
            own = value.get_params(deep=False)
            if own.get("sample_posterior"):
                return False
            values += own.values()
    return True


def _is_known(value: Any) -> bool:
    """Whether a library answers for a value: an object by its class, a function where it stands under its name.

    Others are somebody's, even if they are of a library's class: what `np.vectorize` makes, a method of a generator.
    """
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return False
    kind = type(value).__module__.partition(".")[0]
    if not callable(value) or kind == "sklearn":
        return kind in _KNOWN
    home, name, owner = (getattr(value, asked, None) for asked in ("__module__", "__name__", "__self__"))
    registered = getattr(sys.modules.get(home or kind), name or "", None)
    bound = not (owner is None or isinstance(owner, ModuleType))
    return registered is value and not bound and (home or kind).partition(".")[0] in _KNOWN


def same(rows: Any, others: Any) -> bool:
    """Whether rows hold the same, to the last bit and in the same layout: False where that cannot be told."""
    if type(rows) is not type(others):
        return False
    with suppress(Exception):
        if callable(getattr(rows, "equals", None)):
            return bool(rows.equals(others)) and list(getattr(rows, "columns", ())) == list(
                getattr(others, "columns", ())
            )
        if type(rows) in (np.ndarray, np.memmap):
            alike = (rows.dtype, rows.shape, rows.strides) == (others.dtype, others.shape, others.strides)
            if rows.dtype.kind == "T":  # strings that lie elsewhere
                return alike and np.array_equal(rows, others)
            return alike and _same_bits(rows, others)
    return False


def _same_bits(rows: NDArray[Any], others: NDArray[Any]) -> bool:
    """Compare arrays of one kind row by row, a block at a time: their bytes are copied, and the rows may be many."""
    step = max(1, _BLOCK_BYTES * len(rows) // max(1, rows.nbytes))
    blocks = (slice(begin, begin + step) for begin in range(0, len(rows), step))
    return all(rows[block].tobytes() == others[block].tobytes() for block in blocks)


@dataclass(frozen=True, eq=False)
class Sent:
    """Rows, what a Pipeline's transformers make of them, and the warnings on the way."""

    source: Any
    rows: Any
    warned: list[warnings.WarningMessage]

    @classmethod
    def through(cls, transformers: Sequence[Any], x: Any) -> Self:
        """Send rows."""
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            return cls(x, transformed(transformers, x), warned)

    def lasts(self, transformers: Sequence[Any], fresh: Any) -> bool:
        """Whether it holds for whoever sends the same rows again; `fresh` are these as they were before."""
        with suppress(Exception):
            copied(self.rows)
            return same(self.source, fresh) and answers_alike(transformers)
        return False

    def remembered_by(self, transformers: Sequence[Any]) -> list[Any]:
        """Give transformers that answer with it where they are given such rows.

        All that they have learned is that of the ones given: nobody writes into it where rows are only predicted.
        """
        way, copies = _Way(self), []
        for step, transformer in enumerate(transformers):
            replayed = copy.copy(transformer)
            replayed.transform = _Remembers(way, transformer, first=step == 0)
            copies.append(replayed)
        return copies


class _Way:
    """Rows on their way through transformers that remember them."""

    def __init__(self, sent: Sent) -> None:
        self.sent, self.on_the_way = sent, None


@dataclass(frozen=True, eq=False)
class _Remembers:
    """The `transform` of a transformer: the first one gives what the last would, and the others pass that on."""

    way: _Way
    transformer: Any
    first: bool

    def __call__(self, x: Any, **named: Any) -> Any:
        """Transform rows, remembered or not."""
        way, sent = self.way, self.way.sent
        if not named and self.first and same(x, sent.source):
            for warned in sent.warned:
                warn_again(warned)
            way.on_the_way = copied(sent.rows)
            return way.on_the_way
        if not named and not self.first and x is way.on_the_way:
            return x
        return self.transformer.transform(x, **named)
