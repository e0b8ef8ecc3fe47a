"""The truth of a run: every finished fit, its place in the study and the facts around them, in one file.

A fit exists when its transaction is committed. Every value read is checked against the SHA-256 it was
stored with, so a damaged file is refused and never believed. Arrays lie as safetensors bytes (no pickle), one
blob for the curves, one for the parameters, one for the predictions of a fit.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from shoal.errors import Problem, RunFolderError
from shoal.files import Folder
from shoal.results._arrays import Arrays, packed, unpacked
from shoal.results._database import NOTHING_YET, Database
from shoal.results._folder import STORE_NAME, refuse_unusable, size_of
from shoal.results._identity import Identity
from shoal.results._record import CandidateRow, FitRecord, PlanEntry, Truth
from shoal.results._schema import (
    arrays_of,
    candidate_of,
    digest_of,
    entry_of,
    environment_of,
    expect,
    file_name_of,
    fit_of,
    json_of,
    part_of,
    refusing,
    truth_of,
)

_PARTS: Final = ("curves", "parameters", "predictions")
_NAMES: Final = ("input_names", "target_names", "classes")
_FITS: Final = (
    "SELECT fit_id, trainer, status, message, epochs, kept_epoch, steps, scores, seconds, sha256 FROM fits"
)


class Store:
    """One run folder's results; a context manager. One process writes (it holds the `RunLock`), any may read.

    Raises RunFolderError for a file that is foreign, newer, damaged or of another study, EnvironmentFault
    for a machine that cannot keep it (disk full, read-only, input/output errors).
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._environment_id: str | None = None

    @classmethod
    def create_or_open(cls, folder: Path, identity: Identity) -> Store:
        """Open the folder's results to add to them, or begin them; another study's and damaged ones are refused."""
        store = cls(Database.open_for_writing(folder))
        try:
            store._claim(identity)
            store.check_fits()
        except BaseException:
            store.close()
            raise
        return store

    @classmethod
    def reopen(cls, folder: Path) -> Store:
        """Open the results of a run folder to list its files anew; refused where there are none."""
        with cls.open_readonly(folder) as store:
            identity = store.fact("identity")
        return cls.create_or_open(folder, Identity(**identity))

    @classmethod
    def trained_in(cls, folder: Path, identity: Identity) -> frozenset[str]:
        """Give the ids of the fits that a run in the folder would find trained; refuses as `create_or_open` does."""
        refuse_unusable(folder)
        if not size_of(folder / STORE_NAME):
            return frozenset()
        with cls.open_readonly(folder) as store:
            store._refuse_other(identity)
            store.verify()
            store.check_fits()
            return store.known()

    @classmethod
    def open_readonly(cls, folder: Path) -> Store:
        """Open the folder's results to read, also while a run adds to them."""
        store = cls(Database.open_for_reading(folder))
        try:
            if store.fact("identity") is None:
                raise store._nothing_yet()
        except BaseException:
            store.close()
            raise
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave nothing but the one file."""
        self._database.close()

    @contextmanager
    def one_view(self) -> Iterator[None]:
        """See one moment in all that is read within, whatever a run adds meanwhile."""
        with self._database.transaction("DEFERRED"):
            yield

    def _claim(self, identity: Identity) -> None:
        if self.fact("identity") is None:
            self.set_plan((), ())
            self.put_fact("files listed", True)
            self.put_fact("identity", dataclasses.asdict(identity))
        else:
            self._refuse_other(identity)

    def _refuse_other(self, identity: Identity) -> None:
        stored = self.fact("identity")
        if not isinstance(stored, dict):
            raise self._database.damaged("the fact 'identity': unexpected content")
        if differences := list(Identity.stored(stored).apart_from(identity)):
            what = f"holds another study ({', '.join(differences)}); choose another folder"
            raise RunFolderError(Problem(str(self._database.path.parent), what))

    def check_fits(self) -> None:
        """Compare all that is known with its checksums: better refused now than after hours of training."""
        known = {(fit_id, part) for fit_id in self.summaries() for part in _PARTS}
        for fit_id, part in sorted(known.union(self._database.rows("SELECT fit_id, part FROM arrays"))):
            self.arrays(fit_id, part)

    # Fits

    def known(self) -> frozenset[str]:
        """Give the ids of all fits that are done, failed ones among them."""
        return frozenset(fit_id for (fit_id,) in self._database.rows("SELECT fit_id FROM fits"))

    def add(self, record: FitRecord, environments: Collection[str] = ()) -> None:
        """Keep a finished fit and drop its checkpoint, at once; trained in these environments, or in this run's."""
        self.add_all([(record, environments or filter(None, [self._environment_id]))])

    def add_all(self, trained: Iterable[tuple[FitRecord, Iterable[str]]]) -> None:
        """Keep finished fits, each with the ids of the environments that trained it; see `add`."""
        with self._database.transaction():
            for record, environments in trained:
                row = _fit_row(record)
                parts = [(record.fit_id, part, packed(getattr(record, part))) for part in _PARTS]
                self._database.insert("fits", (*row, _seal(*row)))
                self._database.insert(
                    "arrays", *((*key, data, _seal(*key, data=data)) for *key, data in parts)
                )
                self._database.execute("DELETE FROM checkpoints WHERE fit_id = ?", record.fit_id)
                for name in environments:
                    self._put_origin(record.fit_id, name)

    def forget_failed(self) -> None:
        """Drop the fits that failed (not those that diverged, which they would again), so that they are tried anew."""
        failed = [
            fit_id for (fit_id,) in self._database.rows("SELECT fit_id FROM fits WHERE status = 'failed'")
        ]
        with self._database.transaction():
            for fit_id in failed:
                for table in ("arrays", "origins", "fits"):
                    self._database.execute(f"DELETE FROM {table} WHERE fit_id = ?", fit_id)  # noqa: S608

    def summaries(self) -> dict[str, FitRecord]:
        """Give every fit by id, its arrays left out, so that a whole study is read at once."""
        rows = self._database.rows(_FITS + " ORDER BY fit_id")
        return {row[0]: self._checked_fit(row) for row in rows}

    def record(self, fit_id: str) -> FitRecord:
        """Give one fit with all its arrays; KeyError if it is not there."""
        rows = self._database.rows(_FITS + " WHERE fit_id = ?", fit_id)
        if not rows:
            raise KeyError(fit_id)
        curves, parameters, predictions = (self.arrays(fit_id, part) for part in _PARTS)
        summary = self._checked_fit(rows[0])
        return dataclasses.replace(summary, curves=curves, parameters=parameters, predictions=predictions)

    def arrays(self, fit_id: str, part: str) -> Arrays:
        """Give one part of a fit alone: "curves", "parameters" or "predictions"."""
        rows = self._database.rows(
            "SELECT data, sha256 FROM arrays WHERE fit_id = ? AND part = ?", fit_id, part
        )
        if not rows:
            raise self._database.damaged(f"the {part} of fit {fit_id} are missing")
        data, seal = rows[0]
        with self._checking(f"the {part} of fit {fit_id}", seal, fit_id, part, data=data):
            return part_of(part, unpacked(data))

    def put_derived(self, fit_id: str, part: str, arrays: Arrays) -> None:
        """Keep what was computed from a finished fit: beside it, no part of it, in place of what was kept there."""
        data = packed(arrays)
        row = (fit_id, part, data, _seal(fit_id, part, data=data))
        self._database.insert("arrays", row, replace=True)

    def derived(self, fit_id: str, part: str) -> Arrays | None:
        """Give what `put_derived` kept, or None."""
        there = self._database.rows("SELECT 1 FROM arrays WHERE fit_id = ? AND part = ?", fit_id, part)
        return self.arrays(fit_id, part) if there else None

    def _checked_fit(self, row: tuple[Any, ...]) -> FitRecord:
        *values, seal = row
        with self._checking(f"fit {row[0]}", seal, *values):
            return fit_of(values)

    # Checkpoints of running fits

    def put_checkpoint(
        self, fit_id: str, arrays: Arrays, facts: dict[str, Any], environments: Collection[str] = ()
    ) -> None:
        """Keep where a running fit stands, in place of where it stood; `facts` as JSON (with inf, NaN); see `add`."""
        text, data = json.dumps(facts), packed(arrays)
        row = (fit_id, text, data, _seal(fit_id, text, data=data))
        with self._database.transaction():
            self._database.insert("checkpoints", row, replace=True)
            for name in environments or filter(None, [self._environment_id]):
                self._put_origin(fit_id, name)

    def checkpoint(self, fit_id: str) -> tuple[Arrays, dict[str, Any]] | None:
        """Give where a fit stood, or None."""
        rows = self._database.rows("SELECT facts, data, sha256 FROM checkpoints WHERE fit_id = ?", fit_id)
        if not rows:
            return None
        text, data, seal = rows[0]
        with self._checking(f"the checkpoint of fit {fit_id}", seal, fit_id, text, data=data):
            return part_of("checkpoint", unpacked(data)), dict(json_of(text))

    def drop_checkpoint(self, fit_id: str) -> None:
        """Forget where a fit stood."""
        with self._database.transaction():
            self._database.execute("DELETE FROM checkpoints WHERE fit_id = ?", fit_id)
            self._database.execute(
                "DELETE FROM origins WHERE fit_id = ? AND fit_id NOT IN (SELECT fit_id FROM fits)", fit_id
            )

    # Where fits were trained

    def begin(self, environment: dict[str, Any]) -> None:
        """Say where all that follows is trained. What is the same in several runs, all but the day, is kept once."""
        with self._database.transaction():
            self.put_fact("environment", environment)
            self._environment_id = self.put_environment(environment)

    def put_environment(self, environment: dict[str, Any]) -> str:
        """Keep an environment beside the others, all but its day, once; gives its id."""
        lasting = {key: value for key, value in environment.items() if key != "date"}
        text = json.dumps(lasting, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()
        if not self._database.rows("SELECT 1 FROM environments WHERE environment_id = ?", name):
            self._database.insert("environments", (name, text, _seal(name, text)))
        return name

    def _put_origin(self, fit_id: str, environment_id: str) -> None:
        row = (fit_id, environment_id)
        self._database.insert("origins", (*row, _seal(*row)), replace=True)

    def environment(self) -> dict[str, Any]:
        """Give where the last run was computed; {} where none is told."""
        for text, seal in self._database.rows("SELECT value, sha256 FROM facts WHERE key = 'environment'"):
            with self._checking("the environment", seal, "environment", text):
                return environment_of(text)
        return {}

    def origins(self) -> list[tuple[dict[str, Any], frozenset[str]]]:
        """Give every environment with the ids of the fits that were trained there, wholly or in part.

        Fits of results of old are in none: which environment trained them was not kept.
        """
        if not self._database.has_table("origins"):
            return []
        fits: dict[str, set[str]] = {}
        for fit_id, name, seal in self._database.rows("SELECT fit_id, environment_id, sha256 FROM origins"):
            with self._checking(f"the origin of fit {fit_id}", seal, fit_id, name):
                fits.setdefault(name, set()).add(fit_id)
        environments = []
        for name, text, seal in self._database.rows("SELECT * FROM environments ORDER BY rowid"):
            with self._checking("an environment", seal, name, text):
                environments.append((environment_of(text), frozenset(fits.get(name, ()))))
        return environments

    # Which files of the folder are ours

    @property
    def lists_files(self) -> bool:
        """Whether `files` is the whole truth: not so of an older store, until `adopt_files` has been called."""
        return self.fact("files listed") is True

    def adopt_files(self, contents: Mapping[str, str]) -> None:
        """Take an older run folder over: list the files in it that are ours; see `put_file`."""
        with self._database.transaction():
            self._put_files(contents)
            self.put_fact("files listed", True)

    def put_file(self, name: str, content: str, now: str | None) -> None:
        """List a file of the run folder as ours (its path from there, with /; the SHA-256 of its bytes in hex).

        To be called before the file is put in its place: a run that is killed between the two leaves a file listed by
        what it is (`now`) and by what it was to become, and never one of ours that is not listed.
        """
        with self._database.transaction():
            self._database.execute("DELETE FROM files WHERE name = ? AND content IS NOT ?", name, now)
            self._put_files({name: content})

    def _put_files(self, contents: Mapping[str, str]) -> None:
        rows = [(file_name_of(name), digest_of(content)) for name, content in contents.items()]
        self._database.insert("files", *((*row, _seal(*row)) for row in rows), replace=True)

    def drop_file(self, name: str) -> None:
        """Take a file off the list, once it is deleted."""
        self._database.execute("DELETE FROM files WHERE name = ?", name)

    def files(self) -> dict[str, frozenset[str]]:
        """Give the files that are ours: name to the SHA-256, in hex, of the bytes that they may have."""
        if not self._database.has_table("files"):
            return {}
        digests: dict[str, frozenset[str]] = {}
        for name, content, seal in self._database.rows("SELECT * FROM files ORDER BY name, content"):
            with self._checking(f"the file {name!r} in the list", seal, name, content):
                digests[name] = digests.get(file_name_of(name), frozenset()) | {digest_of(content)}
        return digests

    # What the fits are for

    def set_plan(self, entries: Sequence[PlanEntry], candidates: Sequence[CandidateRow]) -> None:
        """Say which fits the study is made of now, in place of what was said before; no fit is lost by it.

        The fact "choice" belongs to the search it was made from: it is dropped when that changes.
        """
        plan = [(number, *dataclasses.astuple(entry)) for number, entry in enumerate(entries)]
        rows = [
            (number, row.candidate_id, json.dumps(row.values), row.parameter_count)
            for number, row in enumerate(candidates)
        ]
        search = sorted(row[1:] for row in plan if row[2] == "search")
        searched = {entry.candidate_id for entry in entries if entry.stage == "search"}
        seals = {
            "plan": _seal(*plan),
            "candidates": _seal(*rows),
            "search": _seal(*search, *sorted(row[1:] for row in rows if row[1] in searched)),
        }
        database = self._database
        with database.transaction():
            if database.rows("SELECT sha256 FROM seals WHERE name = 'search'") != [(seals["search"],)]:
                database.execute("DELETE FROM facts WHERE key = 'choice'")
            for statement in ("DELETE FROM plan", "DELETE FROM candidates", "DELETE FROM seals"):
                database.execute(statement)
            database.insert("plan", *plan)
            database.insert("candidates", *rows)
            database.insert("seals", *seals.items())

    def plan(self) -> tuple[PlanEntry, ...]:
        """Give every place of the study, in the order of `set_plan`."""
        seal, rows = self._database.sealed_rows("plan")
        with self._checking("the plan", seal, *rows):
            return tuple(entry_of(row[1:]) for row in rows)

    def candidate_rows(self) -> tuple[CandidateRow, ...]:
        """Give every candidate, in the order of `set_plan`; a tuple in `values` has become a list."""
        seal, rows = self._database.sealed_rows("candidates")
        with self._checking("the list of candidates", seal, *rows):
            return tuple(candidate_of(*row[1:]) for row in rows)

    # Facts

    def put_fact(self, key: str, value: Any) -> None:
        """Keep anything that JSON can say (and inf, NaN), in place of what was kept under that key."""
        text = json.dumps(value)
        self._database.insert("facts", (key, text, _seal(key, text)), replace=True)

    def fact(self, key: str) -> Any:
        """Give what was kept under `key`, or None."""
        for text, seal in self._database.rows("SELECT value, sha256 FROM facts WHERE key = ?", key):
            with self._checking(f"the fact {key!r}", seal, key, text):
                return json_of(text)
        return None

    def put_truth(self, truth: Truth) -> None:
        """Keep the rows that predictions belong to, in place of what was kept."""
        facts = {name: getattr(truth, name) for name in ("train_rows", *_NAMES)}
        facts |= (
            {} if truth.positive == 1 else {"positive": truth.positive}
        )  # as it was before there was such a key
        text, data = json.dumps(facts), packed(arrays_of(truth))
        row = (1, text, data, _seal(text, data=data))
        self._database.insert("truth", row, replace=True)

    def truth(self) -> Truth:
        """Give the rows that predictions belong to; RunFolderError where a run has not got as far."""
        rows = self._database.rows("SELECT facts, data, sha256 FROM truth")
        if not rows:
            raise self._nothing_yet()
        text, data, seal = rows[0]
        with self._checking("the true values", seal, text, data=data):
            return truth_of(text, unpacked(data))

    def refuse_moved_from(self, folder: Folder) -> None:
        """Refuse an open folder in which the file that is written lies no more: what is there is another's."""
        if self._database.whereabouts is not None:
            self._database.whereabouts.refuse_other(folder)

    def verify(self) -> None:
        """Have every page of the file walked; RunFolderError if one is damaged."""
        self._database.verify()

    def _nothing_yet(self) -> RunFolderError:
        return RunFolderError(Problem(str(self._database.path), NOTHING_YET))

    @contextmanager
    def _checking(self, what: str, seal: object, *values: object, data: bytes = b"") -> Iterator[None]:
        """Refuse values that do not match their seal, and such as match but are not what Shoal writes."""
        with refusing(lambda: self._database.damaged(f"{what}: wrong checksum")):
            expect(seal == _seal(*values, data=data))
        with refusing(lambda: self._database.damaged(f"{what}: unexpected content")):
            yield


def _fit_row(record: FitRecord) -> tuple[str | int | float, ...]:
    return (
        record.fit_id,
        record.trainer,
        record.status,
        record.message,
        int(record.epochs),
        int(record.kept_epoch),
        int(record.steps),
        json.dumps(record.scores),
        float(record.seconds),
    )


def _seal(*values: object, data: bytes = b"") -> bytes:
    """Give the SHA-256 over a row's values and blob; no two rows share one."""
    digest = hashlib.sha256(json.dumps(values).encode() + b"\0")
    digest.update(data)  # not joined to it first: it may be large
    return digest.digest()
