"""Run folders that are to be compared: opened, named, and refused where they have nothing to be compared by."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from shoal.errors import InputError, Problem, RunFolderError, ShoalError, as_path
from shoal.files import kind_of
from shoal.results._folder import STORE_NAME, folder_error
from shoal.results._results import Results
from shoal.results._runs_compared import RunsCompared
from shoal.wording import few_quoted

MOST_RUNS: Final = 100
"""Runs that are compared at a time, at most: each is held against each other one."""


def compare_runs(places: Sequence[Path | str | Results]) -> RunsCompared:
    """Open runs and hold them against each other; a folder that holds run folders stands for all of these.

    Raises InputError for fewer than two runs, too many, one run twice and runs that have no task, targets, classes or
    score in common; RunFolderError for folders without results of Shoal, or with damaged ones: all of them at once.
    """
    runs = _opened([folder for place in places for folder in _expanded(place)])
    if len(runs) < 2:
        got = f"{'one' if runs else 'none'}"
        where = str(runs[0].folder) if runs else "RUN"
        what = (
            f"expected two runs or more, got {got}; name another run folder, or a folder that holds several"
        )
        raise InputError(Problem(where, what))
    if len(runs) > MOST_RUNS:
        raise InputError(f"expected {MOST_RUNS} runs at most, got {len(runs):,}; compare fewer at a time")
    names = _names(runs)
    problems = [*_repeated(runs), *_unlike(runs, names)]
    if problems:
        raise InputError(problems)
    compared = RunsCompared(names, tuple(runs))
    if not (compared.metric or compared.selection):
        what = "expected runs that share a test score or a selection score, got none that all have; "
        raise InputError(what + "train them to the end, or name the same search.metric in their studies")
    return compared


def _expanded(place: Path | str | Results) -> Iterator[Path | Results]:
    """Give a run folder, or the run folders in a folder that is none, by name."""
    if isinstance(place, Results):
        yield place
        return
    folder = as_path(place, "the path of a run folder, or results")
    if kind_of(folder) == "a folder" and kind_of(folder / STORE_NAME) == "nothing":
        try:
            inside = sorted(folder.iterdir())
        except OSError as error:
            raise folder_error(folder, error) from error
        runs = [path for path in inside if kind_of(path / STORE_NAME) == "a file"]
        yield from runs or [folder]
        return
    yield folder


def _opened(places: Sequence[Path | Results]) -> list[Results]:
    """Open all, or say of each that cannot be opened why."""
    runs: list[Results] = []
    problems: list[Problem] = []
    for place in places:
        try:
            runs.append(place if isinstance(place, Results) else Results.open(place))
        except ShoalError as error:
            if not isinstance(error, RunFolderError):
                raise
            problems += error.problems
    if problems:
        raise RunFolderError(problems)
    return runs


def _names(runs: Sequence[Results]) -> tuple[str, ...]:
    """Name each run by its folder, with as many folders around it as tell it from the others."""
    wholes = [Path(os.path.abspath(run.folder)).parts for run in runs]
    names = [whole[-1] for whole in wholes]
    for depth in range(2, max(map(len, wholes)) + 1):
        often = {name for name, times in Counter(names).items() if times > 1}
        if not often:
            break
        names = [
            "/".join(whole[-depth:]) if name in often else name
            for name, whole in zip(names, wholes, strict=True)
        ]
    return tuple(names)


def _repeated(runs: Sequence[Results]) -> Iterator[Problem]:
    """Refuse one run named twice, whichever ways lead to it."""
    first: dict[str, Path] = {}
    for run in runs:
        real = os.path.realpath(run.folder)
        if real in first:
            yield Problem(str(run.folder), "expected every run once, got it twice; name another run folder")
        first[real] = run.folder


def _unlike(runs: Sequence[Results], names: Sequence[str]) -> Iterator[Problem]:
    """Refuse runs that learn another thing than the first one, each by what differs first."""
    for run in runs[1:]:
        for what, of_run in _LEARNED.items():
            mine, first = of_run(run), of_run(runs[0])
            if mine != first:
                yield Problem(
                    str(run.folder),
                    f"expected the {what} of {names[0]} ({_text(first)}), got {_text(mine)};"
                    " compare runs that learn the same",
                )
                break


def _text(value: Any) -> str:
    return value if isinstance(value, str) else few_quoted(value, 4)


_LEARNED: Final[dict[str, Any]] = {
    "task": lambda run: run.truth.task,
    "targets": lambda run: run.truth.target_names,
    "classes": lambda run: run.truth.classes,
}
