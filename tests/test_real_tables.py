"""The rules by which the benchmark of real tables draws and reads: shared with no code of Shoal's."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parent.parent


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


@pytest.mark.parametrize(
    ("name", "text", "separator", "names"),
    [
        ("a.csv", "x,y,z\n1,2,a\n3,4,b\n", ",", ["x", "y", "z"]),
        ("a.dat", "92, 115, a\n90, 110, b\n", ",", ["c1", "c2", "c3"]),
        ("a.csv.gz", "x;y;z\n1,5;2;a\n3,4;4;b\n", ";", ["x", "y", "z"]),
        ("a.txt", 'x y "z"\n1  2 3\n3  4 5\n', " ", ["x", "y", "z"]),
    ],
)
def test_a_file_is_read_by_its_bytes(
    tmp_path: Path, name: str, text: str, separator: str, names: list[str]
) -> None:
    from benchmarks.real_tables.shipped import read

    data = text.encode()
    (tmp_path / name).write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    table = read(tmp_path / name)
    assert (table.separator, list(table.cells.columns), len(table.cells)) == (separator, names, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a few words here\nand some more now\n", "no separator"),
        ("1,2,3\n4,5\n", "no separator"),
        ("150,4,setosa\n5.1,3.5,1.4\n", "neither names nor a row"),
    ],
)
def test_what_is_no_table_is_out(tmp_path: Path, text: str, reason: str) -> None:
    from benchmarks.real_tables.shipped import NoTable, read

    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(NoTable, match=reason):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("x", ["1", "2", "", "?"], "number"),
        ("x", ["a", "b", "a", ""], "category"),
        ("x", ["a", "a", "NA"], "constant"),
        ("x", ["2001-01-02", "2001-02-03"], "date"),
        ("ModelYear", ["70", "71", "72"], "date"),
        ("customer_id", ["7", "8", "9"], "id"),
        ("", ["1", "2", "3"], "id"),
        ("x", [f"text {place}" for place in range(30)], "text"),
    ],
)
def test_kinds(name: str, cells: list[str], kind: str) -> None:
    import pandas as pd
    from benchmarks.real_tables.shipped import kind_of

    assert kind_of(name, pd.Series(cells)) == kind


@given(st.integers(-(10**9), 10**9))
def test_numbers_as_people_write_them(value: int) -> None:
    from benchmarks.real_tables.shipped import number_of

    assert number_of(f" {value:,} ") == number_of(f"${value}") == value


def test_the_list_is_of_forty_tables_that_are_pinned() -> None:
    from benchmarks.real_tables.draw import read_list
    from benchmarks.real_tables.packages import PACKAGES, PINNED

    tables, pinned = read_list(), PINNED.read_text(encoding="utf-8")
    assert len({table.sha256 for table in tables}) == len({table.name for table in tables}) == 40
    assert {table.package for table in tables} == {package.name for package in PACKAGES}
    for package in PACKAGES:
        assert re.search(
            rf"^{package.name}=={re.escape(package.version)} --hash=sha256:[0-9a-f]{{64}}$", pinned, re.M
        )
