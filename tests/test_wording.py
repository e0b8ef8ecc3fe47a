"""Foreign text and sentences: each rule by its exact letters, and drawn."""

from __future__ import annotations

import ast
import csv
import io
import itertools
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame

from shoal import wording
from shoal.look.page.spreadsheet import frame_csv
from shoal.predict import Predictions
from shoal.wording import (
    FORMULA,
    Form,
    counted,
    did_you_mean,
    few_quoted,
    first_few,
    is_utf8,
    listed,
    nearest,
    quoted,
    safe_cell,
    shorten,
    value_text,
    visible,
    visible_lines,
)

# -- foreign text --------------------------------------------------------------------------------------------

EVIL = "\x1b[2J\u202e\n\u00a0é"


@pytest.mark.parametrize(
    ("form", "line", "kept"),
    [
        ("short", "\\x1b[2J\\u202e\\n\\xa0é", "\\x1b[2J\\u202e\\n\u00a0é"),
        ("long", "\\u001b[2J\\u202e\\u000a\\u00a0é", "\\u001b[2J\\u202e\\u000a\u00a0é"),
        ("masked", "?[2J???é", "?[2J??\u00a0é"),
    ],
)
def test_what_cannot_be_seen_is_written_in_one_of_three_forms(form: Form, line: str, kept: str) -> None:
    assert visible(EVIL, form) == line
    assert visible(EVIL, form, keep="\u00a0") == kept


def test_beyond_16_bits_an_escape_is_of_eight_digits() -> None:
    assert (visible("\U000e0001"), visible("\U000e0001", "long")) == ("\\U000e0001", "\\U000e0001")


@given(st.text(), st.sampled_from(("short", "long", "masked")))
def test_a_line_is_fit_to_print_and_stays_as_it_is(text: str, form: Form) -> None:
    line = visible(text, form)
    assert line.isprintable()
    assert visible(line, form) == line
    if text.isprintable():
        assert line == text


@given(st.text())
def test_lines_stay_lines(text: str) -> None:
    assert visible_lines(text).split("\n") == [visible(line) for line in text.split("\n")]


@given(st.text(max_size=12), st.integers(1, 12))
def test_a_cut_text_fits(text: str, longest: int) -> None:
    cut = shorten(text, longest)
    assert len(cut) == min(len(text), longest)
    assert cut == text or (cut[-1] == "…" and text.startswith(cut[:-1]))


def test_quotes() -> None:
    assert quoted("a\x1b") == '"a\\x1b"'
    assert quoted("a\x1bcdef", 4, "masked") == '"a?c…"'
    assert quoted("x" * 61) == f'"{"x" * 61}"'
    assert quoted("x" * 62) == f'"{"x" * 60}…"'


def test_names_with_bytes_that_are_no_text_are_not_utf8() -> None:
    assert (is_utf8("é\U0001f600"), is_utf8("a\udcff")) == (True, False)


# -- sentences -----------------------------------------------------------------------------------------------


def test_lists() -> None:
    assert [listed("abcdef"[:count]) for count in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed(["a", "b", "c"], "or") == "a, b or c"
    assert [listed("abcdef"[:count], most=4) for count in (4, 5)] == ["a, b, c and d", "a, b, c and 2 more"]
    assert first_few(["a", "b", "c"], 3) == "a, b, c"
    assert first_few(["a"] * 1_003, 2, joint=", and ", what="other sizes") == "a, a, and 1,001 other sizes"
    assert few_quoted("abc", 2) == '"a", "b" and 1 more'
    assert few_quoted(map(str, range(12))) == ", ".join(f'"{number}"' for number in range(10)) + " and 2 more"


def test_guesses() -> None:
    names = ["sizes", "Colour", "x"]
    assert [nearest(word, names) for word in ("size", "colour", "COLOR", "quite another")] == [
        "sizes", "Colour", "Colour", "",
    ]  # fmt: skip
    assert did_you_mean("size", names) == "; did you mean sizes?"
    assert did_you_mean("size", names, quoted) == '; did you mean "sizes"?'
    assert did_you_mean("size", ["size"], quoted) == ""  # never the very same word
    assert nearest("size", [*names, *map(str, range(2_000))]) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"), (True, "true"), (3, "3"), (0.5, "0.5"), (10**20, "a whole number of 21 digits"),
        ("a\x1b", "'a\\x1b'"), ("x" * 300, "'" + "x" * 58 + "…"), ({}, "a table"), ([], "an empty list"),
        ([1, "a"], "[1, 'a']"), ([1] * 5, "a list of 5"), ([[1]], "a list of 1"),
    ],
)  # fmt: skip
def test_values(value: Any, text: str) -> None:
    assert value_text(value) == text


def test_counts() -> None:
    assert [counted(number, "fold") for number in (0, 1, 2, 1_000)] == [
        "0 folds", "1 fold", "2 folds", "1,000 folds",
    ]  # fmt: skip
    nouns = ("test class", "batch", "epoch", "box", "category", "array")
    assert [counted(number, noun) for noun in nouns for number in (1, 2)] == [
        "1 test class", "2 test classes", "1 batch", "2 batches", "1 epoch", "2 epochs", "1 box", "2 boxes",
        "1 category", "2 categories", "1 array", "2 arrays",
    ]  # fmt: skip


