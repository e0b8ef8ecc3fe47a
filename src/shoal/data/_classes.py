"""Text that names things - classes, categories, folds - in order, and as numbers."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.errors import Problem
from shoal.wording import counted, few_quoted

NUMBER: Final = re.compile(r"[ \t]*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?[ \t]*")
"""A number as it may be written."""

_FEWEST: Final = 10
"""Rows from which it can be said that texts are no classes; classes from which numbers look like measured ones."""


def nfc(text: str) -> str:
    """Write text in the form in which all text is compared and stored: composed (Unicode Standard Annex 15, NFC)."""
    return unicodedata.normalize("NFC", text)


def sorted_texts(values: Iterable[str]) -> tuple[str, ...]:
    """Give the different values in order: by number where all are numbers, else as text."""
    different = {str(value) for value in values}
    if all(map(NUMBER.fullmatch, different)):
        return tuple(sorted(different, key=lambda text: (float(text), text)))
    return tuple(sorted(different))


def numbered(values: NDArray[Any], names: Sequence[str], other: int | None = None) -> NDArray[np.int64]:
    """Replace each text by its place in `names`, or by `other`; shape (N,)."""
    texts = values.tolist()
    index = {name: number for number, name in enumerate(names)}
    if other is not None:
        index = dict.fromkeys(texts, other) | index
    return np.fromiter(map(index.__getitem__, texts), np.int64, len(texts))


def class_problems(
    train: Collection[str], test: Collection[str], places: tuple[str, str], *, drawn: bool
) -> Iterator[Problem]:
    """Find too few classes, and classes that no training row has; `places` are those of training and test rows.

    Test rows that are `drawn` have a class to themselves only where all of its groups were.
    """
    train_place, test_place = places
    classes, unknown = set(train), set(test) - set(train)
    if len(classes) < 2:
        what = f"expected at least 2 classes in the training rows, got only {few_quoted(sorted(classes))}"
        yield Problem(train_place, what)
    if unknown:
        what = f"expected classes of the training rows, got {few_quoted(sorted_texts(unknown))} in test rows only"
        remedy = ", to which all of its groups were drawn; another study.seed draws others" if drawn else ""
        yield Problem(test_place, what + remedy)


def alike(texts: Iterable[str]) -> str:
    """Name texts that differ in capitals or spaces alone, the first such ones; nothing where none do."""
    forms: dict[str, list[str]] = {}
    for text in sorted(set(texts)):
        forms.setdefault(" ".join(text.casefold().split()), []).append(text)
    same = next((written for written in forms.values() if len(written) > 1), [])
    return f"{few_quoted(same)} differ in capitals or spaces alone" if same else ""


def are_names(rows_of: Mapping[Any, int]) -> bool:
    """Whether values name rows more than they sort them: nearly every row has one of its own.

    `rows_of` says how many rows have each of them.
    """
    rows, alone = sum(rows_of.values()), sum(times == 1 for times in rows_of.values())
    return rows >= _FEWEST and 2 * alone > len(rows_of) and 2 * len(rows_of) > rows


def label_problems(labels: Sequence[str], place: str) -> Iterator[Problem]:
    """Find labels that are hardly classes, since none can be learned from one row."""
    if not are_names(Counter(labels)):
        return
    classes = set(labels)
    what = (
        f"expected classes that rows have in common, got {counted(len(classes), 'different one')} in"
        f" {counted(len(labels), 'row')}"
    )
    if all(map(NUMBER.fullmatch, classes)):
        yield Problem(place, f'{what}, all numbers; a regression? (study.task = "regression")')
    else:
        yield Problem(place, f"{what}; it looks like a name or free text of each row, no class")


def like_numbers(labels: Sequence[str]) -> str:
    """Say that labels look like measured numbers: more than ten, some with a fraction; else nothing."""
    classes = set(labels)
    if len(classes) <= _FEWEST or not all(map(NUMBER.fullmatch, classes)):
        return ""
    fractions = any(not float(label).is_integer() for label in classes)
    return f"{counted(len(classes), 'class')} that are all numbers, some with a fraction" if fractions else ""
