"""`shoal new --data` of rows that seem to have an order: it is proposed, and what is proposed is taken."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from shoal.draft import draft_study
from shoal.planning import plan
from shoal.results import Plan


def drafted(table: pd.DataFrame, folder: Path) -> str:
    table.to_csv(folder / "t.csv", index=False)
    return draft_study(folder / "t.csv", "y", folder=folder)


def laid_out(text: str, folder: Path) -> Plan:
    (folder / "t.toml").write_text(text, encoding="utf-8")
    return plan(folder / "t.toml", out=folder / "run")


def rows(count: int = 200) -> pd.DataFrame:
    draw = np.random.default_rng(2)
    return pd.DataFrame({"x": draw.normal(size=count), "z": draw.normal(size=count)}).assign(
        y=draw.normal(size=count)
    )


def test_a_column_of_dates_is_proposed(tmp_path: Path) -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=200).astype(str))
    text = drafted(rows().assign(day=days.sample(frac=1, random_state=1).to_numpy()), tmp_path)
    (why,) = re.findall(r'^# time = "day" +# (.*)$', text, re.MULTILINE)
    assert why == (
        "take the # away to predict later rows: all that judges is then later than what is trained on (a column of"
        " dates); put one before it among the inputs, too, unless its trend counts"
    )
    assert not laid_out(text, tmp_path).data_notes[0].startswith("the latest")
    asked = text.replace('# time = "day"', 'time = "day"').replace('  "day",', '  # "day",')
    found = laid_out(asked, tmp_path)
    assert ("day", "time") in [(column.name, column.part) for column in found.columns]
    assert "the latest 40 rows are the test rows, from 2020-06-09 on" in found.data_notes
    also = laid_out(text.replace('# time = "day"', 'time = "day"'), tmp_path)
    assert ("day", "input") in [(column.name, column.part) for column in also.columns]


def test_dates_that_order_no_rows_are_not_proposed(tmp_path: Path) -> None:
    days = pd.date_range("2020-01-01", periods=200).astype(str).to_series().reset_index(drop=True)
    missing = rows().assign(day=days.where(days.index % 7 > 0, "").sample(frac=1, random_state=1).to_numpy())
    assert "time =" not in drafted(missing, tmp_path)
    clock = pd.Series(pd.date_range("2020-01-01", periods=200, freq="7min").strftime("%H:%M:%S"))
    assert "time =" not in drafted(
        rows().assign(at=clock.sample(frac=1, random_state=1).to_numpy()), tmp_path
    )


def test_an_order_without_dates_is_proposed(tmp_path: Path) -> None:
    walk = np.cumsum(np.random.default_rng(3).normal(size=200))
    text = drafted(rows().assign(y=walk), tmp_path)
    (why,) = re.findall(r"^# ordered = true +# (.*)$", text, re.MULTILINE)
    assert why.startswith(
        "take the # away to predict later rows: all that judges is then later than what is trained on (what the inputs"
    )
    found = laid_out(text.replace("# ordered = true", "ordered = true"), tmp_path)
    assert "the latest 40 rows are the test rows (data.ordered)" in found.data_notes
    assert not [note for note in found.notes if "neighbouring rows" in note]
    assert [note for note in laid_out(text, tmp_path).notes if "neighbouring rows" in note]
    assert "ordered = true" not in drafted(rows(), tmp_path)
