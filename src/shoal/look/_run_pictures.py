"""The pictures of runs beside each other: their scores with intervals, and how their delivered networks learned.

Letters: R runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._curves import curves_in_words, draw_curves, live_curves, measure_of
from shoal.look._escape import label
from shoal.look._figure import Chapter, Figure, Gathered
from shoal.look._gallery import Picture, key_of
from shoal.look._lines import Curves, curve_line
from shoal.look._measures import on_test_rows, score_words, selection_score
from shoal.look._paper import BLUE, Sheet, heading, panels, plain, series_style
from shoal.look._plots import Plot, X, live_axis, plotted, short_numbers
from shoal.look._run_findings import RunFindings
from shoal.results import RunsCompared, higher_is_better
from shoal.wording import one_number


@dataclass(frozen=True, eq=False)
class RunScores:
    """Scores of R runs, best first, with their 95 % intervals; NaN where there is none."""

    quantity: str
    names: tuple[str, ...]
    score_R: NDArray[np.float64]
    low_R: NDArray[np.float64]
    high_R: NDArray[np.float64]

    @property
    def reach_2R(self) -> NDArray[np.float64]:
        """How far each interval goes below and above its score; 0 where there is none."""
        return np.nan_to_num(np.stack([self.score_R - self.low_R, self.high_R - self.score_R]))


def run_scores(compared: RunsCompared) -> RunScores:
    """Gather the scores that head the comparison, of the runs that have them."""
    scored = compared.first_compared
    metric, scores = compared.metric_of(scored), compared.scores(scored)
    shown = [number for number in compared.order if np.isfinite(scores[number].value)]
    first = compared.runs[compared.order[0]]
    quantity = (
        on_test_rows(metric)
        if scored == "test"
        else selection_score(metric, first.truth, first.delivered_training)
    )
    if scored == "test" and metric == "loss":
        quantity = (
            f"{score_words(metric, first.truth, first.delivered_training)} on test rows (lower is better)"
        )
    spans = [
        (scores[number].value, scores[number].interval.low, scores[number].interval.high) for number in shown
    ]
    names = tuple(compared.names[number] for number in shown)
    return RunScores(quantity, names, *np.array(spans, np.float64).reshape(-1, 3).T)


def draw_run_scores(scores: RunScores) -> Sheet:
    """Each run a dot with its interval, the best on top."""
    count = len(scores.names)
    figure, (axes,) = panels(1, size=(8.5, 1.5 + 0.34 * count))
    axes.errorbar(
        scores.score_R,
        np.arange(count),
        xerr=scores.reach_2R,
        fmt="o",
        markersize=5,
        elinewidth=1.4,
        color=BLUE,
    )
    axes.set_yticks(np.arange(count), [plain(name, 34) for name in scores.names])
    axes.set_ylim(count - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(scores.quantity)
    heading(figure, "Scores of all runs, best first (bars: 95 % intervals)")
    return figure


def scores_in_words(scores: RunScores) -> str:
    """Say it in a sentence."""
    parts = (f"{name} {one_number(value)}" for name, value in zip(scores.names, scores.score_R, strict=True))
    return f"{scores.quantity}: {', '.join(parts)}."


def plot_run_scores(scores: RunScores) -> Plot:
    """Give the same, answering to the pointer."""
    places = np.arange(len(scores.names))
    below_R, above_R = scores.reach_2R
    trace = {
        "type": "scatter", "mode": "markers", "x": short_numbers(scores.score_R), "y": short_numbers(places),
        "error_x": {
            "type": "data", "symmetric": False, "array": short_numbers(above_R),
            "arrayminus": short_numbers(below_R), "thickness": 1.4, "width": 0,
        },
        "marker": {"color": BLUE, "size": 8}, "text": [label(name) for name in scores.names],
        "hovertemplate": f"{X}<br>%{{text}}<extra></extra>", "showlegend": False,
    }  # fmt: skip
    ticks = {
        "tickvals": short_numbers(places), "ticktext": [label(plain(name, 34)) for name in scores.names],
        "range": [len(places) - 0.5, -0.5],
    }  # fmt: skip
    layout = {
        "xaxis": live_axis(scores.quantity), "yaxis": {**live_axis(""), **ticks}, "hovermode": "closest",
        "height": round(110 + 26 * len(places)),
    }  # fmt: skip
    return plotted([trace], layout, [])


def draw_run_curves(curves: Curves) -> Sheet:
    """Training curves of all delivered networks in one picture, the names beside it."""
    figure, (axes,) = panels(1, size=(9.5, max(4.8, 1.6 + 0.19 * len(curves.lines))))
    draw_curves(axes, curves, [series_style(number) for number in range(len(curves.lines))])
    heading(figure, f"Training {measure_of(curves)} of all delivered networks")
    return figure


SCORES: Final = Figure(
    chapters=(Chapter.OVERVIEW,),
    order=1,
    name="01-scores",
    title="Scores",
    caption="Each dot is a run, its bar the 95 % interval; the best is on top.",
    gather=lambda _: (),
    draw=draw_run_scores,
    words=scores_in_words,
    plot=plot_run_scores,
)
CURVES: Final = Figure(
    chapters=(Chapter.OVERVIEW,),
    order=2,
    name="02-training",
    title="Training curves",
    caption="How the delivered network of each run learned the rows that it was trained on.",
    gather=lambda _: (),
    draw=draw_run_curves,
    words=curves_in_words,
    plot=live_curves,
)
"""No figures of a run, which would gather them: their facts are those of several."""


def run_pictures(compared: RunsCompared) -> Iterator[Picture]:
    """Give the pictures of a comparison."""
    scores = run_scores(compared)
    if scores.names:
        yield _picture(SCORES, Gathered(scores))
    findings = [RunFindings(compared.runs[number]) for number in compared.order]
    for measure in findings[0].measures:
        curves = _curves(compared, findings, measure)
        if curves.lines:
            yield _picture(CURVES, Gathered(curves, f"{CURVES.name}-{measure}", f"Training {measure}"))


def _curves(compared: RunsCompared, findings: list[RunFindings], measure: str) -> Curves:
    lines, quantities = [], set()
    for number, of_run in zip(compared.order, findings, strict=True):
        delivered = of_run.delivered.healthy[:1]
        curves = of_run.curves(replace(of_run.delivered, healthy=delivered))
        line = curve_line(compared.names[number], curves, f"train_{measure}")
        if line is not None:
            lines.append(line)
            quantities.add(of_run.quantity(measure, [entry.candidate_id for entry in delivered]))
    quantity = quantities.pop() if len(quantities) == 1 else f"{measure} (each network by its own)"
    return Curves("runs", quantity, tuple(lines), 0, higher_is_better(measure))


def _picture(figure: Figure, gathered: Gathered) -> Picture:
    name = gathered.name or figure.name
    return Picture(
        name=name,
        title=gathered.title or figure.title,
        caption=figure.caption_of(gathered),
        fact=gathered.fact,
        figure=figure,
        chapter=figure.chapters[0],
        key=key_of(name, figure.chapters[0], ""),
        group="",
    )
