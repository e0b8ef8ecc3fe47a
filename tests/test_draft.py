"""`shoal new --data`: studies of tables that nobody described; they are laid out as they are, and some are run."""

from __future__ import annotations

import csv
import io
import tempfile
import unicodedata
from contextlib import suppress
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shoal.draft import draft_study
from shoal.errors import DataError
from shoal.pipeline import plan
from shoal.results import Plan
from shoal.study import Study, load_study

Cells = list[str]

STRANGE = (
    '"quoted"', "it's", "a#b", "[data]", "x = 1", "inputs", "target", "y", "true", "nan", "ä", "x.y", "\\", ",", "日", "id",
)  # fmt: skip
NAMES = st.sampled_from(STRANGE) | st.text(
    st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp", "Zs")), min_size=1, max_size=8
)
WORDS = ("red", "green", "blue", "1", "NA", "", "#x", '"')
MANNERS: dict[str, st.SearchStrategy[str]] = {
    "numbers": st.floats(-1e6, 1e6).map(lambda value: f"{value:.2f}") | st.just(""),
    "truth": st.sampled_from(("0", "1")),
    "whole": st.integers(0, 1000).map(str),
    "few": st.integers(0, 3).map(str),
    "words": st.sampled_from(WORDS),
    "days": st.dates().map(str) | st.just(""),
    "other days": st.dates().map(lambda day: f"{day.day:02}/{day.month:02}/{day.year:04}"),
    "marked": st.integers(0, 9).map(str) | st.sampled_from(("?", "-")),
    "mixed": st.sampled_from(("1", "2", "3", "4+")),
    "anything": st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=4),
}
CONSTANT = ("x", "7", "2020-01-01", "", "NA")


@st.composite
def cells(draw: st.DrawFn, rows: int) -> Cells:
    """Draw a column: of one manner, one cell throughout, or another in each row."""
    manner = draw(st.sampled_from((*MANNERS, "constant", "names", "ids")))
    if manner == "constant":
        return [draw(st.sampled_from(CONSTANT))] * rows
    if manner in ("names", "ids"):
        return [f"row {row}" if manner == "names" else str(row) for row in range(1, rows + 1)]
    return draw(st.lists(MANNERS[manner], min_size=rows, max_size=rows))


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
    with tempfile.TemporaryDirectory() as place, suppress(DataError):  # of the table alone
        study = drafted(Path(place), text_of(table))
        _laid_out(study, Path(place) / "run")


def _laid_out(study: Study, folder: Path) -> Plan:
    """Lay a study out, in which there is no mistake."""
    try:
        return plan(study, out=folder)
    except InputError as error:
        raise AssertionError(str(error)) from error
