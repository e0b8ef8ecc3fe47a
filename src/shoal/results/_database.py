"""The SQLite file itself: how it is opened, proved to be ours, written and left. The one `import sqlite3`.

A run folder's `results.sqlite` is in WAL mode with synchronous=FULL: a committed transaction survives the
death of the process and of the machine. It is born whole, in that mode, under another name. Readers never block the
writer and change nothing: no file is written, mended or deleted by looking. Closing leaves the one file.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from shoal.errors import EnvironmentFault, Problem, RunFolderBusy, RunFolderError, ShoalError
from shoal.files import Folder
from shoal.results._folder import (
    INDEX_NAME,
    LOG_NAME,
    STORE_NAME,
    copy_file,
    folder_error,
    make_folder,
    mark_of,
    refuse_ways_out,
    size_of,
    state_of,
)
from shoal.results._log import holds_a_commit
from shoal.results._tables import ADDED, VERSION, tables_of
from shoal.results._whereabouts import Whereabouts
from shoal.wording import visible

APPLICATION_ID: Final = int.from_bytes(b"Shol", "big")
NOTHING_YET: Final = "holds no results yet; run the study first"
_NEEDED: Final = (3, 37, 0)
"""The first SQLite with STRICT tables."""

_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL)
_FAULTS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, then run the same command again",
    sqlite3.SQLITE_IOERR: "reading or writing failed (disk I/O error)",
    sqlite3.SQLITE_READONLY: "cannot be written (read-only)",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened here (is the folder writable?)",
    sqlite3.SQLITE_PERM: "cannot be opened (no permission)",
    sqlite3.SQLITE_NOMEM: "out of memory",
    sqlite3.SQLITE_TOOBIG: "one value is too large for SQLite",
}
_DAMAGE: Final = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_MISMATCH,
)
_ATTEMPTS: Final = 5


class Database:
    """One open `results.sqlite`; every failure of SQLite leaves as one of Shoal's errors, one line long."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._scratch: TemporaryDirectory[str] | None = None
        self._mark: tuple[int, ...] | None = None
        """Of a file that is read as it lies, without SQLite's locks: what it was when it was opened."""
        self.whereabouts: Whereabouts | None = None
        """Of a file that is written."""
        self._connection: sqlite3.Connection | None = None

    # Opening

    @classmethod
    def open_for_writing(cls, folder: Path) -> Database:
        """Open the folder's file, made if there is none; a foreign, newer or damaged one stays unchanged.

        One of an older format is taken over: it gets the tables that were added since, in one transaction.
        """
        _refuse_old_sqlite()
        make_folder(folder)
        path = folder / STORE_NAME
        database = cls(path)
        if not size_of(path):
            refuse_ways_out(folder, writing=True)
            with database._translated():
                _give_birth(folder)
        try:
            database.whereabouts = Whereabouts(folder)
            refuse_ways_out(folder, writing=True)
            database._connect(path, "mode=rw")
            database._ask_for_durability()
            version = database._version()
            database.whereabouts.look_beside()
            database.verify()
            if version < VERSION:
                database._make(range(version + 1, VERSION + 1))
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def open_for_reading(cls, folder: Path) -> Database:
        """Open the folder's file to read, also while a run writes it, also where nothing may be written."""
        _refuse_old_sqlite()
        path = folder / STORE_NAME
        if state_of(path) is None:
            raise RunFolderError(
                Problem(str(folder), f"expected a run folder (with {STORE_NAME} in it), found none")
            )
        database = cls(path)
        database._open_to_read()
        return database

    def _open_to_read(self) -> None:
        """Open in the way that changes nothing; what a run does meanwhile decides anew which way that is."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                self._read_as_it_stands()
                if self._version() < 1:
                    raise RunFolderError(Problem(str(self.path), NOTHING_YET))
            except BaseException as error:
                self.close()
                changing = isinstance(error, EnvironmentFault | RunFolderBusy) and attempt < _ATTEMPTS
                if not changing and not self._has_changed():
                    raise
            else:
                return
        raise self._changing()

    def _read_as_it_stands(self) -> None:
        """Open the file by what lies beside it.

        A log with its index: a run is going on, or was killed. SQLite reads both and may write neither; an index that
        no living process holds is not believed. A log alone: a killed run's, without what SQLite needs to read it
        here, so that a copy of both is read. No log: the file is all there is.
        """
        folder = self.path.parent
        self._mark = None
        refuse_ways_out(folder, writing=False)
        log, index = holds_a_commit(folder / LOG_NAME), size_of(folder / INDEX_NAME)
        if log and index is not None:
            self._connect(self.path, "mode=ro&readonly_shm=1")
            return
        self._mark = mark_of(self.path)
        if log:
            self._connect(self._copied(), "mode=rw")
        else:
            self._connect(self.path, "mode=ro&immutable=1")
        self.execute("PRAGMA query_only = ON")

    def _copied(self) -> Path:
        self._scratch = TemporaryDirectory(prefix="shoal-", ignore_cleanup_errors=True)
        copied = Path(self._scratch.name)
        for name in (STORE_NAME, LOG_NAME):
            copy_file(self.path.with_name(name), copied / name)
        return copied / STORE_NAME

    def _connect(self, path: Path, mode: str) -> None:
        with self._translated():
            # The folder may be given by a link; the file is none.
            uri = f"{(path.parent.resolve() / path.name).as_uri()}?{mode}"
            # A statement that is kept for another time would keep what was written with it, too.
            options: dict[str, Any] = {"isolation_level": None, "cached_statements": 0, "uri": True}
            self._connection = sqlite3.connect(uri, timeout=20, **options)
        self._refuse_led_away(path)
        # A prepared file cannot make SQLite run functions, read past a damaged page, or fill a disk.
        for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "temp_store = MEMORY"):
            self.execute(f"PRAGMA {pragma}")

    def _refuse_led_away(self, path: Path) -> None:
        """Notice, before anything in it is used, that SQLite followed a link which was put there just now."""
        with self._translated():
            self._open.text_factory = os.fsdecode  # the bytes of a path need be no UTF-8
            opened = self._open.execute("PRAGMA database_list").fetchone()[2]
            self._open.text_factory = str
        if os.path.normcase(opened) != os.path.normcase(path.parent.resolve() / path.name):
            what = "something else was put in its place while it was opened; run the same command again"
            raise RunFolderBusy(Problem(str(self.path), what))

    def _version(self) -> int:
        """Give the format of the file, 0 for one that holds nothing; refuse any that is not ours."""
        if self.rows("SELECT count(*) FROM sqlite_schema") == [(0,)] and self._pragma("application_id") == 0:
            return 0
        if self._pragma("application_id") != APPLICATION_ID:
            raise RunFolderError(
                Problem(str(self.path), "expected results of Shoal, found another program's file")
            )
        version = int(self._pragma("user_version"))
        if version > VERSION:
            what = (
                f"written by a newer Shoal (format {version}, this one reads up to {VERSION}); update shoal"
            )
            raise RunFolderError(Problem(str(self.path), what))
        with self._translated():
            ours = _our_schema(max(version, 1))
        if version < 1 or tuple(self.rows(_SCHEMA)) != ours:
            raise self.damaged("its tables are not those of Shoal")
        return version

    def _ask_for_durability(self) -> None:
        """Ask for it and read the answers: some file systems cannot give it and only so tell."""
        try:
            mode = self._pragma("journal_mode")
        except EnvironmentFault as error:
            if error.problems[0].what != _FAULTS[sqlite3.SQLITE_CANTOPEN]:
                raise
            what = "cannot be opened to write (a folder without that right, or a file system without shared memory)"
            raise EnvironmentFault(Problem(str(self.path), what)) from error
        if mode != "wal" and self._pragma("application_id") == APPLICATION_ID:
            what = f"another program has changed its journal mode to {mode!r}; change it back to 'wal'"
            raise RunFolderError(Problem(str(self.path), what))
        for pragma, expected in {"synchronous = FULL": 2, "foreign_keys = ON": 1}.items():
            self.execute(f"PRAGMA {pragma}")
            name = pragma.partition(" ")[0]
            if (answer := self._pragma(name)) != expected:
                what = f"this file system cannot hold results safely ({name} is {answer!r}, not {expected!r})"
                raise EnvironmentFault(Problem(str(self.path), what))

    def _make(self, versions: range) -> None:
        """Add what the formats added, from nothing or from an older one."""
        with self.transaction():
            for version in versions:
                for statement in ADDED[version]:
                    self.execute(statement)
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.execute(f"PRAGMA user_version = {VERSION}")

    def verify(self) -> None:
        """Have SQLite walk every page and index; RunFolderError if one is damaged."""
        if (answer := self.rows("PRAGMA integrity_check(1)")) != [("ok",)]:
            damage = str(answer[0][0]).splitlines()[-1]
            self._refuse_unreadable(damage)
            raise self.damaged(damage)
        whole = self._pragma("page_count") * self._pragma("page_size")
        if self._mark is not None and self._scratch is None and size_of(self.path) != whole:
            raise self.damaged(f"its length is not the {whole} bytes that it tells of")

    def _refuse_unreadable(self, said: str) -> None:
        """Tell what kept SQLite from looking at a page apart from damage: it says little of either."""
        if match := re.search(r"error code=(\d+)", said):
            code = int(match[1]) & 0xFF
        else:
            page = re.search(r"failed to get page (\d+)", said)
            # Its own pages are there to be had, unless memory or disk fail.
            there = page is not None and int(page[1]) <= self._pragma("page_count")
            code = sqlite3.SQLITE_NOMEM if there else sqlite3.SQLITE_OK
        if code in _FAULTS:
            raise EnvironmentFault(Problem(str(self.path), _FAULTS[code]))

    # Reading and writing

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        for _ in range(_ATTEMPTS):
            try:
                with self._translated():
                    rows = self._open.execute(statement, values).fetchall()
            except ShoalError:
                if not self._has_changed():
                    raise
            else:
                if not self._has_changed():
                    return rows
            if self._open.in_transaction:
                break
            self.close()
            self._open_to_read()
        raise self._changing()

    def execute(self, statement: str, *values: object) -> None:
        """Run one statement."""
        self._refuse_moved()
        with self._translated():
            self._open.execute(statement, values)

    def insert(self, table: str, *rows: tuple[object, ...], replace: bool = False) -> None:
        """Add rows to one of our tables; with `replace` in place of the row of the same key."""
        if rows:
            verb = "INSERT OR REPLACE" if replace else "INSERT"
            marks = ", ".join("?" * len(rows[0]))
            self._refuse_moved()
            with self._translated():
                self._open.executemany(f"{verb} INTO {table} VALUES ({marks})", rows)

    def sealed_rows(self, table: str) -> tuple[object, list[tuple[Any, ...]]]:
        """Give a table's seal and its rows in order, both of one moment; a table never filled has no seal."""
        joined = self.rows(
            f"SELECT t.*, s.sha256 FROM (SELECT 1) LEFT JOIN {table} t ON true"  # noqa: S608 (our own names)
            " LEFT JOIN seals s ON s.name = ? ORDER BY t.position",
            table,
        )
        return joined[0][-1], [row[:-1] for row in joined if row[0] is not None]

    def has_table(self, name: str) -> bool:
        """Tell whether the file's format has a table: one that is only read is not taken over."""
        return bool(self.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", name))

    @contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        """All or nothing of what is written within; DEFERRED: one moment's view in what is read within."""
        self.execute(f"BEGIN {kind}")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # SQLite has already rolled back after some failures (a full disk).
            if self._open.in_transaction:
                with self._translated():
                    self._open.execute("ROLLBACK")
            raise

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise sqlite3.ProgrammingError("this store is closed")
        return self._connection

    def _pragma(self, name: str) -> Any:
        return self.rows(f"PRAGMA {name}")[0][0]

    def _refuse_moved(self) -> None:
        if self.whereabouts is not None:
            self.whereabouts.refuse_moved()

    def _has_changed(self) -> bool:
        """Tell whether a file that is read without locks was written meanwhile."""
        return self._mark is not None and mark_of(self.path) != self._mark

    def _changing(self) -> RunFolderBusy:
        what = "a run wrote to it while it was read; run the same command again"
        return RunFolderBusy(Problem(str(self.path), what))

    def damaged(self, what: str) -> RunFolderError:
        """Give the sentence for results that cannot be trusted."""
        return _damaged(self.path, what)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if isinstance(error, (sqlite3.ProgrammingError, sqlite3.InterfaceError)):
                raise  # a mistake in this package, such as a closed connection
            raise _fault(self.path, error, getattr(error, "sqlite_errorcode", _code_of(error))) from error
        except MemoryError as error:
            raise EnvironmentFault(Problem(str(self.path), _FAULTS[sqlite3.SQLITE_NOMEM])) from error
        except OverflowError as error:  # Python's own limit of a value
            raise EnvironmentFault(Problem(str(self.path), _FAULTS[sqlite3.SQLITE_TOOBIG])) from error
        except UnicodeDecodeError as error:  # SQLite's own sentence may quote damaged bytes
            raise _damaged(self.path, "unreadable text") from error

    def close(self) -> None:
        """Leave. A writer leaves all in the one file, where no reader holds on to the log; a reader leaves nothing."""
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                with self._translated():
                    connection.close()
        finally:
            if self._scratch is not None:
                self._scratch.cleanup()
                self._scratch = None


_SCHEMA: Final = "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY sql"


def _refuse_old_sqlite() -> None:
    """Say what is missing, before an old SQLite calls what it cannot read damaged."""
    if sqlite3.sqlite_version_info < _NEEDED:
        needed = ".".join(map(str, _NEEDED[:2]))
        what = f"expected version {needed} or newer, Python here has {sqlite3.sqlite_version}; update it"
        raise EnvironmentFault(Problem("SQLite", what))


def _give_birth(folder: Path) -> None:
    """Put a new store into the folder, whole or not at all."""
    try:
        with Folder.open(folder) as opened, opened.prepared(STORE_NAME, _newborn()) as file:
            file.take()
    except OSError as error:
        raise folder_error(folder, error) from error


def _newborn() -> bytes:
    """Give a file of today's format without rows, in WAL mode from its first byte on.

    It is made in memory: a file that SQLite turned to WAL mode on the disk would have a rollback journal for a moment.
    """
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in tables_of(VERSION):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.commit()
        content = bytearray(connection.serialize())
    content[18:20] = b"\2\2"  # "file format write version" and "read version": 2 is WAL
    return bytes(content)


@cache
def _our_schema(version: int) -> tuple[tuple[Any, ...], ...]:
    """Give the stored text of every table, as SQLite spells it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in tables_of(version):
            connection.execute(statement)
        return tuple(connection.execute(_SCHEMA).fetchall())


def _fault(path: Path, error: sqlite3.Error, extended: int) -> ShoalError:
    """Tell damage from what only looks like it: a failing machine, a lock, a file of another kind."""
    code = extended & 0xFF
    if extended == sqlite3.SQLITE_IOERR_NOMEM:
        code = sqlite3.SQLITE_NOMEM
    if code in _FAULTS:
        return EnvironmentFault(Problem(str(path), _FAULTS[code]))
    if code in _BUSY:
        return RunFolderBusy(Problem(str(path), "another process is writing to it"))
    if code == sqlite3.SQLITE_CONSTRAINT:
        return RunFolderError(Problem(str(path), f"refused a row ({error})"))
    if code == sqlite3.SQLITE_NOTADB:
        return RunFolderError(Problem(str(path), "expected results of Shoal, found another kind of file"))
    if code in _DAMAGE:
        return _damaged(path, str(error))
    return EnvironmentFault(Problem(str(path), f"SQLite failed: {error}"))


def _code_of(error: sqlite3.Error) -> int:
    """Give the code of an error that has none: Python found text that is no UTF-8, or got no memory for a copy."""
    return sqlite3.SQLITE_CORRUPT if "UTF-8" in str(error) else sqlite3.SQLITE_NOMEM


def _damaged(path: Path, what: str) -> RunFolderError:
    # What is damaged may be quoted in it: nothing of it may steer a terminal.
    return RunFolderError(
        Problem(str(path), f"damaged ({visible(what, 'masked')}); move it away and run the study again")
    )
