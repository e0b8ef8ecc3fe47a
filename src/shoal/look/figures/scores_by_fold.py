"""How the chosen candidate scores on the rows that each fold holds out.

Letters: F folds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._extent import LABEL, VALUE, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._measures import score_words
from shoal.look._paper import BLUE, GREY, Sheet, heading, legend_beside, panels, plain
from shoal.look._plots import Plot, X, live_axis, live_names, live_spans, plotted, short_numbers
from shoal.look._run_findings import RunFindings
from shoal.look._work import Work
from shoal.results import higher_is_better
from shoal.wording import counted, one_number

if TYPE_CHECKING:
    from shoal.results import FoldScore

_MOST: Final = 30
"""Folds that are drawn, at most: the worst."""
_LEVEL: Final = 0.05
MEAN: Final = "mean of all folds"
INTERVAL: Final = "one fold, with its 95 % interval"


@dataclass(frozen=True, eq=False)
class ScoresByFold:
    """The score of the chosen candidate on each fold, (F,), in their order, and its 95 % interval (NaN without one).

    `fold_F` numbers them from 1, `mean` is over all folds. `p` is that all have one score on other rows, NaN where that
    cannot be told; `units` says what is drawn anew.
    """

    metric: str
    higher_is_better: bool
    units: str
    mean: float
    p: float
    fold_F: NDArray[np.int64]
    rows_F: NDArray[np.int64]
    score_F: NDArray[np.float64]
    low_F: NDArray[np.float64]
    high_F: NDArray[np.float64]

    @property
    def drawn(self) -> NDArray[np.int64]:
        """The places of the folds that are drawn, in their order."""
        worst = np.argsort(self.score_F if self.higher_is_better else -self.score_F, kind="stable")
        return np.sort(worst[:_MOST])


def scores_of_folds(
    folds: Sequence[FoldScore], metric: str, units: str, *, higher: bool
) -> ScoresByFold | None:
    """Put folds side by side; None where none has an interval, so that nothing is known of differences."""
    from shoal.results import folds_differ

    if len(folds) < 2 or not any(fold.interval.known for fold in folds):
        return None
    return ScoresByFold(
        metric=metric,
        higher_is_better=higher,
        units=units,
        mean=float(np.mean([fold.score for fold in folds])),
        p=folds_differ(tuple(folds)),
        fold_F=np.array([fold.fold + 1 for fold in folds], np.int64),
        rows_F=np.array([fold.rows for fold in folds], np.int64),
        score_F=np.array([fold.score for fold in folds]),
        low_F=np.array([fold.interval.low for fold in folds]),
        high_F=np.array([fold.interval.high for fold in folds]),
    )


def scores_by_fold_of(findings: RunFindings) -> ScoresByFold | None:
    """Score the chosen candidate; None before the choice."""
    from shoal.results import scores_by_fold

    results, truth = findings.results, findings.truth
    if results.choice is None:
        return None
    metric, chosen = results.choice.metric, results.choice.candidate_id
    with results.rows_held_out() as rows:
        folds = scores_by_fold(rows, chosen, metric)
    units = "groups" if len(truth.groups) else "blocks of rows in time" if len(truth.times) else "rows"
    title = score_words(metric, truth, results.tried[chosen].training)
    return scores_of_folds(folds, title, units, higher=higher_is_better(metric))


def _axis(fact: ScoresByFold) -> str:
    return f"{plain(fact.metric, 40)} (on rows held out, as many as stand in brackets)"


def draw_scores_by_fold(fact: ScoresByFold) -> Sheet:
    """A row a fold, with its interval."""
    drawn = fact.drawn
    figure, (axes,) = panels(1, size=(8.2, 1.7 + 0.27 * len(drawn)))
    place = np.arange(len(drawn))
    axes.axvline(fact.mean, color=GREY, linewidth=1.2, linestyle=":", label=MEAN)
    known = np.isfinite(fact.low_F[drawn])
    axes.hlines(
        place[known],
        fact.low_F[drawn][known],
        fact.high_F[drawn][known],
        color=BLUE,
        linewidth=1.4,
        alpha=0.6,
    )
    axes.scatter(fact.score_F[drawn], place, s=26, color=BLUE, linewidths=0, zorder=3, label=INTERVAL)
    legend_beside(axes)
    names = zip(fact.fold_F[drawn].tolist(), fact.rows_F[drawn].tolist(), strict=True)
    axes.set_yticks(place, [f"fold {fold} ({rows:,})" for fold, rows in names])
    axes.set(ylim=(len(drawn) - 0.4, -0.6))
    axes.set_xlabel(_axis(fact))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    heading(
        figure,
        f"Chosen candidate: {plain(fact.metric, 40)} on the rows of each fold; mean {one_number(fact.mean)}",
    )
    return figure


def plot(fact: ScoresByFold) -> Plot:
    """The same rows for the pointer."""
    drawn = fact.drawn
    names = [
        f"fold {fold} ({rows:,})" for fold, rows in zip(fact.fold_F[drawn], fact.rows_F[drawn], strict=True)
    ]
    ends = fact.low_F[drawn], fact.high_F[drawn]
    traces = [live_spans(INTERVAL, fact.score_F[drawn], ends, np.arange(len(drawn)), BLUE)]
    mean = {
        "type": "scatter", "mode": "lines", "name": MEAN, "x": short_numbers([fact.mean] * 2),
        "y": [-0.6, len(drawn) - 0.4], "line": {"color": GREY, "dash": "dot", "width": 1.2},
        "hovertemplate": f"{X}<extra></extra>",
    }  # fmt: skip
    axes = {"xaxis": live_axis(label(_axis(fact))), "yaxis": live_names(names)}
    return plotted([mean, *traces], {**axes, "hovermode": "closest", "height": 130 + 24 * len(drawn)}, ())


def caption(fact: ScoresByFold) -> str:
    """What lines are, whether folds differ by more than chance, and what that would say."""
    text = (
        f"Lines are 95 % intervals for other {fact.units} like those of the fold, the dotted one is the mean."
    )
    if not math.isnan(fact.p):
        apart = fact.p < _LEVEL
        differ = f"Folds {'differ' if apart else 'do not differ'} by more than chance (Brown–Forsythe test, {_p(fact)})"
        why = ": some hold rows of another kind, or their networks learned otherwise" if apart else ""
        text += f" {differ}{why}."
    more = len(fact.score_F) - len(fact.drawn)
    return f"{text} The {_MOST} folds of the worst scores are drawn, {more:,} more are not." if more else text


def _p(fact: ScoresByFold) -> str:
    return "p < 0.001" if fact.p < 0.001 else f"p = {one_number(fact.p, 2)}"


def words(fact: ScoresByFold) -> str:
    """Say it in a sentence, with its few telling numbers."""
    low, high = int(fact.score_F.argmin()), int(fact.score_F.argmax())
    return (
        f"{fact.metric[:1].upper()}{fact.metric[1:]} of the chosen candidate over {counted(len(fact.score_F), 'fold')}:"
        f" from {one_number(float(fact.score_F[low]))} (fold {fact.fold_F[low]}) to"
        f" {one_number(float(fact.score_F[high]))} (fold {fact.fold_F[high]})."
    )


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture, and of the answers behind it."""
    if extent.folds < 2:
        return 0.0
    return panels_seconds(1) + LABEL * min(_MOST, extent.folds) + 40 * VALUE * extent.dataset.train_rows


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=60,
    name="25-search-folds",
    title="Scores of the folds",
    caption=caption,
    gather=single(scores_by_fold_of),
    draw=draw_scores_by_fold,
    words=words,
    plot=plot,
    works=(
        Work(
            "whether folds differ",
            "Brown, Forsythe (1974): The small sample behavior of some statistics which test the equality of several"
            " means. Technometrics 16, 129–132.",
        ),
    ),
    seconds=seconds,
)
