"""The fits of several shards in one store: copied whole, each with where it was trained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Final

from shoal.errors import Problem, RunFolderError
from shoal.results._digest import content_of_fit
from shoal.results._looks import join_looks
from shoal.results._schema import refusing
from shoal.results._shard_folders import ShardFolder, other_results
from shoal.results._store import Store

_AT_ONCE: Final = 100
"""Fits of one transaction: fewer would wait for the disk more often, more would be lost by a kill."""


def unite(store: Store, folder: Path, shards: Sequence[ShardFolder]) -> None:
    """Copy the fits of shards into the store of a run folder; what it has is compared, what failed is left out.

    One that was interrupted goes on. Raises RunFolderError where the folder has other results of a fit.
    """
    store.forget_failed()  # what failed here or there is tried again
    for shard in shards:
        changed = Problem(
            str(shard.folder), "something wrote to it while it was read; run the same command again"
        )
        with Store.open_readonly(shard.folder) as source, refusing(partial(RunFolderError, changed)):
            _copy(store, folder, source, shard)


def _copy(store: Store, folder: Path, source: Store, shard: ShardFolder) -> None:
    known = store.known()
    for fit_id in sorted(shard.fits & known):
        if content_of_fit(store.record(fit_id)) != content_of_fit(source.record(fit_id)):
            raise RunFolderError(other_results(fit_id, folder, shard.folder))
    trained_in: dict[str, list[str]] = defaultdict(list)
    for environment, fit_ids in source.origins():
        name = store.put_environment(environment)
        for fit_id in fit_ids & shard.fits:
            trained_in[fit_id].append(name)
    missing = sorted(shard.fits - known)
    for start in range(0, len(missing), _AT_ONCE):
        fits = missing[start : start + _AT_ONCE]
        store.add_all((source.record(fit_id), trained_in[fit_id]) for fit_id in fits)
    join_looks(store, source)
