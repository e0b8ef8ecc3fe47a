"""All candidates of a search from best to worst, with their settings.

Letters: C candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._escape import label
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._measures import selection_score
from shoal.look._paper import (
    BLUE,
    GREEN,
    GREY,
    MONOSPACED,
    PURPLE,
    VERMILLION,
    Panel,
    Sheet,
    heading,
    legend_beside,
    logarithmic,
    panels,
    plain,
)
from shoal.look._plots import MOST_POINTS, Plot, X, live_axis, plotted, short_numbers
from shoal.look._reasons import level_of, verdict_of, verdict_sentence
from shoal.look._run_findings import RunFindings
from shoal.look._text_layout import in_lines
from shoal.results import higher_is_better
from shoal.study import short_keys, text_of
from shoal.wording import counted, one_number

KINDS: Final = {
    "best": ("the best", BLUE),
    "equivalent": ("equivalent to the best (within the margin)", GREEN),
    "unresolved": ("unresolved: may be as good as the best", PURPLE),
    "worse": ("worse than the best (5 %)", GREY),
    "not compared": ("not compared", PURPLE),
}
"""Name and colour of the candidates of each verdict."""
CHOSEN: Final = "chosen"
_NAMED: Final = 80
"""Up to so many candidates are all named; of more, the best 40 are, and the rest stand close together."""
_BEST: Final = 40
RANKING_LOG: Final = 20
"""Ratio of the worst score to the best from which their axis is logarithmic."""
_REST_HEIGHT: Final = 16
_KEY_WIDTH: Final = 14
"""Letters of a line of the header, of which there are three at most."""
_QUANTITY_WIDTH: Final = 26
"""Letters of a line of the name of the score: beside many settings there is little room."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidates from best to worst; `values` holds the settings of each as text, in the order of `keys`.

    `verdict` says of each how it stands beside the best, `chosen` is the place of the chosen one (-1: none). Failed
    candidates come last, with NaN.
    """

    quantity: str
    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    score_C: NDArray[np.float64]
    error_C: NDArray[np.float64]
    verdict: tuple[str, ...]
    chosen: int
    higher_is_better: bool = False

    @property
    def others(self) -> list[str]:
        """The verdicts of the healthy candidates beside the best."""
        return [
            verdict
            for verdict, score in zip(self.verdict[1:], self.score_C[1:], strict=True)
            if np.isfinite(score)
        ]

    def of_verdict(self, verdict: str) -> NDArray[np.bool_]:
        """Mark the healthy candidates of a verdict, (C,), less the chosen one, which has a mark of its own."""
        of_kind_C = np.array([name == verdict and c != self.chosen for c, name in enumerate(self.verdict)])
        return of_kind_C & np.isfinite(self.score_C)

    @property
    def chosen_as(self) -> str:
        """Name the chosen candidate in a legend: with how it stands beside the best."""
        return f"{CHOSEN}, {KINDS[self.verdict[self.chosen]][0]}"


def ranking(
    quantity: str,
    settings: Sequence[Mapping[str, Any]],
    scores_C: tuple[NDArray[Any], NDArray[Any]],
    verdicts: Sequence[str],
    chosen_C: NDArray[Any],
    *,
    higher_is_better: bool = False,
) -> Ranking:
    """Rank candidates by selection score; `scores_C` holds the scores and their standard errors."""
    score_C, error_C = (np.asarray(part, dtype=np.float64) for part in scores_C)
    order = np.argsort(-score_C if higher_is_better else score_C, kind="stable")
    keys = tuple(dict.fromkeys(key for setting in settings for key in setting))
    return Ranking(
        quantity=quantity,
        keys=short_keys(keys),
        values=tuple(tuple(text_of(settings[c].get(key)) for key in keys) for c in order),
        score_C=score_C[order],
        error_C=error_C[order],
        verdict=tuple(verdicts[c] for c in order),
        chosen=int(np.argmax(np.asarray(chosen_C)[order])) if np.any(chosen_C) else -1,
        higher_is_better=higher_is_better,
    )


def ranking_of(findings: RunFindings) -> Ranking | None:
    """All candidates of the search from best to worst."""
    frame = findings.results.candidates
    if not len(frame):
        return None
    values = {row.candidate_id: row.values for row in findings.results.candidate_rows}
    training = findings.results.tried[frame["candidate_id"].iloc[0]].training
    return ranking(
        selection_score(findings.search.metric, findings.results.truth, training),
        [values[name] for name in frame["candidate_id"]],
        (frame["selection_score"].to_numpy(), frame["standard_error"].to_numpy()),
        [verdict_of(row) for row in findings.results.standings],
        frame["chosen"].to_numpy(),
        higher_is_better=higher_is_better(findings.search.metric),
    )


def draw_ranking(ranking: Ranking) -> Sheet:
    """Candidates from best to worst with standard errors; settings as a table at the left."""
    count = len(ranking.score_C)
    place_C, named = ranking_places(count)
    table = ranking_table(ranking, named)
    figure, (axes,) = panels(
        1, size=(7.2 + 0.085 * len(table[-1]), 1.6 + 0.185 * (place_C[-1] - 2 * _above(table) - 0.4))
    )
    # Where candidates stand close together, bars would hide the dots.
    error_C = np.where(np.arange(count) < named, np.nan_to_num(ranking.error_C), 0)
    for verdict, (name, color) in KINDS.items():
        shown_C = ranking.of_verdict(verdict)
        if not shown_C.any():
            continue
        axes.errorbar(
            ranking.score_C[shown_C], place_C[shown_C], xerr=error_C[shown_C], fmt="o", markersize=4.5,
            elinewidth=1.2, color=color, label=name,
        )  # fmt: skip
    if ranking.chosen >= 0:
        axes.errorbar(
            ranking.score_C[ranking.chosen], place_C[ranking.chosen], xerr=error_C[ranking.chosen], fmt="D",
            markersize=8, elinewidth=1.2, color=VERMILLION, zorder=4, label=ranking.chosen_as,
        )  # fmt: skip
        axes.axhspan(
            *(place_C[ranking.chosen] + np.array([-0.5, 0.5])), color=VERMILLION, alpha=0.1, linewidth=0
        )
    _finish_ranking(axes, ranking, place_C, table)
    heading(figure, "Candidates ranked by selection score (bars: one standard error)")
    return figure


def ranking_places(count: int) -> tuple[NDArray[np.float64], int]:
    """Heights of the candidates, and how many are named: in a long list the rest share a fixed height."""
    if count <= _NAMED:
        return np.arange(count, dtype=np.float64), count
    rest = _BEST + 0.5 + np.linspace(0, _REST_HEIGHT, count - _BEST)
    return np.concatenate((np.arange(_BEST, dtype=np.float64), rest)), _BEST


def ranking_table(ranking: Ranking, named: int) -> list[str]:
    """Lines of equal length: a header, of several lines where keys are long, then the settings of the named candidates,
    in columns."""
    wrapped = [
        ["rank"],
        *(in_lines(plain(key, 3 * _KEY_WIDTH), _KEY_WIDTH).split("\n") for key in ranking.keys),
    ]
    rows = [
        [str(rank), *(plain(value, 14) for value in values)]
        for rank, values in enumerate(ranking.values[:named], start=1)
    ]
    high = max(map(len, wrapped))
    header = [[([""] * (high - len(lines)) + lines)[n] for lines in wrapped] for n in range(high)]
    widths = [max(map(len, column)) for column in zip(*header, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        for line in header + rows
    ]
    return ["\n".join(lines[:high]), *lines[high:]]


def _above(table: list[str]) -> float:
    """Give the height of the middle of the header, above the first candidate's."""
    return -0.8 - 0.4 * len(table[0].splitlines())


