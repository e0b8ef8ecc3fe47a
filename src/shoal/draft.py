"""`shoal new --data`: a table that nobody described, and a commented study of it that runs."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Final

import numpy as np

from shoal.data import (
    MOST_REASONS,
    Column,
    Dataset,
    GivenRows,
    Survey,
    Wish,
    holds_images,
    is_name_of_ids,
    order_of,
    survey,
)
from shoal.engine import (
    Planner,
    Trainers,
    available_memory,
    column_records,
    refuse_unscalable,
    unscalable_inputs,
)
from shoal.errors import DataError, Problem
from shoal.files import kind_of
from shoal.kinds import Task
from shoal.look import MOST_LINES, column_lines
from shoal.scores import RARE
from shoal.study import (
    IN_MEMORY,
    LONGEST_NAME,
    TEST_SHARE,
    Data,
    Draft,
    DraftColumn,
    DraftKey,
    draft_text,
    parse_study,
)
from shoal.wording import counted, few_quoted, is_utf8, quoted, rounded, visible

FEW_VALUES: Final = 10
"""Different whole numbers up to which a column may be one of categories."""
MOST_DOUBTS: Final = 10
"""Columns of which this is said."""
SKEWED: Final = 4.0
"""How many times the distance from the median is to the upper 5 % of targets what it is to the lower."""
_BACK: Final = re.compile(r" \(data\.keep = .*\)$")
"""How a study that lists no inputs gets a column back."""
_FROM_HERE: Final = "relative to the folder of this file; written for the current one"
_LATER: Final = "take the # away to predict later rows: all that judges is then later than what is trained on"
_DAY: Final = 86_400.0
"""Seconds."""
_GROUPS: Final = "take the # away if so, and put one before it among the inputs: no group is then divided"


def draft_study(
    table: Path,
    target: str | tuple[str, ...] | None = None,
    task: Task | None = None,
    folder: Path | None = None,
) -> str:
    """Write a study of a table, as it is to be trained; what is not said is guessed, by rules that the study names.

    `target` may be several columns, as a text with commas between them. `folder` is where the study is to stand (the
    current one): the path of the table, if it is a relative one, leads from there. Raises DataError where there is no
    table, no such target, or nothing to be learned; StudyError for a table of more columns than a study can speak of.
    """
    _refuse_others(table)
    draft = draft_of(table, target, task)
    return draft_text(draft if folder is None else replace(draft, table=_path_from(folder, table)))


def _path_from(folder: Path, table: Path) -> DraftKey:
    """Lead from a folder to a table; in full where `..` would lead elsewhere: through links, to another drive."""
    with suppress(ValueError, OSError):  # another drive; a folder that is not there
        way = table if table.is_absolute() else Path(os.path.relpath(table, folder))
        if (folder / way).samefile(table):
            return DraftKey("train", str(way), "relative to the folder of this file")
    return DraftKey("train", os.path.abspath(table), "in full, since no relative path leads there")


def draft_of(
    table: Path | GivenRows, target: str | tuple[str, ...] | None = None, task: Task | None = None
) -> Draft:
    """Look at a table, of a file or in memory, and say what a study of it is written from. Raises DataError."""
    seen = survey(table, Wish(target, task, TEST_SHARE), available_memory())
    dataset = seen.dataset
    train_N = dataset.targets[: dataset.train_rows]
    columns = tuple(_columns(seen))
    if not any(column.used for column in columns):
        why = "; ".join(f"{quoted(column.name)}: {column.what}" for column in columns[:MOST_REASONS])
        raise DataError(
            Problem(str(table), f"expected a column to learn from beside the target, got none ({why})")
        )
    listed = len(columns) < MOST_LINES and all(len(column.name) <= LONGEST_NAME for column in columns)
    unlisted = [column.name for column in columns if not (column.used or listed)]
    targets = seen.target.value
    _refuse_names(seen.names, [*targets, *seen.stated, *unlisted], table)
    draft = Draft(
        table=DraftKey("train", IN_MEMORY if isinstance(table, GivenRows) else str(table), _FROM_HERE),
        task=DraftKey("task", seen.task.value, seen.task.why),
        target=DraftKey("target", targets[0] if len(targets) == 1 else list(targets), _why_target(seen)),
        columns=columns,
        keys=tuple(_keys(seen)),
        kinds=tuple(_kinds(seen)),
        rows=dataset.rows,
        numbers=sum(map(_numbers, dataset.columns)),
        outputs=dataset.outputs,
        smallest=int(np.bincount(train_N, minlength=dataset.outputs).min()) if dataset.classes else None,
        rare=_rare_class(dataset),
        summary=() if listed else tuple(_summary(dataset)),
    )
    return _that_runs(draft, dataset)


def _that_runs(draft: Draft, dataset: Dataset) -> Draft:
    """Leave the inputs out whose numbers some fit could not scale. Raises DataError where a run would be refused."""
    planner = Planner(parse_study(tomllib.loads(draft_text(draft))), dataset, Trainers().choose)
    try:
        refuse_unscalable(planner)
    except DataError as error:
        wrong = unscalable_inputs(planner)
        usable = tuple(column for column in dataset.columns if column.name not in wrong)
        if len(usable) in (0, len(dataset.columns)):
            raise DataError(_of_table(draft, problem) for problem in error.problems) from None
        columns = tuple(
            replace(column, used=False, what=f"cannot be scaled: {wrong[column.name].partition(', got ')[2]}")
            if column.name in wrong
            else column
            for column in draft.columns
        )
        fewer = replace(draft, columns=columns, numbers=draft.numbers - len(wrong))
        return _that_runs(fewer, replace(dataset, columns=usable))
    return draft


def _of_table(draft: Draft, problem: Problem) -> Problem:
    """Name the file, too, where a mistake is one of a column."""
    table = "train" if draft.table.value == IN_MEMORY else draft.table.value
    return problem if problem.where == table else replace(problem, where=f"{table}, {problem.where}")


def _refuse_names(names: Iterable[str], stated: Iterable[str], table: Path | GivenRows) -> None:
    """Refuse names that no file can hold, and `stated` ones that no study can."""
    for name in names:
        if not is_utf8(name):
            what = f'expected names in UTF-8, got the column "{visible(name)}"'
            raise DataError(Problem(str(table), what))
    for name in stated:
        if len(name) > LONGEST_NAME:
            what = f"expected names of at most {LONGEST_NAME} letters in a study, got one of {len(name):,}"
            raise DataError(Problem(f"{table}, column {quoted(name)}", f"{what}; rename it"))


def _refuse_others(table: Path) -> None:
    """Refuse what is no table, and say what to do with it."""
    if not is_utf8(str(table)) or any(not letter.isprintable() for letter in str(table)):
        raise DataError(Problem(str(table), "expected a path of letters that a study can hold; rename it"))
    if kind_of(table) == "a folder" or (kind_of(table) == "a file" and holds_images(table)):
        what = (
            "expected a table, got a folder"
            if kind_of(table) == "a folder"
            else "expected a table, got images"
        )
        how = "a study of images needs no more than data.train; `shoal new classification` prints one to fill in"
        if kind_of(table) == "a file":
            how += ", in which data.series names an array (N, C, T) of series"
        raise DataError(Problem(str(table), f"{what}; {how}"))


def _why_target(seen: Survey) -> str:
    """Say where the target comes from, and which classes it has; rare ones are named."""
    dataset = seen.dataset
    if not dataset.classes:
        return seen.target.why
    counts = np.bincount(dataset.targets, minlength=dataset.outputs)
    shares = [
        f"{quoted(dataset.classes[number])} {counts[number]:,}"
        for number in np.argsort(-counts, kind="stable")
    ]
    shown = shares if len(shares) <= 6 else [*shares[:3], "...", *shares[-2:]]
    return f"{seen.target.why}; rows of its {counted(len(shares), 'class')}: {', '.join(shown)}"


def _columns(seen: Survey) -> Iterator[DraftColumn]:
    """Say of each column but the target what it is, and whether it is an input."""
    known = {column.name: column for column in seen.dataset.facts}
    for name in seen.names:
        if name in seen.unusable:
            yield DraftColumn(name, used=False, what=seen.unusable[name])
        elif name in known:
            column = known[name]
            used = not column.left_out and not (column.is_constant and len(known) > 1)
            parts = [_BACK.sub("", part.removeprefix("left out, ")) for part in column.said]
            if used and not column.reason:
                parts.insert(0, {"number": "numbers", "category": "categories"}.get(column.kind, column.kind))
            yield DraftColumn(name, used=used, what="; ".join(parts))


def _kinds(seen: Survey) -> Iterator[DraftKey]:
    """Give the kinds of columns that a study has to state, then those that may be meant."""
    for name, choice in seen.stated.items():
        kind = {"kind": choice.value.name, "format": choice.value.format or None}
        yield DraftKey(name, kind, choice.why)
    few = [column for column in seen.dataset.columns if _few_numbers(column)]
    for column in few[:MOST_DOUBTS]:
        different = len(np.unique(column.values))
        why = f"only {different} different whole numbers; take the # away if they are names of kinds"
        yield DraftKey(column.name, {"kind": "category"}, why, on=False)
    yield from islice(_ladders(seen), MOST_DOUBTS)


def _ladders(seen: Survey) -> Iterator[DraftKey]:
    """Propose the order of categories whose names have one."""
    for column in seen.dataset.columns:
        if column.categorical and column.name not in seen.stated:
            order = order_of([text for text in column.codes[0].tolist() if text])
            if order:
                why = "their names have an order; take the # away if what is learned goes along with it"
                yield DraftKey(column.name, {"kind": "ordered", "order": list(order)}, why, on=False)


def _few_numbers(column: Column) -> bool:
    """Whether numbers may be names of kinds: whole, few, more than two."""
    if column.takes != "numbers":
        return False
    different = np.unique(column.values[~np.isnan(column.values)])
    return 2 < len(different) <= FEW_VALUES and bool((different == np.rint(different)).all())


def _keys(seen: Survey) -> Iterator[DraftKey]:
    """Give the keys that the table needs, then what is only suspected."""
    perhaps = _perhaps(seen)
    for name, choice in seen.keys.items():
        also = f"; perhaps {perhaps}, too" if perhaps and name == "missing_marks" else ""
        yield DraftKey(name, choice.value, f"{choice.why}{also}")
    if perhaps and "missing_marks" not in seen.keys:
        why = f"{perhaps}; take the # away if such cells are missing ones"
        yield DraftKey("missing_marks", list(seen.perhaps), why, on=False)
    if (transform := _transform(seen.dataset)) is not None:
        yield transform
    yield from _positive(seen.dataset)
    yield from _order(seen)
    for name, values in seen.groupings.items():
        others = [other for other in seen.groupings if other != name]
        also = f"; so may {few_quoted(others, 3)}" if others else ""
        why = f"rows of one value are alike ({values}), as if they belonged together{also}; {_GROUPS}"
        yield DraftKey("groups", name, why, on=False)
        return
    for column in seen.dataset.columns:
        there_N = column.values[~column.missing_N]
        different = len(np.unique(there_N))
        if is_name_of_ids(column.name) and 2 * different <= len(there_N):
            why = (
                f"called an id, with {counted(different, 'value')} in {counted(len(there_N), 'row')}, which"
                " may belong together"
            )
            yield DraftKey("groups", column.name, f"{why}; {_GROUPS}", on=False)
            return


def _order(seen: Survey) -> Iterator[DraftKey]:
    """Propose the order of rows where they seem to have one: by a column of dates, or as they stand."""
    dated = (column.name for column in seen.dataset.columns if column.takes == "dates")
    if (name := next((name for name in dated if _orders(seen, name)), None)) is not None:
        also = "put one before it among the inputs, too, unless its trend counts"
        yield DraftKey("time", name, f"{_LATER} ({seen.in_order or 'a column of dates'}); {also}", on=False)
    elif seen.in_order:
        yield DraftKey("ordered", True, f"{_LATER} ({seen.in_order})", on=False)


def _orders(seen: Survey, name: str) -> bool:
    """Whether a column can order rows: a value in each of them, not all of one day."""
    (values,) = (column.values for column in seen.dataset.columns if column.name == name)
    return not np.isnan(values).any() and float(np.ptp(values)) >= _DAY


def _rare_class(dataset: Dataset) -> str | None:
    """Give the rarer one of two classes, where it is rare."""
    if len(dataset.classes) != 2:
        return None
    counts = np.bincount(dataset.targets, minlength=2)
    rarer = int(counts.argmin())
    return dataset.classes[rarer] if counts[rarer] < RARE * dataset.rows / 2 else None


def _positive(dataset: Dataset) -> Iterator[DraftKey]:
    """Propose the rare one of two classes as the positive one."""
    if (rare := _rare_class(dataset)) is not None:
        other = f"without it they are those of {quoted(dataset.classes[1])}"
        why = f"the rarer class, whose average_precision, f1, precision and recall are then said; {other}"
        yield DraftKey("positive", rare, why, on=False)


def _perhaps(seen: Survey) -> str:
    """Say which cells may stand for missing ones, and where."""
    return ", ".join(f"{quoted(cell)} in {few_quoted(names, 3)}" for cell, names in seen.perhaps.items())


def _transform(dataset: Dataset) -> DraftKey | None:
    """Propose logarithms where targets are many times larger in some rows than in most."""
    if dataset.task != "regression" or dataset.outputs > 1 or dataset.targets.min() < 0:
        return None
    low, middle, high = np.quantile(dataset.targets, (0.05, 0.5, 0.95))
    if high - middle <= SKEWED * (middle - low):
        return None
    name = "log" if dataset.targets.min() > 0 else "log1p"
    why = f"targets are skewed: half are below {rounded(middle, 3)}, a twentieth above {rounded(high, 3)}"
    return DraftKey("target_transform", name, f"{why}; take the # away to learn their logarithms", on=False)


def _numbers(column: Column) -> int:
    """Count the inputs of a network that a column becomes, more or less."""
    return len(np.unique(column.values)) if column.categorical else 1


def _summary(dataset: Dataset) -> Iterator[str]:
    """Say in few lines what many columns are."""
    yield "the columns; neighbours that are alike share a line:"
    for line in column_lines(list(column_records(Data(dataset=dataset.name), dataset))):
        yield f"  {line.names}: {line.role}{'; ' * bool(line.done)}{line.done}"
