"""What `run` and `plan` are asked for: a study or rows in memory, and keywords, made into one study."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral
from pathlib import Path
from typing import Any, Final, TypeAlias

from shoal.data import GivenRows, Rows, are_rows, given_rows
from shoal.engine import InMemory
from shoal.errors import InputError, another_kind
from shoal.study import IN_MEMORY, Keys, Study, check_study, load_study, parse_study, with_keywords

StudyOrRows: TypeAlias = "Study | str | Path | Rows"


class Keywords(Keys, total=False):
    """Keys of the study, rows in memory in place of its files, and the names of the targets, or the targets."""

    train: Rows
    test: Rows
    target: Any


_NO_KEYS: Final = ("train", "test", "target")
_OTHERS: Final = (*_NO_KEYS, "out", "workers", "trainer", "device", "watcher")


@dataclass(frozen=True, eq=False)
class Request:
    """A study, the rows in memory that it speaks of, and what was decided in making it, as sentences."""

    study: Study
    in_memory: InMemory = field(default_factory=InMemory)
    notes: tuple[str, ...] = ()


def request_of(study: StudyOrRows, keywords: Mapping[str, Any]) -> Request:
    """Read a study, hold one built in Python to the same rules, or make one for rows; lay keywords over it.

    Raises InputError for what is no study, for mistakes of a study, and for rows of which no table can be made.
    """
    base = _study_of(study)
    in_memory = _in_memory(study if base is None else None, keywords)
    names = _names(keywords.get("target"))
    notes: tuple[str, ...] = ()
    if base is None:
        base, notes = _study_for(in_memory, names, keywords)
    in_memory, asked = _with_rows(base, in_memory, names)
    keys = {name: value for name, value in keywords.items() if name not in _NO_KEYS}
    return Request(with_keywords(asked, keys, _OTHERS), in_memory, notes)


def _study_of(study: StudyOrRows) -> Study | None:
    """Read a study; None for rows in memory."""
    if isinstance(study, str | os.PathLike):
        return load_study(study)
    if isinstance(study, Study):
        check_study(study)
        return study
    if are_rows(study):
        return None
    raise another_kind(
        "a Study, the path of a study file, the name of a built-in study, or rows in memory", study
    )


def _names(target: Any) -> tuple[str, ...]:
    """Give the names of targets; none for targets themselves, and where nothing is said."""
    if isinstance(target, list | tuple):
        return tuple(target) if all(isinstance(name, str) for name in target) else ()
    is_name = isinstance(target, str | Integral) and not isinstance(
        target, bool
    )  # pandas numbers its columns
    return (str(target),) if is_name else ()


def _in_memory(first: Any, keywords: Mapping[str, Any]) -> InMemory:
    """Take the rows in memory, and targets beside those to train on."""
    train, test, target = map(keywords.get, _NO_KEYS)
    if first is not None and train is not None:
        raise InputError("train: expected nothing beside the rows that come first, got rows again")
    train = train if first is None else first
    targets = None if _names(target) else target
    if targets is not None and train is None:
        raise InputError("target: expected the name of a column, got targets without rows in memory")
    return InMemory(
        None if train is None else given_rows("train", train, targets),
        None if test is None else given_rows("test", test),
    )


def _with_rows(study: Study, in_memory: InMemory, names: tuple[str, ...]) -> tuple[InMemory, Study]:
    """Say in the study that rows are in memory, and what is learned; targets beside rows are called as it says."""
    data: dict[str, Any] = {"target": list(names)} if names else {}
    if in_memory.train is not None:
        data |= {"train": IN_MEMORY, "dataset": None}
        if not names and not study.data.targets and in_memory.train.target_names:
            data |= {"target": list(in_memory.train.target_names)}
    if in_memory.test is not None:
        data |= {"test": IN_MEMORY}
    if len(data.get("target", ())) == 1:
        data |= {"target": data["target"][0]}
    study = with_keywords(study, {"data": data}) if data else study
    return replace(
        in_memory,
        train=_called(in_memory.train, study.data.targets),
        test=_called(in_memory.test, study.data.targets),
    ), study


def _called(rows: GivenRows | None, names: tuple[str, ...]) -> GivenRows | None:
    """Give targets that stand beside their rows the names of a study's."""
    return rows if rows is None or rows.y is None else replace(rows, target_names=names)


def _study_for(
    in_memory: InMemory, names: tuple[str, ...], keywords: Mapping[str, Any]
) -> tuple[Study, tuple[str, ...]]:
    """Make a study for rows, and say what was guessed."""
    task = keywords.get("task") or "regression"
    target = names or (in_memory.train.target_names if in_memory.train else ())
    data = {"train": IN_MEMORY, "target": list(target), "standardize": "inputs"}
    return parse_study({"study": {"task": task}, "data": data}), ()
