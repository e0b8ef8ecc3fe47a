"""What is known of every column of a table, and what is done with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from shoal.data._column_roles import TableSource
from shoal.data._dataset import Column, ColumnFacts
from shoal.data._missing import missing_of
from shoal.wording import quoted


def column_note(name: str, done: str) -> str:
    """Say what is done with one column, as a sentence of its own."""
    return f"column {quoted(name)}: {done}"


def column_facts(
    source: TableSource,
    names: Sequence[str],
    columns: tuple[Sequence[Column], Sequence[Column]],
    sentences: Mapping[str, Sequence[str]],
) -> tuple[ColumnFacts, ...]:
    """Put together what is known of the columns `names` of the training table, in its order.

    `columns` are the inputs that are left, of training and test rows; `sentences` is what was said of each column.
    """
    inputs = {column.name: (column, tested) for column, tested in zip(*columns, strict=True)}
    parts = {name: key for key, of_key, _ in source.named() for name in of_key}

    def facts(name: str) -> ColumnFacts:
        done = "; ".join(sentences.get(name, ()))
        match parts.get(name):
            case "data.target":
                kind = "number" if source.task == "regression" else "class"
                return ColumnFacts(name, "target", kind, done)
            case "data.groups":
                return ColumnFacts(name, "groups", "category", done)
            case "search.folds.column":
                return ColumnFacts(name, "folds", "category", done)
        if name not in inputs:
            return ColumnFacts(name, "left out", done=done or _reason(name, source))
        missing = any(bool(missing_of(column.values).any()) for column in inputs[name])
        kind = "category" if inputs[name][0].categorical else "number"
        return ColumnFacts(name, "input", kind, done, missing)

    return tuple(map(facts, names))


def _reason(name: str, source: TableSource) -> str:
    if name in source.ignore:
        return "named in data.ignore"
    return "not among data.inputs"
