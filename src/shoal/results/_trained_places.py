"""Which places of a study's plan hold a trained fit already, as the last run in its folder left them."""

from __future__ import annotations

from pathlib import Path

from shoal.results._folder import STORE_NAME, size_of
from shoal.results._record import PlanEntry
from shoal.results._store import Store

Place = tuple[str, str, int, int]
"""Stage, label, fold and repeat: where a fit stands, whichever candidate it is of."""


def place_in(entry: PlanEntry) -> Place:
    """Give the place of an entry in its plan."""
    return entry.stage, entry.label, entry.fold, entry.repeat


def trained_places(folder: Path, study: str) -> frozenset[Place]:
    """Give the places of the fits that are trained, where the folder's last run was of this very study, by its text.

    There are none in a folder without results, and where the study was edited since. Raises RunFolderError for results
    that cannot be read.
    """
    if not size_of(folder / STORE_NAME):
        return frozenset()
    with Store.open_readonly(folder) as store:
        if store.fact("study") != study:
            return frozenset()
        known = store.known()
        return frozenset(place_in(entry) for entry in store.plan() if entry.fit_id in known)
