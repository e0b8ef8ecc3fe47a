"""Whole runs of problems that accuracy or RMSE would misjudge: what stands first, from the command's last lines on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import shoal
from shoal.look import checks, headline_text, results_text
from shoal.look._headline import headline
from shoal.look._run_findings import RunFindings
from shoal.results import Results

pytestmark = pytest.mark.usefixtures("simple_models")
ROWS = 400


def table() -> pd.DataFrame:
    draw = np.random.default_rng(5)
    x, z = draw.normal(size=(2, ROWS))
    return pd.DataFrame({"x": x, "z": z, "e": draw.normal(size=ROWS)})


def run(out: Path, target: Any, training: dict[str, Any] | None = None, **sections: Any) -> Results:
    rows = table()[["x", "z"]]
    return shoal.run(
        rows,
        target=pd.Series(target, name="y"),
        out=out,
        workers=1,
        **{
            "network": {"hidden": [6]},
            "training": {"epochs": 20, "lr": 0.01, **(training or {})},
            "search": None,
            "data": {"standardize": "inputs"},
            **sections,
        },
    )


def said(results: Results) -> tuple[str, str, str]:
    head = headline(RunFindings(results))
    return head.figure, head.unit, " ".join(headline_text(results).split())


def test_a_rare_class_heads_tables_and_comparisons_too(tmp_path: Path, dots: None) -> None:
    rows = table()
    rare = np.where(rows.x + 0.4 * rows.e > 1.9, "fault", "fine")
    assert 0.02 < np.mean(rare == "fault") < 0.08
    compare = [{"name": "small", "network": {"hidden": [2]}}]
    results = run(tmp_path / "run", rare, compare=compare)
    figure, unit, text = said(results)
    assert unit == "balanced test accuracy"
    assert re.search(r"right on \d+ of the \d+ rows of the rare class “fault”", text)
    shown = results_text(results)
    assert re.search(r"comparison +test balanced_accuracy +", shown)
    assert re.search(r"initialisation +status +test balanced_accuracy +test accuracy", shown)
    assert {"test_balanced_accuracy"} <= set(results.refit.columns)
    assert f"{100 * results.refit['test_balanced_accuracy'][0]:.1f}\u00a0%" == figure


def test_a_class_that_is_never_named_is_said_first(tmp_path: Path, dots: None) -> None:
    rows = table()
    odd = np.arange(ROWS) % 9 == 0
    results = run(tmp_path / "run", np.where(odd, "green", np.where(rows.x > 0, "red", "blue")))
    _, unit, text = said(results)
    assert unit == "test accuracy"
    assert text.startswith(
        "Some classes or labels are never recognised. No test row is recognised of “green” (recall 0 of"
    )
    assert checks(results)[0].code == "SH015"


@pytest.mark.parametrize("metric", ["loss", "f1_macro"])
def test_a_label_that_is_never_named_is_said_first(tmp_path: Path, dots: None, metric: str) -> None:
    rows = table()
    labels = {"half": (rows.x > 0) * 1, "odd": (np.arange(ROWS) % 9 == 0) * 1}
    results = shoal.run(
        rows[["x", "z"]].assign(**labels),
        target=["half", "odd"],
        task="multilabel",
        out=tmp_path / "run",
        workers=1,
        network={"hidden": [6]},
        training={"epochs": 20, "lr": 0.01},
        search={"folds": 2, "metric": metric, "space": {}},
    )
    true_VK = results.truth.y[results.truth.train_rows :] > 0
    named_VK = results.test_predictions(str(results.delivered_id)) > 0.5
    assert not named_VK[:, 1].any()
    right = (true_VK == named_VK).all(axis=1).sum()
    sentence = (
        "Some classes or labels are never recognised. No test row is recognised that has the label “odd” (recall 0 of"
        f" {true_VK[:, 1].sum()}, never predicted); {right} of {len(true_VK)} test rows are right in all labels."
    )
    assert said(results)[2].startswith(sentence)
    found_codes = [check.code for check in checks(results)]
    assert found_codes[0] == "SH015"
    assert "SH013" not in found_codes


def test_weighted_classes_are_judged_by_balanced_accuracy(tmp_path: Path, dots: None) -> None:
    """Weights mean a lower accuracy: a model that says so is no worse than one that always says the same."""
    rows = table()
    few = np.where(rows.x + 2 * rows.e > 2.2, "few", "many")
    results = run(tmp_path / "run", few, {"class_weight": "balanced"})
    _, unit, text = said(results)
    assert unit == "balanced test accuracy"
    assert "(mean recall of the classes) of the delivered network is" in text
    accuracy, most = results.refit["test_accuracy"][0], max(np.mean(few == name) for name in ("few", "many"))
    assert accuracy < most
    assert "SH013" not in [check.code for check in checks(results)]


@pytest.mark.parametrize(
    ("training", "words", "held"),
    [
        (
            {"loss": "quantile", "quantiles": [0.1, 0.5, 0.9]},
            "mean pinball loss",
            "Between its 0.1 and 0.9 quantiles lie",
        ),
        ({"loss": "quantile", "quantiles": [0.9]}, "mean pinball loss", "Below its 0.9 quantile lie"),
        (
            {"loss": "gaussian"},
            "negative log-likelihood in nats",
            "Between its 0.025 and 0.975 quantiles lie",
        ),
    ],
)
def test_distributions_are_headed_by_their_loss(
    training: dict[str, Any], words: str, held: str, tmp_path: Path, dots: None
) -> None:
    rows = table()
    data = {"standardize": "both"}
    results = run(tmp_path / "run", rows.x + rows.e * (1 + rows.z.abs()) / 2, training, data=data)
    figure, unit, text = said(results)
    assert unit == f"test {words}"
    assert f"{words} is {figure} for the delivered network and " in text
    assert held in text
    assert (
        "There is no comparison with a linear model or boosted trees: they say one number of a target" in text
    )
    alone = "Of its predictions alone, " in text
    assert alone == (training.get("quantiles") != [0.9])
    constant, *others = results.beside_baselines("loss")
    assert constant.difference.mean + constant.score == pytest.approx(results.refit["test_loss"][0])
    assert all(model.baseline.answers_VK is None for model in others)


def test_the_score_that_a_search_names_heads_the_run(tmp_path: Path, dots: None) -> None:
    rows = table()
    search = {"folds": 2, "metric": "mae", "space": {"training.lr": [0.01, 0.02]}}
    results = run(tmp_path / "run", rows.x + rows.e, search=search)
    figure, unit, text = said(results)
    assert unit == "test mean absolute error"
    assert f"mean absolute error is {figure} for the delivered network, " in text
    y = results.truth.y
    median = np.abs(y[results.truth.train_rows :] - np.median(y[: results.truth.train_rows])).mean()
    assert results.beside_baselines("mae")[0].score == pytest.approx(median, rel=0.02)
