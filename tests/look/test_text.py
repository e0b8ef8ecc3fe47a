"""The tables in the terminal: numbers, alignment, what is marked and what is left out."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from look_runs import MadeUp, make_run
from sklearn.metrics import precision_recall_fscore_support

from dots import end_with_the_model
from shoal.look import plan_text, results_text
from shoal.look._text import CLASSES_SHOWN, ROWS_SHOWN
from shoal.look._text_layout import in_lines, number, text_table
from shoal.look.page import report
from shoal.pipeline import run
from shoal.planning import plan
from studies import tiny_study


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    end_with_the_model(monkeypatch, simple_models=True)


def test_numbers_have_four_digits_and_nothing_is_a_dash() -> None:
    values = [0.123456, 12345.678, 1e-9, 3, True, math.nan, "name", 0.0]
    assert [number(value) for value in values] == [
        "0.1235",
        "12,346",
        "1e-09",
        "3",
        "yes",
        "-",
        "name",
        "0",
    ]


def test_numbers_stand_right_and_names_left() -> None:
    table = text_table(["name", "score"], [["a", 0.5], ["long name", 12.25], ["failed", math.nan]])
    assert table.splitlines() == [
        "name       score",
        "---------  -----",
        "a            0.5",
        "long name  12.25",
        "failed         -",
    ]


TOGETHER = (
    "95 %", "12 s", "3 min 05 s", "2 h 10 min", "1,234 MB", "32 bits", "5 of 5,000", "0.1 to 0.3", "−2 to\u00a0−1.5",
    "0.9\u00a0% to 2 %", "< 0.1\u00a0%",
)  # fmt: skip


@pytest.mark.parametrize("width", range(16, 60, 2))
def test_no_line_ends_between_a_number_and_what_belongs_to_it(width: int) -> None:
    text = "".join(f"{'rows ' * count}{together}, and " for count in range(9) for together in TOGETHER)
    lines = in_lines(text, width, "- ", "  ").splitlines()
    assert max(map(len, lines)) <= width
    assert lines[0].startswith("- rows " if lines[0][2] == "r" else "- 95 %")
    for together in TOGETHER:
        whole = together.replace("\u00a0", " ")
        assert sum(line.count(whole) for line in lines) == text.replace("\u00a0", " ").count(whole)
    assert " ".join(line[2:] for line in lines) == text.replace("\u00a0", " ").rstrip()


@pytest.mark.parametrize("crowding", [1.0, 4.0])
def test_the_plan_says_what_it_will_cost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crowding: float
) -> None:
    monkeypatch.setattr("shoal.engine.forecast.time.crowding", lambda _: crowding)
    study = tiny_study()
    lines = plan_text(study, plan(study, out=tmp_path), tmp_path, 2).splitlines()
    assert lines[0] == "tiny: regression"
    words = {line.split()[0]: line.split(maxsplit=1)[1] for line in lines[1:] if line.split()[0] != "run"}
    assert words["fits"] == "12 search + 2 comparisons + 2 winner"
    assert words["candidates"] == "4 on 3 folds"
    # 12 search fits of 8 epochs of 5 steps, 2 comparisons on 80 rows, the winner on 80 and on 100; the costliest
    # candidate that is no comparison, which stands for the winner, costs as much as the base comparison
    assert words["steps"] == f"{12 * 8 * 5 + 3 * 8 * 5 + 8 * 7:,}"
    span = r"(\d+ min )?[\d.]+ s"
    said = f"about {span} with 2 workers" + (
        f", as busy as the machine is; {span} alone" if crowding > 1 else ""
    )
    assert re.fullmatch(said, words["time"])
    between = r"(, simple models [\d.]+ s)?(, looking inside [\d.]+ s)?"
    parts = rf"it +reading [\d.]+ s, training [\d.]+ s{between}, drawing [\d.]+ s"
    assert re.fullmatch(parts, words["of"])


def test_a_long_search_shows_the_best_and_counts_the_rest(tmp_path: Path) -> None:
    space = {"network.hidden[0]": [2, 3, 4, 5, 6, 7, 8], "network.dropout": [0, 0.25]}
    study = tiny_study(training={"epochs": 1}, search={"space": space}, compare=[])
    text = results_text(run(study, out=tmp_path))
    assert f"... and {14 - ROWS_SHOWN} more; Results.candidates has all" in text
    assert "search: 14 candidates by selection score (loss, cross-validated, so optimistic)" in text
    assert len(re.findall(r" chosen(?:, [a-z]+)? *$", text, re.MULTILINE)) == 1


def test_classes_have_their_precision_and_recall(tmp_path: Path) -> None:
    run = MadeUp(
        task="classification", names=(), classes=("cat", "a\x1b[2Jdog", "W" * 60), inputs=("a",), targets=(),
        rows=(9, 60), repeats=2, level=0.5,
    )  # fmt: skip
    results = make_run(tmp_path, run)
    table = results.predictions_of("refit")
    table = table[table["rows"] == "test"]
    shown = {"cat": "cat", "a\x1b[2Jdog": "a?[2Jdog", "W" * 60: "W" * 31 + "…"}
    precision, recall, f1, _ = precision_recall_fscore_support(
        table["true"], table["predicted"], labels=list(shown)
    )
    lines = results_text(results).partition("classes on the test rows")[2].splitlines()
    assert lines[0] == ", networks refitted on all training rows (all 2 together)"
    assert lines[1].split() == ["class", "rows", "precision", "recall", "F1"]
    assert [line.split() for line in lines[3:6]] == [
        [name, "20", number(float(precision[k])), number(float(recall[k])), number(float(f1[k]))]
        for k, name in enumerate(shown.values())
    ]


def test_of_many_classes_the_worst_are_shown(tmp_path: Path) -> None:
    classes = tuple(f"class-{k:02d}" for k in range(23))
    run = MadeUp(
        task="classification", names=(), classes=classes, inputs=("a",), targets=(), rows=(23, 230), level=0.4
    )
    text = results_text(make_run(tmp_path, run))
    start = "the 20 of 23 classes with the lowest F1 on the test rows, delivered network\n"
    rows = [line.split() for line in text.partition(start)[2].splitlines()[2 : CLASSES_SHOWN + 2]]
    scores = [float(row[4]) for row in rows]
    assert scores == sorted(scores)
    assert scores[0] < scores[-1]
    assert len({row[0] for row in rows}) == CLASSES_SHOWN


def test_an_unfinished_or_search_less_study_still_has_its_tables(tmp_path: Path) -> None:
    text = results_text(run(tiny_study(search=None), out=tmp_path))
    assert "search:" not in text
    assert text.startswith(
        "Worse than boosted trees: on the 100 test rows, the root mean squared error (RMSE, in the unit of “label”) of"
    )
    assert (
        "\n\ncomparisons on the test rows: trained on the training rows, less the 20 % (20) held out\n"
        in text
    )
    assert "delivered model: the winner refitted on all training rows, 8 epochs\n" in text
    assert (
        "These test rows were scored 3 times, by 2 different settings, over all runs of this folder.\n"
        in text
    )


def test_checks_ensemble_noise_and_published_values_are_said(tmp_path: Path) -> None:
    run_of = MadeUp(
        names=("SGD",), repeats=2, space={"training.lr": [0.1, 0.2, 0.3]}, ensemble=True,
        reference=({"name": "SGD", "metric": "mse", "value": 100.0, "source": "a book"},),
    )  # fmt: skip
    text = results_text(make_run(tmp_path, run_of))
    for sentence in (
        "largest difference between the values of each setting: learning rate ",
        "ignificant",
        "variance of single scores: candidate ",
        "ensemble of the chosen candidate’s networks of all folds, asked once after the choice\n",
        "3 networks of the folds, lowest",
        "their mean answer",
        "published beside measured (2 repeats; inside: between min and max)\n",
        "checks of method (docs/checks.md: why, and what to do)\n",
    ):
        assert sentence in text
    assert re.search(r"what to do\)\nSH\d{3}  (warning|note): [A-Z]", text)
    row = next(line for line in text.splitlines() if line.startswith("SGD ") and "a book" in line)
    assert row.split()[1:3] == ["mse", "100"]
    assert " no " in row


def test_units_that_answer_to_nothing_are_counted(tmp_path: Path) -> None:
    run_of = MadeUp(
        task="classification", names=(), classes=("x", "y", "z"), inputs=(), targets=(), image=(1, 5, 5),
        level=0.5, epochs=20, inside=True,
    )  # fmt: skip
    lines = results_text(make_run(tmp_path, run_of)).splitlines()
    start = lines.index("units that answer the same to all rows, delivered model")
    assert [line.split() for line in lines[start + 1 : start + 5 : 2]] == [
        ["layer", "activation", "units", "dead", "saturated", "rows", "looked", "at"],
        ["conv1", "sigmoid", "3", "1", "1", "30"],
    ]


def test_a_search_of_nothing_but_the_study_names_what_was_chosen(tmp_path: Path) -> None:
    lines = results_text(make_run(tmp_path, MadeUp(names=(), epochs=5, space={}))).splitlines()
    assert "chosen: the study\u2019s own network" in lines


def test_no_line_ends_within_a_number() -> None:
    assert report._unbroken("adam, 1e-4 &lt;b&gt;, 2.5e-08\u00a0s, e-4") == (
        'adam, <span class="whole">1e-4</span> &lt;b&gt;, <span class="whole">2.5e-08</span>\u00a0s, e-4'
    )


def test_no_line_of_a_page_ends_within_a_number_and_what_is_no_text_stays_as_it_is() -> None:
    kept = '<p title="1e-4"><svg><text>1e-4</text></svg><pre>lr = 1e-4</pre><script>1e-4</script>'
    page = f"{kept}lr 1e-4, 2.5e-06 of x1e-3 and one-4</p>"
    marked = 'lr <span class="whole">1e-4</span>, <span class="whole">2.5e-06</span> of x1e-3 and one-4</p>'
    assert report._unbroken(page) == kept + marked
    assert report._unbroken("2e-5") == '<span class="whole">2e-5</span>'
