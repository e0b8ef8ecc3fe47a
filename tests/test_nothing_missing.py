"""Whole runs judged by what suits them: no part of the report is missing, whatever the task, loss and weights."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.kinds import TASKS, Task, losses_of
from shoal.look import checks, results_text
from shoal.results import BALANCED, Results
from shoal.study import load_study

pytestmark = pytest.mark.usefixtures("simple_models")
ROWS = 120


def table(task: Task, rare: bool = False) -> pd.DataFrame:
    draw = np.random.default_rng(3)
    x, z, e = draw.normal(size=(3, ROWS))
    rows = pd.DataFrame({"x": x, "z": z})
    if task == "multilabel":
        return rows.assign(y=(x > 0) * 1, w=(z + e > 0.5) * 1)
    if task == "classification":
        return rows.assign(y=np.where(np.arange(ROWS) % 15 == 0 if rare else x + e > 0.3, "p", "n"))
    return rows.assign(y=np.exp(0.3 * x + 0.1 * e))


def run(out: Path, task: Task, *, rare: bool = False, **sections: Any) -> Results:
    target = ["y", "w"] if task == "multilabel" else "y"
    given = {"network": {"hidden": [4]}, "training": {"epochs": 3}, "search": None, **sections}
    return shoal.run(table(task, rare), target=target, task=task, out=out, workers=1, **given)


def is_whole(results: Results) -> None:
    assert results.missing == ()
    assert "missing:" not in results_text(results)
    checks(results)


@pytest.mark.parametrize(("task", "loss"), [(task, loss) for task in TASKS for loss in losses_of(task)])
def test_a_run_of_each_loss_is_whole(tmp_path: Path, task: Task, loss: str) -> None:
    option = {"quantiles": [0.1, 0.5, 0.9]} if loss == "quantile" else {}
    results = run(tmp_path, task, training={"epochs": 3, "loss": loss, **option})
    is_whole(results)


@pytest.mark.parametrize("search", [None, {"folds": 2, "space": {"training.lr": [0.001, 0.01]}}])
def test_a_run_of_built_in_labels_is_whole_and_held_against_simple_models(
    tmp_path: Path, search: dict[str, Any] | None
) -> None:
    file = tmp_path / "study.toml"
    file.write_text(
        '[study]\nname = "discs"\ntask = "multilabel"\n[data]\ndataset = "three-discs"\n[training]\nepochs = 3\n'
        + ('[search]\nfolds = 2\n[search.space]\n"training.lr" = [0.001, 0.01]\n' if search else "")
    )
    results = shoal.run(load_study(file), out=tmp_path / "run", workers=1)
    assert results.judged_by == "loss"
    is_whole(results)
    text = " ".join(results_text(results).split())
    assert "of a constant" in text
    assert re.search(r"linear model 300 0\.\d+ ", text)


def test_a_run_of_labels_with_the_default_search_is_whole(tmp_path: Path) -> None:
    """What a study without a word of a search gets."""
    sections: dict[str, Any] = {"network": {"hidden": [4]}, "training": {"epochs": 2}}
    results = shoal.run(
        table("multilabel"), target=["y", "w"], task="multilabel", out=tmp_path, workers=1, **sections
    )
    is_whole(results)


WEIGHTED: dict[str, dict[str, Any]] = {
    "balanced": {"training": {"epochs": 3, "class_weight": "balanced"}},
    "searched": {"search": {"folds": 2, "space": {"training.class_weight": ["none", "balanced"]}}},
    "plain": {},
}


@pytest.mark.parametrize(
    ("weighted", "rare", "threshold"),
    [  # every pair of them
        (weighted, rare, ("none", "f1")[(place + rare) % 2])
        for place, weighted in enumerate(WEIGHTED)
        for rare in (False, True)
    ],
)
def test_outer_folds_have_every_score_that_is_shown(
    tmp_path: Path, rare: bool, weighted: str, threshold: str
) -> None:
    sections = {"search": {"folds": 2, "space": {}}, **WEIGHTED[weighted]}
    sections["search"] = {**sections["search"], "threshold": threshold}
    results = run(tmp_path, "classification", rare=rare, nested={"folds": 2}, **sections)
    is_whole(results)
    assert results.nested is not None
    named = set(results.nested.scores)
    assert (BALANCED in named) == (rare or weighted != "plain")
    for fold in results.nested.folds:
        assert named <= set(fold.scores), fold