def counts_before_plurals(source: str) -> list[str]:
    """Find numbers (`{rows:,}`, `{len(rows)}`) that are written in front of a plural by hand: "1 rows"."""
    joined = [node.values for node in ast.walk(ast.parse(source)) if isinstance(node, ast.JoinedStr)]
    pairs = [pair for values in joined for pair in itertools.pairwise(values)]
    return [
        f"{ast.unparse(number.value)}{text.value}"
        for number, text in pairs
        if isinstance(number, ast.FormattedValue) and isinstance(text, ast.Constant)
        if _is_a_count(number) and PLURAL.match(text.value)
    ]


def _is_a_count(part: ast.FormattedValue) -> bool:
    """Whether a part of an f-string is a number that may be 1: no constant, which has a name in capitals."""
    value, asked = part.value, part.format_spec
    if isinstance(value, ast.Name) and value.id.isupper():
        return False
    if isinstance(asked, ast.JoinedStr):
        return ast.unparse(asked) in ("f','", "f'd'")
    return isinstance(value, ast.Call) and ast.unparse(value.func) in ("len", "int", "sum")


PLURAL = re.compile(
    r" (?!(is|was|has|as|its)\b)"
    r"((?!(of|to|in|and|or|from|for|at|with|beside|more|is|are|were|have|had)\b)[a-z-]+ ){0,2}"
    r"(?!(is|was|has|as|its|this|times|less|across|others)\b)[a-z]+s\b"
)


def test_numbers_stand_in_front_of_plurals_by_counted_alone() -> None:
    assert counts_before_plurals('f"{len(a)} rows, {b:,} test rows, {c} rows, {d:,} of them, {MOST:,} rows"') == [
        "len(a) rows, ", "b test rows, ",
    ]  # fmt: skip
    house = Path(wording.__file__).parent
    at_hand = {
        path.relative_to(house).as_posix(): counts_before_plurals(path.read_text(encoding="utf-8"))
        for path in sorted(house.rglob("*.py"))
    }
    assert {name: texts for name, texts in at_hand.items() if texts} == {}


# -- cells of a spreadsheet ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("red", "red"),
        ("-1", "-1"),
        ("+2.5e3", "+2.5e3"),
        ("=1+1", "'=1+1"),
        ("-1+cmd|' /C calc'!A0", "'-1+cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "\\t=1"),
        ("\r+1", "\\r+1"),
        ("a\x1b[31m\n", "a\\x1b[31m\\n"),
        ("\uff1d1", "'\uff1d1"),
        ("\u2212x", "'\u2212x"),
        ("a;=1", "a;'=1"),
        ("a; \"-1", "a;' \"-1"),
        ("a;b=1", "a;b=1"),
    ],
)  # fmt: skip
def test_no_cell_is_a_formula(text: str, cell: str) -> None:
    assert safe_cell(text) == cell


SIGNS = tuple("=+-@\u2212")


def normal(letter: str) -> str:
    """Give the first letter of what Unicode takes a letter for."""
    return unicodedata.normalize("NFKC", letter)[:1]


def test_all_letters_that_mean_a_sign_are_known() -> None:
    letters = map(chr, range(sys.maxunicode + 1))
    assert set(FORMULA) == {letter for letter in letters if normal(letter) in SIGNS}


BLANKS = (
    "".join(chr(code) for code in range(sys.maxunicode + 1) if chr(code).isspace()) + "\ufeff\u200b\u2060"
)
FOREIGN = st.builds(
    str.__add__,
    st.text(st.sampled_from(BLANKS), max_size=3),
    st.text(st.sampled_from(FORMULA + BLANKS + "';\",01.eA|!\x00\u202e"), max_size=8) | st.text(),
)
PLAIN = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def written_by_predict(texts: list[str]) -> list[list[str]]:
    content = Predictions(("row", "text"), (range(len(texts)), texts), ()).to_csv()
    return list(csv.reader(io.StringIO(content, newline="")))


def written_by_the_report(texts: list[str]) -> list[list[str]]:
    frame = DataFrame({"row": range(len(texts)), "text": texts})
    return list(csv.reader(io.StringIO(frame_csv(frame), newline="")))


@pytest.mark.parametrize("rows_of", [written_by_predict, written_by_the_report])
@given(texts=st.lists(FOREIGN, min_size=1, max_size=5))
def test_what_a_spreadsheet_would_take_as_a_formula_never_stands_first(
    rows_of: Any, texts: list[str]
) -> None:
    """Docs: one row a row, one line a row, a sign first only in a plain number, the text itself but for its guard."""
    heading, *rows = rows_of(texts)
    assert heading == ["row", "text"]
    assert [row[0] for row in rows] == [str(number) for number in range(len(texts))]
    for text, (_, cell) in zip(texts, rows, strict=True):
        assert cell.isprintable()
        assert normal(cell.lstrip()[:1]) not in SIGNS or PLAIN.fullmatch(cell)
        guarded = cell.replace(";'", ";")
        assert visible(text).replace(";'", ";") in (guarded, guarded.removeprefix("'"))
        if PLAIN.fullmatch(text):
            assert float(cell) == float(text)


@given(st.text(st.characters(exclude_categories=["C", "Z"])))
def test_a_text_without_signs_and_blanks_comes_back_as_it_is(text: str) -> None:
    if not set(text) & set(FORMULA):
        assert safe_cell(text) == text
