"""Pictures of networks of series: drawn within their paper, and saying what they show."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from readable import faults

from shoal.look.figures import along_series, exciting_series
from shoal.look.figures import kernels as kernels_figure
from shoal.look.figures.along_series import SeriesMaps
from shoal.look.figures.exciting_series import ExcitingSeries
from shoal.look.figures.kernels import kernels

RNG = np.random.default_rng(0)
LONG = "a name that is as long as names of classes are in some tables"
MAPS = SeriesMaps(
    name="delivered network",
    titles=("narrow, truly wide (3)", f"{LONG[:18]} (0)"),
    series_MCT=RNG.normal(size=(2, 3, 40)),
    layers=(("conv1", 12, RNG.normal(size=(2, 8, 20))), ("conv2", 4, np.zeros((2, 4, 1)))),
    layer="conv1",
    seen=np.maximum(RNG.normal(size=(2, 20)), 0),
)
MADE = ExcitingSeries(
    "delivered network", (("conv1", RNG.normal(size=(8, 2, 30))), ("conv2", np.ones((3, 2, 30))))
)


@pytest.mark.parametrize(
    "fact", [MAPS, replace(MAPS, layer="", seen=None), replace(MAPS, seen=np.zeros((2, 20)))]
)
def test_series_are_drawn_with_their_maps(fact: SeriesMaps) -> None:
    sheet = along_series.draw_series_maps(fact)
    assert not faults(along_series.draw_series_maps, fact)
    panels = [axes for axes in sheet.axes if axes.get_visible()]
    assert len(panels) == 2 * 3
    assert [len(axes.lines) for axes in panels] == [3, 3, 8, 8, 4, 4]
    (named,) = sheet.legends
    assert [text.get_text() for text in named.get_texts()] == [f"channel {number}" for number in range(1, 9)]
    assert [line.get_color() for line in named.get_lines()] == [line.get_color() for line in panels[2].lines]
    lines = [np.asarray(line.get_ydata()) for line in panels[0].lines]
    assert lines[0].min() > lines[1].max() > lines[1].min() > lines[2].max()
    assert np.allclose([np.ptp(line) for line in lines], np.ptp(fact.series_MCT[0], axis=1))
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["1", "2", "3"]
    dots = sum(len(dots.get_offsets()) for dots in panels[0].collections)
    seen_T = np.zeros(20) if fact.seen is None else fact.seen[0]
    share_T = np.interp(np.arange(40), np.arange(20) * 2 + 0.5, seen_T) / (seen_T.max() or 1.0)
    assert dots == 3 * np.sum(share_T > 0.1)
    assert ("Grad-CAM" in along_series.caption(fact)) == (fact.seen is not None)
    assert along_series.caption(fact).endswith(".")
    assert along_series.words(fact) == f"Maps over time of 2 layers for {'; '.join(fact.titles)}."


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"y": np.array([[3.5], [0.25]]), "target_names": ("peak",)}, "peak: 0.27, truly 0.25 (0)"),
        ({"y": np.array([[True], [False]]), "target_names": ("loud",)}, "loud: 27.1\u00a0%, truly not (0)"),
        ({"y": np.array([0, 1]), "classes": ("low", "high")}, "low, truly high (0)"),
    ],
)
def test_titles_say_what_is_answered_and_what_is_true(answers: dict[str, Any], said: str) -> None:
    truth = SimpleNamespace(**({"classes": (), "target_names": (), "train_rows": 1} | answers))
    inside = SimpleNamespace(
        series={"series": np.zeros((1, 1, 5)), "rows": np.array([1]), "asked": np.array([0])}
    )
    network = (SimpleNamespace(convolutions=()),)
    findings: Any = SimpleNamespace(inside=inside, truth=truth, network=network, delivered=None)
    findings.predicted = lambda _: np.array([[[0.271, 0.729]]])
    fact = along_series.series_maps(findings)
    assert fact is not None
    assert fact.titles == (said,)


def test_made_series_are_drawn_a_line_each() -> None:
    sheet = exciting_series.draw_exciting_series(MADE)
    assert not faults(exciting_series.draw_exciting_series, MADE)
    panels = [axes for axes in sheet.axes if axes.get_visible()]
    assert [len(axes.lines) for axes in panels] == [2] * 11
    for axes in panels:
        upper, lower = (np.asarray(line.get_ydata()) for line in axes.lines)
        assert upper.min() > lower.max()
    assert [label.get_text() for label in panels[0].get_yticklabels()] == ["1", "2"]
    assert exciting_series.caption(MADE).endswith(
        "The numbered series stand one below the other, to one scale."
    )
    many = ExcitingSeries("delivered network", (("conv1", RNG.normal(size=(2, 40, 30))),))
    assert not faults(exciting_series.draw_exciting_series, many)
    numbered = exciting_series.draw_exciting_series(many).axes[0].get_yticklabels()
    assert [label.get_text() for label in numbered] == [f"{number}" for number in range(1, 41, 7)]
    assert exciting_series.words(MADE) == "Series made to excite 11 channels of 2 layers."


def test_kernels_along_series_are_curves_around_their_own_line() -> None:
    weights: dict[str, Any] = {
        "conv1.weight": RNG.normal(size=(20, 1, 1, 5)),
        "conv2.weight": np.array([[[[1.0, 0.0, -2.0]], [[0.0, 0.0, 0.0]]]]),
    }
    fact = kernels("delivered network", ["conv1", "conv2"], weights, along=True)
    sheet = kernels_figure.draw_kernels(fact)
    assert not faults(kernels_figure.draw_kernels, fact)
    wrapped, curves = sheet.axes
    heights = curves.lines[0].get_ydata()
    np.testing.assert_allclose(heights[[0, 1, 2, 4, 5, 6]], [0.29, 0.5, 0.92, 1.5, 1.5, 1.5])
    assert np.isnan(heights[3])
    assert len(wrapped.lines[0].get_xdata()) == 2 * 16 * 6
    assert curves.get_title() == (
        "conv2: 1 channel, each a kernel for each of 2 channels taken in, 3 values, up to ±2"
    )
    assert kernels_figure.caption(fact).startswith("A curve is a kernel along the series")
    assert not kernels("a", ["conv1"], weights).along


def test_kernels_of_images_that_are_not_square_leave_no_room_empty() -> None:
    flat, square, tall = (
        kernels_figure.draw_kernels(
            kernels("a", ["c"], {"c.weight": RNG.normal(size=(4, 3, *size))})
        ).get_figheight()
        for size in ((1, 5), (5, 5), (5, 1))
    )
    assert flat < 0.5 * square
    assert square < tall < 2.5 * square
