"""Treacherous CSV tables: read to the last bit as an independent reader reads them, or refused where it sees why.

The independent reader is the csv module for cells and `decimal` for numbers. Tables that were not damaged after they
were written are known cell by cell, too.
"""

from __future__ import annotations

import csv
import io
import math
import os
import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as st

from shoal.data import read_columns
from shoal.errors import DataError

LONG = os.environ.get("SHOAL_CAMPAIGN") == "long"
Rows = list[list[str]]

GOOD_NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(-(10**20), 10**20).map(str),
    st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**9), max_value=10**9).map(str),
    st.sampled_from(
        ["0", "-0", "+5", "007", "1.", ".5", "1e5", "1E-5", "-1.5e+3", "9007199254740993", "1e-400", "4.9e-324",
         "2.4703282292062327e-324", "1.7976931348623157e308", "0.1", "1" * 60, "0." + "3" * 60, "1e0000001"]
    ),
)  # fmt: skip
BAD_NUMBERS = st.sampled_from(
    ["", "nan", "NaN", "NA", "N/A", "null", "None", "-", "?", ".", "e5", "1e", "inf", "-Infinity", "1e309", "-2e308",
     "1,5", "1.000,5", "1,000", "1 000", "1_000", "0x10", "1e5.5", "1d5", "12:30", "2024-01-01", "5%", "$5", "1/2",
     "TRUE", "١", "1٫5", "１", "−1", "1\u00a0", "\u200b1", "1\x0b", "1\x0c2", "'1", '"1"', "1\n2", "1;2", "1\t2", "--1",
     "1.2.3", "\ufeff1", "(1)", "1f", "1L", "½", "x"]
)  # fmt: skip
TEXTS = st.one_of(
    st.sampled_from(
        ["red", "Red", "red ", " red", "\tred", "r\u00e9d", "re\u0301d", "1", "1.0", "NA", "nan", "null", "true",
         "a,b", 'a"b', '"', "a\nb", "a\r\nb", "a\rb", "a;b", "a\tb", "=1+1", "\u2028", "x\x85y", "\u202ered", "\x0b",
         "#", "''", "re\u200bd", "\ufeffred", "\u00a0", "a\x1cb", "\U0001f41f", '"red"', 'a, "b"', "x" * 300]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=6),
)  # fmt: skip
NAMES = st.sampled_from(
    ["a", "A", "a ", " b", "b", "x,y", 'q"', "n\nm", "1", "2.5", "é", "e\u0301", "=x", "a;b", "\u200b"]
)


@dataclass(frozen=True)
class Drawn:
    """A file, the part each column is meant to play, and the cells it was written from (None where damaged since)."""

    raw: bytes
    names: tuple[str, ...]
    categorical: frozenset[str]
    truth: Rows | None


