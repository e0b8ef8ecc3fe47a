"""Whether the files that a run writes still lie in their folder: what is written to a file that went is lost."""

from __future__ import annotations

import os
from pathlib import Path

from shoal.errors import EnvironmentFault, Problem, RunFolderError
from shoal.files import Folder
from shoal.results._folder import INDEX_NAME, LOG_NAME, STORE_NAME, state_of


class Whereabouts:
    """The store of one run folder, with its log and index once they are there: which files they were."""

    def __init__(self, folder: Path) -> None:
        """Look at the store, which is about to be opened."""
        self._named, self._folder = folder, folder.absolute()
        self._files = {STORE_NAME: state_of(self._folder / STORE_NAME)}

    def look_beside(self) -> None:
        """Look at the log and the index, which stay the same files as long as the store is open."""
        self._files |= {name: state_of(self._folder / name) for name in (LOG_NAME, INDEX_NAME)}

    def refuse_moved(self) -> None:
        """Notice before a commit that one of the files lies in its place no more: all would be lost."""
        for name, state in self._files.items():
            try:
                there = state_of(self._folder / name)
            except RunFolderError:  # no way there any more
                there = None
            if not _same(state, there):
                raise self._moved(name)

    def refuse_other(self, folder: Folder) -> None:
        """Notice that an open folder is not the one in which the store lies: what is in it is another's."""
        if not _same(self._files[STORE_NAME], folder.state(STORE_NAME)):
            raise self._moved(STORE_NAME)

    def _moved(self, name: str) -> EnvironmentFault:
        what = "was moved or deleted while the run went on, so that nothing more can be kept; put it back"
        return EnvironmentFault(Problem(str(self._named / name), f"{what}, then run the same command again"))


def _same(before: os.stat_result | None, after: os.stat_result | None) -> bool:
    return before is None or (after is not None and os.path.samestat(before, after))
