"""Tables to a Dataset: which columns are inputs, targets, groups, weights and folds; which rows are test rows.

Letters: N rows (training and test), K targets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shoal.cores import spread
from shoal.data._array_columns import other_series
from shoal.data._cells import texts
from shoal.data._classes import (
    alike,
    are_names,
    class_problems,
    label_problems,
    like_numbers,
    numbered,
    sorted_texts,
)
from shoal.data._column_kind import DateStyle
from shoal.data._column_roles import TableSource, inputs_of, missing_columns, role_problems
from shoal.data._dataset import Column, Dataset
from shoal.data._findings import Findings, refuse
from shoal.data._fingerprint import fingerprint
from shoal.data._found_kinds import InputKinds, column_facts, found_kinds
from shoal.data._holdout import draw_test_rows
from shoal.data._input_columns import AskedColumn, read_column
from shoal.data._row_weights import read_weights, unusable_weights
from shoal.data._table import Table
from shoal.data._table_format import Limits
from shoal.data._tables import scan_table
from shoal.data._targets import read_targets, uniform_labels, unlearnable, untargeted
from shoal.data._times import Times, latest_of, read_times, time_notes, values_of
from shoal.errors import DataError, Problem
from shoal.wording import counted, few_quoted, quoted

_CATEGORY = "; if it is a category, name it in data.categorical"
_LEAVE_OUT = "; leave it out (data.ignore)"


@dataclass(frozen=True, eq=False)
class _Part:
    """The used columns of one table. `targets` is float64 (N, K), or str (N,) class labels."""

    columns: tuple[Column, ...]
    targets: NDArray[Any]
    groups: NDArray[Any] | None
    folds: NDArray[Any] | None
    weights: NDArray[np.float64] | None
    times: Times | None = None
    untargeted: int = 0
    """Rows that were left out, having no target."""
    places: NDArray[np.int64] | None = None
    """The rows of the table that are left, where some were left out so."""

    def without(self, names: Collection[str]) -> _Part:
        """Leave some columns out."""
        return replace(self, columns=tuple(column for column in self.columns if column.name not in names))

    def take(self, rows: NDArray[np.int64] | slice) -> _Part:
        """Keep some rows, in the order given."""
        copied = 0 if isinstance(rows, slice) else len(rows)
        return _Part(
            tuple(spread(lambda column: column.take(rows), self.columns, copied)),
            self.targets[rows],
            None if self.groups is None else self.groups[rows],
            None if self.folds is None else self.folds[rows],
            None if self.weights is None else self.weights[rows],
            None if self.times is None else self.times.take(rows),
            self.untargeted,
        )


def load_table_dataset(source: TableSource, room: float | None = None) -> Dataset:
    """Read the tables of `source`, strictly; `room` is how many bytes may be held, if that is known.

    Raises DataError with every mistake of the files and of the choice of columns, each in one line.
    """
    source = source.in_one_form()
    refuse(role_problems(source))
    train_findings, test_findings = (
        Findings(str(path), of_study=True) for path in (source.train, source.test)
    )
    limits = Limits(_used_columns(source), room, frozenset(_named(source)))
    train_table, test_table = (
        None if path is None else scan_table(path, findings, limits, source.dialect)
        for path, findings in ((source.train, train_findings), (source.test, test_findings))
    )
    text_bytes = sum(table.text_bytes for table in (train_table, test_table) if table is not None)
    train = test = None
    problems: list[Problem] = []
    notes: tuple[str, ...] = ()
    input_kinds, unlisted = InputKinds(), tuple[str, ...]()
    if train_table is not None:
        explicit = source.inputs is not None or source.series is not None
        source = replace(source, inputs=inputs_of(source, train_table))
        unlisted = tuple(_unlisted(source, train_table)) if explicit else ()
        problems = missing_columns(source, train_table)
        notes = tuple(_left_out(source, train_table))
        if not problems:
            if source.find_kinds:
                input_kinds = found_kinds(source, train_table, explicit=explicit)
                source = replace(source, columns={**source.columns, **input_kinds.kinds})
            train = _read_part(source, train_table, train_findings, read=input_kinds.numbers)
            notes += tuple(_signs_of_targets(source, train_table))
            input_kinds = replace(input_kinds, numbers={})  # they are held once
            if test_table is not None:
                test = _read_test(source, (train_table, test_table), test_findings, train)
    del train_table, test_table  # cells as large as the rows, which are copied twice from here on
    problems += [*train_findings.problems(), *test_findings.problems()]
    if problems or train is None:
        raise DataError(problems)
    refuse(_nothing_left(train, test, source))
    if source.target == "class":
        refuse(label_problems(train.targets.tolist(), f"{source.train}, column {quoted(source.targets[0])}"))
    rows = len(train.targets)
    if test is None:
        train, test = _split_off_test_rows(source, train)
        rows -= len(test.targets)
    facts = column_facts(source, train.columns, test.columns, input_kinds)
    useless = {column.name for column in facts if column.left_out}
    train, test = train.without(useless), test.without(useless)
    refuse(_content_problems(source, train, test))
    if train.times is not None:
        notes += tuple(time_notes(source, train.times, test.times, rows - len(train.targets)))
    notes += (
        *_untargeted_notes(source, train, test),
        *(f"column {quoted(column.name)}: {'; '.join(column.said)}" for column in facts if column.said),
        *_content_notes(source, train, test),
    )
    return replace(
        _build(source, train, test), notes=notes, facts=facts, unlisted=unlisted, text_bytes=text_bytes
    )


def _used_columns(source: TableSource) -> frozenset[str] | None:
    """Name the columns that are used; None where all of them may be."""
    return None if source.inputs is None else frozenset(_named(source))


def _named(source: TableSource) -> Iterator[str]:
    """Give the columns that the study names."""
    yield from (*(source.inputs or ()), *source.categorical, *source.keep)
    yield from (name for _, names, _ in source.named() for name in names)


def _unlisted(source: TableSource, table: Table) -> Iterator[str]:
    """Give the columns that no key of the study names."""
    named = set(_named(source))
    yield from (name for name in table.names if name not in named)


def _left_out(source: TableSource, table: Table) -> Iterator[str]:
    """Say which columns are no inputs because they are called an index, or nothing at all."""
    used = {*(source.inputs or ()), *(name for _, names, _ in source.named() for name in names)}
    index_columns = [name for name in table.index if name not in used]
    if index_columns:
        those = "is left out, being called" if len(index_columns) == 1 else "are left out, being called"
        yield f"{Path(table.file).name}: {few_quoted(index_columns)} {those} an index (data.keep brings it back)"
    yield from (f"{Path(table.file).name}: {note}" for note in table.notes)
    for name in table.ordered:
        if name in (used or table.names) and source.stated(name) is None:
            how = 'data.columns states it (kind = "ordered")'
            yield f"column {quoted(name)}: its type has an order, not used unless {how}"
    if table.nameless:
        yield f"{Path(table.file).name}: the first column is left out, having no name, as row names are written"


def _signs_of_targets(source: TableSource, table: Table) -> Iterator[str]:
    """Say what stands beside the numbers of targets, once these are read."""
    read = () if source.target == "class" else source.targets
    yield from (f"column {quoted(name)}: {said}" for name in read if (said := table.signs_said(name)))


def _known(source: TableSource, train: _Part) -> dict[str, tuple[str, ...]]:
    """Give the spellings of the training rows: of every column of categories, of the classes, of the groups."""
    known = {
        column.name: tuple(set(column.values.tolist()) - {""})
        for column in train.columns
        if column.categorical
    }
    if source.target == "class":
        known[source.targets[0]] = tuple(set(train.targets.tolist()) - {""})
    if source.groups is not None and train.groups is not None:
        known[source.groups] = tuple(set(train.groups.tolist()))
    return known


def _read_test(
    source: TableSource, tables: tuple[Table, Table], findings: Findings, learned: _Part | None
) -> _Part | None:
    """Read the test table, which must have every used column, and none that the training table lacks."""
    train, test = tables[0], tables[1].shaped(source.inputs or ())
    needed = (*(source.inputs or ()), *source.targets, *([source.weights] if source.weights else []))
    missing = [name for name in needed if name not in test]
    known_names = {*train.names, *test.index}
    unknown = [name for name in test.names if name not in known_names]
    if missing and (arrays := other_series(needed, test.names)):
        findings.add(f"{arrays}, unlike {train.file}")
        return None
    if missing or unknown:
        parts = [f"missing {few_quoted(missing)}"] if missing else []
        parts += [f"unknown {few_quoted(unknown)}"] if unknown else []
        untested = missing and set(missing) <= set(source.targets)
        hint = "; rows without a target test nothing: shoal predict answers them" if untested else ""
        findings.add(f"expected the columns of {train.file}, got others: {'; '.join(parts)}{hint}")
        return None
    time = source.time if source.time is not None and source.time in test else None
    others = replace(source, groups=None, fold_column=None, time=time, ordered=False)
    part = _read_part(others, test, findings, learned)
    if part is None or source.groups is None or source.groups not in test:
        return part
    spellings = {} if learned is None else _known(source, learned)
    some = test if part.places is None else _beside_inputs(source, test).taken(part.places)
    # Nothing is trained or split by them: what cannot be read is not known, and no reason to refuse the file.
    return replace(
        part, groups=texts(some, source.groups, Findings(test.file), spellings.get(source.groups, ()))
    )


def _read_part(
    source: TableSource,
    table: Table,
    findings: Findings,
    learned: _Part | None = None,
    read: Mapping[str, NDArray[np.float64]] | None = None,
) -> _Part | None:
    """Read the used columns of one table, in the spelling that was `learned`; None where something was found.

    `read` are those that were read before.
    """
    known = {} if learned is None else _known(source, learned)
    styles = {} if learned is None else {column.name: column.dates for column in learned.columns}
    columns = []
    for name in source.inputs or ():
        values = (read or {}).get(name)
        kind = source.kind_of(name)
        asked = AskedColumn(name, kind, known.get(name, kind.order), styles.get(name, DateStyle(kind.format)))
        column = (
            Column(name, values)
            if values is not None
            else read_column(table, asked, findings, source.input_marks, _CATEGORY)
        )
        if column is not None:
            columns.append(column.treated(impute=source.impute, rare_below=source.rare_below))
    targets = read_targets(source, table, findings, known)
    rows = np.arange(table.rows) if targets is None else np.flatnonzero(~untargeted(targets))
    some = table if len(rows) == table.rows else _beside_inputs(source, table).taken(rows)
    times = read_times(source, some, findings, None if learned is None else learned.times, rows)
    groups = None if source.groups is None else texts(some, source.groups, findings)
    folds = None if source.fold_column is None else texts(some, source.fold_column, findings)
    weights = None if source.weights is None else read_weights(some, source.weights, findings)
    if findings.found:
        return None
    if len(rows) == table.rows:
        return _Part(tuple(columns), targets, groups, folds, weights, times)
    inputs = tuple(column.take(rows) for column in columns)
    return _Part(inputs, targets[rows], groups, folds, weights, times, table.rows - len(rows), rows)


def _beside_inputs(source: TableSource, table: Table) -> Table:
    """Give the columns that say of a row which group, fold or weight it has: rows that are left out need none."""
    asked = (source.groups, source.fold_column, source.weights, source.time)
    names = tuple(name for name in dict.fromkeys(asked) if name is not None and name in table)
    return replace(table, names=names, columns=tuple(table[name] for name in names), ordered=(), index=())


def _split_off_test_rows(source: TableSource, part: _Part) -> tuple[_Part, _Part]:
    """Split the rows of the one table into training and test rows, each in the table's order.

    Where rows have times, the latest are the test rows, and those in the gap before them are neither.
    """
    if part.times is not None:
        sides = latest_of(source, part.times, part.groups)
    else:
        labels = part.targets if source.target == "class" else None
        held_N = draw_test_rows(len(part.targets), source.test_share, source.seed, labels, part.groups)
        sides = np.flatnonzero(~held_N), np.flatnonzero(held_N)
    both, first = part.take(np.concatenate(sides)), len(sides[0])  # needs no copy to be put together again
    return both.take(slice(first)), both.take(slice(first, None))


def _nothing_left(train: _Part, test: _Part | None, source: TableSource) -> Iterator[Problem]:
    """Find files of which every row was left out."""
    for part, file in ((train, source.train), (test, source.test)):
        if part is not None and not len(part.targets):
            yield Problem(str(file), "expected rows with a target, got none")


def _content_problems(source: TableSource, train: _Part, test: _Part) -> list[Problem]:
    """Find columns from which nothing can be learned, and classes that were never trained on."""
    problems: list[Problem] = []

    def refuse_column(name: str, what: str) -> None:
        problems.append(Problem(f"{source.train}, column {quoted(name)}", what))

    if not train.columns:
        problems.append(Problem("data.inputs", "expected an input to learn from, got none that is left"))
    for column in train.columns:
        if column.missing_N.all():
            refuse_column(column.name, f"expected a value in some training row, got none{_LEAVE_OUT}")
    if source.target == "labels":
        problems += unlearnable(source.targets, train.targets, str(source.train))
    if source.target == "class":
        target = f"column {quoted(source.targets[0])}"
        places = f"{source.train}, {target}", f"{source.test or source.train}, {target}"
        problems += class_problems(train.targets.tolist(), test.targets.tolist(), places, drawn=source.draws)
    for weight_N, file, rows in (
        (train.weights, source.train, "training"),
        (test.weights, source.test, "test"),
    ):
        if weight_N is not None and len(weight_N) and (what := unusable_weights(weight_N, f"{rows} rows")):
            problems.append(Problem(f"{file or source.train}, column {quoted(source.weights or '')}", what))
    if source.fold_column is not None and train.folds is not None:
        folds = set(train.folds.tolist())
        if len(folds) < 2:
            refuse_column(
                source.fold_column, f"expected at least 2 folds, got only {few_quoted(sorted(folds))}"
            )
    return problems


def _untargeted_notes(source: TableSource, train: _Part, test: _Part) -> Iterator[str]:
    """Say how many rows were left out, having no target."""
    for part, file in ((train, source.train), (test, source.test)):
        if part.untargeted and file is not None:
            rows = counted(part.untargeted, "row")
            yield f'{Path(str(file)).name}: {rows} left out, having no target (data.missing_targets = "drop")'


def _content_notes(source: TableSource, train: _Part, test: _Part) -> Iterator[str]:
    """Say what may be read and is hardly meant: categories of one row each, or foreign to all test rows."""
    for column, tested in zip(train.columns, test.columns, strict=True):
        place = f"column {quoted(column.name)}"
        trained, strange = column.categories, tested.categories
        if are_names(trained):
            what = (
                f"{counted(len(trained), 'category')} in {counted(len(column.values), 'training row')}, most"
                " of one row alone"
            )
            yield f"{place}: {what}; leave it out (data.ignore) if it names the rows"
        elif strange and trained.keys().isdisjoint(strange):
            categories = few_quoted(sorted_texts(strange))
            yield f"{place}: no test row has a category of the training rows; the test rows have {categories}"
    if source.target == "class" and (same := alike(train.targets.tolist())):
        yield f"column {quoted(source.targets[0])}: classes {same}"
    if source.target == "labels":
        yield from uniform_labels(source.targets, train.targets)
    if source.target == "class" and (what := like_numbers(train.targets.tolist())):
        yield f'column {quoted(source.targets[0])}: {what}; a regression? (study.task = "regression")'
    if source.groups is not None and test.groups is None:
        name = quoted(source.groups)
        yield f"{source.test}: the test rows name no groups ({name}); their scores' intervals take them for independent"


def _build(source: TableSource, train: _Part, test: _Part) -> Dataset:
    """Number the classes and folds, and name the content."""
    classes = sorted_texts(train.targets.tolist()) if source.target == "class" else ()
    targets = np.concatenate((train.targets, test.targets))
    train_print, test_print = spread(
        lambda part: fingerprint(part.columns, source.targets, part.targets, part.weights),
        (train, test),
        len(targets),
    )
    targets = targets > 0 if source.target == "labels" else targets
    return Dataset(
        name=Path(str(source.train)).stem,
        task=source.task,
        columns=tuple(a.followed_by(b) for a, b in zip(train.columns, test.columns, strict=True)),
        target_names=source.targets,
        targets=numbered(targets, classes) if classes else targets,
        classes=classes,
        train_rows=len(train.targets),
        groups=train.groups,
        test_groups=test.groups,
        given_folds=None if train.folds is None else _fold_numbers(train.folds),
        train_fingerprint=train_print,
        test_fingerprint=test_print,
        source=str(source.train) if source.test is None else f"{source.train}, {source.test}",
        drawn=source.test is None,
        missing_marks=source.missing_marks,
        target_transform=source.target_transform,
        dialect=source.dialect,
        times=values_of(train.times),
        test_times=values_of(test.times),
        time_kind="" if train.times is None else train.times.kind,
        gap=source.gap,
        weights=None
        if train.weights is None or test.weights is None
        else np.concatenate((train.weights, test.weights)),
    )


def _fold_numbers(folds: NDArray[Any]) -> NDArray[np.int64]:
    """Number the folds by sorted order; "-1" stays -1: a row that is never validated on."""
    names = tuple(name for name in sorted_texts(folds.tolist()) if name != "-1")
    return numbered(folds, names, other=-1)
