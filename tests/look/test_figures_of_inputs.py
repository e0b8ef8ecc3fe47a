"""Figures of what inputs do: from what is kept to facts, drawn readably, in words, and as numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from readable import faults
from test_figures import HOSTILE

import shoal
from dots import dots_but
from shoal.look._escape import label
from shoal.look._paper import design
from shoal.look._run_findings import RunFindings
from shoal.look.figures import dependence, importance, interactions
from shoal.look.figures.dependence import value_labels
from shoal.look.page.spreadsheet import fact_csv
from shoal.results import Dependence, DependenceAsked, DependenceCurve, Importance, ImportanceAsked
from shoal.study import Study

DRAW = np.random.default_rng(1)


def kept(names: tuple[str, ...], groups: tuple[tuple[int, ...], ...] = (), networks: int = 4) -> Importance:
    subjects = len(names) + len(groups)
    asked = ImportanceAsked("f" * 64, "part", "mse", "folds" if networks > 1 else "test", names, groups, 80)
    worse = DRAW.gamma(1, 1 / np.arange(1, subjects + 1)[:, None], (networks, subjects, 3))
    mean_S = worse.mean(axis=(0, 2))
    return Importance(asked, np.ones(networks), worse, mean_S - 0.2, mean_S + 0.3)


def fact_of(*args: Any, **more: Any) -> importance.InputImportance:
    fact = importance.of_importance(kept(*args, **more), "MSE")
    assert fact is not None
    return fact


@pytest.mark.parametrize(
    ("names", "groups", "networks"),
    [
        (("a",), (), 1),
        (("a", "b", "c"), ((0, 2),), 4),
        (tuple(f"input {n}" for n in range(60)), tuple((n, n + 1) for n in range(0, 30, 2)), 15),
        (HOSTILE, ((0, 1, 2, 3, 4),), 3),
    ],
)
def test_importance_is_readable(names: tuple[str, ...], groups: Any, networks: int) -> None:
    fact = fact_of(names, groups, networks)
    assert faults(importance.draw_importance, fact) == []
    assert importance.words(fact)
    assert importance.caption(fact)


@pytest.mark.parametrize(
    ("names", "groups", "networks"),
    [(("a",), (), 1), (("a", "b", "c"), ((0, 2),), 4), (HOSTILE, ((0, 1, 2, 3, 4),), 3)],
)
def test_the_plot_of_importance_shows_what_is_drawn(
    names: tuple[str, ...], groups: Any, networks: int
) -> None:
    fact = fact_of(names, groups, networks)
    plot = importance.plot(fact)
    with design():
        (axes,) = importance.draw_importance(fact).axes
    assert [trace["name"] for trace in plot["data"]] == [
        text.get_text() for text in axes.get_legend().get_texts()
    ]
    ticks = plot["layout"]["yaxis"]
    assert ticks["ticktext"] == [label(text.get_text()) for text in axes.get_yticklabels()]
    assert ticks["range"] == list(axes.get_ylim())
    assert plot["layout"]["xaxis"]["title"]["text"] == axes.get_xlabel()
    spans = [trace for trace in plot["data"] if trace["name"] != "one network"]
    places = [place for trace in spans for place in trace["y"]]
    for name, own in (("x", fact.mean_S), ("low", fact.low_S), ("high", fact.high_S)):
        shown = [value for trace in spans for value in ends_of(trace)[name]]
        np.testing.assert_allclose(shown, own[np.array(places, int)], rtol=1e-3, atol=1e-3)
    if networks > 1:
        dots = plot["data"][0]
        rows = np.round(dots["y"]).astype(int).reshape(networks, -1)
        np.testing.assert_allclose(np.reshape(dots["x"], (networks, -1)), fact.network_FS, rtol=1e-3)
        assert (rows == np.arange(rows.shape[1])).all()


def ends_of(trace: dict[str, Any]) -> dict[str, Any]:
    x, reach = np.array(trace["x"]), trace["error_x"]
    return {"x": x, "low": x - reach["arrayminus"], "high": x + reach["array"]}


def test_inputs_without_intervals_have_dots_alone() -> None:
    own = kept(("a", "b"))
    bare = Importance(own.asked, own.base_F, own.worse_FSP, own.low_S * np.nan, own.high_S * np.nan)
    fact = importance.of_importance(bare, "MSE")
    assert fact is not None
    spans = importance.plot(fact)["data"][-1]
    assert spans["error_x"]["array"] == spans["error_x"]["arrayminus"] == [0.0, 0.0]
    assert spans["text"] == ["", ""]


def test_columns_stand_before_groups_the_most_important_first() -> None:
    own = kept(("a", "b", "c"), ((0, 2),))
    fact = importance.of_importance(own, "MSE")
    assert fact is not None
    assert fact.together_S[-1] == "a, c"
    assert fact.columns_S.tolist() == [1, 1, 1, 2]
    order = [("a", "b", "c").index(name) for name in fact.together_S[:3]]
    np.testing.assert_array_equal(fact.mean_S[:3], own.mean_S[order])
    assert (np.diff(fact.mean_S[:3]) <= 0).all()
    np.testing.assert_allclose(fact.network_FS.mean(axis=0), fact.mean_S)


def test_captions_say_whose_rows_and_intervals_they_are() -> None:
    folds, tested = fact_of(("a", "b")), fact_of(("a", "b"), networks=1)
    assert "that it held out: a column is permuted 3 times" in importance.caption(folds)
    assert "Nadeau and Bengio 2003" in importance.caption(folds)
    assert (
        "There is no search, so the delivered network is asked, on 80 rows of the test rows"
        in importance.caption(tested)
    )
    assert "vouch for each other" not in importance.caption(folds)
    assert "vouch for each other" in importance.caption(fact_of(("a", "b"), ((0, 1),)))
    assert "40 more are not drawn" in importance.caption(fact_of(tuple(f"i{n}" for n in range(60))))
    assert importance.words(folds).startswith("Where it is permuted, the MSE rises by: ")


def test_an_undefined_score_has_no_picture() -> None:
    own = kept(("a",))
    assert (
        importance.of_importance(
            Importance(own.asked, own.base_F, own.worse_FSP * np.nan, own.low_S, own.high_S), "MSE"
        )
        is None
    )


def curve(name: str, kind: Any, answers: int, levels: tuple[str, ...] = ()) -> DependenceCurve:
    count = len(levels) or 20
    start = 1.5e9 if kind == "dates" else 0.0
    x_G = np.arange(float(count)) if levels else start + np.cumsum(DRAW.gamma(1, 1e6 if start else 1, count))
    mean_GQ = DRAW.dirichlet(np.ones(max(2, answers)), count)[:, :answers]
    rows = np.clip(mean_GQ[:, 0] + DRAW.normal(0, 0.1, (30, 1)), 0, 1)
    return DependenceCurve(name, kind, levels, x_G, np.full(count, 1 / count), mean_GQ, rows)


def made(answers: tuple[str, ...], curves: tuple[DependenceCurve, ...], *, shares: bool) -> Dependence:
    paired = min(5, len(curves))
    h_JJ = DRAW.random((paired, paired))
    h_JJ = (h_JJ + h_JJ.T) / 2 * (1 - np.eye(paired))
    pair = (0, 1) if paired > 1 else ()
    first, second = (curves[place].x_G[:12] for place in pair) if pair else (np.zeros(0), np.zeros(0))
    asked = DependenceAsked(
        fit="f" * 64, part="part", answers=answers, columns=tuple(each.column for each in curves),
        kinds=tuple(each.kind for each in curves), levels=tuple(each.levels for each in curves), rows=300,
        pair_rows=100, paired=paired, shares=shares, pair=pair,
    )  # fmt: skip
    return Dependence(asked, curves, h_JJ, h_JJ / 3, DRAW.random((len(first), len(second))), first, second)


def several(answers: int) -> tuple[DependenceCurve, ...]:
    return (
        curve("age", "numbers", answers),
        curve("since", "dates", answers),
        curve("job", "categories", answers, ("clerk", "nurse", "")),
        curve("town", "categories", answers, tuple(f"a town of number {n}" for n in range(12))),
        curve(HOSTILE[1], "numbers", answers),
        curve(HOSTILE[2], "categories", answers, HOSTILE[:4]),
    )


CASES = {
    "a target": made(("y",), several(1), shares=False),
    "targets": made(("y", "z"), several(2), shares=False),
    "positive": made(("yes",), several(1), shares=True),
    "classes": made(("x", "y", "z"), several(3), shares=True),
    "many classes": made(tuple(f"class {n}" for n in range(10)), several(10), shares=True),
    "one input": made(("y",), several(1)[:1], shares=False),
    "two inputs": made((HOSTILE[0],), several(1)[2:4], shares=False),
    "strange inputs": made(("y",), several(1)[4:], shares=False),
}


@pytest.mark.parametrize("case", CASES)
def test_curves_are_readable(case: str) -> None:
    fact = CASES[case]
    assert faults(dependence.draw_dependence, fact) == []
    assert dependence.words(fact)
    csv = fact_csv(fact)
    assert "h" in csv
    assert len(csv.splitlines()) > 20


def test_what_is_drawn_and_what_is_not_is_said() -> None:
    assert "1 more answer is not drawn" in dependence.caption(CASES["targets"])
    assert "4 more answers are not drawn" in dependence.caption(CASES["many classes"])
    assert "single rows" in dependence.caption(CASES["positive"])
    assert "single rows" not in dependence.caption(CASES["classes"])
    assert "(probability of yes)" in dependence.words(CASES["positive"])
    assert "(y)" in dependence.words(CASES["targets"])


def test_values_are_written_as_what_they_are() -> None:
    age, since, job, *_ = several(1)
    assert value_labels(age, np.array([-1234.5678, 0.00123456])) == ["−1,235", "0.00123"]
    assert value_labels(age, np.array([1961.0, 1962.0])) == ["1,961", "1,962"]
    assert value_labels(age, np.array([-122.41, -122.42])) == ["−122.41", "−122.42"]
    assert value_labels(since, np.array([1.6e9])) == ["2020-09-13"]
    assert value_labels(job, np.array([0.0, 2.0])) == ["clerk", "(missing)"]


class Findings:
    """What a figure asks of findings."""

    def __init__(self, fact: Dependence | None) -> None:
        self.results = type("Results", (), {"dependence": fact})()
        entry = type("Entry", (), {"fit_id": "f" * 64})()
        self.delivered = type("Group", (), {"healthy": (entry,)})()


def gathered(fact: Dependence | None) -> interactions.Interactions | None:
    return interactions.interactions_of(Findings(fact))  # type: ignore[arg-type]


@pytest.mark.parametrize("case", [case for case in CASES if case != "one input"])
def test_interactions_are_readable(case: str) -> None:
    fact = gathered(CASES[case])
    assert fact is not None
    assert (np.diff(fact.size_I) <= 0).all()
    assert faults(interactions.draw_interactions, fact) == []
    assert interactions.words(fact)
    assert "capitalize" not in interactions.caption(fact)


def test_values_of_the_pair_are_numbers_and_whole_names_in_csv() -> None:
    age, _, _, town, *_ = several(1)
    age.x_G[0] = -2.4837123
    own = made(("y",), (age, town), shares=False)
    fact = gathered(own)
    assert fact is not None
    lines = fact_csv(fact).splitlines()
    assert any(line.startswith("-2.48371,") for line in lines)
    assert "a town of number 11" in lines
    assert "−" not in "".join(lines)


def test_one_input_has_no_pairs_and_sums_have_no_map() -> None:
    assert gathered(None) is None
    assert gathered(CASES["one input"]) is None
    own = CASES["two inputs"]
    none = DependenceAsked(**{**vars(own.asked), "pair": ()})
    flat = Dependence(
        none, own.curves, 0 * own.h_JJ, 0 * own.size_JJ, np.zeros((0, 0)), np.zeros(0), np.zeros(0)
    )
    fact = gathered(flat)
    assert fact is not None
    assert faults(interactions.draw_interactions, fact) == []


@pytest.mark.parametrize("task", ["regression", "classification"])
def test_the_report_of_a_table_shows_them_and_is_drawn_again_without_data(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {"31-delivered-importance", "31-delivered-inputs", "31-delivered-interactions"}
    monkeypatch.setattr("shoal.look._gallery.png", dots_but(*names))
    a, b = DRAW.normal(size=(2, 60))
    y = a * b if task == "regression" else np.where(a > b, "yes", "no")
    lines = [f"{first},{second},{third}" for first, second, third in zip(a, b, y, strict=True)]
    (tmp_path / "rows.csv").write_text("\n".join(["a,b,y", *lines]))
    study = Study.model_validate(
        {
            "study": {"name": "inputs", "task": task},
            "data": {"train": str(tmp_path / "rows.csv"), "target": "y"},
            "training": {"epochs": 3, "validation": 0},
        }
    )
    results = shoal.run(study, out=tmp_path / "run", workers=1)
    pictures = results.folder / "figures"
    assert names <= {path.stem for path in pictures.iterdir()}
    before = {name: (pictures / f"{name}.png").read_bytes() for name in names}
    (tmp_path / "rows.csv").unlink()
    for name in names:
        (pictures / f"{name}.png").unlink()
    from shoal.look import Results, write_report

    write_report(Results.open(results.folder))
    assert {name: (pictures / f"{name}.png").read_bytes() for name in names} == before
    text = (results.folder / "report.html").read_text(encoding="utf-8")
    assert all(f'id="{name}"' in text for name in names)
    assert "Friedman, Popescu (2008)" in text


def test_results_of_old_have_none_of_them() -> None:
    from shoal.look import Results

    old = Results.open(Path(__file__).parents[1] / "assets" / "0.1.0" / "run")
    assert (old.importances, old.dependence) == (None, None)
    assert importance.importance_of(RunFindings(old)) is None
    assert dependence.dependence_of(RunFindings(old)) is None
    assert interactions.interactions_of(RunFindings(old)) is None
