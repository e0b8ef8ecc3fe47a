"""Run folders from a stranger: values changed and sealed again, and what readers owe whoever opens them."""

from __future__ import annotations

import hashlib
import json
import random
import re
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from safetensors.numpy import load, save
from watched import bounded

import shoal
from dots import end_with_the_model
from shoal.engine import _train
from shoal.engine.workers import slices
from shoal.errors import EnvironmentFault, ShoalError
from shoal.look import results_text, write_report
from shoal.look._run_findings import RunFindings
from shoal.look.figures.units import profiles_of
from shoal.look.figures.weights import weights_of
from shoal.predict import predict_file
from shoal.results import FitRecord, Results, Store
from shoal.results._folder import STORE_NAME
from shoal.results._store import _seal
from shoal.study import Study
from studies import tiny_study

STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 7, 2**31, 2**62, -(2**63), 10**400, 0.5, -0.0, 1e300, -1e300, float("inf"), float("nan"),
    "", "x", "\x1b[2J", "../../x", "a" * 5000, "\ud800", [], [[]], {}, {"": None}, [0] * 3,
)  # fmt: skip
EMPTY = "is empty"
SECTIONS = {
    "data": {"dataset": "digits"},
    "study": {"task": "classification"},
    "network": {"hidden": [4]},
    "training": {"epochs": 2, "lr": 0.01},
    "search": {"folds": 2, "space": {"network.hidden[0]": [3, 4]}},
}


class Draw(random.Random):
    """What a case draws from its number; `outside` is a file that is none of the run folder's."""

    def __init__(self, number: int, outside: Path) -> None:
        super().__init__(number)
        self.outside = outside

    @property
    def names(self) -> tuple[str, ...]:
        """Ways out of a run folder, and names within it that are no names of ours."""
        near = f"../{self.outside.parent.name}/{self.outside.name}"
        return (
            str(self.outside),
            near,
            f"figures/../{near}",
            f"figures/{self.outside}",
            "figures",
            "run.lock",
            ".",
        )

    @property
    def content(self) -> str:
        """The SHA-256 of that file: what is listed with it is taken for ours."""
        return hashlib.sha256(self.outside.read_bytes()).hexdigest()


def study_of(kind: str) -> Study:
    """A regression with a search, one that was left in the middle, or a classifier of small images as a table."""
    space = {"folds": 2, "space": {"network.hidden[0]": [3, 4]}}
    peaks = tiny_study(training={"epochs": 3}, search=space, inspect={"history": 2})
    return {"peaks": peaks, "begun": peaks, "digits": tiny_study(**SECTIONS)}[kind]


def real_run(kind: str, folder: Path) -> Path:
    """A run folder as a run leaves it, but for the pictures, or as it is left in the middle of its fifth fit."""
    if kind == "begun":
        return begun_run(study_of(kind), folder, fits=4)
    with pytest.MonkeyPatch.context() as patches:
        end_with_the_model(patches)
        shoal.run(study_of(kind), out=folder, workers=1)
    return folder


def begun_run(study: Study, folder: Path, fits: int) -> Path:
    """A run folder as it is left after some fits, in the middle of the next."""
    add, done = Store.add, []

    def stopped(store: Store, record: FitRecord, environments: Collection[str] = ()) -> None:
        if len(done) == fits:
            raise KeyboardInterrupt
        done.append(record.fit_id)
        add(store, record, environments)

    with (
        patch.object(Store, "add", stopped),
        patch.object(_train, "SLICE_SECONDS", 0.0),
        patch.object(slices, "CHECKPOINT_SECONDS", 0.0),
        suppress(KeyboardInterrupt),
    ):
        shoal.run(study, out=folder, workers=1)
    with Store.open_readonly(folder) as store:
        assert any(store.checkpoint(entry.fit_id) for entry in store.plan())
    return folder


