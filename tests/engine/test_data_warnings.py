"""What is to be doubted of the columns is said by the plan and by the run, before anything is trained."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dots import end_with_the_model
from shoal.engine import Silent
from shoal.look import checks
from shoal.pipeline import run
from shoal.planning import plan
from shoal.study import Study
from studies import tiny_study

WRITERS = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False),
    ".tsv": lambda frame, path: frame.to_csv(path, sep="\t", index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path),
    ".npz": lambda frame, path: np.savez(path, **{name: frame[name].to_numpy() for name in frame}),
}


class Listener(Silent):
    def __init__(self) -> None:
        self.heard: list[str] = []

    def note(self, line: str) -> None:
        self.heard.append(line)


def study_of(folder: Path, ending: str = ".csv", **data: Any) -> Study:
    draw = np.random.default_rng(0)
    t = np.round(1.7e9 + 1000 * draw.normal(size=60))
    frame = pd.DataFrame(
        {"count": np.arange(1, 61), "t": t, "a": draw.normal(size=60), "y": draw.normal(size=60)}
    )
    path = folder / f"t{ending}"
    WRITERS[ending](frame, path)
    return tiny_study(
        data={"dataset": None, "train": str(path), "target": "y"} | data,
        compare=None, search=None, training={"epochs": 2},
    )  # fmt: skip


@pytest.mark.parametrize("ending", WRITERS)
def test_check_and_run_say_it_first_and_the_checks_say_it_again(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    study, listener = study_of(tmp_path, ending), Listener()
    said = plan(study, out=tmp_path / "run").notes[:3]
    assert said[0].startswith('in numbers of 32 bits: input "t" has 48 different values, which become ')
    assert said[0].endswith('(data.standardize = "inputs" scales them)')
    assert said[1].startswith('not standardised: input "t" lies at 1.7e+09 and varies by ')
    assert said[2] == (
        'input "count" numbers the rows, or counts time (1, 2, 3 ...) (data.ignore can leave it out)'
    )
    results = run(study, out=tmp_path / "run", workers=1, watcher=listener)
    assert tuple(listener.heard[:3]) == said
    raised = [check.code for check in checks(results)]
    assert {"SH016", "SH017", "SH018"} <= set(raised)
    assert raised[0] in ("SH013", "SH014", "SH016")


def test_nothing_is_said_of_columns_that_are_standardised_and_chosen(tmp_path: Path) -> None:
    study = study_of(tmp_path, standardize="inputs", inputs=["t", "a"])
    assert all(
        "no data.test" in note or "batch_size" in note for note in plan(study, out=tmp_path / "run").notes
    )


def test_targets_are_scaled_by_both_alone(tmp_path: Path) -> None:
    study = study_of(tmp_path, inputs=["a"], target="t", standardize="inputs")
    said = plan(study, out=tmp_path / "run").notes
    assert said[0].startswith('in numbers of 32 bits: target "t"')
    assert said[0].endswith('(data.standardize = "both" scales them)')


@pytest.mark.parametrize("epochs", [1, 2, 3, 10])
def test_a_schedule_that_never_rises_is_told(epochs: int) -> None:
    training = {"schedule": "one-cycle", "epochs": epochs, "lr": 0.005}
    doubted = [note for note in plan(tiny_study(training=training)).notes if note.startswith("schedule")]
    told = "schedule one-cycle: in 1 epoch the learning rate comes to 2e-08 at most, of lr = 0.005"
    assert doubted == ([f"{told}; it takes more epochs to rise"] if epochs == 1 else [])


@pytest.mark.parametrize("owls", [0, 1])
def test_a_class_that_no_test_row_has_is_told(owls: int, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    classes = ["cat", "dog"] * 20 + ["owl"] * 3
    frame = pd.DataFrame({"a": draw.normal(size=43), "b": draw.normal(size=43), "kind": classes})
    frame.to_csv(tmp_path / "train.csv", index=False)
    frame[: 40 + owls].to_csv(tmp_path / "test.csv", index=False)
    study = tiny_study(
        study={"task": "classification"},
        data={"dataset": None, "train": str(tmp_path / "train.csv"), "test": str(tmp_path / "test.csv")}
        | {"target": "kind"},
        compare=None, search=None, training={"epochs": 1},
    )  # fmt: skip
    told = [note for note in plan(study, out=tmp_path / "run").notes if "no test row" in note]
    expected = 'no test row is of class "owl" (3 training rows): test scores say nothing of such a class'
    assert told == ([] if owls else [expected])


def grouped_study(folder: Path, **folds: Any) -> Study:
    """24 rows of two kinds from 12 patients, each with a row in the first and one in the second half."""
    draw, number = np.random.default_rng(0), np.arange(24)
    frame = pd.DataFrame({"a": draw.normal(size=24), "kind": np.where(number // 2 % 2, "cat", "dog")})
    frame = frame.assign(patient=[f"p{row % 12}" for row in number], whole=number % 12 % 3, apart=number // 8)
    frame.to_csv(folder / "t.csv", index=False)
    frame[["a", "kind"]].to_csv(folder / "u.csv", index=False)
    data = {"train": str(folder / "t.csv"), "test": str(folder / "u.csv"), "target": "kind"}
    return tiny_study(
        study={"task": "classification"}, data={"dataset": None, **data, "groups": "patient", "inputs": ["a"]},
        compare=None, search={"folds": folds, "space": {"training.lr": [0.01, 0.02]}}, training={"epochs": 1},
    )  # fmt: skip


KEEPING = [
    ({"kind": "k-fold", "shuffle": False}, "grouped"),
    ({"kind": "stratified"}, "stratified-grouped"),
    ({"kind": "repeated", "times": 2}, "repeated-grouped"),
    ({"kind": "repeated-stratified", "times": 2}, "repeated-stratified-grouped"),
    ({"kind": "shuffle"}, "grouped"),
    ({"kind": "given", "column": "apart"}, "grouped"),
    ({"kind": "given", "column": "whole"}, ""),
    ({}, ""),
]


@pytest.mark.parametrize(("folds", "kind"), KEEPING)
def test_folds_that_divide_groups_are_said_before_training_with_those_that_do_not(
    folds: dict[str, Any], kind: str, tmp_path: Path
) -> None:
    (said,) = [note for note in plan(grouped_study(tmp_path, **folds)).notes if "groups" in note] or [""]
    if not kind:
        assert said == ""
        return
    assert re.fullmatch(
        r"\d+ of 12 groups \(data\.groups\) have rows on both sides of a fold, so that selection scores are too good;"
        rf' search\.folds\.kind = "{kind}" keeps each on one side',
        said,
    )
    times = {"times": 2} if kind.startswith("repeated") else {}
    better = plan(grouped_study(tmp_path, kind=kind, **times)).notes
    assert not [note for note in better if "groups" in note]


def test_a_run_says_of_divided_groups_what_its_check_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    study, listener = grouped_study(tmp_path, kind="k-fold", shuffle=False), Listener()
    results = run(study, out=tmp_path / "run", workers=1, watcher=listener)
    (check,) = [check for check in checks(results) if check.code == "SH021"]
    assert check.what.removesuffix(".") in listener.heard
    assert check.what.startswith("12 of 12 groups (data.groups) have rows on both sides")
    kept = run(grouped_study(tmp_path), out=tmp_path / "kept", workers=1)
    assert "SH021" not in {check.code for check in checks(kept)}


@pytest.mark.parametrize(("rows", "drawn"), [(6, "1 row (20 %) was"), (12, "2 rows (20 %) were")])
def test_rows_that_are_set_apart_are_counted(rows: int, drawn: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0).normal(size=rows)
    pd.DataFrame({"a": draw, "y": draw}).to_csv(tmp_path / "t.csv", index=False)
    study = tiny_study(
        data={"dataset": None, "train": str(tmp_path / "t.csv"), "target": "y"},
        compare=None, search=None, training={"epochs": 1},
    )  # fmt: skip
    laid_out = plan(study, out=tmp_path / "run")
    assert f"no data.test: {drawn} set apart as test rows" in laid_out.notes
    tested = drawn.partition(" (")[0].replace("row", "test row")
    assert laid_out.data.startswith(f"{rows - int(drawn[0])} training rows, {tested}, 1 input")


def divided_study(folder: Path, train: pd.DataFrame, test: pd.DataFrame | None, **sections: Any) -> Study:
    train.to_csv(folder / "t.csv", index=False)
    data: dict[str, Any] = {"train": str(folder / "t.csv"), "target": "y", "standardize": "inputs"}
    if test is not None:
        test.to_csv(folder / "u.csv", index=False)
        data["test"] = str(folder / "u.csv")
    usual: dict[str, Any] = {"compare": None, "search": None, "training": {"epochs": 1}}
    return tiny_study(data={"dataset": None} | data, **(usual | sections))


def test_how_training_rows_cover_test_rows_is_said_before_training(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    rows = pd.DataFrame({"a": draw.normal(size=200), "b": draw.normal(size=200), "y": draw.normal(size=200)})
    repeated = pd.concat([rows[:150], rows[:20], rows[10:15]])
    test = pd.concat([rows[:3], rows[150:], rows[150:].assign(a=np.linspace(9, 10, 50))])
    said = plan(divided_study(tmp_path, repeated, test), out=tmp_path / "run").notes
    assert said[:2] == (
        "3 of 103 test rows are training rows too, with the same inputs and the same target (take the repeats out)",
        "25 of 175 training rows repeat another, with the same inputs and the same target, so that rows held out are"
        " learned too (take the repeats out, or name in data.groups what they have in common)",
    )
    outside = f'of 103 test rows, outside of all training rows lie 50 above {rows.a[:150].max():.4g} in "a"'
    assert f"{outside} (there a network extrapolates)" in said
    between = rows[150:].assign(a=0.5)
    train = rows[:150][(rows.a[:150] - 0.5).abs() > 0.3]
    (gap,) = [note for note in plan(divided_study(tmp_path, train, between)).notes if "a gap" in note]
    assert re.fullmatch(
        r'50 of 50 test rows lie where there is no training row: 50 between 0\.\d+ and 0\.\d+ in "a"'
        r" \(there a network bridges a gap by its own shape\)",
        gap,
    )
    few = rows.assign(a=rows.a > 0, b=rows.b > 0, y=(rows.y > 0) * 1.0) * 1.0  # equal rows are chance
    assert not [
        note for note in plan(divided_study(tmp_path, few[:150], few[150:])).notes if "same target" in note
    ]


ORDER = (
    "Say that rows have an order (data.ordered = true where they stand in it; data.time names a column of dates or"
    " numbers):"
)
LATER = 'all rows held out are then later than those trained on (search.folds.kind = "time")'
COMMON = "Or name in data.groups what neighbouring rows have in common."
REMAINING = [
    ({"shuffle": True}, True, f"{ORDER} the latest are then the test rows, and {LATER}. {COMMON}"),
    ({"shuffle": True}, False, f"{ORDER} {LATER}. {COMMON}"),
    ({"kind": "k-fold", "shuffle": False}, True, f"{ORDER} the latest are then the test rows."),
    ({"kind": "k-fold", "shuffle": False}, False, ""),
]


@pytest.mark.parametrize(("folds", "drawn", "remedy"), REMAINING)
def test_of_row_order_a_run_names_the_cause_that_remains(
    folds: dict[str, Any], drawn: bool, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_with_the_model(monkeypatch)
    draw = np.random.default_rng(0)
    walk = np.cumsum(draw.normal(size=200))
    rows = pd.DataFrame({"a": draw.normal(size=200), "y": walk})
    search = {"folds": folds, "space": {"training.lr": [0.01, 0.02]}}
    parts = (rows, None) if drawn else (rows[:160], rows[160:])
    results = run(divided_study(tmp_path, *parts, search=search), out=tmp_path / "run", workers=1)
    assert [check.remedy for check in checks(results) if check.code == "SH027"] == [remedy] * bool(remedy)
