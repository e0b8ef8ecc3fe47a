"""The SQLite file itself: how it is opened, proved to be ours, written and left. The one `import sqlite3`.

A run folder's `results.sqlite` is in WAL mode with synchronous=FULL: a committed transaction survives the
death of the process and of the machine. Readers never block the writer. Closing leaves the one file.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

from shoal.errors import EnvironmentFault, Problem, RunFolderBusy, RunFolderError, ShoalError

FILE_NAME: Final = "results.sqlite"
APPLICATION_ID: Final = int.from_bytes(b"Shol", "big")
VERSION: Final = 1
NOTHING_YET: Final = "holds no results yet; run the study first"

# Every row carries a SHA-256 over its values (a table's rows together for `plan` and `candidates`).
_SCHEMA: Final = (
    "CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL, sha256 BLOB NOT NULL) STRICT",
    "CREATE TABLE fits (fit_id TEXT PRIMARY KEY, trainer TEXT NOT NULL, status TEXT NOT NULL,"
    " message TEXT NOT NULL, epochs INTEGER NOT NULL, kept_epoch INTEGER NOT NULL, steps INTEGER NOT NULL,"
    " scores TEXT NOT NULL, seconds REAL NOT NULL, sha256 BLOB NOT NULL) STRICT",
    "CREATE TABLE arrays (fit_id TEXT NOT NULL REFERENCES fits, part TEXT NOT NULL, data BLOB NOT NULL,"
    " sha256 BLOB NOT NULL, PRIMARY KEY (fit_id, part)) STRICT",
    "CREATE TABLE checkpoints (fit_id TEXT PRIMARY KEY, facts TEXT NOT NULL, data BLOB NOT NULL,"
    " sha256 BLOB NOT NULL) STRICT",
    "CREATE TABLE plan (position INTEGER PRIMARY KEY, fit_id TEXT NOT NULL, stage TEXT NOT NULL,"
    " candidate_id TEXT NOT NULL, label TEXT NOT NULL, fold INTEGER NOT NULL, repeat INTEGER NOT NULL,"
    " train_rows INTEGER NOT NULL, validation_rows INTEGER NOT NULL) STRICT",
    "CREATE TABLE candidates (position INTEGER PRIMARY KEY, candidate_id TEXT NOT NULL UNIQUE,"
    " settings TEXT NOT NULL, parameter_count INTEGER NOT NULL) STRICT",
    "CREATE TABLE truth (one INTEGER PRIMARY KEY CHECK (one = 1), facts TEXT NOT NULL, data BLOB NOT NULL,"
    " sha256 BLOB NOT NULL) STRICT",
    "CREATE TABLE seals (name TEXT PRIMARY KEY, sha256 BLOB NOT NULL) STRICT",
)
_BUSY: Final = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_FAULTS: Final = {
    sqlite3.SQLITE_FULL: "the disk is full; make room, then run the same command again",
    sqlite3.SQLITE_IOERR: "reading or writing failed (disk I/O error)",
    sqlite3.SQLITE_READONLY: "cannot be written (read-only)",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened here (is the folder writable?)",
    sqlite3.SQLITE_PERM: "cannot be opened (no permission)",
    sqlite3.SQLITE_NOMEM: "out of memory",
}


def make_folder(folder: Path) -> None:
    """Make `folder` and its parents; RunFolderError if that is not allowed, EnvironmentFault if it fails.

    What is new is flushed to disk: a file that survives the death of the machine needs its folders.
    """
    try:
        if folder.is_dir():
            return
        new = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        if os.name == "posix":
            for path in new:
                _flush(path.parent)
    except OSError as error:
        raise folder_error(folder, error) from error


def _flush(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def folder_error(folder: Path, error: OSError) -> ShoalError:
    """Turn what the system answered into one line: a folder that cannot be used, or a failing machine."""
    problem = Problem(str(folder), f"expected a folder that can be written ({error.strerror})")
    ours = (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.EEXIST,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ENAMETOOLONG,
    )
    return RunFolderError(problem) if error.errno in ours else EnvironmentFault(problem)


class Database:
    """One open `results.sqlite`; every failure of SQLite leaves as one of Shoal's errors, one line long."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection

    @classmethod
    def open_for_writing(cls, folder: Path) -> Database:
        """Open the folder's file, made if there is none; a foreign, newer or damaged one stays unchanged."""
        make_folder(folder)
        database = cls._connect(folder / FILE_NAME, "mode=rwc")
        try:
            new = database._is_empty()
            database._journal()
            if new:
                database._create()
            database.verify()
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def open_for_reading(cls, folder: Path) -> Database:
        """Open the folder's file to read, also while a run writes it, also where nothing may be written."""
        path = folder / FILE_NAME
        if not _is_there(path):
            raise RunFolderError(
                Problem(str(folder), f"expected a run folder (with {FILE_NAME} in it), found none")
            )
        try:
            database = cls._opened_for_reading(path, "mode=rw")
        except EnvironmentFault:
            # A reader of a WAL file makes two files beside it. Where it may not, and no log waits to be
            # read, the file alone is all there is and nobody is writing it.
            if _log_waits(path):
                raise
            database = cls._opened_for_reading(path, "mode=ro&immutable=1")
        return database

    @classmethod
    def _opened_for_reading(cls, path: Path, mode: str) -> Database:
        database = cls._connect(path, mode)
        try:
            database.execute("PRAGMA query_only = ON")
            if database._is_empty():
                raise RunFolderError(Problem(str(path), NOTHING_YET))
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _connect(cls, path: Path, mode: str) -> Database:
        with _translated(path):
            uri = f"{path.resolve().as_uri()}?{mode}"
            # A statement that is kept for another time would keep what was written with it, too.
            kept: dict[str, Any] = {"isolation_level": None, "cached_statements": 0, "uri": True}
            database = cls(path, sqlite3.connect(uri, timeout=20, **kept))
            # A prepared file cannot make SQLite run functions, or read past a damaged page.
            database._connection.execute("PRAGMA trusted_schema = OFF")
            database._connection.execute("PRAGMA cell_size_check = ON")
        return database

    def _is_empty(self) -> bool:
        """Tell a new file from one of ours; refuse any other."""
        if self.rows("SELECT count(*) FROM sqlite_schema") == [(0,)] and self._pragma("application_id") == 0:
            return True
        if self._pragma("application_id") != APPLICATION_ID:
            raise RunFolderError(
                Problem(str(self.path), "expected results of Shoal, found another program's file")
            )
        version = self._pragma("user_version")
        if version > VERSION:
            what = (
                f"written by a newer Shoal (format {version}, this one reads up to {VERSION}); update shoal"
            )
            raise RunFolderError(Problem(str(self.path), what))
        if self.rows("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY sql") != _our_schema():
            raise self.damaged("its tables are not those of Shoal")
        return False

    def _journal(self) -> None:
        """Ask for durability and read the answers: some file systems cannot give it and only so tell."""
        asked = {"journal_mode = WAL": "wal", "synchronous = FULL": 2, "foreign_keys = ON": 1}
        for pragma, expected in asked.items():
            self.execute(f"PRAGMA {pragma}")
            name = pragma.partition(" ")[0]
            if (answer := self._pragma(name)) != expected:
                what = f"this file system cannot hold results safely ({name} is {answer!r}, not {expected!r})"
                raise EnvironmentFault(Problem(str(self.path), what))

    def _create(self) -> None:
        with self.transaction():
            for statement in _SCHEMA:
                self.execute(statement)
            self.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            self.execute(f"PRAGMA user_version = {VERSION}")

    def verify(self) -> None:
        """Have SQLite walk every page and index; RunFolderError if one is damaged."""
        if (found := self.rows("PRAGMA integrity_check(1)")) != [("ok",)]:
            raise self.damaged(str(found[0][0]).splitlines()[-1])

    def _pragma(self, name: str) -> Any:
        return self.rows(f"PRAGMA {name}")[0][0]

    def rows(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """All rows of one query."""
        with _translated(self.path):
            return self._connection.execute(statement, values).fetchall()

    def execute(self, statement: str, *values: object) -> None:
        """Run one statement."""
        with _translated(self.path):
            self._connection.execute(statement, values)

    def insert(self, table: str, *rows: tuple[object, ...], replace: bool = False) -> None:
        """Add rows to one of our tables; with `replace` in place of the row of the same key."""
        if rows:
            verb = "INSERT OR REPLACE" if replace else "INSERT"
            marks = ", ".join("?" * len(rows[0]))
            with _translated(self.path):
                self._connection.executemany(f"{verb} INTO {table} VALUES ({marks})", rows)

    def sealed_rows(self, table: str) -> tuple[object, list[tuple[Any, ...]]]:
        """Give a table's seal and its rows in order, both of one moment; a table never filled has no seal."""
        joined = self.rows(
            f"SELECT t.*, s.sha256 FROM (SELECT 1) LEFT JOIN {table} t ON true"  # noqa: S608 (our own names)
            " LEFT JOIN seals s ON s.name = ? ORDER BY t.position",
            table,
        )
        return joined[0][-1], [row[:-1] for row in joined if row[0] is not None]

    @contextmanager
    def transaction(self, kind: str = "IMMEDIATE") -> Iterator[None]:
        """All or nothing of what is written within; DEFERRED: one moment's view in what is read within."""
        self.execute(f"BEGIN {kind}")
        try:
            yield
            self.execute("COMMIT")
        except BaseException:
            # SQLite has already rolled back after some failures (a full disk).
            if self._connection.in_transaction:
                self.execute("ROLLBACK")
            raise

    def damaged(self, what: str) -> RunFolderError:
        """Give the sentence for results that cannot be trusted."""
        return _damaged(self.path, what)

    def close(self) -> None:
        """Leave. The last to leave writes the log into the file and removes it."""
        with _translated(self.path):
            self._connection.close()


def _our_schema() -> list[tuple[Any, ...]]:
    """Give the stored text of every table, as SQLite spells it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        for statement in _SCHEMA:
            connection.execute(statement)
        return connection.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY sql"
        ).fetchall()


def _is_there(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError as error:  # no permission to look
        what = f"expected a run folder that can be read ({error.strerror})"
        raise RunFolderError(Problem(str(path.parent), what)) from error


def _log_waits(path: Path) -> bool:
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        if isinstance(error, (sqlite3.ProgrammingError, sqlite3.InterfaceError)):
            raise  # a mistake in this package, such as a closed connection
        # Without a code it is text that is no UTF-8.
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
        raise _fault(path, error, code & 0xFF) from error
    except UnicodeDecodeError as error:  # SQLite's own sentence may quote damaged bytes
        raise _damaged(path, "unreadable text") from error


def _fault(path: Path, error: sqlite3.Error, code: int) -> ShoalError:
    if code in _FAULTS:
        return EnvironmentFault(Problem(str(path), _FAULTS[code]))
    if code in _BUSY:
        return RunFolderBusy(Problem(str(path), "another process is writing to it"))
    if code == sqlite3.SQLITE_CONSTRAINT:
        return RunFolderError(Problem(str(path), f"refused a row ({error})"))
    if code == sqlite3.SQLITE_NOTADB:
        return RunFolderError(Problem(str(path), "expected results of Shoal, found another kind of file"))
    return _damaged(path, str(error))


def _damaged(path: Path, what: str) -> RunFolderError:
    # What is damaged may be quoted in it: nothing of it may steer a terminal.
    what = "".join(character if character.isprintable() else "?" for character in what)
    return RunFolderError(Problem(str(path), f"damaged ({what}); move it away and run the study again"))
