"""The curves of one candidate on every fold, a line each: in the report and in notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run
from readable import faults

from shoal.look import fold_curves_png
from shoal.look._figure import Subject
from shoal.look._fold_curves import (
    MOST_LIVE,
    MOST_NAMED,
    FoldCurves,
    draw_fold_curves,
    fold_curve,
    fold_curves_in_words,
    fold_notes,
    live_fold_curves,
)
from shoal.look._run_findings import RunFindings
from shoal.look.figures.fold_training import FIGURE, caption, fold_curves
from shoal.look.page.spreadsheet import fact_csv

FOLDS = [
    {"epoch": np.array([1.0, 2, 3]), "train_loss": np.array([3.0, 2, 1]), "validation_loss": np.array([4.0, 3, 3.5])},
    {"epoch": np.array([1.0, 2]), "train_loss": np.array([5.0, 6]), "validation_loss": np.array([5.0, np.nan])},
    {"epoch": np.array([1.0, 2, 3]), "train_loss": np.array([4.0, 4, 2])},
]  # fmt: skip
ENDS = [(2, 3), (1, 2), (3, 3)]


def fact_of(count: int = 3, failed: int = 0, ends: Any = ENDS) -> FoldCurves:
    networks = [fold_curve((n, 0), FOLDS[n % 3], ends[n % 3]) for n in range(count)]
    return FoldCurves("Chosen candidate", "loss (nats)", tuple(networks), failed)


def test_every_fold_has_its_lines_and_the_epoch_that_was_kept() -> None:
    first, second, third = fact_of().networks
    assert (first.fold, first.marked, first.last_epoch) == ("fold 1", (2.0, 3.0), 3)
    assert (second.marked, second.last_epoch) == ((1.0, 5.0), 2)
    assert third.marked == (3.0, 2.0)  # on the rows it learned from: none were held out
    assert np.isnan(third.validation_T).all()
    missed = fold_curve((0, 0), FOLDS[0], (7, 7))
    assert np.isnan(missed.marked[1])


def test_the_picture_has_a_line_for_each_and_dots_where_rows_chose_the_epoch() -> None:
    (axes,) = draw_fold_curves(fact_of()).axes
    drawn = [line for line in axes.lines if line.get_linestyle() != "None" and len(line.get_xdata()) > 1]
    assert [line.get_xdata().tolist() for line in drawn][:2] == [[1, 2, 3], [1, 2, 3]]
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [(float(dot.get_xdata()[0]), float(dot.get_ydata()[0])) for dot in dots] == [
        (2, 3),
        (1, 5),
        (3, 2),
    ]
    legend = axes.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["fold 1", "fold 2", "fold 3"]
    assert legend.get_title().get_text().splitlines()[:2] == ["strong: rows held out", "faint: training"]
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_yscale()) == ("epoch", "loss (nats)", "log")
    assert all(tick == round(tick) for tick in axes.get_xticks())


def test_without_a_choice_of_epochs_there_are_no_dots() -> None:
    plain = fact_of(ends=[(3, 3)] * 3)
    (axes,) = draw_fold_curves(plain).axes
    assert not [line for line in axes.lines if line.get_marker() == "o"]
    assert not any("kept" in note for note in fold_notes(plain))
    assert "dot" not in caption(plain)


def test_words_name_the_best_and_the_worst_fold() -> None:
    said = fold_curves_in_words(fact_of())
    assert said == (
        "loss (nats) of 3 networks: fold 3 comes to 2.00 (the best), fold 2 comes to 5.00 (the worst);"
        " they trained for 2 to 3 epochs."
    )
    assert (
        fold_curves_in_words(fact_of(1, ends=[(3, 3)])) == "loss (nats) of 1 network: fold 1 comes to 3.50."
    )
    assert "one fold" in caption(fact_of(1))
    assert "1 network diverged or failed (not drawn)" in fold_notes(fact_of(failed=1))


@pytest.mark.parametrize("count", [1, 3, MOST_NAMED, MOST_NAMED + 1, 60])
def test_it_is_readable_however_many_folds_there_are(count: int) -> None:
    fact = fact_of(count, failed=2)
    assert faults(draw_fold_curves, fact) == []
    assert (live_fold_curves(fact) is None) == (count > min(MOST_LIVE, MOST_NAMED))
    assert fact_csv(fact).count("fold 1,") or count == 1


def test_the_live_form_names_a_fold_once_and_its_initialisations_at_the_pointer() -> None:
    networks = [fold_curve((n // 2, n % 2), FOLDS[0], (2, 3)) for n in range(4)]
    plot = live_fold_curves(FoldCurves("a", "loss", tuple(networks)))
    assert plot is not None
    named = [trace for trace in plot["data"] if trace["showlegend"]]
    assert [trace["name"] for trace in named] == ["fold 1", "fold 2"]
    assert any("fold 2, initialisation 2" in trace["hovertemplate"] for trace in plot["data"])
    assert sum(trace["mode"] == "markers" for trace in plot["data"]) == 4


@pytest.mark.parametrize(("epochs", "kept"), [(25, 20), (400, 317)])
def test_a_live_dot_lies_on_its_line(epochs: int, kept: int) -> None:
    epoch = np.arange(1.0, epochs + 1)
    curve = {"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": (epoch - 100) ** 2 + 1}
    plot = live_fold_curves(FoldCurves("a", "loss", (fold_curve((0, 0), curve, (kept, epochs)),)))
    assert plot is not None
    _, line, dot = plot["data"]
    assert dot["x"] == [kept]
    assert (kept, dot["y"][0]) in set(zip(line["x"], line["y"], strict=True))
    assert len(line["x"]) <= 101


def test_long_training_is_drawn_over_a_logarithmic_axis() -> None:
    epoch = np.arange(1.0, 3001)
    curve = {"epoch": epoch, "train_loss": 1 / epoch, "validation_loss": 2 / epoch}
    fact = FoldCurves("a", "loss", (fold_curve((0, 0), curve, (3000, 3000)),))
    (axes,) = draw_fold_curves(fact).axes
    assert axes.get_xscale() == "log"
    assert max(len(line.get_xdata()) for line in axes.lines) < 400


def test_a_notebook_shows_the_same_picture() -> None:
    folds = {fold: (curve, *ends) for fold, (curve, ends) in enumerate(zip(FOLDS, ENDS, strict=True))}
    content = fold_curves_png(folds, "Chosen candidate")
    assert content.startswith(b"\x89PNG")
    assert content == fold_curves_png(dict(reversed(folds.items())), "Chosen candidate")


def test_without_curves_it_says_so() -> None:
    (axes,) = draw_fold_curves(FoldCurves("a", "loss", ())).axes
    assert [text.get_text() for text in axes.texts] == ["no fold has a curve"]


def test_a_run_shows_the_folds_of_the_chosen_candidate(tmp_path: Path) -> None:
    space = {"network.dropout": [0.0, 0.25]}
    run = make_run(tmp_path / "run", MadeUp(space=space, folds=4, search_repeats=2, epochs=30, hidden=(3,)))
    fact = fold_curves(RunFindings(run), "loss")
    assert fact is not None
    assert fact.folds == ("fold 1", "fold 2", "fold 3", "fold 4")
    assert [(network.fold, network.repeat) for network in fact.networks[:3]] == [
        ("fold 1", 0), ("fold 1", 1), ("fold 2", 0),
    ]  # fmt: skip
    assert run.choice is not None
    entry = next(
        e for e in run.plan if e.candidate_id == run.choice.candidate_id and (e.fold, e.repeat) == (2, 1)
    )
    np.testing.assert_array_equal(fact.networks[5].validation_T, run.curve(entry.fit_id)["validation_loss"])
    assert "initialisation alone" in caption(fact)


def test_nothing_without_a_search(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path, MadeUp(epochs=20, hidden=(3,))))
    assert fold_curves(findings, "loss") is None
    assert list(FIGURE.gather(Subject(findings, findings.delivered))) == []
