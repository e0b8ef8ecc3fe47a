"""What a nested search says in the terminal and on the page: the folds, the scores, how stable the choice is."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from dots import end_with_the_model
from shoal.look import headline_text, results_text
from shoal.look._headline import headline
from shoal.look._outer_folds import nested_sentences
from shoal.look._run_findings import RunFindings
from shoal.look.page.fit_curves import fits_shown
from shoal.look.page.report import report_html
from shoal.look.page.tables import nested_score_table, outer_fold_table
from shoal.pipeline import run
from shoal.results import (
    Interval,
    Nested,
    NestedScore,
    OuterFold,
    Results,
    Store,
    row_score,
    verdict,
    verdict_phrase,
)
from shoal.study import Study
from studies import tiny_study

NONE = Interval(math.nan, math.nan, "2 outer folds are too few for an interval")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with pytest.MonkeyPatch.context() as patch:
        end_with_the_model(patch)
        return run(tiny_study(nested={"folds": 3}), out=tmp_path_factory.mktemp("run"), workers=1)


def with_folds(results: Results, chosen: Sequence[str], why: str = "") -> Results:
    """The same run, in which the outer folds chose these candidates; nothing where one is empty."""
    folds = tuple(
        OuterFold(f"outer fold {number}", 30, candidate_id, why="" if candidate_id else why)
        for number, candidate_id in enumerate(chosen, start=1)
    )
    other = Results.open(results.folder)
    scores = {} if why else {"loss": NestedScore(0.5, NONE), "rmse": NestedScore(0.7, NONE)}
    vars(other)["nested"] = Nested(folds, scores, f"outer fold {chosen.index('') + 1}: {why}" if why else "")
    return other


def test_the_terminal_shows_every_outer_fold_and_ends_with_one_sentence(results: Results) -> None:
    text = results_text(results)
    lines = text[text.index("nested search: 3 outer folds") :].splitlines()
    assert lines[1].split() == ["rows", "of", "rows", "chosen", "loss", "mse", "rmse", "mae", "r2"]
    assert [line.split("  ")[0] for line in lines[3:8]] == [
        "outer fold 1 of 3", "outer fold 2 of 3", "outer fold 3 of 3", "all their rows", "95 % interval",
    ]  # fmt: skip
    nested = results.nested
    assert nested is not None
    assert f"{nested.scores['rmse'].value:.4g}" in lines[6]
    assert (
        f"{nested.scores['rmse'].interval.low:.4g} to {nested.scores['rmse'].interval.high:.4g}" in lines[7]
    )
    *_, conclusion, digest = text.split("\n\n")
    assert " ".join(conclusion.split()) == results.conclusion
    assert re.search(r" first hidden layer [46], dropout 0.*: .*expected on new rows", results.conclusion)
    phrase = verdict_phrase(verdict(results.beside_baselines("mse"), "mse"))
    assert phrase in headline(RunFindings(results)).first.lower()
    assert phrase in results.conclusion
    assert nested.scores["mse"] == nested.scores["loss"]
    assert nested.scores["mse"].interval.known
    assert digest.startswith("digest of all results: ")


def test_the_page_has_the_same(results: Results) -> None:
    page = report_html(results, ()).replace("\u00a0", " ")
    assert f"<dt>What to use</dt><dd>{results.conclusion}</dd>" in page
    assert "<dt>nested search</dt><dd>3 outer folds of the training rows</dd>" in page
    chapter = page[page.index('<h3 id="nested">') :]
    for sentence in nested_sentences(results):
        assert f"<p>{sentence}</p>" in chapter
    assert ">outer fold 3 of 3</td>" in chapter
    assert "Varma, Simon (2006)" in page
    groups = {group["title"]: group["fits"] for group in fits_shown(results)["groups"]}
    assert len(groups["outer fold 2 of 3"]) == 1


def test_a_run_without_one_says_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch)
    bare = run(tiny_study(training={"epochs": 2}), out=tmp_path / "run", workers=1)
    text, page = results_text(bare), report_html(bare, ())
    assert "outer fold" not in text + page
    assert "What to use" not in page
    assert nested_sentences(bare) == ()


def test_how_stable_the_choice_is(results: Results) -> None:
    by_settings = {tuple(row.values.values()): row.candidate_id for row in results.candidate_rows}
    assert results.choice is not None
    winner = results.choice.candidate_id
    hidden, dropout = next(values for values, name in by_settings.items() if name == winner)
    other = by_settings[hidden, 0.25 - dropout]
    third = by_settings[10 - hidden, dropout]
    assert nested_sentences(with_folds(results, [winner] * 3))[-1] == (
        "The winner’s settings were chosen in 3 of 3 outer folds."
    )
    *_, no_interval, chosen, each, also = nested_sentences(with_folds(results, [other, winner, other, third]))
    assert no_interval == "No interval for loss and rmse: 2 outer folds are too few for an interval."
    assert chosen == "The winner’s settings were chosen in 1 of 4 outer folds."
    assert each == "Each of them by itself: first hidden layer in 3 and dropout in 2."
    assert also.startswith(
        f"Also chosen: first hidden layer {hidden}, dropout {0.25 - dropout:g} (2); first hidden layer {10 - hidden}"
    )


def test_where_nothing_is_delivered_it_is_said_and_no_score_is_shown(results: Results) -> None:
    winner = results.choice.candidate_id if results.choice else ""
    failed = with_folds(results, [winner, ""], "every refit diverged or failed")
    assert (
        "There is no score of all outer folds: outer fold 2: every refit diverged or failed."
        in nested_sentences(failed)
    )
    text = results_text(failed)
    assert re.search(r"outer fold 2 +30 +– +- +-", text)
    assert "all their rows" not in text
    unknown = "how good it is expected to be is not known (outer fold 2: every refit diverged or failed)"
    assert unknown in " ".join(text.split())
    assert nested_score_table(failed) is None
    table = outer_fold_table(failed)
    assert table is not None
    assert [cell for cell, _ in table.rows[1]][2:] == ["–"] * 6


def test_of_a_rare_class_the_table_and_the_last_sentence_have_balanced_accuracy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three rows of a hundred are ill, and nobody is named so: right on 97 %, and worth nothing."""
    end_with_the_model(monkeypatch)
    draw = np.random.default_rng(0)
    lines = [f"{x:.3f},{'ill' if n % 33 == 5 else 'well'}" for n, x in enumerate(draw.normal(size=400))]
    (tmp_path / "rare.csv").write_text("\n".join(("x,state", *lines)))
    study = Study.model_validate({
        "study": {"name": "rare", "task": "classification"},
        "data": {"train": str(tmp_path / "rare.csv"), "target": "state", "standardize": "inputs"},
        "network": {"hidden": [4]},
        "training": {"epochs": 30},
        "search": {},
        "nested": {"folds": 4},
    })  # fmt: skip
    results = run(study, out=tmp_path / "run", workers=1)
    nested = results.nested
    assert nested is not None
    score, rows, answers = row_score("classification", "balanced_accuracy"), [], []
    with Store.open_readonly(results.folder) as store:
        for fold in nested.folds:
            entry = next(item for item in results.plan if item.fit_id == fold.fit_id)
            rows.append(results.truth.validation_rows["nested", entry.fold])
            answers.append(store.arrays(fold.fit_id, "predictions")["validation"])
            assert fold.scores["balanced_accuracy"] == score.score(results.truth.y[rows[-1]], answers[-1])
    every = results.truth.y[np.concatenate(rows)]
    assert nested.scores["balanced_accuracy"].value == score.score(every, np.concatenate(answers)) == 0.5
    text = " ".join(results_text(results).split())
    assert "rows of rows chosen loss balanced_accuracy accuracy macro_f1 ece" in text
    assert "No interval for loss, macro_f1, ece and balanced_accuracy: few outer folds" in text
    table = nested_score_table(results)
    assert table is not None
    assert table.columns[0].cells[1] == "balanced accuracy"
    alarm = "The model predicts the same for every row. Of 80 test rows, every one is predicted as “well”."
    assert headline_text(results).startswith(f"{alarm}\nNo better than a constant")
    assert results.conclusion.startswith(
        "No recommendation for the study’s own network: on the test rows it is no better than a constant"
    )
    assert "balanced accuracy 50.0 % (no interval: few outer folds" in results.conclusion
    assert "97" not in results.conclusion
