"""Reading a run folder many times over: its store, opened once for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from pathlib import Path

from shoal.results._store import Store


class _Reader:
    """The store of one folder, opened when it is first asked for, and anew after whatever failed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = ExitStack()
        self._store: Store | None = None

    def close(self) -> None:
        self._store = None
        self._stack.close()

    @contextmanager
    def opened(self) -> Iterator[Store]:
        try:
            if self._store is None:
                self._store = self._stack.enter_context(Store.open_readonly(self.folder))
            yield self._store
        except BaseException:
            self.close()
            raise


_READER: ContextVar[_Reader | None] = ContextVar("reader", default=None)
"""Other threads have none: SQLite's connections stay with the thread that opened them."""


@contextmanager
def reading(folder: Path) -> Iterator[None]:
    """Have what is read within of this folder's fits read through one open store, by this thread.

    Whoever writes the store meanwhile closes it later, so that it can put everything into the one file.
    """
    reader = _Reader(folder)
    token = _READER.set(reader)
    try:
        yield
    finally:
        _READER.reset(token)
        reader.close()


@contextmanager
def opened(folder: Path) -> Iterator[Store]:
    """Give the store of a folder to read: the one that is open, or one for this time alone."""
    reader = _READER.get()
    if reader is not None and reader.folder == folder:
        with reader.opened() as store:
            yield store
    else:
        with Store.open_readonly(folder) as store:
            yield store
