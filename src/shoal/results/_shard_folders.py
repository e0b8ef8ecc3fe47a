"""The run folders of a study's shards, read and held against each other before they are united: nothing is written."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from shoal.errors import InputError, Problem, RunFolderError
from shoal.results._digest import content_of_fit
from shoal.results._identity import Identity
from shoal.results._looks import tested_rows
from shoal.results._record import PlanEntry
from shoal.results._settings_apart import study_settings
from shoal.results._shard import fits_of_shard, shard_in
from shoal.results._store import Store
from shoal.results._stored_facts import coherent, study_of
from shoal.shards import Shard
from shoal.study import Study
from shoal.wording import counted, first_few, listed

_MOST: Final = 5
"""Differences of two shards, or missing ones, that are named."""


@dataclass(frozen=True, eq=False)
class ShardFolder:
    """What the run folder of one shard says of its study; its fits of the plan, those that failed apart."""

    folder: Path
    shard: Shard
    identity: Identity
    study: Study
    test_rows: str
    plan: tuple[PlanEntry, ...]
    environment: Mapping[str, Any]
    fits: frozenset[str]
    failed: frozenset[str]

    @classmethod
    def read(cls, folder: Path) -> ShardFolder:
        """Read the folder of a shard, every value against its checksum. Raises RunFolderError for any other."""
        with Store.open_readonly(folder) as store, store.one_view():
            store.verify()
            store.check_fits()
            with coherent(folder, "the shard"):
                shard = shard_in(store)
            if shard is None:
                what = "expected the folder of a shard, got one of a whole run; `shoal run` with --shard makes shards"
                raise RunFolderError(Problem(str(folder), what))
            plan, records = store.plan(), store.summaries()
            if not plan:
                raise RunFolderError(Problem(str(folder), _unfinished(shard, 0, None)))
            trained = frozenset(entry.fit_id for entry in plan) & records.keys()
            failed = frozenset(fit_id for fit_id in trained if records[fit_id].status == "failed")
            with coherent(folder, "the identity"):
                identity = Identity.stored(store.fact("identity"))
            return cls(
                folder,
                shard,
                identity,
                study_of(folder, store.fact),
                tested_rows(store),
                plan,
                store.environment(),
                trained - failed,
                failed,
            )

    @property
    def own(self) -> frozenset[str]:
        """The ids of the fits that are its to train."""
        return fits_of_shard(self.shard, self.plan)

    def apart_from(self, other: ShardFolder) -> Iterator[str]:
        """Say in clauses where its study is another one's."""
        yield from self.identity.apart_from(other.identity)
        if self.test_rows != other.test_rows:
            yield "its test data are others"
        yield from settings_apart_from(self.study, other.study)


def shard_metric(folder: Path) -> str:
    """Give the score by which the search of a shard's study goes, for who follows from the start; else "loss"."""
    with suppress(RunFolderError), Store.open_readonly(folder) as store:
        search = study_of(folder, store.fact).search
        return search.metric if search else "loss"
    return "loss"


def settings_apart_from(study: Study, other: Study) -> Iterator[str]:
    """Say in clauses which keys of a study, its name and its paths aside, are not those of another."""
    mine, others = dict(study_settings(study)), dict(study_settings(other))
    for key in dict.fromkeys((*others, *mine)):
        if mine.get(key) != others.get(key):
            yield f"its {key} is {mine.get(key, 'not set')}, not {others.get(key, 'set')}"


def versions_apart(mine: Mapping[str, Any], others: Mapping[str, Any]) -> Iterator[str]:
    """Say in clauses which trainers and libraries of an environment are not those of another."""
    for part, noun in (("trainers", "trainer "), ("versions", "")):
        here, there = mine.get(part, {}), others.get(part, {})
        for name in sorted({*here, *there}):
            if name not in here:
                yield f"it has no {noun}{name}"
            elif name not in there:
                yield f"it alone has {noun}{name}"
            elif here[name] != there[name]:
                yield f"its {noun}{name} is {here[name]}, not {there[name]}"


