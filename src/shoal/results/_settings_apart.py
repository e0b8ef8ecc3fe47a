"""What runs were asked for, and what trained them, as far as it differs: study keys, data by content, versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from shoal.results._looks import tested_rows
from shoal.results._reading import opened
from shoal.results._results import Results
from shoal.study import Study, path_keys, text_of
from shoal.wording import counted

ABSENT: Final = "–"
"""In place of a key that a study does not have."""
_LETTERS: Final = 12
"""Of a fingerprint, as many as tell files apart."""
_MACHINE: Final = ("python", "platform", "processor")


def settings_apart(runs: Sequence[Results]) -> dict[str, tuple[str, ...]]:
    """Give what is not the same in all runs, by key in the order of a study: the value of each run, as text.

    Files of data count by their content, not by their path: those are "training rows" and "test rows".
    """
    of_runs = [_settings(run) for run in runs]
    keys = dict.fromkeys(key for settings in of_runs for key in settings)
    rows = {key: tuple(settings.get(key, ABSENT) for settings in of_runs) for key in keys}
    return {key: values for key, values in rows.items() if len(set(values)) > 1}


def _settings(run: Results) -> dict[str, str]:
    settings = dict(study_settings(run.study)) | dict(_of_rows(run))
    settings["trainer"] = ", ".join(sorted({fit.trainer for fit in run.summaries.values()})) or ABSENT
    versions = run.environment.get("versions")
    known = {
        **{key: run.environment.get(key) for key in _MACHINE},
        **(versions if isinstance(versions, dict) else {}),
    }
    return settings | {str(key): text_of(value) for key, value in known.items() if value is not None}


def study_settings(study: Study) -> Iterator[tuple[str, str]]:
    """Give every key of a study but its paths, and its name, which is that of its column."""
    paths = {f"data.{key}" for key in path_keys(vars(study.data))}
    for key, value in _flat("", study.model_dump()):
        if key not in paths and key != "study.name":
            yield key, text_of(value)


def _flat(above: str, tree: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in tree.items():
        path = f"{above}.{key}".removeprefix(".")
        if isinstance(value, Mapping) and value:
            yield from _flat(path, value)
        elif value is not None:
            yield path, value


def _of_rows(run: Results) -> Iterator[tuple[str, str]]:
    """Give the rows by content, as far as the store names it."""
    with opened(run.folder) as store:
        identity, tested = store.fact("identity"), tested_rows(store)
    trained = str(identity.get("train_fingerprint", "")) if isinstance(identity, dict) else ""
    count = run.truth.train_rows
    for name, rows, print_ in (
        ("training rows", count, trained),
        ("test rows", len(run.truth.y) - count, tested),
    ):
        yield name, f"{counted(rows, 'row')}, {print_[:_LETTERS]}".removesuffix(", ")
