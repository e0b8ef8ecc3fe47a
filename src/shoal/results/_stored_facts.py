"""Facts of a store that may be foreign, as values; a fact that is not what Shoal writes is refused."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shoal.errors import Problem, RunFolderError
from shoal.parts import Missing
from shoal.results._record import ColumnRecord, FitRecord, InputRecord
from shoal.results._schema import checker, expect, refusing
from shoal.study import Study


def counted_origins(
    origins: Sequence[tuple[dict[str, Any], frozenset[str]]], fits: Mapping[str, FitRecord]
) -> tuple[tuple[dict[str, Any], int], ...]:
    """Count the fits of every environment that trained some; what is not known of a fit is told as {}."""
    counts = [(environment, len(ids & fits.keys())) for environment, ids in origins]
    unknown = len(fits.keys() - {fit_id for _, ids in origins for fit_id in ids})
    return tuple((environment, count) for environment, count in [*counts, ({}, unknown)] if count)


def study_of(folder: Path, fact: Callable[[str], Any]) -> Study:
    """Read the study, of earlier versions with the defaults of keys that came later."""
    with coherent(folder, "the study"):
        return Study.model_validate(tomllib.loads(str(fact("study"))))


def of_columns(folder: Path, study: Study, fact: Callable[[str], Any]) -> dict[str, Any]:
    """Read what is known of the data, its columns and who could train on it, by the fields of Results.

    In results of old the categories are those that the study names; there are no dates, no notes and no columns.
    """
    categorical = _texts(folder, fact("categorical inputs"), "a categorical input")
    with coherent(folder, "a column of the data"):
        columns = tuple(map(checker(ColumnRecord), fact("columns") or ()))
        inputs = tuple(map(checker(InputRecord), fact("inputs") or ()))
    return {
        "data_notes": _texts(folder, fact("data notes"), "a note on the data") or (),
        "refusals": _texts(folder, fact("refusals"), "a trainer's refusal") or (),
        "columns": columns,
        "categorical": study.data.categorical if categorical is None else categorical,
        "inputs": inputs,
        "embedded": _texts(folder, fact("embedded"), "an embedded input") or (),
        "dates": _texts(folder, fact("dates"), "an input of dates") or (),
        "module": "".join(_texts(folder, fact("module"), "a module") or ()),
    }


def _texts(folder: Path, value: Any, what: str) -> tuple[str, ...] | None:
    with coherent(folder, what):
        expect(value is None or (isinstance(value, list) and all(isinstance(text, str) for text in value)))
    return None if value is None else tuple(value)


def findings_of(folder: Path, rows: Any, drift: Any) -> dict[str, str]:
    """Read what the checks of the rows measured, and the drift of the test rows; results of old have neither."""
    with coherent(folder, "a finding in the rows"):
        expect(rows is None or isinstance(rows, dict))
        findings = {**(rows or {}), "drift": "" if drift is None else drift}
        expect(all(isinstance(clause, str) for clause in findings.values()))
        return findings


def missing_of(folder: Path, value: Any) -> tuple[Missing, ...]:
    with coherent(folder, "what is missing"):
        return tuple(map(checker(Missing), value or ()))


@contextmanager
def coherent(folder: Path, what: str) -> Iterator[None]:
    """Refuse what by itself may be right and beside the rest is not; what the store refuses, in its own sentence."""
    problem = Problem(str(folder), f"{what} in its results is not what Shoal writes")
    with refusing(lambda: RunFolderError(problem)):
        yield
