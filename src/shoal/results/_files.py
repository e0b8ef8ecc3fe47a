"""The files of a run folder beside the store: those that the store lists are ours, and no other is replaced or deleted.

A file is listed by the digest of its bytes before it is put in its place. So whatever a person lays into a run folder,
or changes in it, stays as it is: it is named and refused, not written over.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from shoal.errors import InputError, Problem
from shoal.files import Folder, kind_of
from shoal.results._folder import OUTPUT_FILES, PICTURE, PICTURES, STORE_NAME, folder_error, size_of
from shoal.results._lock import RunLock
from shoal.results._store import Store


class RunFiles:
    """Writes the files of one run folder; its holder has the `RunLock`."""

    def __init__(self, folder: Path, store: Store) -> None:
        """Take the folder and its store, opened to write."""
        self._folder, self._store = folder, store

    def adopt_unlisted(self) -> RunFiles:
        """Take the folder over where its store is of an older version: what bears one of our names is ours."""
        if not self._store.lists_files:
            with self._opened("") as opened:
                digests = {name: opened.sha256(name) for name in OUTPUT_FILES if opened.is_file(name)}
            digests |= {f"{PICTURES}/{name}": digest for name, digest in self._pictures().items()}
            self._store.adopt_files({name: digest for name, digest in digests.items() if digest is not None})
        return self

    def _pictures(self) -> dict[str, str | None]:
        if kind_of(self._folder / PICTURES) != "a folder":
            return {}
        with self._opened(PICTURES) as opened:
            ours = (name for name in opened.names() if PICTURE.fullmatch(name) and opened.is_file(name))
            return {name: opened.sha256(name) for name in ours}

    def refuse_foreign_files(self, *names: str) -> None:
        """Refuse, before there is anything to write, places in which something else lies; see `write`."""
        for name in names:
            place, _, last = name.rpartition("/")
            with self._opened(place) as opened:
                self._ours(opened, name, last)

    def write(self, name: str, content: bytes) -> None:
        """Write one file, whole or not at all; `name` is its path in the folder, such as "figures/10-scores.png".

        Raises InputError where something lies there that is not as Shoal wrote it, RunFolderError or EnvironmentFault
        where the folder cannot be written.
        """
        place, _, last = name.rpartition("/")
        with self._opened(place) as opened:
            now = self._ours(opened, name, last)
            digest = hashlib.sha256(content).hexdigest()
            with opened.prepared(last, content) as file:
                self._store.put_file(name, digest, now)
                file.take()

    def remove(self, *names: str) -> None:
        """Delete files that are ours; what somebody has changed stays, and is theirs from now on."""
        listed = self._store.files()
        for name in names:
            place, _, last = name.rpartition("/")
            with self._opened(place) as opened:
                if opened.is_file(last) and opened.sha256(last) in listed.get(name, ()):
                    opened.remove(last)
            if name in listed:
                self._store.drop_file(name)

    def keep_only(self, place: str, names: Collection[str]) -> None:
        """Delete our files of a folder in the run folder but these; see `remove`."""
        listed = self._store.files()
        self.remove(*(name for name in listed if name.startswith(f"{place}/") and name not in names))

    def _ours(self, opened: Folder, name: str, last: str) -> str | None:
        """Give the digest of what stands there now; refuse what is not ours."""
        now = opened.sha256(last) if opened.is_file(last) else None
        if now in self._store.files().get(name, ()) or opened.kind(last) is None:
            return now
        what = "expected no such file, or it as Shoal wrote it, found another; move it away"
        raise InputError(Problem(str(self._folder / name), what))

    @contextmanager
    def _opened(self, place: str) -> Iterator[Folder]:
        """Open the run folder, or one in it, which is made."""
        try:
            with Folder.open(self._folder) as folder:
                self._store.refuse_moved_from(folder)
                if not place:
                    yield folder
                    return
                with folder.within(place, make=True) as inner:
                    yield inner
        except OSError as error:
            raise folder_error(self._folder / place, error) from error


@contextmanager
def run_files(folder: Path) -> Iterator[RunFiles]:
    """Hold a run folder and write its files. Raises RunFolderBusy while a run holds it, RunFolderError."""
    with RunLock(folder), Store.reopen(folder) as store:
        yield RunFiles(folder, store).adopt_unlisted()


def refuse_foreign_files_in(folder: Path) -> None:
    """Refuse what a run in the folder would: something else in the place of a file that it writes."""
    if size_of(folder / STORE_NAME):
        with Store.open_readonly(folder) as store:
            if store.lists_files:
                RunFiles(folder, store).refuse_foreign_files(*OUTPUT_FILES)
