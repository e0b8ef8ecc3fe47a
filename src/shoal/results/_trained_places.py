"""Which places of a study's plan hold a trained fit already, as the last run in its folder left them."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

from shoal.errors import RunFolderError
from shoal.results._folder import STORE_NAME, size_of
from shoal.results._record import PlanEntry
from shoal.results._store import Store
from shoal.study import Study

Place = tuple[str, str, int, int]
"""Stage, label, fold and repeat: where a fit stands, whichever candidate it is of."""
_DECIDE: Final = ("network", "training", "search", "nested")
"""Sections of a study that say who wins, and what is trained of the winner; the seed and the rows name all fits."""


def place_in(entry: PlanEntry) -> Place:
    """Give the place of an entry in its plan."""
    return entry.stage, entry.label, entry.fold, entry.repeat


def trained_places(folder: Path, study: Study, test_rows: str) -> frozenset[Place]:
    """Give the places of the fits that are trained, where the folder's last run chose as this study does.

    Studies are compared, not their texts: an earlier version of Shoal wrote fewer keys. `test_rows` is the fingerprint
    of the rows to be tested on. There are none in a folder without results, and where what decides who wins, or is
    trained of it, was edited since. Raises RunFolderError for results that cannot be read.
    """
    if not size_of(folder / STORE_NAME):
        return frozenset()
    from shoal.results._looks import tested_rows  # a folder that holds nothing needs no such thing

    with Store.open_readonly(folder) as store:
        if not _chose_alike(store, folder, study) or tested_rows(store) not in ("", test_rows):
            return frozenset()
        known = store.known()
        return frozenset(place_in(entry) for entry in store.plan() if entry.fit_id in known)


def _chose_alike(store: Store, folder: Path, study: Study) -> bool:
    from shoal.results._stored_facts import study_of

    with suppress(RunFolderError):  # the next run writes the study anew
        stored = study_of(folder, store.fact)
        return all(getattr(stored, section) == getattr(study, section) for section in _DECIDE)
    return False
