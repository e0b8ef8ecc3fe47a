"""How much worse the score gets where an input column is permuted among held-out rows.

Letters: S columns, then groups of columns; F networks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._extent import LABEL, Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import BLACK, BLUE, GREY, VERMILLION, Sheet, fan, heading, legend_beside, panels, plain
from shoal.look._plots import Plot, X, live_axis, live_dots, live_names, live_spans, plotted
from shoal.look._run_findings import RunFindings
from shoal.look._work import Work
from shoal.results import higher_is_better
from shoal.wording import counted, listed, one_number

if TYPE_CHECKING:
    from shoal.results import Importance

_MOST: Final = 20
_MOST_GROUPS: Final = 6
"""Columns, and groups of columns, that are drawn, at most."""
_NAMED: Final = 5
ONE_INPUT: Final = "one input, with its 95 % interval"
TOGETHER: Final = "inputs permuted together"


@dataclass(frozen=True, eq=False)
class InputImportance:
    """What permuting costs, by subject, columns first, the most important first: each a row, (S,), of networks (F, S).

    `together_S` are the columns of each. `low_S` to `high_S` is its 95 % interval, NaN where there is none; all is NaN
    of what does not differ among the rows that are permuted together.
    """

    metric: str
    higher_is_better: bool
    of_folds: bool
    rows: int
    permutations: int
    together_S: tuple[str, ...]
    columns_S: NDArray[np.int64]
    mean_S: NDArray[np.float64]
    std_S: NDArray[np.float64]
    low_S: NDArray[np.float64]
    high_S: NDArray[np.float64]
    network_FS: NDArray[np.float64]


def importance_of(findings: RunFindings) -> InputImportance | None:
    """Give what is kept of it; None where nothing is, or where the score is not defined on the rows asked about."""
    importance = findings.results.importances
    healthy = findings.delivered.healthy
    if importance is None or not healthy or importance.asked.fit != healthy[0].fit_id:
        return None
    return of_importance(importance, findings.truth.title_of(importance.asked.metric))


def of_importance(importance: Importance, metric: str) -> InputImportance | None:
    """Put subjects in order."""
    mean_S, subjects = importance.mean_S, importance.subjects
    if not np.isfinite(mean_S).any():
        return None
    order = importance.ordered
    return InputImportance(
        metric=metric,
        higher_is_better=higher_is_better(importance.asked.metric),
        of_folds=importance.asked.on == "folds",
        rows=importance.asked.rows,
        permutations=importance.worse_FSP.shape[2],
        together_S=tuple(", ".join(subjects[place]) for place in order),
        columns_S=np.array([len(subjects[place]) for place in order], np.int64),
        mean_S=mean_S[order],
        std_S=importance.std_S[order],
        low_S=importance.low_S[order],
        high_S=importance.high_S[order],
        network_FS=importance.worse_FSP.mean(axis=2)[:, order],
    )


def _drawn(fact: InputImportance) -> list[int]:
    """Give the places of the subjects that are drawn: the first columns, then the first groups."""
    groups = [int(place) for place in np.flatnonzero(fact.columns_S > 1)]
    columns = [int(place) for place in np.flatnonzero(fact.columns_S == 1)]
    return columns[:_MOST] + groups[:_MOST_GROUPS]


def _permuted(fact: InputImportance) -> str:
    worse = "fall" if fact.higher_is_better else "rise"
    return f"{worse} of the {plain(fact.metric)} (where an input is permuted)"


def draw_importance(fact: InputImportance) -> Sheet:
    """A row a column: its mean, its interval, and each network alone; groups below, in another colour."""
    drawn = _drawn(fact)
    figure, (axes,) = panels(1, size=(8.5, 1.7 + 0.3 * len(drawn)))
    axes.axvline(0, color=BLACK, linewidth=0.8)
    networks = len(fact.network_FS)
    if networks > 1:
        heights = np.concatenate([row + fan(networks) for row in range(len(drawn))])
        values = fact.network_FS[:, drawn].T.reshape(-1)
        axes.scatter(values, heights, s=14, color=GREY, alpha=0.6, linewidths=0, label="one network")
    several = fact.columns_S[drawn] > 1
    for kind, color, name in (
        (False, BLUE, ONE_INPUT),
        (True, VERMILLION, TOGETHER),
    ):
        rows = np.flatnonzero(several == kind)
        places = np.array(drawn)[rows]
        if len(rows):
            low, high = np.nan_to_num(fact.low_S[places]), np.nan_to_num(fact.high_S[places])
            known = np.isfinite(fact.low_S[places])
            axes.hlines(rows[known], low[known], high[known], color=color, linewidth=1.6)
            axes.scatter(fact.mean_S[places], rows, s=42, color=color, linewidths=0, zorder=3, label=name)
    axes.set_yticks(range(len(drawn)), [plain(fact.together_S[place], 34) for place in drawn])
    axes.set(ylim=(len(drawn) - 0.4, -0.6))
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(_permuted(fact))
    heading(figure, f"How much the {plain(fact.metric)} rests on each input")
    legend_beside(axes)
    return figure


def plot(fact: InputImportance) -> Plot:
    """The same rows for the pointer."""
    drawn = np.array(_drawn(fact))
    several, place = fact.columns_S[drawn] > 1, np.arange(len(drawn))
    traces = []
    if networks := len(fact.network_FS) - 1:
        heights = (place[:, None] + fan(networks + 1)).T.reshape(-1)
        traces.append(
            {
                **live_dots("one network", fact.network_FS[:, drawn].reshape(-1), heights, GREY),
                "hovertemplate": f"{X} of one network<extra></extra>",
            }
        )
    for own, name, color in ((~several, ONE_INPUT, BLUE), (several, TOGETHER, VERMILLION)):
        if own.any():
            ends = fact.low_S[drawn[own]], fact.high_S[drawn[own]]
            traces.append(live_spans(name, fact.mean_S[drawn[own]], ends, place[own], color))
    names = [plain(fact.together_S[s], 34) for s in drawn]
    axes = {"xaxis": live_axis(label(_permuted(fact))), "yaxis": live_names(names)}
    return plotted(traces, {**axes, "hovermode": "closest", "height": 130 + 26 * len(drawn)}, ())


def caption(fact: InputImportance) -> str:
    """What was permuted, where, and what the whiskers are and are not."""
    rows = counted(fact.rows, "row") if fact.rows > 1 else "one row"
    times = counted(fact.permutations, "time")
    if fact.of_folds:
        where = f"Each network of the folds, on up to {rows} that it held out: a column is permuted {times}."
        lines = (
            "Lines: 95 % intervals over the folds (Student’s t), widened since their training rows overlap"
            " (Nadeau and Bengio 2003)."
        )
    else:
        asked = f"There is no search, so the delivered network is asked, on {rows} of the test rows"
        where = f"{asked}; a column is permuted {times}."
        lines = "Lines: 95 % intervals for other test rows and other permutations."
    lines = lines if np.isfinite(fact.low_S).any() else "There is nothing to draw intervals from."
    together = (
        " Inputs that go along with each other vouch for each other when permuted alone; such groups (average linkage"
        " of 1 less their association, cut at 0.3) are permuted together as well."
        if (fact.columns_S > 1).any()
        else ""
    )
    others = len(fact.together_S) - len(_drawn(fact))
    more = f" {others:,} more are not drawn." if others else ""
    what = "It says what this network uses, not what causes the target."
    return f"{where} {lines}{together} {what}{more}{_unknown(fact)}"


def _unknown(fact: InputImportance) -> str:
    """Name what permuting says nothing of."""
    names = [fact.together_S[place] for place in np.flatnonzero(np.isnan(fact.mean_S))]
    if not names:
        return ""
    shown = names if len(names) <= _NAMED else [*names[: _NAMED - 1], f"{len(names) - _NAMED + 1:,} more"]
    rows = "among the rows that a network held out" if fact.of_folds else "among these rows"
    return f" Nothing is known of what does not differ {rows}: {listed(shown)}."


def words(fact: InputImportance) -> str:
    """Say it in a sentence, with its few telling numbers."""
    known = [place for place in _drawn(fact) if np.isfinite(fact.mean_S[place])]
    columns = [place for place in known if fact.columns_S[place] == 1][:_NAMED]
    named = [f"{fact.together_S[place]} {one_number(float(fact.mean_S[place]))}" for place in columns]
    worse = "falls" if fact.higher_is_better else "rises"
    return f"Where it is permuted, the {fact.metric} {worse} by: {listed(named)}."


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    if extent.images or not extent.study.inspect.importance:
        return 0.0
    return panels_seconds(1) + LABEL * min(_MOST, len(extent.dataset.columns))


FIGURE: Final = Figure(
    chapters=(Chapter.INSIDE,),
    order=2,
    name="31-delivered-importance",
    title="Importance of the inputs",
    caption=caption,
    gather=single(importance_of),
    draw=draw_importance,
    words=words,
    plot=plot,
    works=(
        Work("permutation importance", "Breiman (2001): Random forests. Machine Learning 45, 5–32."),
        Work(
            "permutation importance of any model",
            "Fisher, Rudin, Dominici (2019): All models are wrong, but many are useful. JMLR 20, 177.",
        ),
    ),
    seconds=seconds,
)
