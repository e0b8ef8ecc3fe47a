"""Facts of a store that may be foreign, as values; a fact that is not what Shoal writes is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from shoal.errors import Problem, RunFolderError
from shoal.parts import Missing
from shoal.results._record import ColumnRecord, FitRecord
from shoal.results._schema import checker, expect, refusing
from shoal.study import Study


def counted_origins(
    origins: Sequence[tuple[dict[str, Any], frozenset[str]]], fits: Mapping[str, FitRecord]
) -> tuple[tuple[dict[str, Any], int], ...]:
    """Count the fits of every environment that trained some; what is not known of a fit is told as {}."""
    counts = [(environment, len(ids & fits.keys())) for environment, ids in origins]
    unknown = len(fits.keys() - {fit_id for _, ids in origins for fit_id in ids})
    return tuple((environment, count) for environment, count in [*counts, ({}, unknown)] if count)


def data_notes_of(folder: Path, value: Any) -> tuple[str, ...]:
    """Read the sentences on the data; results of old have none."""
    return _texts(folder, value, "a note on the data") or ()


def columns_of(folder: Path, value: Any) -> tuple[ColumnRecord, ...]:
    """Read what was decided of each column of the table; results of old, and those of images, have none."""
    with coherent(folder, "a column of the data"):
        return tuple(map(checker(ColumnRecord), value or ()))


def categorical_of(folder: Path, study: Study, value: Any) -> tuple[str, ...]:
    """Read which inputs are categories; in results of old they are those that the study names."""
    names = _texts(folder, value, "a categorical input")
    return study.data.categorical if names is None else names


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