def _finish_ranking(axes: Panel, ranking: Ranking, place_C: NDArray[np.float64], table: list[str]) -> None:
    axes.set_yticks([_above(table), *place_C[: len(table) - 1]], table, fontfamily=MONOSPACED)
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place_C[-1] + 1, 2 * _above(table) + 0.4)
    left_out = len(place_C) - len(table) + 1
    if left_out:
        axes.text(
            -0.01, place_C[len(table) - 1 :].mean(), f"{left_out} more candidates\n(see the table of candidates)",
            transform=axes.get_yaxis_transform(), ha="right", va="center", fontsize=9, color="#666666",
        )  # fmt: skip
    for place in place_C[~np.isfinite(ranking.score_C)][: max(0, len(table) - 1)]:
        axes.text(
            0.02, place, "diverged or failed", transform=axes.get_yaxis_transform(), va="center", fontsize=9
        )
    axes.set_xlabel(ranking.quantity)
    score_C = ranking.score_C[np.isfinite(ranking.score_C)]
    if len(score_C) and score_C.min() > 0 and score_C.max() / score_C.min() > RANKING_LOG:
        logarithmic(axes.xaxis, float(score_C.min()), float(score_C.max()))
    if len(score_C):
        legend_beside(axes)


def caption(fact: Ranking) -> str:
    """What is marked, and how the candidates stand beside the best."""
    others = fact.others
    marked = "The marked candidate was chosen. " if fact.chosen >= 0 else "Nothing is chosen yet. "
    significance = f"{verdict_sentence(others)}{level_of(others)}. "
    optimism = "The score is the cross-validated one that the choice is made by, so the best is optimistic."
    return f"{marked}{significance}{optimism}"


