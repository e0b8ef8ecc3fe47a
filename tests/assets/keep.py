"""Keep what a version of Shoal writes, so that later versions can be held to reading it.

    python tests/assets/keep.py FOLDER [KIND ...]

FOLDER, named after the version and, between two of them, the day, gets a run folder of each kind of study named, or of
every kind below, with the digest of its results beside it, and in `answers.json` a few rows for its model with the
answers to them. Run it once, before a release or when there is a new kind; what is kept is never made again.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import numpy as np
import pandas as pd

sys.path.insert(0, str(Path(__file__).parent.parent))

import shoal
from studies import tiny_study

MACHINE = {"date": "2026-01-01T00:00:00+00:00", "platform": "kept", "versions": {"shoal": shoal.__version__}}
SHORT: Final[dict[str, Any]] = {
    "seed": 3,
    "network": {"hidden": [3]},
    "training": {"epochs": 4, "lr": 0.02},
    "compare": [{"name": "base"}],
    "search": {"folds": 2, "space": {"network.hidden[0]": [2, 3]}},
}
Kept = Callable[[Path], tuple[shoal.Results, Any]]
"""Runs a study in a folder; gives its results, and rows as `predict` takes them."""


def table(rows: int = 60) -> pd.DataFrame:
    """Numbers, one of them missing here and there, a category of many, and targets of every kind."""
    draw = np.random.default_rng(8)
    x, z = draw.normal(size=(2, rows))
    town = np.array([f"town {number}" for number in draw.integers(0, 7, rows)])
    return pd.DataFrame({
        "x": x,
        "z": np.where(draw.random(rows) < 0.1, np.nan, z),
        "town": town,
        "price": 3 + x + 0.5 * np.abs(x) * draw.normal(size=rows),
        "kind": np.where(x + draw.normal(size=rows) > 0.8, "rare", "usual"),
        "red": (x + draw.normal(size=rows) > 0).astype(int),
        "round": (z + draw.normal(size=rows) > 0.5).astype(int),
        "weight": draw.integers(1, 5, rows) / 2,
    })  # fmt: skip


def of_table(target: str | list[str], inputs: tuple[str, ...] = ("x", "z"), **sections: Any) -> Kept:
    """A study of the table, with whole sections laid over those of `SHORT`."""

    def run(folder: Path) -> tuple[shoal.Results, Any]:
        usual = {**SHORT, "data": {"inputs": list(inputs), "missing": "impute"}}
        asked = {
            key: {**usual[key], **change} if key in usual else change for key, change in sections.items()
        }
        results = shoal.run(table(), target=target, out=folder, workers=1, **{**usual, **asked})
        return results, {name: table()[name].iloc[:6].tolist() for name in inputs}

    return run


def of_images(folder: Path) -> tuple[shoal.Results, Any]:
    """A study of images."""
    images = np.random.default_rng(1).integers(0, 256, (50, 8, 8), dtype=np.uint8)
    label = np.array([f"kind {number % 2}" for number in range(50)])
    study = tiny_study(
        study={"name": "kept", "task": "classification"},
        data={"dataset": None, "train": "<rows in memory>", "test_share": 0.2},
        network={"kind": "cnn", "conv": [{"channels": 2, "stride": 2}], "hidden": []},
        compare=SHORT["compare"],
        search={"folds": 2, "space": {"training.lr": [0.01, 0.02]}},
    )
    return shoal.run(study, train=(images, label), out=folder, workers=1), images[:3].tolist()


def of_two_peaks(**more: Any) -> Kept:
    """The built-in regression, with more sections."""

    def run(folder: Path) -> tuple[shoal.Results, Any]:
        sections = {key: SHORT[key] for key in ("network", "compare", "search")}
        study = tiny_study(study={"name": "kept"}, training={"epochs": 4}, **sections, **more)
        return shoal.run(study, out=folder, workers=1), {"input": [0.25, 0.5]}

    return run


KINDS: Final[dict[str, Kept]] = {
    "run": of_two_peaks(),
    "history": of_two_peaks(inspect={"history": 2}),
    "images": of_images,
    "multilabel": of_table(["red", "round"], task="multilabel"),
    "threshold": of_table("kind", data={"positive": "rare"}, search={"threshold": "f1"}),
    "embedding": of_table(
        "price",
        ("x", "z", "town"),
        data={"categorical": ["town"]},
        network={"embedding": 2, "embedding_from": 5},
    ),
    "quantile": of_table("price", training={"loss": "quantile", "quantiles": [0.1, 0.5, 0.9]}),
    "gaussian": of_table("price", training={"loss": "gaussian"}, data={"standardize": "both"}),
    "weights": of_table("price", data={"weights": "weight"}),
}


def keep(folder: Path, kinds: Iterable[str]) -> None:
    """Write a run folder of each kind, its digest, and `answers.json`."""
    folder.mkdir()
    answers: dict[str, dict[str, Any]] = {}
    for name in kinds:
        results, rows = KINDS[name](folder / name)
        (folder / f"{name}.digest").write_text(results.digest + "\n", encoding="utf-8")
        model = shoal.load(folder / name)
        answers[name] = {"rows": rows, "answers": model.answer(model.inputs(given(rows))).tolist()}
    (folder / "answers.json").write_text(json.dumps(answers) + "\n", encoding="utf-8")


def given(rows: Any) -> Any:
    """Rows as `predict` takes them: columns by name, or images."""
    return rows if isinstance(rows, dict) else np.array(rows, dtype=np.uint8)


if __name__ == "__main__":
    with (
        patch("shoal.pipeline.write_report", lambda *_, **__: None),
        patch("shoal.pipeline.environment", lambda trainers: MACHINE),
    ):
        keep(Path(sys.argv[1]), sys.argv[2:] or KINDS)
