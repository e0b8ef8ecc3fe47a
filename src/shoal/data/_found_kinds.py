"""What columns turn out to be that nobody named: categories, dates, ids, names of rows, free text, one and the same.

How a column is read is decided from the file of the training rows; what is left out, from the training rows alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.cores import spread
from shoal.data._cells import holds_text, holds_truth, numbers, zeros_before
from shoal.data._classes import alike, are_names, sorted_texts
from shoal.data._column_kind import CATEGORY, DATE, NUMBER, ColumnFacts, ColumnKind, KindName
from shoal.data._column_roles import TableSource
from shoal.data._dataset import Column
from shoal.data._dates import date_text, holds_dates
from shoal.data._distinct import distinct
from shoal.data._findings import Findings
from shoal.data._missing import median_of, missing_said
from shoal.data._table import Table
from shoal.data._text_column import TextColumn, read_ahead
from shoal.wording import counted, few_quoted, quoted

_LONG: Final = 50
"""Letters of half the cells from which text is prose, if there are more than so many different ones."""
_MANY: Final = 20
_NO_DAY: Final = "1900-01-01"
"""The day of a time of day alone."""
_MIDNIGHT: Final = "00:00:00"
_TRUTH: Final = "true read as 1 and false as 0"
FEW_ROWS: Final = 10
"""Training rows below which a category that was found is said to be rare; fewest rows in which numbers may be ids."""
_ID: Final = re.compile(
    r"(ids?|uid|uuid|guid|.*[ _.-](ids?|uuid|guid)|(customer|client|user|person|patient|subject|participant|passenger"
    r"|student|employee|member|animal|sample|case|order|product|item|account|transaction|record|row|obs)ids?)",
    re.IGNORECASE,
)
"""Names of columns that name rows: of whole numbers or texts, another in nearly every row."""
_ID_IN_CAPITALS: Final = re.compile(r".*[a-z](Id|ID)")
_NUMBER_OF_ROW: Final = re.compile(
    r"(index|idx|rows?|row[ _.]?(nr|no|num|number|names?)|obs|observation|#|s[rl]?[ _.]{0,2}no\.?|serial.*|key|record"
    r"|(nr|no)\.?)",
    re.IGNORECASE,
)
"""Names that number rows, or else mean something: ids only where the values hardly leave any number out."""


@dataclass(frozen=True)
class InputKinds:
    """How inputs are read that the study says nothing of, and why, by name; of those in `named`, none is left out.

    A constant is, all the same. `written` says how numbers stand in their cells. `numbers` are the values of those that
    are numbers, float64 (N,), so that they are read once.
    """

    kinds: Mapping[str, ColumnKind] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    padded: Mapping[str, str] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)


def found_kinds(source: TableSource, table: Table, *, explicit: bool) -> InputKinds:
    """Find how the inputs of a source are read; with `explicit` the study names its inputs, and all are kept."""
    kinds: dict[str, ColumnKind] = {}
    padded: dict[str, str] = {}
    read: dict[str, NDArray[np.float64]] = {}
    marks = source.input_marks
    names = [name for name in source.inputs or () if source.stated(name) is None]
    if not table.dialect.changes_numbers:
        targets = source.targets if source.task == "regression" else ()
        cells = (table[name] for name in (*names, *targets) if name in table)
        read_ahead([column for column in cells if isinstance(column, TextColumn)])
    as_numbers = spread(
        lambda name: numbers(table, name, Findings(table.file), None, marks), names, table.rows
    )
    for name, values in zip(names, as_numbers, strict=True):
        if values is not None and (cell := zeros_before(table, name, marks)):
            padded[name], kinds[name] = cell, CATEGORY
        elif values is not None:
            read[name], kinds[name] = values, NUMBER
        elif holds_dates(table, name, marks):
            kinds[name] = DATE
        else:
            kinds[name] = CATEGORY if holds_text(table, name, marks) else NUMBER
    named = frozenset(source.inputs or () if explicit else source.keep)
    as_number = (name for name in source.inputs or () if name in read or name not in kinds)
    signs = {name: said for name in as_number if (said := table.signs_said(name))}
    truths = {
        name: _TRUTH
        for name, values in read.items()
        if _may_be_truth(values) and holds_truth(table, name, marks)
    }
    return InputKinds(kinds, named, padded, {**signs, **truths}, read)


def _may_be_truth(values_N: NDArray[np.float64]) -> bool:
    """Whether numbers are 0, 1 or missing, the first of them looked at first."""
    return all(
        bool(((some == 0) | (some == 1) | np.isnan(some)).all()) for some in (values_N[:100], values_N)
    )


def column_facts(
    source: TableSource, train: Sequence[Column], test: Sequence[Column], inputs: InputKinds
) -> tuple[ColumnFacts, ...]:
    """Say of each column that might be an input what it is and what is done with it, in their order."""
    both = list(zip(train, test, strict=True))
    rows = len(train[0].values) if train else 0
    return tuple(spread(lambda pair: _facts(source, *pair, inputs, alone=len(train) == 1), both, rows))


def _facts(
    source: TableSource, column: Column, tested: Column, inputs: InputKinds, *, alone: bool
) -> ColumnFacts:
    kind = source.kind_of(column.name).name
    missing_N = column.missing_N
    known = column.values[~missing_N] if missing_N.any() else column.values
    useless = _useless(column, known, kind, inputs, alone=alone)
    reason = "" if useless else _reason(column, known, kind, inputs)
    written = inputs.written.get(column.name, "") if kind == "number" else ""
    constant = kind == "number" and 0 < len(known) == len(column.values) and bool((known == known[0]).all())
    alike = f"{known[0]:zg} in every training row, which says nothing" if constant else ""
    remarks = (alike, written, _strange(column, tested), missing_said(column, tested))
    return ColumnFacts(
        name=column.name,
        kind=kind,
        reason=reason,
        left_out=useless,
        missing=(int(missing_N.sum()), int(tested.missing_N.sum())),
        remarks=() if useless else tuple(filter(None, remarks)),
        is_constant=constant,
    )


def _strange(column: Column, tested: Column) -> str:
    """Say how many test cells, some of all, have categories that no training row has."""
    known, there = column.categories, tested.categories
    strange = {text: count for text, count in there.items() if text not in known}
    if len(strange) in (0, len(there)):
        return ""
    count = f"{sum(strange.values()):,} of {counted(len(tested.values), 'test cell')}"
    return f"{count} of categories that no training row has ({few_quoted(sorted_texts(strange), 3)})"


def _useless(column: Column, known: NDArray[Any], kind: KindName, inputs: InputKinds, *, alone: bool) -> str:
    """Say why nothing can be learned from a column, of which `known` are the training rows' cells; else nothing."""
    counts = column.categories
    different = len(counts)
    back = f"(data.keep = [{quoted(column.name)}] brings it back)"
    if different == 1 and len(known) == len(column.values):
        return f"left out, being {quoted(next(iter(counts)))} in every training row"
    if column.name not in inputs.kinds or column.name in inputs.named:
        return ""
    if kind == "number":
        return "" if alone or not _numbers_name_rows(column.name, known) else f"left out, being an id {back}"
    if column.categorical and are_names(counts):
        what = (
            f"{counted(different, 'different text')} in {counted(len(column.values), 'training row')},"
            " most of one row alone"
        )
        return f"left out, having {what} {back}"
    if different > _MANY and median_of(np.array([*map(len, known.tolist())], np.float64)) > _LONG:
        return f"left out, being free text {back}"
    return ""


