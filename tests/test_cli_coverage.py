"""`shoal predict --coverage` and `--calibrated` as a user types them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import shoal
from test_cli import shoal as command
from test_cli_predict import Capture, printed_table
from test_model import table


def test_predict_says_how_sure_it_is(runs: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    rows, new = runs / "test.csv", table().iloc[40:]
    assert command(monkeypatch, "predict", runs / "regression", rows, "--coverage", "0.8") == 0
    names, cells, _ = printed_table(capsys)
    assert names == [
        "row", "predicted_y", "interval_low_y", "interval_high_y", "ensemble_mean_y", "ensemble_std_y",
    ]  # fmt: skip
    ends = np.array([[float(cell) for cell in row[2:4]] for row in cells])
    assert ends.tobytes() == shoal.load(runs / "regression").predict_interval(new, 0.8)[:, 0].tobytes()
    file = runs / "classification" / "model.safetensors"
    assert command(monkeypatch, "predict", file, rows, "--coverage", "0.9", "--calibrated") == 0
    names, cells, _ = printed_table(capsys)
    assert names == [
        "row", "predicted_kind", "probability_-small", "probability_tall", "in_set_-small", "in_set_tall",
    ]  # fmt: skip
    model = shoal.load(file)
    probability = np.array([[float(cell) for cell in row[2:4]] for row in cells])
    assert probability.tobytes() == model.predict_proba(new, calibrated=True).tobytes()
    assert [[cell == "1" for cell in row[4:]] for row in cells] == model.predict_set(new).tolist()
    assert {cell for row in cells for cell in row[4:]} <= {"0", "1"}


@pytest.mark.parametrize(
    ("kind", "options", "sentence"),
    [
        ("regression", ["--calibrated"], "--calibrated: expected a model of classes, got one of numbers"),
        ("regression", ["--coverage", "90"], "coverage: expected a share from 0.5 on and below 1, got 90.0"),
        ("regression", ["--coverage", "x"], "--coverage: expected a share such as 0.9, got 'x'"),
        ("regression", ["--coverage", "nan"], "coverage: expected a share from 0.5 on and below 1, got nan"),
        (
            "classification",
            ["--coverage", "0.99"],
            "coverage: expected at most 0.975 of 40 rows held out, got 0.99",
        ),
        (
            "images",
            ["--coverage", "0.9"],
            "--coverage: expected a model with the networks of its folds, got one",
        ),
        (
            "images",
            ["--calibrated"],
            "--calibrated: expected a model with the networks of its folds, got one",
        ),
    ],
)
def test_what_cannot_be_said_is_refused_before_rows_are_read(
    runs: Path,
    kind: str,
    options: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:
    assert command(monkeypatch, "predict", runs / kind, runs / "nothing.csv", *options) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith(f"shoal: {sentence}")
    assert printed.err.count("\n") == 1
