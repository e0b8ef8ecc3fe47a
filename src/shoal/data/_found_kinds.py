"""What columns turn out to be that nobody named: categories, names of rows, free text, one and the same throughout.

Whether a column is text is decided from the file of the training rows; what is left out, from the training rows alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.data._cells import holds_text, numbers
from shoal.data._classes import are_names
from shoal.data._column_roles import TableSource
from shoal.data._dataset import Column
from shoal.data._findings import Findings
from shoal.data._table import Table
from shoal.wording import few_quoted, quoted

_LONG: Final = 50
"""Letters of half the cells from which text is prose, if there are more than so many different ones."""
_MANY: Final = 20
FEW_ROWS: Final = 10
"""Training rows below which a category that was found is said to be rare."""


@dataclass(frozen=True)
class InputKinds:
    """Inputs that are read as categories, being text; of those in `named`, none is left out but a constant.

    `numbers` are the values of those that are numbers, float64 (N,), so that they are read once.
    """

    categories: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def found_kinds(source: TableSource, table: Table, *, explicit: bool) -> InputKinds:
    """Find the inputs of a source that hold text; with `explicit` the study names its inputs, and all are kept."""
    texts: list[str] = []
    read: dict[str, NDArray[np.float64]] = {}
    for name in source.inputs or ():
        if name in source.categorical:
            continue
        values = numbers(table, name, Findings(table.file), "", source.input_marks)
        if values is not None:
            read[name] = values
        elif holds_text(table, name, source.input_marks):
            texts.append(name)
    named = frozenset(source.inputs or () if explicit else source.keep)
    return InputKinds(tuple(texts), named, read)


def useless(columns: Sequence[Column], inputs: InputKinds) -> Iterator[tuple[str, str]]:
    """Give the columns from which nothing can be learned, and why, in a sentence; `columns` are the training rows."""
    for column in columns:
        texts = [text for text in column.values.tolist() if text] if column.categorical else []
        different = len(set(texts))
        back = f"(data.keep = [{quoted(column.name)}] brings it back)"
        if column.categorical and different == 1 and len(texts) == len(column.values):
            yield column.name, f"left out, being {quoted(texts[0])} in every training row"
        elif column.name not in inputs.categories or column.name in inputs.named:
            continue
        elif are_names(texts):
            what = f"{different:,} different texts in {len(column.values):,} training rows, most of one row alone"
            yield column.name, f"left out, having {what} {back}"
        elif different > _MANY and median(map(len, texts)) > _LONG:
            yield column.name, f"left out, being free text {back}"


def kind_notes(columns: Sequence[Column], inputs: InputKinds) -> Iterator[tuple[str, str]]:
    """Give the columns that were read as categories, and those of which some are pooled, and say so of each."""
    for column in columns:
        if not column.categorical:
            continue
        counts = Counter(text for text in column.values.tolist() if text)
        few = column.rare_below if column.rare_below > 1 else FEW_ROWS
        rare = sum(count < few for count in counts.values())
        of_them = f"{rare:,} of fewer than {few:,} training rows"
        pooled = f", {of_them}, pooled as rare" if rare and column.rare_below > 1 else ""
        if column.name in inputs.categories:
            some = few_quoted(sorted(counts, key=lambda text: (-counts[text], text)), 3)
            many = f", {of_them} (data.rare_below pools such)" if rare and len(counts) > _MANY else ""
            yield column.name, f"text, read as one of {len(counts):,} categories ({some}){pooled or many}"
        elif pooled:
            yield column.name, f"{len(counts):,} categories{pooled}"
