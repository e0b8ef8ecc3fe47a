"""Run folders that are to be compared: opened, named, and refused where they have nothing to be compared by."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shoal.errors import InputError, Problem, RunFolderError, as_path
from shoal.files import kind_of
from shoal.results._folder import STORE_NAME, folder_error
from shoal.results._results import Results
from shoal.results._runs_compared import RunsCompared
from shoal.results._shard import refuse_shard
from shoal.wording import few_quoted

MOST_RUNS: Final = 100
"""Runs that are compared at a time, at most: each is held against each other one."""


def compare_runs(places: Sequence[Path | str | Results]) -> RunsCompared:
    """Open runs and hold them against each other; a folder that holds run folders stands for all of these.

    Of the runs in such a folder, those that cannot be opened or learn another thing than the others are left out, and
    named as such. Raises InputError for fewer than two runs, too many, one run twice and named runs that have no task,
    targets, classes or score in common; RunFolderError for named folders without results of Shoal, or with damaged
    ones: all of them at once.
    """
    runs, unread = _opened([run for place in places for run in _expanded(place)])
    opened = [run.results for run in runs]
    if len(opened) > MOST_RUNS:
        raise InputError(f"expected {MOST_RUNS} runs at most, got {len(opened):,}; compare fewer at a time")
    unlike = dict(_unlike(runs, _names(opened)))
    refused = [problem for run, problem in unlike.items() if not runs[run].inside]
    if problems := [*_repeated(opened), *refused]:
        raise InputError(problems)
    alike = [run for number, run in enumerate(opened) if number not in unlike]
    left_out = (*unread, *unlike.values())
    if len(alike) < 2:
        where = str(alike[0].folder) if alike else "RUN"
        got = "one" if alike else "none"
        what = (
            f"expected two runs or more, got {got}; name another run folder, or a folder that holds several"
        )
        raise InputError([Problem(where, what), *left_out])
    compared = RunsCompared(_names(alike), tuple(alike), tuple(map(str, left_out)))
    if not (compared.metric or compared.selection):
        what = "expected runs that share a test score or a selection score, got none that all have; "
        raise InputError(what + "train them to the end, or name the same search.metric in their studies")
    return compared


@dataclass(frozen=True, eq=False)
class _Place:
    """A run that was named, or one `inside` of a folder that was."""

    run: Path | Results
    inside: bool


@dataclass(frozen=True, eq=False)
class _Opened:
    results: Results
    inside: bool


def _expanded(place: Path | str | Results) -> Iterator[_Place]:
    """Give a run folder, or the run folders in a folder that is none, by name."""
    if isinstance(place, Results):
        yield _Place(place, False)
        return
    folder = as_path(place, "the path of a run folder, or results")
    if kind_of(folder) == "a folder" and kind_of(folder / STORE_NAME) == "nothing":
        try:
            inside = sorted(folder.iterdir())
        except OSError as error:
            raise folder_error(folder, error) from error
        runs = [_Place(path, True) for path in inside if kind_of(path / STORE_NAME) == "a file"]
        yield from runs or [_Place(folder, False)]
        return
    yield _Place(folder, False)


def _opened(places: Sequence[_Place]) -> tuple[list[_Opened], list[Problem]]:
    """Open all, and say of each inside of a folder that cannot be opened why.

    Raises RunFolderError for the others that cannot be opened.
    """
    runs: list[_Opened] = []
    problems: list[Problem] = []
    left_out: list[Problem] = []
    for place in places:
        try:
            results = place.run if isinstance(place.run, Results) else Results.open(place.run)
            refuse_shard(results.folder, results.shard)
        except RunFolderError as error:
            (left_out if place.inside else problems).extend(error.problems)
        else:
            runs.append(_Opened(results, place.inside))
    if problems:
        raise RunFolderError(problems)
    return runs, left_out


def _names(runs: Sequence[Results]) -> tuple[str, ...]:
    """Name each run by its folder, with as many folders around it as tell it from the others."""
    wholes = [Path(os.path.abspath(run.folder)).parts for run in runs]
    names = [whole[-1] for whole in wholes]
    for depth in range(2, max(map(len, wholes), default=0) + 1):
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


def _unlike(runs: Sequence[_Opened], names: Sequence[str]) -> Iterator[tuple[int, Problem]]:
    """Give the numbers of runs that learn another thing than the first one that was named, and what differs first.

    Where none was named, they are held against the thing that most of them learn.
    """
    learned = [tuple(of_run(run.results) for of_run in _LEARNED.values()) for run in runs]
    asked = [number for number, run in enumerate(runs) if not run.inside]
    first = asked[0] if asked else learned.index(Counter(learned).most_common(1)[0][0]) if runs else 0
    for number, run in enumerate(runs):
        for what, mine, expected in zip(_LEARNED, learned[number], learned[first], strict=True):
            if mine != expected:
                yield (
                    number,
                    Problem(
                        str(run.results.folder),
                        f"expected the {what} of {names[first]} ({_text(expected)}), got {_text(mine)};"
                        " compare runs that learn the same",
                    ),
                )
                break


def _text(value: Any) -> str:
    return value if isinstance(value, str) else few_quoted(value, 4)


_LEARNED: Final[dict[str, Any]] = {
    "task": lambda run: run.truth.task,
    "targets": lambda run: run.truth.target_names,
    "classes": lambda run: run.truth.classes,
}
