"""The scores that a study names: what is taken, what is refused, and the page that says what each of them is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from shoal.errors import StudyError
from shoal.kinds import TASKS
from shoal.scores import SCORES, metrics_of
from shoal.study import candidates, parse_study
from studies import tiny_study

DOCS = Path(__file__).parent.parent.parent / "docs"
BASE: dict[str, Any] = {"study": {"task": "regression"}, "data": {"dataset": "two-peaks"}}
SOME = (
    "a score of a regression (loss, mse, rmse, mae, r2, neg_mean_absolute_error, neg_median_absolute_error,"
    " neg_mean_squared_error, neg_root_mean_squared_error, neg_mean_absolute_percentage_error,"
    " neg_mean_squared_log_error, neg_root_mean_squared_log_error and 6 more)"
)
ANY = f"one of {', '.join(metrics_of('regression'))}"


@pytest.mark.parametrize(
    ("search", "sentence"),
    [
        ({"metric": "accuracy"}, f"search.metric: expected {SOME}, got 'accuracy'"),
        ({"metric": "f1_makro"}, f"search.metric: expected {ANY}, got 'f1_makro'"),
        (
            {"metric": "max_error"},
            f"search.metric: expected {ANY}, got 'max_error'; did you mean 'neg_max_error'?",
        ),
        ({"metric": "recall"}, f"search.metric: expected {SOME}, got 'recall'"),
        ({"metric": ["mae"]}, f"search.metric: expected {ANY}, got ['mae']"),
        ({"scores": "mae"}, "search.scores: expected a list of texts, got 'mae'"),
        ({"scores": ["mae", "roc_auc"]}, f"search.scores[1]: expected {SOME}, got 'roc_auc'"),
        ({"scores": ["mae", "r2", "mae"]}, "search.scores[2]: expected every score once, got 'mae' again"),
    ],
)
def test_a_score_that_the_task_does_not_have_is_refused(search: dict[str, Any], sentence: str) -> None:
    with pytest.raises(StudyError) as refusal:
        parse_study({**BASE, "search": search})
    assert str(refusal.value) == sentence


def test_a_misspelt_score_is_answered_with_those_of_the_task() -> None:
    """Wherever it stands; of a study whose task is none, with all there are."""
    monitored = {"training": {"monitor": "f1_makro", "keep": "best"}}
    searched = {"search": {"space": {"training.monitor": ["f1_makro"]}}, "training": {"keep": "best"}}
    own = "did you mean 'f1_macro'?"
    for sections, place in (
        (monitored, "training.monitor"),
        (searched, 'search.space."training.monitor"[0]'),
        ({"search": {"scores": ["f1_makro"]}}, "search.scores[0]"),
    ):
        for task, hint in (("classification", own), ("regression", "got 'f1_makro'"), ("guess", own)):
            with pytest.raises(StudyError) as refusal:
                parse_study({**BASE, "data": {"dataset": "digits"}, **sections, "study": {"task": task}})
            said = [str(problem) for problem in refusal.value.problems if place in str(problem)]
            if not (task == "guess" and sections is searched):  # what follows from a mistake is not said
                assert [sentence.endswith(hint) for sentence in said] == [True], said
                assert ("mse" in said[0]) == (task != "classification")


@pytest.mark.parametrize("task", TASKS)
def test_every_score_of_a_task_may_be_its_metric_and_be_shown(task: str) -> None:
    for name in metrics_of(task):
        search = {"metric": name, "scores": [other for other in metrics_of(task) if other != name]}
        study = parse_study({**BASE, "study": {"task": task}, "search": search})
        assert study.search is not None
        assert (study.search.metric, study.search.scores) == (name, tuple(search["scores"]))


def test_scores_change_no_candidate() -> None:
    asked = tiny_study(search={"metric": "neg_max_error", "scores": ["r2", "explained_variance"]})
    assert candidates(asked) == candidates(tiny_study())


def test_the_page_of_statistics_says_what_every_score_is() -> None:
    text = (
        (DOCS / "statistics.md")
        .read_text(encoding="utf-8")
        .partition("\n## Scores\n")[2]
        .partition("\n## ")[0]
    )
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| `")]
    shown = {
        name: re.findall("`(.*?)`", cells[2]) for cells in rows for name in re.findall("`(.*?)`", cells[0])
    }
    assert set(shown) == set(SCORES)
    for name, kind in SCORES.items():
        assert not kind.peer or kind.peer in shown[name], name


def test_the_keys_that_take_a_score_lead_to_that_page() -> None:
    text = (DOCS / "study-file.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if re.match(r"\| `(metric|scores)` \|", line)]
    assert len(rows) == 3
    assert all("(statistics.md#scores)" in row for row in rows)
