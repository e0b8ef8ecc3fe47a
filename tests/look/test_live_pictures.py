"""Live pictures hold what the drawn ones do: the same series, bands, bars, notes and settings, from the same fact."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from look_runs import MadeUp, make_run

from shoal.look import pictures
from shoal.look._paper import design
from shoal.results import Results

PARALLEL = "23-search-parallel"
RUNS = {
    "six comparisons": MadeUp(
        names=("a", "b", "c", "d", "e", "f"), repeats=3, epochs=60, hidden=(3,),
        space={"network.dropout": [0.0, 0.25], "training.lr": [0.1, 0.2]},
    ),
    "one repeat": MadeUp(
        names=("a",), epochs=30, hidden=(2,), space={"training.lr": [0.1, 0.2, 0.3]},
        failed=frozenset({("search", 1, 0)}),
    ),
    "long, many repeats": MadeUp(
        names=("a", "b"), repeats=6, epochs=2000, hidden=(2,), failed=frozenset({("compare", "b", 2)})
    ),
    "classes": MadeUp(
        task="classification", names=("a", "b", "c", "d"), classes=("x", "y", "z"), inputs=("p", "q"), targets=(),
        epochs=20, repeats=2, space={"network.hidden[0]": [2, 3]}, level=0.4,
    ),
    "ninety candidates": MadeUp(
        names=(), epochs=5, hidden=(2,), space={"training.lr": [n / 100 for n in range(1, 91)]}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Results]:
    """Give a run, made once."""
    return cache(lambda name: make_run(tmp_path_factory.mktemp("run"), RUNS[name]))


@pytest.mark.parametrize("name", RUNS)
def test_every_live_picture_shows_what_the_drawn_one_does(name: str, made: Callable[[str], Results]) -> None:
    compared = 0
    for picture in pictures(made(name)):
        if picture.name == PARALLEL:  # whose axes are no axes: the next test
            continue
        plot = picture.plot()
        if plot is None:
            continue
        compared += 1
        assert live(plot) == drawn(picture), picture.name
    assert compared


def test_lines_of_candidates_pass_where_they_are_drawn(made: Callable[[str], Results]) -> None:
    (picture,) = (one for one in pictures(made("ninety candidates")) if one.name == PARALLEL)
    plot, fact = picture.plot(), picture.fact
    assert plot is not None
    axes = (*fact.settings, fact.score)
    assert len(plot["data"]) == len(fact.score_C) == 90
    for c, line in enumerate(plot["data"]):
        np.testing.assert_allclose(line["y"], [axis.place_C[c] for axis in axes], atol=1e-4)
        assert line["text"].startswith(f"rank {c + 1}{', chosen' * (c == fact.chosen)}: ")
    assert plot["layout"]["xaxis"]["ticktext"] == [axis.key for axis in axes]
    with design():
        drawn_axes = picture.draw(fact).axes
    named = sorted(text.get_text() for text in drawn_axes[0].texts)
    assert sorted(note["text"] for note in plot["layout"]["annotations"]) == named
    best_above = fact.score.place_C[0] > fact.score.place_C[-1]
    bar = [text.get_text() for text in drawn_axes[1].get_yticklabels()]  # of colours
    assert bar == (["worst", "best"] if best_above else ["best", "worst"])


def live(plot: dict[str, Any]) -> dict[str, Any]:
    """Series, bands, bars, notes and labels of a live picture."""
    named = [trace for trace in plot["data"] if trace.get("showlegend", True)]
    axis = plot["layout"]["yaxis"]
    chosen = [trace for trace in named if trace["name"] == "chosen"]
    bars = [trace for trace in named if trace not in chosen]
    return {
        "series": sorted(trace["name"] for trace in named),
        "bands": sum(trace.get("fill") == "toself" for trace in plot["data"]),
        "bars": sum(map(_bars, bars)),
        "notes": _words(plot["layout"]["legend"].get("title", {}).get("text", "").replace("<br>", " ")),
        "labels": [text.replace("\u00a0", " ") for text in axis.get("ticktext", ())],
        "scales": tuple(plot["layout"][f"{side}axis"].get("type", "linear") for side in "xy"),
    }


def _bars(trace: dict[str, Any]) -> int:
    error = trace.get("error_x") or trace.get("error_y") or {"array": []}
    up = np.array(error["array"], float)
    return int((up + np.array(error.get("arrayminus", 0 * up), float) > 0).sum())


def drawn(picture: Any) -> dict[str, Any]:
    """The same of the drawn picture."""
    from matplotlib.collections import LineCollection, PolyCollection

    with design():
        figure = picture.draw(picture.fact)
    (axes,) = figure.axes
    legend = axes.get_legend()
    ranking = picture.name == "20-search-ranking"
    segments = [one.get_segments() for one in axes.collections if isinstance(one, LineCollection)]
    failed = [text for text in axes.texts if text.get_text() == "diverged or failed"]
    notes = axes.get_title(loc="left") + " " + axes.get_title() + " " + legend.get_title().get_text()
    if ranking:
        notes = "bars: one standard error " + (
            f"{len(failed)} candidate diverged or failed" if failed else ""
        )
        assert "bars: one standard error" in figure.get_suptitle()
    return {
        "series": sorted(text.get_text() for text in legend.get_texts()),
        "bands": sum(isinstance(one, PolyCollection) for one in axes.collections),
        "bars": sum(float(np.ptp(line, axis=0).max()) > 0 for lines in segments for line in lines),
        "notes": _words(notes),
        "labels": [text.get_text().replace("\n", "<br>") for text in axes.get_yticklabels() if ranking],
        "scales": (axes.get_xscale(), axes.get_yscale()),
    }


def _words(text: str) -> list[str]:
    return text.replace("None", "").split()


def test_the_settings_of_a_candidate_stand_at_its_dot(tmp_path: Path) -> None:
    run = MadeUp(
        names=(), epochs=5, hidden=(2,), space={"training.lr": [0.1, 0.2], "network.dropout": [0.0, 0.25]}
    )
    found = {picture.name: picture for picture in pictures(make_run(tmp_path, run))}
    picture = found["20-search-ranking"]
    plot, fact = picture.plot(), picture.fact
    assert plot is not None
    said = {}
    for trace in plot["data"]:
        said |= dict(zip(trace["y"], trace["text"], strict=True))
    for place, values in enumerate(fact.values):
        assert said[place] == f"rank {place + 1}<br>learning rate {values[0]}<br>dropout {values[1]}"