def words(fact: Ranking) -> str:
    """Say it in a sentence, with its few telling numbers."""
    healthy = fact.score_C[np.isfinite(fact.score_C)]
    if not len(healthy):
        return "No candidate is healthy."
    ends = f"from {one_number(healthy[0])} to {one_number(healthy[-1])}"
    return (
        f"{counted(len(fact.score_C), 'candidate')}, {fact.quantity} {ends}. {verdict_sentence(fact.others)}."
    )


def plot(fact: Ranking) -> Plot | None:
    """Candidates from the top down with their settings beside them, as they are drawn."""
    count = len(fact.score_C)
    if not np.isfinite(fact.score_C).any() or count > MOST_POINTS:
        return None
    place_C, named = ranking_places(count)
    table = ranking_table(fact, named)
    header, *rows = (
        "<br>".join(label(part).replace(" ", "\u00a0") for part in line.split("\n")) for line in table
    )
    healthy_C = np.isfinite(fact.score_C)
    kinds = [(name, color, fact.of_verdict(verdict)) for verdict, (name, color) in KINDS.items()]
    traces = [
        _candidates(
            fact,
            kind,
            {"color": color, "symbol": "circle", "size": 7},
            (place_C, named, np.flatnonzero(some_C)),
        )
        for kind, color, some_C in kinds
        if some_C.any()
    ]
    if fact.chosen >= 0:
        mark = {"color": VERMILLION, "symbol": "diamond", "size": 11}
        traces.append(_candidates(fact, fact.chosen_as, mark, (place_C, named, np.array([fact.chosen]))))
    score_C = fact.score_C[healthy_C]
    wide = bool(score_C.min() > 0 and score_C.max() / score_C.min() > RANKING_LOG)
    ticks = {
        "tickvals": [_above(table), *short_numbers(place_C[:named])], "ticktext": [header, *rows],
        "tickfont": {"family": "DejaVu Sans Mono, monospace", "size": 11},
        "range": [float(place_C[-1]) + 1, 2 * _above(table) + 0.4],
        "ticks": "outside", "ticklen": 8, "tickcolor": "rgba(0,0,0,0)",
    }  # fmt: skip
    quantity = in_lines(fact.quantity, _QUANTITY_WIDTH).replace("\n", "<br>")
    layout = {
        "xaxis": live_axis(quantity, log=wide), "yaxis": {**live_axis(""), **ticks}, "hovermode": "closest",
        "height": round(150 + 18 * (place_C[-1] - 2 * _above(table) - 0.4)),
    }  # fmt: skip
    failed = int((~healthy_C).sum())
    notes = ["bars: one standard error"] + [f"{counted(failed, 'candidate')} diverged or failed"] * bool(
        failed
    )
    return plotted(traces, layout, notes)


def _candidates(
    fact: Ranking, name: str, marker: dict[str, Any], where: tuple[NDArray[Any], int, NDArray[np.int64]]
) -> dict[str, Any]:
    """Some candidates (numbers `some` into `place_C`) as dots with their standard errors, those named only."""
    place_C, named, some = where
    error = np.where(some < named, np.nan_to_num(fact.error_C[some]), 0)
    return {
        "type": "scatter", "mode": "markers", "name": name, "x": short_numbers(fact.score_C[some]),
        "y": short_numbers(place_C[some]),
        "error_x": {"type": "data", "array": short_numbers(error), "thickness": 1, "width": 0},
        "text": [f"rank {number + 1}<br>{_settings(fact, number)}" for number in some.tolist()],
        "marker": marker, "hovertemplate": f"{X}<br>%{{text}}<extra></extra>",
    }  # fmt: skip


def _settings(fact: Ranking, place: int) -> str:
    pairs = zip(fact.keys, fact.values[place], strict=True)
    return "<br>".join(label(f"{key} {value}") for key, value in pairs)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(1) if extent.folds else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=10,
    name="20-search-ranking",
    title="Ranking of the candidates",
    caption=caption,
    gather=single(ranking_of),
    draw=draw_ranking,
    words=words,
    plot=plot,
    seconds=seconds,
)