def mutated(source: Path, target: Path, draw: Draw) -> str:
    """Copy a run folder with up to three values changed and every seal right; say what was changed."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    told = []
    with closing(sqlite3.connect(target / STORE_NAME)) as connection, connection:
        connection.execute("PRAGMA foreign_keys = OFF")
        for _ in range(draw.choice((1, 1, 1, 2, 3))):
            while (what := draw.choice(_CHANGES)(connection, draw)).endswith(EMPTY):
                pass
            told.append(what)
    return "; ".join(told)


def _reseal_table(connection: sqlite3.Connection, table: str) -> None:
    rows = connection.execute(f"SELECT * FROM {table} ORDER BY position").fetchall()
    connection.execute("UPDATE seals SET sha256 = ? WHERE name = ?", (_seal(*rows), table))


def _facts(connection: sqlite3.Connection, draw: Draw) -> str:
    key, text = draw.choice(connection.execute("SELECT key, value FROM facts").fetchall())
    value = json.loads(text)
    value = _text(value, draw) if key == "study" and draw.random() < 0.8 else _value(value, draw)
    text = json.dumps(value)
    connection.execute("UPDATE facts SET value = ?, sha256 = ? WHERE key = ?", (text, _seal(key, text), key))
    return f"fact {key}"


def _text(text: str, draw: Draw) -> str:
    """Change one number or word of a TOML text."""
    tokens = list(re.finditer(r'"[^"\n]*"|[-+]?[0-9][0-9._e+-]*|true|false', text))
    token = draw.choice(tokens)
    strange = (
        "0", "-1", "1e300", "nan", "inf", '""', '"x"', "99999999999", "true", "[]", "1", "2", "3", '"classification"',
        '"regression"', "0.9999", '"both"', '"cnn"', "1000000", "2000000000",
    )  # fmt: skip
    return text[: token.start()] + draw.choice(strange) + text[token.end() :]


def _value(value: Any, draw: Draw) -> Any:
    """Change one place of a JSON value: put something strange there, drop it, double it, or rename it."""
    inside = isinstance(value, dict | list) and value and draw.random() < 0.85
    if not inside:
        return _near(value, draw) if draw.random() < 0.4 else draw.choice((*STRANGE, *draw.names))
    if isinstance(value, dict):
        key = draw.choice(list(value))
        changed = dict(value)
        what = draw.random()
        if what < 0.1:
            del changed[key]
        elif what < 0.2:
            changed[draw.choice(("", "x", key + "x"))] = changed[key]
        elif what < 0.25:
            changed[draw.choice(("", "x", key + "x"))] = changed.pop(key)
        else:
            changed[key] = _value(changed[key], draw)
        return changed
    place, changed = draw.randrange(len(value)), list(value)
    what = draw.random()
    if what < 0.1:
        del changed[place]
    elif what < 0.2:
        changed.append(changed[place])
    else:
        changed[place] = _value(changed[place], draw)
    return changed


def _near(value: Any, draw: random.Random) -> Any:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return draw.choice(
            (value + 1, -value, value * 2, float(value), int(value) if np.isfinite(value) else 0, str(value))
        )
    if isinstance(value, str):
        return draw.choice((value + "x", value[:-1], value.upper(), value[::-1]))
    return value


def _columns(table: str, seal: Callable[[tuple[Any, ...]], bytes]) -> Callable[..., str]:
    """Change one column of one row, or drop or double the row."""

    def change(connection: sqlite3.Connection, draw: Draw) -> str:
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        if not rows:
            return f"{table} {EMPTY}"
        names = [one[1] for one in connection.execute(f"PRAGMA table_info({table})")]
        row = draw.choice(rows)
        column = draw.randrange(len(names) - 1)
        old = row[column]
        if isinstance(old, bytes):
            new = _blob(old, draw)
        elif table == "files":
            new = draw.choice((*draw.names, draw.content, old + "x"))
        elif names[column] in ("scores", "settings", "facts"):
            new = json.dumps(_value(json.loads(old), draw))
        elif isinstance(old, str):
            others = [one[column] for one in rows]
            new = draw.choice(
                ("", "x", "\x1b[2J", "ok", "failed", "diverged", "compare", "search", old + "x", *others)
            )
        else:
            new = draw.choice((-1, 0, 1, 2, 3, 1000, 2**31, 2**62, -(2**62), old + 1))
            new = float(new) if isinstance(old, float) else new
        changed = (*row[:column], new, *row[column + 1 :])
        key = [one[1] for one in connection.execute(f"PRAGMA table_info({table})") if one[5]]
        where = " AND ".join(f"{name} = ?" for name in key)
        old_key = [row[names.index(name)] for name in key]
        try:
            connection.execute(f"DELETE FROM {table} WHERE {where}", old_key)
            if draw.random() > 0.05:
                marks = ", ".join("?" * len(names))
                connection.execute(
                    f"INSERT INTO {table} VALUES ({marks})", (*changed[:-1], seal(changed[:-1]))
                )
        except sqlite3.IntegrityError:
            connection.execute(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(names))})", row)
        return f"{table}.{names[column]}: {str(old)[:30]!r} to {str(new)[:30]!r}"

    return change


def _listed(table: str) -> Callable[..., str]:
    """Change one column of one row of a table that is sealed as a whole."""

    def change(connection: sqlite3.Connection, draw: Draw) -> str:
        names = [one[1] for one in connection.execute(f"PRAGMA table_info({table})")]
        rows = connection.execute(f"SELECT * FROM {table}").fetchall()
        if not rows:
            return f"{table} {EMPTY}"
        row, column = draw.choice(rows), draw.randrange(1, len(names))
        old = row[column]
        if names[column] == "settings":
            new: Any = json.dumps(_value(json.loads(old), draw))
        elif isinstance(old, str):
            others = [one[column] for one in rows]
            new = draw.choice(
                ("", "x", "winner", "search", "compare", "refit", "\x1b[2J", old[::-1], *others)
            )
        else:
            new = draw.choice((-1, 0, 1, 2, 1000, 2**31, 2**62, old + 1))
        try:
            if draw.random() < 0.1:
                connection.execute(f"DELETE FROM {table} WHERE position = ?", (row[0],))
            else:
                connection.execute(
                    f"UPDATE {table} SET {names[column]} = ? WHERE position = ?", (new, row[0])
                )
        except sqlite3.IntegrityError:
            pass
        _reseal_table(connection, table)
        return f"{table}.{names[column]}: {str(old)[:30]!r} to {str(new)[:30]!r}"

    return change


def _listed_as_ours(connection: sqlite3.Connection, draw: Draw) -> str:
    """List a file that is none of ours with the bytes that it has: as one that may be replaced or deleted."""
    row = (draw.choice(draw.names), draw.content)
    connection.execute("INSERT OR REPLACE INTO files VALUES (?, ?, ?)", (*row, _seal(*row)))
    return f"listed {row[0]}"


def _blob(data: bytes, draw: Draw) -> bytes:
    """Change one array: its numbers, shape, type or name; drop or double it."""
    arrays = dict(load(data))
    if not arrays:
        return save({"x": np.zeros(3)})
    name = draw.choice(list(arrays))
    array = arrays[name]
    what = draw.randrange(9)
    if what == 0:
        del arrays[name]
    elif what == 1:
        arrays[draw.choice(("x", "epoch", "test", "validation", "y", "search/9", "rows"))] = arrays.pop(name)
    elif what == 2:
        arrays[name] = array.astype(
            draw.choice((np.float64, np.float32, np.int64, np.uint8, np.bool_, np.float16))
        )
    elif what == 3:
        arrays[name] = np.ascontiguousarray(array.reshape(-1)) if draw.random() < 0.5 else array[None].copy()
    elif what == 4:
        arrays[name] = array[: len(array) // 2].copy() if array.ndim else array
    elif what == 5:
        arrays[name] = np.concatenate([array, array]) if array.ndim else array
    elif what == 6:
        arrays[name] = np.zeros((0, *array.shape[1:]), array.dtype)
    else:
        arrays[name] = array.copy()
        if array.size:
            place = draw.randrange(array.size)
            strange = (
                (-1, 0, 1, 2, 200, 10**6) if array.dtype.kind in "iu" else (np.nan, np.inf, -1, 1e300, 0, 7.5)
            )
            with np.errstate(all="ignore"):
                arrays[name].reshape(-1)[place] = np.array(draw.choice(strange)).astype(array.dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return save({name: np.ascontiguousarray(array) for name, array in arrays.items()})


def _of_columns(row: tuple[Any, ...]) -> bytes:
    blobs = [value for value in row if isinstance(value, bytes)]
    return _seal(*(value for value in row if not isinstance(value, bytes)), data=b"".join(blobs))


_CHANGES = (
    _facts,
    _facts,
    _columns("fits", _of_columns),
    _columns("fits", _of_columns),
    _columns("arrays", _of_columns),
    _columns("arrays", _of_columns),
    _columns("arrays", _of_columns),
    _columns("truth", lambda row: _seal(*row[1:-1], data=row[-1])),
    _columns("environments", _of_columns),
    _columns("origins", _of_columns),
    _columns("checkpoints", _of_columns),
    _columns("files", _of_columns),
    _listed_as_ours,
    _listed("plan"),
    _listed("candidates"),
)


def _read_all(results: Results) -> None:
    for name in (
        "candidates", "comparisons", "references", "refit", "predictions", "curves", "fits", "ensemble",
        "ensemble_scores", "inside", "digest", "unfinished", "environment", "origins",
    ):  # fmt: skip
        getattr(results, name)
    for entry in results.plan:
        if entry.fit_id in results.summaries:
            results.parameters(entry.fit_id)
            results.curve(entry.fit_id)


def _files(folder: Path, rows: Path) -> None:
    with Store.open_readonly(folder) as store:
        store.files()


def _facts_of_pictures(results: Results) -> None:
    findings = RunFindings(results)
    _ = findings.comparisons, findings.delivered, weights_of(findings), profiles_of(findings)


OF_RESULTS: dict[str, Callable[[Results], object]] = {
    "Results": _read_all,
    "facts": _facts_of_pictures,
    "show": results_text,
}
OF_FOLDERS: dict[str, Callable[[Path, Path], object]] = {"files": _files, "predict": predict_file}


def readers(folder: Path, rows: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Give all that reads a run folder, by name; what reads its results does so once they could be opened."""
    opened: list[Results] = []
    yield "open", lambda: opened.append(Results.open(folder))
    for results in opened:
        for name, read in OF_RESULTS.items():
            yield name, partial(read, results)
    for name, act in OF_FOLDERS.items():
        yield name, partial(act, folder, rows)


def report(folder: Path, rows: Path) -> None:
    """Draw all pictures, which takes seconds."""
    write_report(Results.open(folder))


def refused(act: Callable[[], object]) -> bool:
    """Whether it is refused; then with one of Shoal's errors and in one printable line, and as the file's fault."""
    try:
        with bounded(), warnings.catch_warnings():
            warnings.simplefilter("error")
            act()
    except ShoalError as error:
        said = error
    else:
        return False
    assert str(said).isprintable(), str(said)
    assert len(said.problems) == 1, said.problems
    assert not isinstance(said, EnvironmentFault), said
    return True
