"""The run folder of a shard: what says so, how far it is, and what is to be done with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from shoal.errors import Problem, RunFolderError
from shoal.results._folder import STORE_NAME, size_of
from shoal.results._record import PlanEntry
from shoal.results._schema import NOT_OURS, checker
from shoal.results._store import Store
from shoal.results._stored_facts import coherent
from shoal.shards import Shard
from shoal.wording import counted

_FACT: Final = "shard"
_shard: Final = checker(Shard)


@dataclass(frozen=True)
class StoredShard:
    """Which shard of which study a run folder holds, and how many of its fits it has."""

    shard: Shard
    study: str
    trained: int
    fits: int

    @property
    def said(self) -> str:
        """What it is, in a few words."""
        return f"shard {self.shard} of {self.study}, with {self.trained:,} of its {counted(self.fits, 'fit')}"

    @property
    def next(self) -> str:
        """What is to be done next."""
        if self.trained < self.fits:
            return "the same `shoal run` with `--shard` goes on"
        return f"`shoal merge` with the folders of all {counted(self.shard.count, 'shard')} makes the run"


def put_shard(store: Store, shard: Shard | None) -> None:
    """Say that a run folder is that of a shard, or (None) that of a whole run."""
    store.put_fact(_FACT, shard and asdict(shard))


def shard_in(store: Store) -> Shard | None:
    """Give the shard that a run folder is of; None for a whole run. ValueError for what is none."""
    fact = store.fact(_FACT)
    return None if fact is None else _shard(fact)


def stored_shard(
    store: Store, study: str, plan: Iterable[PlanEntry], trained: Collection[str]
) -> StoredShard | None:
    """Say which shard a store holds, and how many of its fits; None for a whole run. ValueError as `shard_in`."""
    shard = shard_in(store)
    if shard is None:
        return None
    fits = fits_of_shard(shard, plan)
    return StoredShard(shard, study, len(fits & set(trained)), len(fits))


def fits_of_shard(shard: Shard, plan: Iterable[PlanEntry]) -> frozenset[str]:
    """Give the ids of a shard's fits: its share of all that stand in the plan."""
    return shard.dealt((entry.candidate_id, entry.fit_id) for entry in plan)


def refuse_other_shard(store: Store, folder: Path, shard: Shard) -> None:
    """Refuse to train a shard in a folder that holds another one, or a whole run."""
    with coherent(folder, "the shard"):
        present = shard_in(store)
    got = f"shard {present}" if present else "a whole run" if store.plan() else ""
    if got and present != shard:
        what = f"expected a new folder or that of shard {shard}, got one of {got}; choose another folder"
        raise RunFolderError(Problem(str(folder), what))


def refuse_other_shard_in(folder: Path, shard: Shard) -> None:
    """Refuse what a run of a shard in the folder would; see `refuse_other_shard`."""
    if size_of(folder / STORE_NAME):
        with Store.open_readonly(folder) as store:
            refuse_other_shard(store, folder, shard)


def refuse_shard(folder: Path, shard: StoredShard | None) -> None:
    """Refuse the folder of a shard where a whole run is asked for."""
    if shard is not None:
        what = f"expected a whole run, got {shard.said}; {shard.next}"
        raise RunFolderError(Problem(str(folder), what))


def shard_said(folder: Path) -> str:
    """Say in a clause that a folder is that of a shard and what is to be done with it; "" for any other folder."""
    with suppress(RunFolderError, *NOT_OURS):
        if size_of(folder / STORE_NAME):
            with Store.open_readonly(folder) as store:
                identity = store.fact("identity")
                shard = stored_shard(store, str(identity["name"]), store.plan(), store.known())
                return f"it is {shard.said}; {shard.next}" if shard else ""
    return ""
