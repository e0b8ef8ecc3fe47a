"""Candidates side by side, their curves, and published values, against arrays by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from look_runs import MadeUp, make_run
from readable import faults

from shoal.look import RunFindings
from shoal.look._paper import design
from shoal.look.figures.candidate_curves import (
    CandidateCurves,
    candidate_curve,
    candidate_curves,
    draw_candidate_curves,
)
from shoal.look.figures.parallel import candidates_side_by_side, draw_parallel, parallel
from shoal.look.figures.published import draw_published, published, published_values

HOSTILE = ("W" * 200, r"$\frac{a$ %s {0} \n", "\u202eلا 😀\x00" + "漢" * 90, "")


def test_candidates_stand_at_their_values_best_first_and_failed_ones_are_counted() -> None:
    settings = [
        {"network.dropout": 0.5, "training.optimizer": "sgd"},
        {"network.dropout": 0.0, "training.optimizer": "adam"},
        {"network.dropout": 0.0, "training.optimizer": "sgd"},
        {"network.dropout": 0.1, "training.optimizer": "sgd"},
    ]
    fact = parallel(
        "loss", settings, np.array([3.0, 1.0, 2.0, np.nan]), np.array([False, True, False, False])
    )
    assert fact.score_C.tolist() == [1.0, 2.0, 3.0]
    assert fact.rank_share_C.tolist() == [0, 0.5, 1]
    assert (fact.chosen, fact.failed) == (0, 1)
    dropout, optimizer = fact.settings
    assert (dropout.key, dropout.labels) == ("dropout", ("0", "0.5"))
    # Two levels a distance of 1 apart, the two candidates at 0 fanned over 0.62, of a whole width of 1.62.
    assert dropout.place_C == pytest.approx([0, 0.62 / 1.62, 1.31 / 1.62])
    assert dropout.tick_T == pytest.approx([0.31 / 1.62, 1.31 / 1.62])
    assert optimizer.labels == ("adam", "sgd")
    assert fact.score.place_C == pytest.approx([0, 0.5, 1])


def test_where_higher_is_better_the_best_stand_highest() -> None:
    settings = [{"a.b": value} for value in (1, 1, 2)]
    fact = parallel("accuracy", settings, np.array([0.5, 0.9, 0.7]), np.zeros(3), higher_is_better=True)
    assert fact.score_C.tolist() == [0.9, 0.7, 0.5]
    assert fact.settings[0].place_C[0] > fact.settings[0].place_C[2]
    assert fact.chosen == -1


@pytest.mark.parametrize(("higher", "bar"), [(True, ["worst", "best"]), (False, ["best", "worst"])])
def test_the_bar_of_colours_has_the_best_where_the_axis_of_scores_has_it(
    higher: bool, bar: list[str]
) -> None:
    settings = [{"a.b": value} for value in (1, 1, 2)]
    fact = parallel("score", settings, np.array([0.5, 0.9, 0.7]), np.zeros(3), higher_is_better=higher)
    with design():
        _, colours = draw_parallel(fact).axes
    assert [text.get_text() for text in colours.get_yticklabels()] == bar
    assert (fact.score.place_C[0] > fact.score.place_C[-1]) == (bar[-1] == "best")


def test_many_numbers_stand_to_scale_on_the_axis_that_spreads_them() -> None:
    rate = 10.0 ** np.linspace(-4, -1, 31)
    share = np.linspace(0.001, 0.5, 31)
    settings = [
        {"training.lr": float(a), "network.dropout": float(b)} for a, b in zip(rate, share, strict=True)
    ]
    lr, dropout = parallel("loss", settings, np.arange(31.0), np.zeros(31)).settings
    assert lr.place_C == pytest.approx(np.linspace(0, 1, 31))
    assert lr.labels == ("0.0001", "0.001", "0.01", "0.1")
    assert lr.tick_T == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert dropout.place_C == pytest.approx(np.linspace(0, 1, 31))
    assert dropout.labels == ("0.1", "0.2", "0.3", "0.4", "0.5")
    assert dropout.tick_T[0] == pytest.approx((0.1 - 0.001) / 0.499)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40), st.booleans())
def test_all_places_lie_on_the_axes(scores: list[float], higher: bool) -> None:
    settings = [{"a": number % 3, "b": score, "c": [number]} for number, score in enumerate(scores)]
    fact = parallel("loss", settings, np.array(scores), np.zeros(len(scores)), higher_is_better=higher)
    for setting in (*fact.settings, fact.score):
        assert ((setting.place_C >= -1e-9) & (setting.place_C <= 1 + 1e-9)).all()
        assert ((setting.tick_T >= -1e-9) & (setting.tick_T <= 1 + 1e-9)).all()
        assert len(setting.tick_T) == len(setting.labels)


def test_curves_of_a_candidate_are_means_and_ranges_over_its_networks() -> None:
    first = {
        "epoch": np.arange(1.0, 4),
        "train_loss": np.array([3.0, 2, 1]),
        "validation_loss": np.array([4.0, 3, 2]),
    }
    second = {
        "epoch": np.arange(1.0, 3),
        "train_loss": np.array([5.0, 4]),
        "validation_loss": np.array([2.0, 7]),
    }
    one = candidate_curve("a", 1, 0.5, [first, second], chosen=True)
    assert one is not None
    assert one.epoch_T.tolist() == [1, 2]
    assert one.validation_T.tolist() == [3, 5]
    assert one.low_T.tolist() == [2, 3]
    assert one.high_T.tolist() == [4, 7]
    assert one.train_T.tolist() == [4, 3]
    assert (one.networks, one.chosen) == (2, True)
    assert (
        candidate_curve("a", 1, 0.5, [{"epoch": np.ones(1), "train_loss": np.ones(1)}], chosen=False) is None
    )
    assert candidate_curve("a", 1, 0.5, [], chosen=False) is None


def test_a_run_gives_its_candidates_and_curves_in_order_of_rank(tmp_path: Path) -> None:
    failed = frozenset({("search", 2, 0)})
    run = MadeUp(
        space={"training.lr": [0.1, 0.2, 0.3], "network.dropout": [0.0, 0.5]}, search_repeats=2, failed=failed
    )
    findings = RunFindings(make_run(tmp_path, run))
    side, curves = candidates_side_by_side(findings), candidate_curves(findings)
    assert side is not None
    assert curves is not None
    frame = findings.results.candidates
    healthy = frame[~frame["failed"]]
    assert side.score_C.tolist() == healthy["selection_score"].tolist()
    assert [one.score for one in curves.curves] == healthy["selection_score"].tolist()
    assert [one.rank for one in curves.curves] == [1, 2, 3, 4, 5]
    assert [one.chosen for one in curves.curves] == healthy["chosen"].tolist()
    assert (side.failed, curves.failed) == (1, 1)
    best = frame["candidate_id"][0]
    own = findings.results.curves_of("search")
    own = own[own["candidate_id"] == best].groupby("epoch")["validation_loss"]
    np.testing.assert_allclose(curves.curves[0].validation_T, own.mean())
    np.testing.assert_allclose(curves.curves[0].low_T, own.min())
    assert curves.curves[0].networks == 6
    assert (
        curves.curves[0].label
        == f"learning rate {frame['training.lr'][0]:g}, dropout {frame['network.dropout'][0]:g}"
    )


def test_without_a_search_there_is_nothing_to_lay_side_by_side(tmp_path: Path) -> None:
    findings = RunFindings(make_run(tmp_path, MadeUp()))
    assert candidates_side_by_side(findings) is None
    assert candidate_curves(findings) is None
    assert published_values(findings) is None


def test_published_values_by_hand() -> None:
    scores = [np.array([1.0, 3.0]), np.array([2.0]), np.zeros(0), np.array([1.0, 3.0])]
    fact = published("abcd", ["mse"] * 4, [3.0, 2.0, 1.0, 3.1], scores, "wxyz")
    assert np.array_equal(fact.inside_G, [1, np.nan, np.nan, 0], equal_nan=True)
    assert fact.names == ("a", "b", "c", "d")


def test_published_values_of_a_run_stand_beside_its_repeats(tmp_path: Path) -> None:
    given_values = tuple(
        {"name": name, "metric": metric, "value": value, "source": "a book"}
        for name, metric, value in (("Adam", "mse", 0.1), ("winner", "r2", 0.5), ("delivered", "mse", 0.2))
    )
    run = MadeUp(repeats=3, reference=given_values, failed=frozenset({("compare", "Adam", 1)}))
    results = make_run(tmp_path, run)
    fact, frame = published_values(RunFindings(results)), results.references
    assert fact is not None
    assert [len(found) for found in fact.scores] == [2, 3, 3]
    assert fact.scores[2].tolist() == results.refit["test_mse"].tolist()
    assert [found.mean() for found in fact.scores] == pytest.approx(frame["mean"].tolist())
    compared = results.comparisons.set_index("label")
    assert frame["mean"][0] == pytest.approx(compared["mse_mean"]["Adam"])
    assert frame["std"][1] == pytest.approx(compared["r2_std"]["winner"])
    assert frame["difference"].tolist() == pytest.approx((frame["mean"] - frame["published"]).tolist())
    assert frame["failed"].tolist() == [1, 0, 0]
    assert frame["repeats"].tolist() == [3, 3, 3]


# -- drawn ---------------------------------------------------------------------------------------------------


def drawn(count: int, settings: list[dict[str, Any]]) -> Any:
    score = np.random.default_rng(0).lognormal(0, 1, count)
    return parallel("selection score (lower is better)", settings, score, np.arange(count) == 1)


@pytest.mark.parametrize("count", [2, 40, 2000])
def test_side_by_side_is_readable(count: int) -> None:
    draw = np.random.default_rng(1)
    settings = [
        {
            "training.lr": 10 ** -draw.uniform(1, 5),
            "network.hidden": [c % 5],
            "training.batch_size": 2 ** (c % 4),
        }
        for c in range(count)
    ]
    assert faults(draw_parallel, drawn(count, settings)) == []


def test_side_by_side_of_one_axis_and_of_hostile_names() -> None:
    settings = [dict.fromkeys(HOSTILE, other) for other in HOSTILE]
    assert faults(draw_parallel, drawn(4, settings)) == []
    assert faults(draw_parallel, parallel("score", [{}], np.ones(1), np.ones(1))) == []
    assert faults(draw_parallel, parallel("score", [{}], np.full(1, np.nan), np.ones(1))) == []


@pytest.mark.parametrize(("count", "last"), [(2, 60), (60, 5000)])
def test_curves_of_candidates_are_readable(count: int, last: int) -> None:
    epoch = np.linspace(1, last, 60).round()
    found = []
    for number in range(count):
        noise = np.random.default_rng(number).lognormal(0, 0.05, (3, 60))
        curves = [
            {
                "epoch": epoch,
                "train_loss": np.exp(-3 * epoch / last),
                "validation_loss": (0.2 + np.exp(-3 * epoch / last)) * row,
            }
            for row in noise
        ]
        label = f"lr {0.1 / (number + 1):.3g}, {HOSTILE[number % 4]}, optimizer adam, batch_size 25"
        found.append(candidate_curve(label, number + 1, 0.1, curves, chosen=number == count - 1))
    assert faults(draw_candidate_curves, CandidateCurves("loss (mean squared error)", tuple(found), 0)) == []


def test_the_settings_of_a_candidate_are_not_cut_where_lines_hold_them() -> None:
    settings = (
        "first hidden layer 100, second hidden layer 80, dropout 0.25, weight decay 1e-05, batch size 25"
    )
    curve = {"epoch": np.arange(1.0, 4), "train_loss": np.ones(3), "validation_loss": np.ones(3)}
    fact = CandidateCurves("loss", (candidate_curve(settings, 1, 0.1, [curve], chosen=True),), 0)
    (axes,) = draw_candidate_curves(fact).axes
    assert axes.get_title().replace("\n", " ") == f"1. chosen: {settings}"


def test_a_loss_that_was_infinite_for_a_while_is_drawn() -> None:
    curve = {
        "epoch": np.arange(1.0, 4),
        "train_loss": np.ones(3),
        "validation_loss": np.array([np.inf, 2.0, 1.0]),
    }
    found = tuple(candidate_curve("a", rank, 0.1, [curve], chosen=False) for rank in (1, 2))
    assert faults(draw_candidate_curves, CandidateCurves("loss", found, 0)) == []


def test_epochs_are_whole_numbers() -> None:
    curve = {"epoch": np.arange(1.0, 4), "train_loss": np.ones(3), "validation_loss": np.ones(3)}
    found = tuple(candidate_curve("a", rank, 0.1, [curve], chosen=False) for rank in (1, 2))
    for axes in draw_candidate_curves(CandidateCurves("loss", found, 0)).axes:
        assert all(tick == round(tick) for tick in axes.get_xticks())


def test_the_chosen_candidate_is_drawn_however_far_down_it_stands() -> None:
    curve = {name: np.array([2.0, 1.0]) for name in ("train_loss", "validation_loss")} | {
        "epoch": np.array([1.0, 2.0])
    }
    found = tuple(candidate_curve("a", rank, 0.1, [curve], chosen=rank == 30) for rank in range(1, 41))
    titles = [axes.get_title() for axes in draw_candidate_curves(CandidateCurves("loss", found, 0)).axes]
    assert titles == [*(f"{rank}. a" for rank in range(1, 12)), "30. chosen: a"]


def test_published_values_are_readable() -> None:
    scores = [np.array([1.0, 1.5, 3.0]), np.array([2.0]), np.zeros(0), np.array([0.1, 0.3])]
    fact = published(HOSTILE, ["mse", "mse", "mse", "r2"], [3.0, 2.0, 1.0, 3.1], scores, HOSTILE)
    assert faults(draw_published, fact) == []