@st.composite
def tables(draw: st.DrawFn) -> Drawn:
    names = draw(st.lists(NAMES, min_size=1, max_size=4, unique_by=str.strip))
    names += draw(st.sampled_from([[]] * 15 + [names[:1], [" "]]))
    text = [draw(st.booleans()) for _ in names]
    rows = [names]
    evil = draw(st.sampled_from([0, 0, 3, 8]))
    for _ in range(draw(st.integers(1, 6)) if draw(st.integers(0, 30)) else 0):
        rows.append([draw(_cell(is_text, evil)) for is_text in text])
        if evil and draw(st.integers(0, evil)) == 0:
            rows[-1] = draw(st.sampled_from([[], [""], rows[-1][:-1], [*rows[-1], "1"]]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    written = [",".join([_written(cell, draw(st.booleans())) for cell in row]) for row in rows]
    content = end.join(written) + draw(st.sampled_from(["", end, end * 3]))
    mark = draw(st.sampled_from(["", "", "\ufeff"]))
    encoding = draw(st.sampled_from(["utf-8"] * 40 + ["latin-1", "utf-16", "utf-32"]))
    raw = (mark + content).encode(encoding, errors="replace")
    whole = encoding == "utf-8" and rows[-1] != [] and not any(row == [""] for row in rows)
    if draw(st.integers(0, 7)) == 0:
        raw, whole = draw(_damaged(raw)), False
    meant = tuple(name.strip(" \t") for name in names)
    categorical = frozenset(name for name, is_text in zip(meant, text, strict=True) if is_text)
    return Drawn(raw, meant, categorical, rows if whole else None)


@st.composite
def _cell(draw: st.DrawFn, is_text: bool, evil: int) -> str:
    if not is_text and evil and draw(st.integers(0, evil)) == 0:
        return draw(BAD_NUMBERS)
    cell = draw(TEXTS if is_text else GOOD_NUMBERS)
    return draw(st.sampled_from(["", "", " ", "\t"])) + cell + draw(st.sampled_from(["", "", " "]))


def _written(cell: str, quote: bool) -> str:
    """A cell as RFC 4180 writes it; what begins with spaces and a quote is quoted, as readers differ on it."""
    needed = bool(set(cell) & set('",\r\n')) or not cell
    return '"' + cell.replace('"', '""') + '"' if quote or needed else cell


@st.composite
def _damaged(draw: st.DrawFn, raw: bytes) -> bytes:
    place = draw(st.integers(0, len(raw)))
    piece = draw(
        st.sampled_from([b'"', b",", b"\n", b"\r", b" ", b";", b"\0", b"\xff", b"\xc3", b"1", b'""', b', "'])
    )
    return raw[:place] + piece + raw[place + draw(st.integers(0, 2)) :]


# -- the independent reader ----------------------------------------------------------------------------------


def independent(raw: bytes) -> tuple[Rows, list[int]] | None:
    """Rows of cells and the line each row starts on; None for what the csv module does not take."""
    try:
        text = raw.decode("utf-8-sig")
        reader = csv.reader(io.StringIO(text, newline=""), strict=True)
        rows, lines, line = [], [], 1
        for row in reader:
            rows.append(row)
            lines.append(line)
            line = reader.line_num + 1
    except (UnicodeDecodeError, csv.Error):
        return None
    while rows and not rows[-1]:
        rows.pop()
        lines.pop()
    return None if "\0" in text or not rows else (rows, lines)


def exact(cell: str) -> Fraction | None:
    """The number that a cell stands for; None for what is no number, or has no place in float64."""
    plain = cell.strip(" \t\u00a0\u2009\u202f").replace("\N{MINUS SIGN}", "-").replace("\N{EN DASH}", "-")
    if not plain or set(plain) - set("0123456789+-.eE"):
        return None
    try:
        value = Fraction(Decimal(plain))
    except InvalidOperation:
        return None
    return value if abs(value) < Fraction(2) ** 1024 - Fraction(2) ** 970 else None


def is_nearest(value: float, wanted: Fraction) -> bool:
    """Whether no other float64 lies nearer."""
    off = abs(Fraction(value) - wanted)
    near = (math.nextafter(value, side) for side in (-math.inf, math.inf))
    return all(math.isinf(other) or off <= abs(Fraction(other) - wanted) for other in near)


def titles(rows: Rows) -> list[str]:
    """The names of columns; the first has none where every row has one cell more, as R writes row names."""
    names = [name.strip(" \t") for name in rows[0]]
    named_rows = len(rows) > 2 and all(len(row) == len(names) + 1 for row in rows[1:])
    return ["", *names] if names and named_rows else names


def is_left_out(place: int, names: list[str], body: Rows) -> bool:
    """Whether a column without a name is row names, or without a cell, too."""
    if place == 0 and len(names) > 1:
        return True
    return not any(row[place].strip(" \t") for row in body if len(row) == len(names))


def faults(drawn: Drawn) -> set[int] | None:
    """Lines on which something is wrong, 1 for the file as a whole; None where nothing is."""
    read = independent(drawn.raw)
    if read is None:
        return {1}
    rows, lines = read
    names, body = titles(rows), rows[1:]
    one_of_another_kind = len(rows[0]) == 1 and re.search(r"[;\t]", rows[0][0].strip(" \t"))
    if not body or not names or one_of_another_kind:
        return {1}
    if len(names) > len(rows[0]) and not any(row[-1].strip(" \t") for row in body):
        return {lines[1]}  # separators that end every line are no row names
    named = [name for place, name in enumerate(names) if name or not is_left_out(place, names, body)]
    if not all(named) or len({normalize("NFC", name) for name in named}) < len(named):
        return {1}
    if not set(drawn.names) <= set(names):
        return {1}
    spaced = re.search(r'(^|[\r\n,])[ \t]+"', drawn.raw.decode("utf-8-sig"))
    bad = set()
    for row, line in zip(rows[1:], lines[1:], strict=True):
        ragged = len(row) != len(names)
        if ragged or any(
            not _is_good(row[names.index(name)], name in drawn.categorical) for name in drawn.names
        ):
            bad.add(line)
        if spaced and any(re.match(r'[ \t]+"', cell) for cell in row):
            bad.add(line)
    if spaced and any(re.match(r'[ \t]+"', cell) for cell in rows[0]):
        bad.add(1)
    return bad or None


def _is_good(cell: str, is_text: bool) -> bool:
    return bool(cell.strip(" \t")) if is_text else exact(cell) is not None


# -- the comparison ------------------------------------------------------------------------------------------


@settings(max_examples=3_000 if LONG else 120, suppress_health_check=list(HealthCheck))
@given(tables())
def test_a_table_is_read_as_the_independent_reader_reads_it_or_refused_for_its_reason(
    tmp_path_factory: pytest.TempPathFactory, drawn: Drawn
) -> None:
    path = tmp_path_factory.getbasetemp() / "t.csv"
    path.write_bytes(drawn.raw)
    if drawn.truth is not None:
        read = independent(drawn.raw)
        assert read is not None
        assert read[0] == drawn.truth
    # A damaged header may hold one of two names that are one by Unicode: it is found by both.
    assume(
        drawn.truth is not None or len({normalize("NFC", name) for name in drawn.names}) == len(drawn.names)
    )
    wrong = faults(drawn)
    event("refused" if wrong else "read")
    if wrong is not None:
        with pytest.raises(DataError) as caught:
            read_columns(path, list(dict.fromkeys(drawn.names)), dict.fromkeys(drawn.categorical, ()))
        _check_refusal(str(caught.value), path, wrong)
        return
    rows, _ = independent(drawn.raw) or ([], [])
    columns = read_columns(path, drawn.names, dict.fromkeys(drawn.categorical, ()))
    names = titles(rows)
    assert [column.name for column in columns] == list(drawn.names)
    for column in columns:
        cells = [row[names.index(column.name)] for row in rows[1:]]
        if column.name in drawn.categorical:
            assert column.values.tolist() == [normalize("NFC", cell.strip(" \t")) for cell in cells]
        else:
            assert column.values.dtype == np.float64
            pairs = zip(column.values.tolist(), map(exact, cells), strict=True)
            assert all(wanted is not None and is_nearest(value, wanted) for value, wanted in pairs)


def _check_refusal(text: str, path: Path, wrong: set[int]) -> None:
    """One printable line a mistake; no line is blamed that the independent reader finds nothing wrong with."""
    for sentence in text.split("\n"):
        assert sentence.startswith(str(path)), sentence
        assert sentence.isprintable(), sentence
        assert len(sentence) < 500, sentence
        blamed = re.match(r", line (\d+)", sentence[len(str(path)) :])
        if blamed and 1 not in wrong:
            assert int(blamed[1]) in wrong, sentence
    if 1 not in wrong and len(wrong) < 20:
        said = {int(line) for line in re.findall(r"(?m)^.*?, line (\d+)", text)}
        together = re.search(r"expected numbers, got text such as|\d cells, such as|in every row", text)
        assert said == wrong or together


def test_the_nearest_number_is_told_from_its_neighbours() -> None:
    assert is_nearest(0.1, Fraction(1, 10))
    assert not is_nearest(math.nextafter(0.1, 1), Fraction(1, 10))
    assert exact("9007199254740993") == 2**53 + 1
    assert [exact(cell) for cell in ("1e309", "nan", "1_0", "", "٣", "1,5")] == [None] * 6


@pytest.mark.parametrize("cell", [' "red"', '\t"1"', ' "a", "b"'])
def test_a_quote_after_spaces_is_refused(tmp_path: Path, cell: str) -> None:
    """Readers differ on it: to some it is a cell in quotes, to others a cell whose text has quotes."""
    path = tmp_path / "t.csv"
    path.write_text(f"a\n{cell}\n", encoding="utf-8")
    with pytest.raises(DataError):
        read_columns(path, ["a"], {"a": ()})
