"""Which of two classes is the positive one: it is chosen by, kept by and shown, and it is said."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

import shoal
from shoal.draft import draft_study
from shoal.errors import ShoalError
from shoal.look import results_text
from shoal.planning import plan
from shoal.scores import SCORES, key_of, title_of
from shoal.study import load_study

pytestmark = pytest.mark.usefixtures("dots")
NAMES = tuple(name for name, kind in SCORES.items() if kind.of_positive)


def table(rows: int = 200) -> pd.DataFrame:
    draw = np.random.default_rng(11)
    x_ND = draw.normal(size=(rows, 2))
    fraud_N = x_ND[:, 0] + 0.7 * draw.normal(size=rows) > 1
    return pd.DataFrame({"u": x_ND[:, 0], "v": x_ND[:, 1], "y": np.where(fraud_N, "fraud", "ok")})


def study(positive: str | None = None, monitor: str = "loss", **search: Any) -> dict[str, Any]:
    return {
        "name": "paid",
        "task": "classification",
        "target": "y",
        "data": {"inputs": ["u", "v"], "positive": positive},
        "network": {"hidden": [4]},
        "training": {"epochs": 6, "lr": 0.05, "monitor": monitor, "keep": "best"},
        "compare": [{"name": "none", "network": {"hidden": []}}],
        "search": {"folds": 3, "space": {"training.lr": [0.001, 0.05]}, **search},
        "checks": {"baselines": False},
    }


def test_the_scores_that_have_a_positive_class() -> None:
    assert NAMES == ("average_precision", "f1", "precision", "recall")


@pytest.mark.parametrize("positive", ["fraud", "ok", None])
def test_scores_are_scikit_learns_of_that_class(positive: str | None, tmp_path: Path) -> None:
    results = shoal.run(
        table(), out=tmp_path, **study(positive, scores=list(NAMES), metric="average_precision")
    )
    truth, fit_id = results.truth, str(results.delivered_id)
    label = positive or "ok"
    place = truth.classes.index(label)
    true = np.array(truth.classes)[truth.y[truth.train_rows :]]
    answers_NK = results.test_predictions(fit_id)
    named = np.array(truth.classes)[answers_NK.argmax(axis=1)]
    own = results.refit.iloc[0]
    how: dict[str, Any] = {"pos_label": label, "zero_division": 0}
    assert own["test_average_precision"] == metrics.average_precision_score(
        true, answers_NK[:, place], pos_label=label
    )
    assert own["test_f1"] == metrics.f1_score(true, named, **how)
    assert own["test_precision"] == metrics.precision_score(true, named, **how)
    assert own["test_recall"] == metrics.recall_score(true, named, **how)
    text = " ".join(results_text(results).split())
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"mean average precision of “{label}” over 3 folds" in text
    assert f"selection score (average_precision of “{label}”, cross-validated, so optimistic)" in text
    assert re.search(rf"average precision of “{label}” is 0\.\d+ for the delivered network", text)
    assert f"On the test rows it has: F1 of “{label}” " in text
    assert f"test recall of “{label}”" in page
    other = "ok" if label == "fraud" else "fraud"
    words = {word for name in NAMES for word in (name, SCORES[name].title)}
    assert not [word for word in words if f"{word} of “{other}”" in text]


def test_the_candidate_of_the_best_score_of_that_class_is_chosen(tmp_path: Path) -> None:
    of = {
        name: shoal.run(table(), out=tmp_path / name, **study(name, metric="recall"))
        for name in ("fraud", "ok")
    }
    for name, results in of.items():
        search = results.fits[results.fits["stage"] == "search"]
        means = search.groupby("candidate_id")["validation_recall"].mean()
        assert results.choice is not None
        assert results.choice.candidate_id == means.idxmax(), name
    assert of["fraud"].choice != of["ok"].choice


@pytest.mark.usefixtures("no_report")
def test_no_fit_is_another_but_one_that_is_monitored_by_such_a_score(tmp_path: Path) -> None:
    def fits(positive: str | None, monitor: str) -> list[str]:
        """Those that hold rows out: a refit keeps its last epoch."""
        asked = shoal.run(table(), out=tmp_path / f"{positive}-{monitor}", **study(positive, monitor)).fits
        return sorted(asked[asked["stage"].isin(["search", "compare"])]["fit_id"])

    for monitor in ("loss", "roc_auc"):
        assert fits("fraud", monitor) == fits("ok", monitor) == fits(None, monitor)
    assert fits("ok", "f1") == fits(None, "f1")
    assert not {*fits("fraud", "f1")} & {*fits("ok", "f1")}


def test_the_class_can_be_said_later_and_nothing_is_trained_again(tmp_path: Path) -> None:
    before = shoal.run(table(), out=tmp_path, **study(None, metric="recall"))
    after = shoal.run(table(), out=tmp_path, **study("fraud", metric="recall"))
    search = [set(run.fits[run.fits["stage"] == "search"]["fit_id"]) for run in (before, after)]
    assert search[0] == search[1]
    seconds = [dict(zip(run.fits["fit_id"], run.fits["seconds"], strict=True)) for run in (before, after)]
    assert all(seconds[0][fit_id] == seconds[1][fit_id] for fit_id in search[0])
    assert (before.truth.positive, after.truth.positive) == (1, 0)
    assert (before.fits["validation_recall"] != after.fits["validation_recall"]).any()


@pytest.mark.parametrize(
    ("positive", "classes", "sentence"),
    [
        ("Fraud", 2, 'expected one of the two classes ("fraud", "ok"), got "Fraud"; did you mean "fraud"?'),
        (
            "fraud", 3,
            'expected nothing for 3 classes: only one of two classes is the positive one; got "fraud"',
        ),
        (
            "fraud", 0,
            'expected nothing for a regression: only one of two classes is the positive one; got "fraud"',
        ),
    ],
)  # fmt: skip
def test_a_class_that_is_none_of_two_is_refused(positive: str, classes: int, sentence: str) -> None:
    rows, asked = table(), study(positive)
    if classes == 3:
        rows.loc[:30, "y"] = "unknown"
    if classes == 0:
        rows["y"] = rows["u"] + rows["v"]
        asked["task"] = "regression"
    with pytest.raises(ShoalError) as refused:
        plan(rows, **asked)
    assert str(refused.value) == f"data.positive: {sentence}"


@pytest.mark.parametrize(
    ("positive", "monitor", "scores", "said"),
    [
        (
            None, "f1", [],
            'f1 is the score of the class "ok", the second, as in scikit-learn; data.positive = "fraud" takes the'
            " other",
        ),
        ("fraud", "recall", ["f1", "roc_auc"], 'f1 and recall are scores of the class "fraud" (data.positive)'),
        ("fraud", "loss", ["roc_auc"], ""),
    ],
)  # fmt: skip
def test_a_plan_says_whose_scores_they_are(
    positive: str | None, monitor: str, scores: list[str], said: str
) -> None:
    notes = plan(table(), **study(positive, monitor, scores=scores)).data_notes
    assert [note for note in notes if "of the class" in note] == ([said] if said else [])


def test_titles_name_the_class_of_two_alone() -> None:
    assert title_of("f1", ("no", "yes")) == "F1 of “yes”"
    assert title_of("average_precision", ("no", "yes"), 0) == "average precision of “no”"
    assert title_of("average_precision", ("a", "b", "c")) == "average precision"
    assert title_of("roc_auc", ("no", "yes"), 0) == "ROC AUC"
    assert key_of("recall", ("no", "a\nb"), 1) == "recall of “a?b”"


@pytest.mark.parametrize(
    ("share", "rare", "line"),
    [
        (0.03, "fraud", '# positive = "fraud"'),
        (0.03, "zero", '# positive = "zero"'),
        (0.3, "fraud", ""),
    ],
)
def test_a_draft_proposes_the_rarer_class_where_it_is_rare(
    share: float, rare: str, line: str, tmp_path: Path
) -> None:
    rows = pd.DataFrame({"a": np.random.default_rng(3).normal(size=400), "y": "ok"})
    rows.loc[: int(share * 400), "y"] = rare
    rows.sample(frac=1, random_state=1).to_csv(tmp_path / "t.csv", index=False)
    text = draft_study(tmp_path / "t.csv")
    lines = [text for text in text.splitlines() if "positive = " in text]
    assert [text.partition("  # ")[0].strip() for text in lines] == ([line] if line else [])
    other = "zero" if rare == "zero" else "ok"
    assert all(f'without it they are those of "{other}"' in text for text in lines)
    proposed = ('class_weight = "balanced"', 'metric = "average_precision"', 'threshold = "f1"')
    keys = [text.partition("  # ")[0].strip() for text in text.splitlines()]
    assert [f"# {key}" in keys for key in proposed] == [bool(line)] * 3
    assert ('# metric = "loss"' in keys) is not bool(line)
    for key in ('positive = "', *(key for key in proposed if line)):
        text = text.replace(f"# {key}", key)  # as a user takes them on
    path = tmp_path / "t.toml"
    path.write_text(text)
    asked = load_study(path)
    assert plan(asked).text
    assert asked.training.class_weight == ("balanced" if line else "none")
    assert asked.search is not None
    assert (asked.search.metric, asked.search.threshold) == (
        ("average_precision", "f1") if line else ("loss", "none")
    )
    assert asked.data.positive == (rare if line else None)
