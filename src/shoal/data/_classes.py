"""Text that names things - classes, categories, folds - in order, and as numbers."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import NUMBER
from shoal.data._findings import listed
from shoal.errors import Problem


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
