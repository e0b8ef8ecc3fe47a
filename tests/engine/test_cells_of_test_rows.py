"""What is kept of test rows for pictures: categories, dates and names of groups, as pandas counts them; what is not."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal
from shoal.data import Column
from shoal.engine._test_cells import LEVELS, coded_levels, group_names
from shoal.errors import RunFolderError
from shoal.look import Results
from shoal.results import FURTHER, LACKING, CellsTested
from shoal.results._store import Identity, Store
from shoal.study import Study

ROWS, TESTED = 240, 90


def table() -> pd.DataFrame:
    draw = np.random.default_rng(5)
    size = draw.choice(["small", "middle", "large"], ROWS).astype(object)
    size[draw.random(ROWS) < 0.1] = None
    day = pd.Timestamp("1969-06-01") + pd.to_timedelta(draw.integers(0, 900, ROWS), unit="D")
    frame = pd.DataFrame(
        {
            "a": draw.normal(size=ROWS),
            "kind": draw.choice([f"kind {k}" for k in range(16)], ROWS, p=np.arange(16, 0, -1) / 136),
            "size": size,
            "name": draw.choice(["=1+1", "\u202eלא", "漢" * 300, "<b>x</b>"], ROWS),
            "same": "one",
            "day": day.strftime("%Y-%m-%d"),
            "ward": draw.choice(["Ann", "Bob", "C" * 300], ROWS),
        }
    )
    frame["y"] = frame["a"] + (frame["size"] == "large") + draw.normal(size=ROWS) / 9
    frame["z"] = -frame["a"]
    return frame


def run_of(folder: Path, **changes: dict[str, Any]) -> Results:
    frame = table()
    folder.mkdir(exist_ok=True)
    frame[TESTED:].to_csv(folder / "train.csv", index=False)
    frame[:TESTED].to_csv(folder / "test.csv", index=False)
    data = {
        "train": str(folder / "train.csv"), "test": str(folder / "test.csv"), "target": "y", "groups": "ward",
        "missing": "impute", "standardize": "both", "keep": ["same"],
        "columns": {
            "size": {"kind": "ordered", "order": ["small", "middle", "large"]}
        },
    }  # fmt: skip
    study = {
        "study": {"name": "cells", "task": "regression"},
        "data": {**data, **changes.pop("data", {})},
        "network": {"hidden": [3], "embedding": 2},
        "training": {"epochs": 4},
        "inspect": {"importance": 0},
        **changes,
    }
    return shoal.run(Study.model_validate(study), out=folder / "run", workers=1)


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run_of(tmp_path_factory.mktemp("named"), report={"groups": True})


def cells_of(results: Results) -> CellsTested:
    cells = results.test_cells
    assert cells is not None
    return cells


def test_categories_are_those_of_the_rows(named: Results) -> None:
    frame = table()[:TESTED]
    by_name = {cells.column: cells for cells in cells_of(named).categories}
    assert {"kind", "size", "name"} <= set(by_name)
    for column, cells in by_name.items():
        place_V, wanted_V = cells.place_V, frame[column].to_numpy()
        np.testing.assert_array_equal(place_V == LACKING, frame[column].isna())
        counts = frame[column].value_counts()
        assert len(cells.levels) == min(LEVELS, len(counts))
        assert cells.further == len(counts) - len(cells.levels)
        assert cells.further == 0 or counts.iloc[LEVELS:].sum() == np.count_nonzero(place_V == FURTHER)
        for place, level in enumerate(cells.levels):
            whole = set(wanted_V[place_V == place])
            assert {text[:199] for text in whole} == {level.removesuffix("…")[:199]}
    assert by_name["size"].levels == ("small", "middle", "large")
    kinds = frame["kind"].value_counts()
    assert [kinds[level] for level in by_name["kind"].levels] == kinds.tolist()[:LEVELS]


def test_dates_are_seconds(named: Results) -> None:
    days = pd.to_datetime(table()[:TESTED]["day"])
    seconds = (days - pd.Timestamp("1970-01-01")) / pd.Timedelta(seconds=1)
    np.testing.assert_array_equal(cells_of(named).dates["day"], seconds)
    drawn = [spread for spread in fact_of(named, "residuals") if spread.over == "day"]
    assert [(spread.kind, spread.x_V.min()) for spread in drawn] == [("date", seconds.min())]


def fact_of(results: Results, name: str) -> Any:
    from shoal.look import pictures

    (fact,) = (picture.fact for picture in pictures(results) if picture.name == f"30-delivered-{name}")
    return fact


def test_groups_are_named_where_that_is_asked_for(named: Results, tmp_path: Path) -> None:
    wards = table()[:TESTED]["ward"].str.slice(0, 199)
    assert sorted(name.removesuffix("…") for name in cells_of(named).groups.values()) == sorted(set(wards))
    fact = fact_of(named, "errors")
    assert not fact.numbered
    rows = {name.removesuffix("…"): int(count) for name, count in zip(fact.names, fact.rows_G, strict=True)}
    assert rows == wards.value_counts().to_dict()
    withheld = run_of(tmp_path)
    assert cells_of(withheld).groups == {}
    assert set(fact_of(withheld, "errors").names) == {"group 1", "group 2", "group 3"}
    assert fact_of(withheld, "errors").numbered
    for file in withheld.folder.rglob("*"):
        assert file.is_dir() or b"Bob" not in file.read_bytes(), file
    assert withheld.digest == named.digest


def test_boxes_are_of_the_categories(named: Results) -> None:
    frame = table()[:TESTED]
    (fact, *_) = (fact for fact in fact_of(named, "residuals-by-category") if fact.column == "size")
    fit_id = next(entry.fit_id for entry in named.plan if entry.stage == "refit")
    residual_V = frame["y"] - named.test_answers(fit_id)[:, 0]
    medians = residual_V.groupby(frame["size"].fillna("(missing)")).median()
    np.testing.assert_allclose(fact.middle_C, [medians[name] for name in fact.names])
    assert fact.names == ("small", "middle", "large", "(missing)")
    assert "same" not in {fact.column for fact in fact_of(named, "residuals-by-category")}


def test_without_such_columns_nothing_is_kept(tmp_path: Path) -> None:
    assert run_of(tmp_path, data={"inputs": ["a"], "columns": {}, "keep": []}).test_cells is None


def test_of_classes_categories_are_kept_and_of_labels_nothing(tmp_path: Path) -> None:
    run = {"study": {"name": "cells", "task": "classification"}, "report": {"groups": True}}
    target = {"target": "size", "columns": {}, "missing_targets": "drop"}
    results = run_of(tmp_path / "classes", data=target, **run)
    cells = cells_of(results)
    assert "kind" in {each.column for each in cells.categories}
    assert (cells.dates, cells.groups) == ({}, {})
    facts = fact_of(results, "mistakes-by-category")
    fit_id = next(entry.fit_id for entry in results.plan if entry.stage == "refit")
    wrong_V = results.test_answers(fit_id).argmax(axis=1) != results.truth.y[results.truth.train_rows :]
    tested = table()[:TESTED].dropna(subset="size")
    (fact,) = (fact for fact in facts if fact.column == "name")
    shares = pd.Series(wrong_V).groupby(tested["name"].str.slice(0, 199).to_numpy()).mean()
    np.testing.assert_allclose(fact.wrong_C, [shares[name.removesuffix("…")[:199]] for name in fact.names])
    labels = {"target": ["l", "m"], "ignore": ["y", "z"], "columns": {}}
    frame = table().assign(l=np.arange(ROWS) % 2, m=np.arange(ROWS) // 2 % 2)
    frame.to_csv(tmp_path / "labels.csv", index=False)
    study = {
        "study": {"name": "labels", "task": "multilabel"},
        "data": {"train": str(tmp_path / "labels.csv"), **labels},
        "network": {"hidden": [2]},
        "training": {"epochs": 1},
        "inspect": {"importance": 0},
    }
    assert shoal.run(Study.model_validate(study), out=tmp_path / "labels", workers=1).test_cells is None


def test_other_test_rows_are_not_taken_for_those_of_a_run_before(tmp_path: Path) -> None:
    run_of(tmp_path)
    frame = table()[:30].assign(kind="kind 3")
    frame.to_csv(tmp_path / "test.csv", index=False)
    results = shoal.run(tmp_path / "run" / "study.toml", out=tmp_path / "run", workers=1)
    kinds = {cells.column: cells for cells in cells_of(results).categories}["kind"]
    assert (kinds.levels, kinds.place_V.tolist()) == (("kind 3",), [0] * 30)


def test_results_of_old_have_none() -> None:
    old = Results.open(Path(__file__).parents[1] / "assets" / "0.1.0" / "run")
    assert old.test_cells is None


@pytest.mark.parametrize(
    "change",
    [
        {"levels": [["a"], [], [], []]},
        {"further": [-1, 0, 0, 0]},
        {"categorical": ["a", "a", "b", "c"]},
        {"dates": []},
        {"groups": [["x", 1]]},
        {"more": 1},
    ],
)
def test_what_is_not_ours_is_refused(named: Results, tmp_path: Path, change: dict[str, Any]) -> None:
    copy = tmp_path / "run"
    shutil.copytree(named.folder, copy)
    with Store.open_readonly(copy) as store:
        identity = Identity(**store.fact("identity"))
    with Store.create_or_open(copy, identity) as store:
        store.put_fact("test cells", {**store.fact("test cells"), **change})
    with pytest.raises(RunFolderError, match="the cells of the test rows in its results is not what Shoal"):
        _ = Results.open(copy).test_cells


@given(st.lists(st.sampled_from(["", *"abcdefghijklmnopq"]), min_size=1, max_size=80), st.booleans())
def test_codes_name_the_most_frequent(texts: list[str], ordered: bool) -> None:
    order = tuple("qponmlkjihgfedcba") if ordered else ()
    column = Column("c", np.array(texts, object), "ordered" if ordered else None, order=order)
    levels, further, place_V = coded_levels(column)
    shown = dict(enumerate(levels)) | {FURTHER: "*", LACKING: ""}
    names = [shown[place] for place in place_V.tolist()]
    counts = pd.Series([text for text in texts if text], dtype=object).value_counts()
    assert all(
        name == text or (name == "*" and text not in levels) for name, text in zip(names, texts, strict=True)
    )
    assert len(levels) + further == len(counts)
    assert sorted(counts[list(levels)], reverse=True) == sorted(counts, reverse=True)[:LEVELS]
    if ordered:
        assert list(levels) == sorted(levels, key=order.index)


def test_of_very_many_groups_those_of_the_most_rows_are_named() -> None:
    number_N = np.concatenate(([0, 1], np.arange(1200), np.arange(150, 1200)))
    names = np.array([f"p{number}\ud800" for number in number_N[2:]], object)
    rows: Any = SimpleNamespace(train_rows=2, test_groups=names)
    named = group_names(rows, number_N)
    assert named == tuple((number, f"p{number}\\ud800") for number in range(150, 1150))
    assert group_names(SimpleNamespace(train_rows=2, test_groups=None), number_N) == ()  # type: ignore[arg-type]
