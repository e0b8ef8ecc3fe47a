"""The columns of a table, a line each, in the plan, the results and on the page; many that are alike share a line."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from look_runs import MadeUp, make_run

import shoal.planning
from dots import end_with_the_model
from shoal.data._array_columns import array_names
from shoal.errors import RunFolderError
from shoal.look import plan_text
from shoal.look._columns import MOST_LINES, column_lines, columns_text, notes_beside
from shoal.look._run_findings import RunFindings
from shoal.look.page.ranges import variable_table
from shoal.look.page.report import report_html
from shoal.pipeline import run
from shoal.planning import plan
from shoal.results import ColumnRecord, Identity, Results, Store
from shoal.study import load_study
from shoal.wording import one_number

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


def test_a_series_of_an_array_has_a_line() -> None:
    series = [ColumnRecord(name, "input", "number") for name in array_names("x", (2, 30))]
    single = [ColumnRecord(name, "input", "number", missing=True) for name in array_names("w", (1, 9))]
    constant = ColumnRecord("x[0,3]", "left out", "number", "left out, being constant")
    lines = column_lines([COLUMNS[0], *series, *single])
    assert [(line.names, line.role, line.done) for line in lines[1:]] == [
        ('"x[0]"', "input, series", "30 values"),
        ('"x[1]"', "input, series", "30 values"),
        ('"w"', "input, series", "9 values, some of them missing"),
    ]
    many = [ColumnRecord(name, "input", "number") for name in array_names("x", (64, 9))]
    assert [(line.names, line.done) for line in column_lines(many)] == [
        ('"x[0]" to "x[63]" (64)', "9 values")
    ]
    series[3] = constant  # what is not alike keeps its lines
    assert [line.names for line in column_lines(series[:30])][2:5] == ['"x[0,2]"', '"x[0,3]"', '"x[0,4]"']


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
    end_with_the_model(monkeypatch)
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
    end_with_the_model(monkeypatch)
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


def test_a_series_has_one_range_whether_it_is_of_an_array_or_of_columns_in_their_order(
    tmp_path: Path,
) -> None:
    inputs = (*array_names("x", (2, 3)), "alone")
    findings = RunFindings(make_run(tmp_path, MadeUp(names=(), inputs=inputs, epochs=5)))
    x_ND, rows = findings.truth.x_ND, findings.truth.train_rows
    table = variable_table(findings)
    assert table is not None
    names, roles, lowest = (column.cells for column in table.columns[:3])
    assert names[:3] == ("x[0]", "x[1]", "alone")
    assert roles[:3] == ("series of 3 values", "series of 3 values", "input")
    assert (table.columns[2].values or ())[:2] == (x_ND[:rows, :3].min(), x_ND[:rows, 3:6].min())
    assert lowest[2] == one_number(x_ND[:rows, 6].min(), 4)
    findings.truth = replace(findings.truth, input_names=tuple("abcdef"), x_ND=x_ND[:, :6])
    vars(findings)["network"] = (SimpleNamespace(series=SimpleNamespace(gives=(3, 1, 2))),)
    columns = variable_table(findings)
    assert columns is not None
    assert columns.columns[0].cells[:3] == ("a to b", "c to d", "e to f")
    assert (columns.columns[2].values or ())[1] == x_ND[:rows, 2:4].min()
