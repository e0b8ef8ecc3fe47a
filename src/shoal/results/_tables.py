"""The tables of a results file, format by format: what SQLite is told, and what each format may hold.

Every row carries a SHA-256 over its values (a table's rows together for `plan` and `candidates`).
"""

from __future__ import annotations

from typing import Final

VERSION: Final = 2

_FIRST: Final = (
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
_ADDED_BY_SECOND: Final = (
    # The files of the run folder that Shoal made: a file is listed before it is put in its place, so that two
    # contents are listed of one that is being replaced.
    "CREATE TABLE files (name TEXT NOT NULL, content TEXT NOT NULL, sha256 BLOB NOT NULL,"
    " PRIMARY KEY (name, content)) STRICT",
    # Where fits were trained; a fit that was begun on one machine and ended on another has two origins.
    "CREATE TABLE environments (environment_id TEXT PRIMARY KEY, facts TEXT NOT NULL,"
    " sha256 BLOB NOT NULL) STRICT",
    "CREATE TABLE origins (fit_id TEXT NOT NULL, environment_id TEXT NOT NULL REFERENCES environments,"
    " sha256 BLOB NOT NULL, PRIMARY KEY (fit_id, environment_id)) STRICT",
)
ADDED: Final[dict[int, tuple[str, ...]]] = {1: _FIRST, 2: _ADDED_BY_SECOND}
"""What each format added to the one before it: an older file becomes one of today by the rest of the list."""


def tables_of(version: int) -> tuple[str, ...]:
    """Give the statements that make a file of one format."""
    return tuple(statement for added in range(1, version + 1) for statement in ADDED[added])
