"""Figures of what is all alike: candidates, targets, predictions. Nothing of a library's own reaches the user."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import shoal
from dots import dots_but
from shoal.look._figure import Chapter
from shoal.look._paper import png, with_room
from shoal.look.figures import figures_of
from shoal.look.figures.agreement import agreement, draw_agreement
from shoal.look.figures.candidate_curves import CandidateCurves, candidate_curve, draw_candidate_curves

NUMBERS = st.floats(-1e300, 1e300, allow_subnormal=False)


@given(NUMBERS, st.floats(0, 1e300), st.floats(0.01, 0.1))
def test_the_ends_of_an_axis_hold_what_it_shows_and_differ(low: float, wide: float, share: float) -> None:
    high = low + wide
    ends = with_room(low, high, share)
    assert ends[0] < low <= high < ends[1]


@pytest.mark.parametrize("target", ["number", "word"])
def test_a_run_whose_candidates_score_alike_warns_of_nothing(
    tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    of_candidates = [figure.name for figure in figures_of(Chapter.SEARCH)]  # the others are of any run
    monkeypatch.setattr("shoal.look._gallery.png", dots_but(*of_candidates))
    draw = np.random.default_rng(0)
    a, b = draw.normal(size=(2, 90))
    y = a + 0.1 * b if target == "number" else np.where(a > 0, "p", "q")
    table = pd.DataFrame({"a": a, "b": b, "y": y})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = shoal.run(
            table[:60],
            test=table[60:],
            target="y",
            out=tmp_path / "alike",
            training={"epochs": 2},
            network={"hidden": [2]},
            # The same network to the last bit: a decay that no float32 sees.
            search={"folds": 2, "space": {"training.weight_decay": [0, 1e-30]}},
        )
    assert results.candidates["selection_score"].nunique() == 1
    assert (tmp_path / "alike" / "figures" / "21-search-effects.png").exists()


@pytest.mark.parametrize("value", [0.0, 3.0, -1e20, 1e-200])
def test_pictures_of_one_number_are_drawn_without_a_word(value: float) -> None:
    same = np.full(20, value)
    curve = {"epoch": np.arange(1, 4), "train_loss": same[:3], "validation_loss": same[:3]}
    curves = [candidate_curve(name, 1, value, [curve, curve], chosen=name == "a") for name in "ab"]
    fact = CandidateCurves("loss", tuple(filter(None, curves)), 0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for draw, facts in (
            (draw_agreement, [agreement("a", "y", same, [same])]),
            (draw_candidate_curves, fact),
        ):
            assert png(draw, facts).startswith(b"\x89PNG")  # type: ignore[operator]
