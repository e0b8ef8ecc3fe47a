"""Text that names things - classes, categories, folds - in order, and as numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._findings import listed
from shoal.errors import Problem

NUMBER: Final = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
"""A number as it may be written."""

_FEWEST: Final = 10
"""Rows from which it can be said that labels are no classes."""


def nfc(text: str) -> str:
    """Write text in the form in which all text is compared and stored: composed (Unicode Standard Annex 15, NFC)."""
    return unicodedata.normalize("NFC", text)


def sorted_texts(values: Iterable[str]) -> tuple[str, ...]:
    """Give the different values in order: by number where all are numbers, else as text."""
    different = {str(value) for value in values}
    if all(map(NUMBER.fullmatch, different)):
        return tuple(sorted(different, key=lambda text: (float(text), text)))
    return tuple(sorted(different))


def numbered(values: NDArray[np.str_], names: Sequence[str], other: int | None = None) -> NDArray[np.int64]:
    """Replace each text by its place in `names`, or by `other`; shape (N,)."""
    different, inverse = np.unique(values, return_inverse=True)
    index = {name: number for number, name in enumerate(names)}
    places = [index[text] if other is None else index.get(text, other) for text in different.tolist()]
    return np.array(places, dtype=np.int64)[inverse]


def class_problems(
    train: Collection[str], test: Collection[str], train_place: str, test_place: str
) -> Iterator[Problem]:
    """Find too few classes, and classes that no training row has."""
    classes, unknown = set(train), set(test) - set(train)
    if len(classes) < 2:
        what = f"expected at least 2 classes in the training rows, got only {listed(sorted(classes))}"
        yield Problem(train_place, what)
    if unknown:
        what = f"expected classes of the training rows, got {listed(sorted_texts(unknown))} in test rows only"
        yield Problem(test_place, what)


def label_problems(labels: Sequence[str], place: str) -> Iterator[Problem]:
    """Find labels that are hardly classes: nearly every row has one of its own, so that none can be learned."""
    rows_of = Counter(labels)
    alone = sum(times == 1 for times in rows_of.values())
    if len(labels) < _FEWEST or 2 * alone <= len(rows_of) or 2 * len(rows_of) <= len(labels):
        return
    what = (
        f"expected classes that rows have in common, got {len(rows_of)} different ones in {len(labels)} rows"
    )
    if all(map(NUMBER.fullmatch, rows_of)):
        yield Problem(place, f'{what}, all numbers; a regression? (study.task = "regression")')
    else:
        yield Problem(place, f"{what}; it looks like a name or free text of each row, no class")
