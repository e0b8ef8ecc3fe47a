"""Keys of a study given as keywords of a call: `training={"epochs": 50}, seed=3`, laid over a study.

The rules and sentences are those of the study file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Final, TypedDict

from pydantic import BaseModel

from shoal.errors import Problem
from shoal.kinds import Task
from shoal.study._file import make_absolute, reviewed
from shoal.study._held_against import Checks
from shoal.study._key_paths import KeyPath, assign
from shoal.study._sentences import elsewhere
from shoal.study._shown import Inspect, Reference, Report
from shoal.study._study import (
    About,
    Comparison,
    Data,
    Nested,
    Network,
    Search,
    Study,
)
from shoal.study._training import Training
from shoal.study._vary import plain
from shoal.wording import nearest

Values = Mapping[str, Any]


class Keys(TypedDict, total=False):
    """The keys of `[study]`, and the sections: their keys that change, or a section built in Python."""

    name: str
    task: Task
    seed: int
    repeats: int
    data: Values | Data
    network: Values | Network
    training: Values | Training
    compare: Sequence[Values | Comparison]
    search: Values | Search | None
    nested: Values | Nested | None
    reference: Sequence[Values | Reference]
    inspect: Values | Inspect
    checks: Values | Checks
    report: Values | Report


_SECTIONS: Final = tuple(name for name in Study.model_fields if name != "study")


def with_keywords(study: Study, keys: Mapping[str, Any], others: Sequence[str] = ()) -> Study:
    """Lay keywords over a study: a table's keys one by one, all else as a whole.

    `others` are what else may be meant by a word that is no keyword. Raises StudyError with every mistake.
    """
    tree, problems = plain(study), []
    origin = replace(
        study._origin, keywords=list(study._origin.keywords), written=dict(study._origin.written)
    )
    for name, value in keys.items():
        if name not in _SECTIONS and name not in About.model_fields:
            problems.append(Problem(name, _unknown(name, others)))
            continue
        for path, new in _changes(name, _as_in_a_file(value)):
            assign(tree, path, new)
            origin.keywords.append(path)
    if "data" in keys:
        origin.written.update(make_absolute(tree, Path.cwd()))
    return reviewed(tree, origin, problems)


def _changes(name: str, value: Any) -> Iterator[tuple[KeyPath, Any]]:
    """Give the key paths that a keyword sets."""
    if name in About.model_fields:
        yield ("study", name), value
    elif isinstance(value, dict) and value:
        yield from (((name, key), inner) for key, inner in value.items())
    elif value != {}:
        yield (name,), value


def _unknown(name: str, others: Sequence[str]) -> str:
    known = (*others, *About.model_fields, *_SECTIONS)
    meant = elsewhere(name) or nearest(name, known)
    return (
        f"unknown key; did you mean {meant}?" if meant else f"unknown key, expected one of {', '.join(known)}"
    )


def _as_in_a_file(value: Any) -> Any:
    """Give a value as TOML would: plain dicts, lists and numbers, also of numpy's kinds."""
    if isinstance(value, BaseModel):
        return plain(value)
    if isinstance(value, Mapping):
        return {str(key): _as_in_a_file(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_as_in_a_file(inner) for inner in value]
    if isinstance(value, bool) or not isinstance(value, Real):
        return value
    return int(value) if isinstance(value, Integral) else float(value)
