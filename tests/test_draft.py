"""`shoal new --data`: studies of tables that nobody described; they are laid out as they are, and some are run."""

from __future__ import annotations

import csv
import io
import tempfile
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.draft import draft_study
from shoal.errors import DataError, InputError
from shoal.pipeline import plan
from shoal.study import Study, load_study

Cells = list[str]

NAMES = st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8
) | st.sampled_from(
    ['"quoted"', "it's", "a#b", "[data]", "x = 1", "inputs", "target", "y", "true", "nan", "ä", "x.y", "\\", ",", "日", "id"]
)
WORDS = ("red", "green", "blue", "1", "NA", "", "#x", '"')


@st.composite
def cells(draw: st.DrawFn, rows: int) -> Cells:
    """Draw a column of some manner."""
    manner = draw(st.sampled_from(
        ("numbers", "whole", "words", "constant", "nothing", "names", "iso", "days", "ids", "marked", "mixed", "any")
    ))  # fmt: skip

    def each(cell: st.SearchStrategy[str]) -> Cells:
        return draw(st.lists(cell, min_size=rows, max_size=rows))

    match manner:
        case "numbers":
            return each(st.floats(-1e6, 1e6, allow_subnormal=False).map(lambda value: f"{value:.3g}") | st.just(""))
        case "whole":
            return each(st.integers(0, draw(st.sampled_from((1, 3, 1000)))).map(str))
        case "words":
            return each(st.sampled_from(WORDS))
        case "constant":
            return [draw(st.sampled_from(("x", "7", "2020-01-01")))] * rows
        case "nothing":
            return [draw(st.sampled_from(("", "NA")))] * rows
        case "names":
            return [f"row {row}" for row in range(rows)]
        case "iso":
            return each(st.dates().map(str) | st.just(""))
        case "days":
            return each(st.dates().map(lambda day: f"{day.day:02}/{day.month:02}/{day.year:04}"))
        case "ids":
            return [str(row + 1) for row in range(rows)]
        case "marked":
            return each(st.integers(0, 9).map(str) | st.sampled_from(("?", "-")))
        case "mixed":
            return each(st.sampled_from(("1", "2", "3", "4+")))
    return each(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=4))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, Cells]:
    rows = draw(st.integers(12, 40))
    names = draw(st.lists(
        NAMES, min_size=2, max_size=6, unique_by=lambda name: unicodedata.normalize("NFC", name)
    ))  # fmt: skip
    return {name: draw(cells(rows)) for name in names}


def text_of(table: dict[str, Cells]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    writer.writerows([list(table), *zip(*table.values(), strict=True)])
    return written.getvalue()


def drafted(folder: Path, table: str, **said: Any) -> Study:
    """Write the study of a table beside it, and read it."""
    (folder / "t.csv").write_text(table, encoding="utf-8", newline="")
    (folder / "t.toml").write_text(draft_study(folder / "t.csv", **said), encoding="utf-8")
    return load_study(folder / "t.toml")


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(tables())
def test_a_study_of_any_table_is_laid_out_or_nothing_can_be_learned(table: dict[str, Cells]) -> None:
    with tempfile.TemporaryDirectory() as place:
        try:
            study = drafted(Path(place), text_of(table))
        except DataError as refusal:
            assert all("\n" not in str(problem) for problem in refusal.problems)
            return
        plan(study, out=Path(place) / "run")
