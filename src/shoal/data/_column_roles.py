"""Which column plays which part: every name of the study must be there, and have one part only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from shoal.data._array_columns import MOST_AXES, arrays_of, arrays_said, columns_of_array
from shoal.data._classes import nfc
from shoal.data._column_kind import CATEGORY, NUMBER, ColumnKind, key_of
from shoal.data._date_formats import format_fault
from shoal.data._dialect import PLAIN, Dialect
from shoal.data._given_rows import GivenRows
from shoal.data._missing import Marks
from shoal.data._table import Table
from shoal.errors import Problem
from shoal.kinds import Target, Task, task_kind
from shoal.wording import did_you_mean, few_quoted, quoted

TIME: Final = "data.time"
ONE_OF_CLASSES: Final = (
    'expected one column for classification, got {}; where each holds 0 and 1: study.task = "multilabel"'
)
"""Why there may be no more targets."""


@dataclass(frozen=True)
class TableSource:
    """Where the rows of a study stand: in files, or in memory. `inputs` None: every column that is no target, group,
    weight or fold.

    Without `test`, the share `test_share` of the rows of `train` is drawn at `seed` to be test rows:
    whole groups where there are `groups`, else stratified by class in classification. With `impute` inputs may have
    missing cells: the usual ones, and `missing_marks`; with `drop_untargeted` rows without a target are left out.
    Targets have to lie in the domain of `target_transform`, and of all `losses` that networks are trained by.

    With `find_kinds` how inputs are read is found, and some are left out, unless `inputs` or `keep` name them;
    `columns` says how columns are read that are otherwise than found. `ignore` are no inputs, `keep` are inputs though
    they look like an index. Categories of fewer than `rare_below` training rows are pooled. `dialect` is how its files
    are written. Rows have an order where the column `time` says when each was, or they are `ordered` as they stand;
    then the latest are the test rows, and `gap` rows (or groups) before them are left out. `series` names an array
    whose columns are the inputs, all of them.
    """

    train: str | Path | GivenRows
    task: Task
    targets: tuple[str, ...]
    test: str | Path | GivenRows | None = None
    inputs: tuple[str, ...] | None = None
    categorical: tuple[str, ...] = ()
    groups: str | None = None
    fold_column: str | None = None
    weights: str | None = None
    test_share: float = 0.2
    seed: int = 0
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    find_kinds: bool = False
    rare_below: int = 1
    impute: bool = False
    missing_marks: tuple[str, ...] = ()
    drop_untargeted: bool = False
    target_transform: str = "none"
    losses: tuple[str, ...] = ()
    dialect: Dialect = PLAIN
    columns: Mapping[str, ColumnKind] = field(default_factory=dict)
    time: str | None = None
    ordered: bool = False
    gap: int = 0
    series: str | None = None

    @property
    def target(self) -> Target:
        """What is learned of a row."""
        return task_kind(self.task).target

    @property
    def timed(self) -> bool:
        """Whether rows have an order."""
        return self.ordered or self.time is not None

    @property
    def draws(self) -> bool:
        """Whether test rows are drawn from all rows."""
        return self.test is None and not self.timed

    def stated(self, name: str) -> ColumnKind | None:
        """Give how a column is read, as far as somebody said so."""
        return self.columns.get(name, CATEGORY if name in self.categorical else None)

    def kind_of(self, name: str) -> ColumnKind:
        """Give how a column is read: as numbers where nobody said otherwise."""
        return self.stated(name) or NUMBER

    @property
    def input_marks(self) -> Marks | None:
        """What stands for a missing cell of an input; None where none may be missing."""
        return Marks.of(self.missing_marks) if self.impute else None

    @property
    def target_marks(self) -> Marks | None:
        """What stands for a missing target; None where a cell that is no target is a mistake like any other."""
        return Marks.of(self.missing_marks) if self.impute or self.drop_untargeted else None

    def in_one_form(self) -> TableSource:
        """Give the same with all names in NFC, the form in which columns are named."""

        def in_one_form(name: str | None) -> str | None:
            return None if name is None else nfc(name)

        return replace(
            self,
            targets=tuple(map(nfc, self.targets)),
            inputs=None if self.inputs is None else tuple(map(nfc, self.inputs)),
            categorical=tuple(map(nfc, self.categorical)),
            ignore=tuple(map(nfc, self.ignore)),
            keep=tuple(map(nfc, self.keep)),
            columns={nfc(name): kind.in_one_form() for name, kind in self.columns.items()},
            groups=in_one_form(self.groups),
            fold_column=in_one_form(self.fold_column),
            time=in_one_form(self.time),
            weights=in_one_form(self.weights),
            series=in_one_form(self.series),
        )

    def named(self) -> tuple[tuple[str, tuple[str, ...], str], ...]:
        """Give (key of the study file, names, the part they play) of all columns that are no inputs."""
        groups = () if self.groups is None else (self.groups,)
        folds = () if self.fold_column is None else (self.fold_column,)
        times = () if self.time is None else (self.time,)
        weights = () if self.weights is None else (self.weights,)
        return (
            ("data.target", self.targets, "the target" if len(self.targets) == 1 else "a target"),
            ("data.groups", groups, "the groups"),
            ("data.weights", weights, "the weights"),
            ("search.folds.column", folds, "the folds"),
            (TIME, times, "the order of rows"),
        )


def role_problems(source: TableSource) -> list[Problem]:
    """Find names with two parts, parts with too few or too many names, and a dialect that no file can have."""
    problems = [Problem(f"data.{key}", what) for key, what in source.dialect.problems()]
    if not source.targets:
        problems.append(Problem("data.target", "expected the name of a column, got nothing"))
    elif source.target == "class" and len(source.targets) > 1:
        problems.append(Problem("data.target", ONE_OF_CLASSES.format(len(source.targets))))
    if source.inputs == ():
        problems.append(Problem("data.inputs", "expected at least one column, got none"))
    return [*problems, *_doubled(source)]


def _doubled(source: TableSource) -> Iterator[Problem]:
    """Find columns that are named twice, for one part or for two."""
    inputs = source.inputs or ()
    taken: dict[str, str] = {}
    for key, names, part in (*source.named(), ("data.inputs", inputs, "an input")):
        for name in names:
            if name in taken and (key, name) != ("data.inputs", source.time):
                yield Problem(
                    key, f"expected a column of its own, got {quoted(name)}, which is {taken[name]}"
                )
            else:
                taken.setdefault(name, f"already {part}")
    for key, names in (("data.ignore", source.ignore), ("data.keep", source.keep)):
        for name in names:
            if name in taken and (key, name) != ("data.keep", source.time):
                yield Problem(
                    key, f"expected a column of its own, got {quoted(name)}, which is {taken[name]}"
                )
    named = (("data.categorical", source.categorical), ("data.columns", tuple(source.columns)))
    for key, name in ((key, name) for key, names in named for name in names):
        if (key, name) == ("data.columns", source.time):
            yield from _time_kind(name, source.columns[name])
            continue
        known = taken.get(name, "no input" if inputs else "already an input")
        if known != "already an input":
            yield Problem(key, f"expected input columns, got {quoted(name)}, which is {known}")
    for name, column in source.columns.items():
        if column.format and (fault := format_fault(column.format)):
            yield Problem(f"data.columns.{key_of(name)}.format", fault)


def _time_kind(name: str, kind: ColumnKind) -> Iterator[Problem]:
    """Find a column of times that is to be read as what has no order."""
    if kind.name not in ("number", "date"):
        what = f'expected kind = "number" or kind = "date", since it orders rows, got "{kind.name}"'
        yield Problem(f"data.columns.{key_of(name)}", what)


def missing_columns(source: TableSource, table: Table) -> list[Problem]:
    """Find names of the study that the training table does not have."""
    asked = [(key, names) for key, names, _ in source.named()]
    asked += [("data.inputs", source.inputs or ()), ("data.categorical", source.categorical)]
    asked += [
        ("data.ignore", source.ignore),
        ("data.keep", source.keep),
        ("data.columns", tuple(source.columns)),
    ]
    inputs = set(source.inputs or ())
    columns = f"{table.file} ({few_quoted(table.names)})"
    problems = [
        Problem(key, f"expected a column of {columns}, got {with_hint(name, table.names)}")
        for key, names in asked
        for name in names
        if name not in table
        and not (key in ("data.categorical", "data.columns") and name in {*inputs, source.time})
    ]
    if source.series is not None and source.inputs is None:
        arrays = arrays_of(table.names)
        there = arrays_said(arrays) or f"none, only columns {few_quoted(table.names)}"
        what = f"expected the name of an array of 2 to {MOST_AXES} dimensions in {table.file} ({there})"
        problems.append(Problem("data.series", f"{what}, got {with_hint(source.series, [*arrays])}"))
    elif not source.inputs:
        others = "the target and the file's index" if table.index else "the target"
        problems.append(Problem("data.inputs", f"expected input columns in {columns}, got none but {others}"))
    return problems


def inputs_of(source: TableSource, table: Table) -> tuple[str, ...] | None:
    """Give the inputs: those that the source lists, the columns of its series, or else all that may be some.

    None where there is no array of this name.
    """
    if source.series is not None:
        return columns_of_array(source.series, table.names)
    return source.inputs or _all_inputs(source, table)


def _all_inputs(source: TableSource, table: Table) -> tuple[str, ...]:
    """Give every column that plays no other part, is not ignored, and is no index, unless it is kept.

    That which orders the rows is an input only if it is kept.
    """
    others = {name for _, names, _ in source.named() for name in names} | set(source.ignore)
    others -= {source.time} & set(source.keep)
    others |= set(table.index) - {*source.categorical, *source.keep, *source.columns}
    return tuple(name for name in table.names if name not in others)


def with_hint(name: str, known: Sequence[str]) -> str:
    """Quote a wrong name, with the closest right one."""
    return quoted(name) + did_you_mean(name, known, quoted)
