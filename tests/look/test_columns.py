"""The columns of a table, a line each, in the plan, the results and on the page; many that are alike share a line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal.planning
from shoal.errors import RunFolderError
from shoal.look import plan_text
from shoal.look._columns import MOST_LINES, column_lines, columns_text, notes_beside
from shoal.look.page.report import report_html
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import ColumnRecord, Identity, Results, Store
from shoal.study import load_study

COLUMNS = (
    ColumnRecord("y", "target", "number"),
    ColumnRecord("a", "input", "number", "2 of 9 training cells missing", missing=True),
    ColumnRecord("a long name of a column that is cut", "left out", "number", "left out, being an id"),
)
PLAIN = [ColumnRecord(f"x{number}", "input", "number") for number in range(50)]


def test_a_line_a_column_in_the_order_of_the_columns() -> None:
    assert columns_text(()) == []
    assert columns_text(COLUMNS) == [
        "columns",
        '  "y"                             target, number',
        '  "a"                             input, number   2 of 9 training cells missing',
        '  "a long name of a column that is cut"  left out        being an id',
    ]


def test_many_columns_that_are_alike_share_a_line() -> None:
    lacking = [
        ColumnRecord(f"z{number}", "input", "number", f"{number} missing", missing=True) for number in (1, 2)
    ]
    lines = column_lines([*COLUMNS, *PLAIN, *lacking])
    assert [(line.names, line.role, line.done) for line in lines[3:]] == [
        ('"x0" to "x49" (50)', "input, number", ""),
        ('"z1" to "z2" (2)', "input, number", "cells of each are missing"),
    ]
    assert lines[:3] == column_lines(COLUMNS)


@given(st.lists(st.sampled_from((*COLUMNS, *PLAIN[:3])), max_size=2 * MOST_LINES))
def test_every_column_is_in_a_line(columns: list[ColumnRecord]) -> None:
    lines = column_lines(columns)
    members = [1 if "(" not in line.names else int(line.names.rpartition("(")[2][:-1]) for line in lines]
    assert sum(members) == len(columns)
    assert len(lines) == len(columns) or len(columns) > MOST_LINES


def test_what_a_line_says_is_no_note_beside_it() -> None:
    notes = ('column "a": 2 of 9 training cells missing', 'column "a": strange', "2 rows left out")
    assert notes_beside(notes, COLUMNS) == list(notes[1:])


def test_plan_results_and_page_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.pipeline.write_report", lambda *_: None)
    rows = "".join(
        f"{row % 3},{'ab'[row % 2]},{row},2020-01-{1 + row % 30:02},{row * 0.7}\n" for row in range(40)
    )
    (tmp_path / "t.csv").write_text(f"n,k,extra,day,y\n{rows}", encoding="utf-8")
    (tmp_path / "s.toml").write_text(
        'study.task = "regression"\ntraining.epochs = 2\nchecks.baselines = false\n'
        'data = { train = "t.csv", target = "y", ignore = ["extra"], standardize = "both" }\n',
        encoding="utf-8",
    )
    study = load_study(tmp_path / "s.toml")
    lines = plan_text(study, plan(study, out=tmp_path / "run"), tmp_path / "run", 1).splitlines()
    assert lines[lines.index("columns") :] == [
        "columns",
        '  "y"      target, number',
        '  "n"      input, number',
        '  "k"      input, category  text, read as one of 2 categories ("a", "b")',
        '  "day"    input, date      dates from 2020-01-01 to 2020-01-30, read as seconds since the first',
        "                            training row of a fit, and as month, weekday and hour where they vary",
        '  "extra"  left out         named in data.ignore',
    ]
    results = run(study, out=tmp_path / "run", workers=1)
    assert [column.name for column in results.columns] == ["y", "n", "k", "day", "extra"]
    page = report_html(results, ()).replace("\u00a0", " ")
    assert ">text, read as one of 2 categories (&#34;a&#34;, &#34;b&#34;)</td>" in page
    assert page.index("<h2>Data") < page.index("what was done with each") < page.index("<h2>Network")
    (days,) = re.findall(r"<td>day</td><td[^>]*>date, in days</td>(.*?)</tr>", page)
    lowest, _, highest = re.findall(r">([\d.]+)</td>", days)[:3]
    assert (float(lowest), float(highest)) == (0, 29)
    assert "Notes on the data" not in page
    identity = Identity("s", "regression", shoal.planning.load_data(study).train_fingerprint)
    with Store.create_or_open(tmp_path / "run", identity) as store:
        store.put_fact("columns", [{"name": 1}])
    with pytest.raises(RunFolderError, match="a column of the data in its results is not what Shoal writes"):
        Results.open(tmp_path / "run")


def test_a_table_to_which_nothing_was_done_has_no_column_of_what_was_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shoal.pipeline.write_report", lambda *_: None)
    (tmp_path / "t.csv").write_text(
        "a,y\n" + "".join(f"{row},{row * 0.7}\n" for row in range(40)), encoding="utf-8"
    )
    (tmp_path / "s.toml").write_text(
        'study.task = "regression"\ntraining.epochs = 2\nchecks.baselines = false\n'
        'data = { train = "t.csv", target = "y" }\n',
        encoding="utf-8",
    )
    page = report_html(run(load_study(tmp_path / "s.toml"), out=tmp_path / "run", workers=1), ())
    assert "<p>The columns of the table:</p>" in page
    assert "what was done" not in page
