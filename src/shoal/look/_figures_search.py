"""Pictures of a search: one drawing function a fact. Only places on paper are computed."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._facts_search import Effect, Effects, Ranking, VarianceSplit
from shoal.look._figures import (
    BLACK,
    BLUE,
    GREY,
    SKY,
    VERMILLION,
    Panel,
    Sheet,
    empty,
    heading,
    legend_beside,
    logarithmic,
    panels,
    plain,
)
from shoal.look._notes import NOT_TOLD, TOLD
from shoal.look._tables import percent

TIED: Final = "cannot be told from the best"
WORSE: Final = "worse than the best (5 %)"
CHOSEN: Final = "chosen"
_NAMED: Final = 80
"""Up to so many candidates are all named; of more, the best 40 are, and the rest stand close together."""
_BEST: Final = 40
RANKING_LOG: Final = 20
"""Ratio of the worst score to the best from which their axis is logarithmic."""
_REST_HEIGHT: Final = 16


def draw_ranking(ranking: Ranking) -> Sheet:
    """Candidates from best to worst with standard errors; settings as a table at the left."""
    count = len(ranking.score_C)
    place_C, named = ranking_places(count)
    table = ranking_table(ranking, named)
    figure, (axes,) = panels(1, size=(7.2 + 0.085 * len(table[0]), 1.6 + 0.185 * (place_C[-1] + 2)))
    for label, tied, color in ((TIED, True, BLUE), (WORSE, False, GREY)):
        shown_C = (ranking.tied_C == tied) & np.isfinite(ranking.score_C)
        if not shown_C.any():
            continue
        # Where candidates stand close together, bars would hide the dots.
        error_C = np.where(np.arange(count) < named, np.nan_to_num(ranking.error_C), 0)
        axes.errorbar(
            ranking.score_C[shown_C], place_C[shown_C], xerr=error_C[shown_C], fmt="o", markersize=4.5,
            elinewidth=1.2, color=color, label=label,
        )  # fmt: skip
    if ranking.chosen >= 0:
        axes.plot(
            ranking.score_C[ranking.chosen], place_C[ranking.chosen], "D", markersize=8, color=VERMILLION,
            zorder=4, label=CHOSEN,
        )  # fmt: skip
        axes.axhspan(
            *(place_C[ranking.chosen] + np.array([-0.5, 0.5])), color=VERMILLION, alpha=0.1, linewidth=0
        )
    _finish_ranking(axes, ranking, place_C, table)
    heading(figure, "Candidates ranked by selection score (bars: one standard error)")
    return figure


def draw_effects(effects: Effects) -> Sheet:
    """Mean selection score at each level of each hyperparameter, on one scale, the largest effect first."""
    if not effects.effects:
        figure, (axes,) = panels(1, size=(6, 2))
        empty(axes, "no hyperparameter has two levels with healthy candidates")
        return figure
    figure, grid = panels(len(effects.effects), size=(7.0 if len(effects.effects) == 1 else 4.6, 3.6))
    for axes, effect in zip(grid, effects.effects, strict=True):
        _draw_effect(axes, effect, effects.grand_mean)
    for axes in grid[::2]:
        axes.set_ylabel("mean selection score")
    low = min(np.nanmin(_ends(effect)) for effect in effects.effects)
    high = max(np.nanmax(_ends(effect)) for effect in effects.effects)
    for axes in grid:
        axes.set_ylim(low - 0.06 * (high - low), high + 0.06 * (high - low))
    heading(figure, "Effect of each hyperparameter: mean over all others, with 95 % interval")
    return figure


def draw_variance_split(split: VarianceSplit) -> Sheet:
    """How much of the scores' variance comes from where."""
    figure, (axes,) = panels(1, size=(9, 1.6 + 0.4 * len(split.sources)))
    rows = np.arange(len(split.sources))
    axes.barh(rows, 100 * split.share, height=0.62, color=[BLUE, SKY, GREY, VERMILLION][: len(rows)])
    for row, share in enumerate(split.share.tolist()):
        axes.text(100 * share + 1, row, percent(share, 0), va="center")
    axes.set_yticks(rows, split.sources)
    axes.set(
        xlim=(0, 112),
        ylim=(len(rows) - 0.5, -0.5),
        xlabel=f"share of the variance of the {split.quantity} (%)",
    )
    axes.grid(visible=False, axis="y")
    axes.tick_params(axis="y", length=0)
    counts = f"{split.candidates} candidates, {split.folds} folds, {split.repeats} "
    counts += "repeats" if split.repeats > 1 else "repeat"
    heading(figure, f"Where differences between single scores come from ({counts})")
    return figure


def _draw_effect(axes: Panel, effect: Effect, grand_mean: float) -> None:
    places = np.arange(len(effect.levels))
    color = BLUE if effect.clear else GREY
    axes.axhline(grand_mean, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    half_width_L = np.nan_to_num(effect.half_width_L)
    axes.errorbar(places, effect.mean_L, yerr=half_width_L, fmt="o", color=color, linewidth=1.2, capsize=4)
    if effect.ordered:
        axes.plot(places, effect.mean_L, color=color, linewidth=1.2)
    axes.set_xticks(places, [plain(level, 18) for level in effect.levels])
    if sum(len(label) for label in effect.levels) > 30:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_xlabel(plain(effect.key, 34))
    told = f"p = {effect.p_value:.2g}" if np.isfinite(effect.p_value) else "no test possible"
    told = f"{TOLD if effect.clear else NOT_TOLD} ({told})"
    axes.set_title(told, fontsize=10, fontweight="normal")


def _ends(effect: Effect) -> NDArray[np.float64]:
    half_width_L = np.nan_to_num(effect.half_width_L)
    return np.concatenate((effect.mean_L - half_width_L, effect.mean_L + half_width_L))


def ranking_places(count: int) -> tuple[NDArray[np.float64], int]:
    """Heights of the candidates, and how many are named: in a long list the rest share a fixed height."""
    if count <= _NAMED:
        return np.arange(count, dtype=np.float64), count
    rest = _BEST + 0.5 + np.linspace(0, _REST_HEIGHT, count - _BEST)
    return np.concatenate((np.arange(_BEST, dtype=np.float64), rest)), _BEST


def ranking_table(ranking: Ranking, named: int) -> list[str]:
    """Lines of equal length: a header, then the settings of the named candidates, in columns."""
    cells = [["rank", *(plain(key, 16) for key in ranking.keys)]]
    for rank, values in enumerate(ranking.values[:named], start=1):
        cells.append([str(rank), *(plain(value, 14) for value in values)])
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]))]
    return ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]


def _finish_ranking(axes: Panel, ranking: Ranking, place_C: NDArray[np.float64], table: list[str]) -> None:
    axes.set_yticks([-1.2, *place_C[: len(table) - 1]], table, fontfamily="DejaVu Sans Mono")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(place_C[-1] + 1, -2)
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
