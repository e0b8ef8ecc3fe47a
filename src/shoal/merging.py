"""`merge(folders)`: the shards of a study, trained apart, united and finished as one run."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, Unpack

from shoal.engine import DeviceChoice, Planner, TrainerChoice, Trainers, Watcher, early_fits, environment
from shoal.errors import DataError, InputError, Problem, RunFolderError, another_kind, as_path
from shoal.files import kind_of
from shoal.look import Results
from shoal.pipeline import carry_out
from shoal.planning import folder_of, identity_of, lay_out
from shoal.request import MergeKeywords, Request, request_of
from shoal.results import ShardFolder, Store, read_shards, settings_apart_from, unite, versions_apart
from shoal.study import keys_in_memory, path_keys
from shoal.wording import counted, first_few, listed

_EXPECTED: Final = "a list of the folders of all shards"


def merge(
    folders: Sequence[Path | str],
    *,
    out: Path | str | None = None,
    workers: int | None = None,
    trainer: TrainerChoice = "auto",
    device: DeviceChoice = "auto",
    watcher: Watcher | None = None,
    **keywords: Unpack[MergeKeywords],
) -> Results:
    """Unite the shards of a study and finish it: what hangs on scores is trained, then chosen, tested, reported.

    Parameters
    ----------
    folders : list of paths
        The folders of all shards, in any order. They are read, and never written to.
    out : path, optional
        The run folder, runs/<study name> by default. It may hold fits of the study.
    workers : int, optional
        How many fits are trained at a time, one a core by default.
    trainer : {"auto", "torch", "native"}, default="auto"
        What trains the networks; as it was of the shards.
    device : {"auto", "cpu", "cuda", "mps"}, default="auto"
        Where torch computes; as it was of the shards.
    watcher : Watcher, optional
        Hears how it goes on; in a notebook, it is shown there.
    **keywords
        Where the rows lie now, if not where the shards read them: `data={"train": "here.csv"}`, or `train` and `test`
        for rows in memory; and `module`, that of the shards.

    Returns
    -------
    Results
        Those of a run that was never divided: the digest is the same.

    Raises
    ------
    InputError
        For shards that do not belong together, lack fits, or say other things of one fit; before anything is written.
    TrainingError, RunFolderBusy, EnvironmentFault, Interrupted
        As `run`. The same call goes on.

    Examples
    --------
    >>> import shoal
    >>> shorter = {"training": {"epochs": 20}, "compare": [], "repeats": 1, "inspect": {"history": 0}}
    >>> parts = [shoal.run("two-peaks", shard=shard, **shorter).folder for shard in ("1/2", "2/2")]
    >>> merged = shoal.merge(parts)
    >>> merged.digest == shoal.run("two-peaks", out="runs/whole", **shorter).digest
    True
    """
    if isinstance(folders, str | os.PathLike) or not isinstance(folders, Sequence):
        raise another_kind(_EXPECTED, folders)
    shards = read_shards([as_path(folder, f"{_EXPECTED}, each a path") for folder in folders])
    request = request_of(shards[0].study, keywords)
    folder = folder_of(request, out)
    _refuse_request(request, folder, shards)
    laid_out = lay_out(request, trainer, device)
    _refuse_others(laid_out, shards)
    return carry_out(request, folder, laid_out, workers, watcher, _taking_over(folder, laid_out[1], shards))


def _refuse_request(request: Request, folder: Path, shards: Sequence[ShardFolder]) -> None:
    """Refuse another study than that of the shards, one of their folders, and rows that are not there."""
    study, name = shards[0].study, shards[0].identity.name
    apart = [f"its name is {request.study.study.name!r}, not {name!r}"] * (request.study.study.name != name)
    if apart := [*apart, *settings_apart_from(request.study, study)]:
        what = f"expected the study of the shards, got another ({first_few(apart, 5, ', and ')})"
        raise InputError(Problem(name, what))
    if request.module is None and "module" in shards[0].environment.get("trainers", {}):
        what = "expected the module that the shards trained, which no folder holds, got none"
        raise InputError(f"module: {what}; in Python: shoal.merge(folders, module=...)")
    places = {Path(os.path.realpath(shard.folder)) for shard in shards}
    if places & {(out := Path(os.path.realpath(folder))), *out.parents}:
        what = (
            "expected another run folder than those of the shards, and none in them: they are only read;"
            " choose one with --out"
        )
        raise RunFolderError(Problem(str(folder), what))
    if lost := list(_lost_rows(request)):
        raise DataError(lost)


def _lost_rows(request: Request) -> Iterator[Problem]:
    """Find rows that do not stand where the shards read them, or were in memory there."""
    data = request.study.data
    for key in keys_in_memory(vars(data)):
        if getattr(request.in_memory, key) is None:
            what = "expected the rows that were in memory; give them again in Python"
            yield Problem(f"data.{key}", f"{what}, shoal.merge(folders, {key}=...)")
    for key in path_keys(vars(data)):
        path = getattr(data, key)
        if path and kind_of(Path(path)) == "nothing":
            what = f"expected the rows of the shards, got nothing at {path}"
            yield Problem(f"data.{key}", f"{what}; say where they are with --set data.{key}=PATH")


def _refuse_others(laid_out: tuple[Trainers, Planner], shards: Sequence[ShardFolder]) -> None:
    """Refuse rows, and trainers, that are not those of the shards."""
    (trainers, planner), shard = laid_out, shards[0]
    data, dataset = planner.study.data, planner.dataset
    trained = identity_of(planner.study, dataset).train_fingerprint == shard.identity.train_fingerprint
    tested = dataset.test_fingerprint == shard.test_rows
    if not (trained and tested):
        key = "data.test" if trained and data.test else "data.train" if data.train else "data.dataset"
        raise DataError(Problem(key, "expected the rows that the shards were trained for, got others"))
    if {item.entry for item in early_fits(planner)} != set(shard.plan):
        apart = list(versions_apart(shard.environment, environment(trainers.by_name)))
        if planner.own is not None and not apart:
            title = planner.own.module.title
            raise InputError(f"module: expected the one that the shards trained, got another {title}")
        why = first_few(apart, 5, ", and ") or "nothing else differs"
        what = f"expected fits that are named as they are here, got others ({why})"
        raise RunFolderError(
            Problem(str(shard.folder), f"{what}; give the --trainer and --device of the shards")
        )


def _taking_over(
    folder: Path, planner: Planner, shards: Sequence[ShardFolder]
) -> Callable[[Store, Watcher], None]:
    """Give what puts the fits of the shards into a store, and says what is left to be trained."""

    def take_over(store: Store, watcher: Watcher) -> None:
        unite(store, folder, shards)
        taken = len(frozenset[str]().union(*(shard.fits for shard in shards)))
        united = f"{counted(len(shards), 'folder')} of shards with {counted(taken, 'fit')}"
        watcher.note(f"{united}; to be trained here: {listed(list(_remaining(planner, shards)))}")

    return take_over


def _remaining(planner: Planner, shards: Sequence[ShardFolder]) -> Iterator[str]:
    """Name what the shards did not train, since it hangs on scores, or failed."""
    trained = frozenset[str]().union(*(shard.fits for shard in shards))
    if failed := frozenset[str]().union(*(shard.failed for shard in shards)) - trained:
        yield f"{counted(len(failed), 'fit')} that failed, again"
    if planner.more_rounds:
        yield "later rounds of the search"
    yield "the winner's fits"
    if planner.study.checks.permutations:
        yield "its fits on permuted targets"
    if planner.outer_searches:
        yield "what the outer folds choose"