def read_shards(folders: Sequence[Path]) -> tuple[ShardFolder, ...]:
    """Read the folders of all shards of a study, in the order of their numbers.

    Raises InputError for none and for one named twice; RunFolderError, with every mistake, for what is no shard, for
    shards of several studies, counts or versions, for missing and unfinished ones, and where two say other things of
    one fit.
    """
    if not folders:
        raise InputError("folders: expected those of a study's shards, got none")
    real = [os.path.realpath(folder) for folder in folders]
    twice = [folder for number, folder in enumerate(folders) if real[number] in real[:number]]
    if twice:
        what = "expected the folder of every shard once, got it twice"
        raise InputError(Problem(str(folder), what) for folder in twice)
    shards: list[ShardFolder] = []
    problems: list[Problem] = []
    for folder in folders:
        try:
            shards.append(ShardFolder.read(folder))
        except RunFolderError as error:
            problems += error.problems
    for find in (_unlike, _incomplete, _unequal):
        if problems := problems or list(find(shards)):
            raise RunFolderError(problems)
    return tuple(sorted(shards, key=lambda folder: folder.shard))


def _unlike(shards: Sequence[ShardFolder]) -> Iterator[Problem]:
    """Find shards of another study, another count or other versions than the first."""
    first, *others = shards
    for other in others:
        where = str(other.folder)
        if apart := list(other.apart_from(first)):
            what = first_few(apart, _MOST, ", and ")
            yield Problem(
                where, f"expected a shard of the study in {first.folder}, got one of another ({what})"
            )
        elif other.shard.count != first.shard.count:
            count = f"one of {counted(first.shard.count, 'shard')}, as in {first.folder}"
            yield Problem(where, f"expected {count}, got {other.shard}")
        elif set(other.plan) != set(first.plan):
            apart = list(versions_apart(other.environment, first.environment))
            why = first_few(apart, _MOST, ", and ") or "nothing else differs"
            yield Problem(
                where,
                f"expected fits that are named as in {first.folder}, got others ({why}); train it again",
            )


def _incomplete(shards: Sequence[ShardFolder]) -> Iterator[Problem]:
    """Find shards that are not there, and such that lack fits of theirs, whichever folder has these."""
    first = shards[0]
    trained = frozenset[str]().union(*(folder.fits | folder.failed for folder in shards))
    missing = []
    for number in range(1, first.shard.count + 1):
        shard = Shard(number, first.shard.count)
        own = fits_of_shard(shard, first.plan)
        there = [folder for folder in shards if folder.shard == shard]
        if own and not there:
            missing.append(f"{shard} ({counted(len(own), 'fit')})")
        elif len(done := own & trained) < len(own):
            for folder in there:
                yield Problem(str(folder.folder), _unfinished(shard, len(done), len(own)))
    if missing:
        present = len({folder.shard for folder in shards})
        lacking = f"{listed(missing, most=20)} {'is' if len(missing) == 1 else 'are'} missing"
        way = "train what is missing, or let `shoal run` without --shard do it in the folder of a shard"
        yield Problem(first.identity.name, f"expected all shards, got {present}: {lacking}; {way}")


def _unfinished(shard: Shard, done: int, fits: int | None) -> str:
    so_far = "none of its fits" if fits is None else f"{done:,} of its {counted(fits, 'fit')}"
    return f"expected a finished shard, got {shard} with {so_far}; run its command again, which goes on"


def _unequal(shards: Sequence[ShardFolder]) -> Iterator[Problem]:
    """Find fits of which two folders hold other results."""
    first_with: dict[str, ShardFolder] = {}
    for folder in shards:
        for fit_id in sorted(folder.fits):
            other = first_with.setdefault(fit_id, folder)
            if other is not folder and _content(other.folder, fit_id) != _content(folder.folder, fit_id):
                yield other_results(fit_id, other.folder, folder.folder)


def other_results(fit_id: str, first: Path, second: Path) -> Problem:
    """Say that two folders hold other results of one fit."""
    what = f"expected equal results in {first} and {second}, got others; train one of the two again in a new folder"
    return Problem(f"fit {fit_id}", what)


def _content(folder: Path, fit_id: str) -> bytes:
    with Store.open_readonly(folder) as store:
        return content_of_fit(store.record(fit_id))