def _numbers_name_rows(name: str, known: NDArray[np.float64]) -> bool:
    """Whether numbers are ids by name and by content: whole, another in nearly every row."""
    if len(known) < FEW_ROWS or not np.array_equal(known, np.rint(known)):
        return False
    if is_name_of_ids(name):
        return are_names(Counter(known.tolist()))
    may_be = _NUMBER_OF_ROW.fullmatch(name) and np.ptp(known) < 2 * len(known)
    return bool(may_be) and len(distinct(known)) == len(known)


def is_name_of_ids(name: str) -> bool:
    """Whether a column is called an id, of rows or of what several rows belong to."""
    return bool(_ID.fullmatch(name) or _ID_IN_CAPITALS.fullmatch(name))


def _reason(column: Column, known: NDArray[Any], kind: KindName, inputs: InputKinds) -> str:
    """Say how the kind of a column was found, or what it holds."""
    if kind == "date" and len(known):
        first, last = (date_text(float(second)) for second in (known.min(), known.max()))
        what = "dates"
        if first.startswith(_NO_DAY) and last.startswith(_NO_DAY):
            what, first, last = (
                "times",
                first.partition("T")[2] or _MIDNIGHT,
                last.partition("T")[2] or _MIDNIGHT,
            )
        since, zone = "seconds since the first training row of a fit", " in UTC" if column.dates.zoned else ""
        return f"{what} from {first} to {last}{zone}, read as {since}, and as month, weekday and hour where they vary"
    if kind == "ordered":
        return f"{counted(len(column.order), 'ordered category')}, read as their places"
    if kind == "category":
        return _categories(column, inputs)
    return ""


def _categories(column: Column, inputs: InputKinds) -> str:
    """Say that a column was read as categories, which are the most frequent, and of which some are pooled."""
    counts = column.categories
    few = column.rare_below if column.rare_below > 1 else FEW_ROWS
    rare = sum(count < few for count in counts.values())
    of_them = f"{rare:,} of fewer than {counted(few, 'training row')}"
    pooled = f", {of_them}, pooled as rare" if rare and column.rare_below > 1 else ""
    if column.name not in inputs.kinds:
        return f"{counted(len(counts), 'category')}{pooled}" if pooled else ""
    some = few_quoted(sorted(counts, key=lambda text: (-counts[text], text)), 3)
    many = f", {of_them} (data.rare_below pools such)" if rare and len(counts) > _MANY else ""
    what = "text"
    if padded := inputs.padded.get(column.name):
        what = f"numbers with zeros before them ({padded}), which are text unless data.columns says otherwise"
    same = f"; {same}" if (same := alike(counts)) else ""
    return f"{what}, read as one of {counted(len(counts), 'category')} ({some}){pooled or many}{same}"
