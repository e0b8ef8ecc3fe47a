"""What each hyperparameter does to the selection score.

Letters: C candidates, L levels (values or bins of one hyperparameter).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.kinds import SEARCHES, row_of
from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._line_notes import NAMES
from shoal.look._paper import BLACK, BLUE, GREY, Panel, Sheet, empty, heading, panels, plain, with_room
from shoal.look._run_findings import RunFindings
from shoal.results import SearchErrors
from shoal.study import short_keys, text_of
from shoal.wording import listed, one_number, rounded

MAX_LEVELS: Final = 8
BINS: Final = 5
"""Bins of drawn numbers, where there are more."""
LEVEL: Final = 0.05
SIGNIFICANT: Final = "significant at 5 %"


@dataclass(frozen=True, eq=False)
class Effect:
    """What one hyperparameter does to the mean selection score, over all else.

    `difference_L` is each level's mean less the mean of all levels, with half of its 95 % interval. `size` is the
    highest level's mean less the lowest's; its 95 % interval, from `low` to `high`, and its `p_value` allow for the
    choice among all pairs of levels (Bonferroni). NaN where nothing can be tested. `ordered`: levels are numbers.
    """

    key: str
    levels: tuple[str, ...]
    ordered: bool
    difference_L: NDArray[np.float64]
    half_width_L: NDArray[np.float64]
    count_L: NDArray[np.int64]
    size: float
    low: float
    high: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether the effect is statistically significant (5 %)."""
        return self.p_value < LEVEL


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of all searched hyperparameters, the largest first."""

    quantity: str
    effects: tuple[Effect, ...]


def effects(
    quantity: str,
    settings: Sequence[Mapping[str, Any]],
    score_C: NDArray[Any],
    errors: SearchErrors | None,
) -> Effects:
    """Give the effect of every hyperparameter on the mean score; candidates that failed are left out before.

    In a full grid every level meets the same other settings: what may be off comes from the rows held out and from
    training, as `errors` (of the same candidates) say. In a random search the other settings are chance too: with None
    the intervals come from the candidates (Welch 1947, "The generalization of Student's problem", Biometrika 34).
    """
    keys = tuple(dict.fromkeys(key for setting in settings for key in setting))
    all_effects = [
        _effect(name, [setting.get(key) for setting in settings], score_C, errors)
        for key, name in zip(keys, short_keys(keys), strict=True)
    ]
    several = [effect for effect in all_effects if len(effect.levels) > 1]
    return Effects(quantity, tuple(sorted(several, key=lambda effect: -effect.size)))


def effects_of(findings: RunFindings) -> Effects | None:
    """Effect of every hyperparameter; None where nothing varies or nothing is healthy."""
    results, search = findings.results, findings.study.search
    healthy = [standing for standing in results.standings if not standing.failed]
    if search is None or len(healthy) < 2:
        return None
    ids = [standing.candidate_id for standing in healthy]
    values = {row.candidate_id: row.values for row in results.candidate_rows}
    errors = results.search_errors(ids) if row_of("search.method", SEARCHES, search.method).complete else None
    score_C = np.array([standing.selection_score for standing in healthy])
    result = effects("selection score", [values[name] for name in ids], score_C, errors)
    return result if result.effects else None


def _effect(
    name: str, values: Sequence[Any], score_C: NDArray[np.float64], errors: SearchErrors | None
) -> Effect:
    """Describe one hyperparameter."""
    level_C, levels = _levels(values)
    count_L = np.bincount(level_C, minlength=len(levels))
    mean_L = np.bincount(level_C, score_C, minlength=len(levels)) / count_L
    best, worst = int(mean_L.argmin()), int(mean_L.argmax())
    pairs = max(1, len(levels) * (len(levels) - 1) // 2)
    unit_LL = np.eye(len(levels))

    def error_of(weight_L: NDArray[np.float64]) -> tuple[float, float]:
        if errors is not None:
            return errors.contrast((weight_L / count_L)[level_C])
        return _welch(weight_L, [score_C[level_C == level] for level in range(len(levels))])

    apart = mean_L[worst] - mean_L[best]
    half, p_value = _interval(apart, *error_of(unit_LL[worst] - unit_LL[best]), pairs)
    return Effect(
        key=name,
        levels=levels,
        ordered=all(isinstance(value, int | float) for value in values),
        difference_L=mean_L - mean_L.mean(),
        half_width_L=np.array(
            [_interval(0.0, *error_of(own_L - 1 / len(levels)), 1)[0] for own_L in unit_LL]
        ),
        count_L=count_L,
        size=float(apart),
        low=float(apart - half),
        high=float(apart + half),
        p_value=p_value,
    )


def _interval(difference: float, error: float, freedom: float, pairs: int) -> tuple[float, float]:
    """Give half the 95 % interval of one of so many differences, and its p-value; NaN where nothing is known of it."""
    from scipy.special import stdtr, stdtrit  # scipy.stats would take 50 MB and half a second

    if not 0 < error < math.inf:  # squares of huge scores overflow
        return math.nan, math.nan
    half = float(stdtrit(freedom, 1 - LEVEL / 2 / pairs)) * error
    return half, min(1.0, pairs * 2 * float(stdtr(freedom, -abs(difference) / error)))


def _welch(weight_L: NDArray[np.float64], by_level: Sequence[NDArray[np.float64]]) -> tuple[float, float]:
    """Give the standard error of a weighted sum of means of independent values of any spread, and its freedom.

    NaN where a level that counts has a single value.
    """
    if any(len(values) < 2 for weight, values in zip(weight_L, by_level, strict=True) if weight):
        return math.nan, math.nan
    shares = [
        (float(weight**2 * values.var(ddof=1)) / len(values), len(values) - 1)
        for weight, values in zip(weight_L, by_level, strict=True)
        if weight
    ]
    variance = sum(share for share, _ in shares)
    if not variance:
        return 0.0, math.nan
    return math.sqrt(variance), variance**2 / sum(share**2 / freedom for share, freedom in shares)


def _levels(values: Sequence[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number each candidate's level and name the levels: values in order, or bins of equal counts."""
    numeric = all(isinstance(value, int | float) for value in values)
    distinct = sorted(set(values)) if numeric else list({text_of(value): value for value in values}.values())
    if numeric and len(distinct) > MAX_LEVELS:
        number_C = np.array(values, dtype=np.float64)
        firsts = np.sort(number_C)[np.arange(1, BINS) * len(number_C) // BINS]
        level_C = np.searchsorted(np.unique(firsts[firsts > number_C.min()]), number_C, side="right")
        groups = [number_C[level_C == level] for level in range(level_C.max() + 1)]
        ends = np.array([(group.min(), group.max()) for group in groups])
        digits = next((d for d in range(2, 8) if _told_apart(ends, d)), 8)
        return level_C, tuple(f"{rounded(low, digits)} to {rounded(high, digits)}" for low, high in ends)
    names = tuple(text_of(value) for value in distinct)
    return np.array([names.index(text_of(value)) for value in values], dtype=np.int64), names


def _told_apart(ends: NDArray[np.float64], digits: int) -> bool:
    """Whether the ends of neighbouring bins, and of each that is wider than a number, are written differently."""
    flat = ends.reshape(-1)
    return len({rounded(value, digits) for value in flat.tolist()}) == len(np.unique(flat))


def draw_effects(effects: Effects) -> Sheet:
    """Mean selection score at each level of each hyperparameter, on one scale, the largest effect first."""
    if not effects.effects:
        figure, (axes,) = panels(1, size=(6, 2))
        empty(axes, "no hyperparameter has two levels with healthy candidates")
        return figure
    figure, grid = panels(len(effects.effects), size=(7.0 if len(effects.effects) == 1 else 4.6, 3.6))
    for axes, effect in zip(grid, effects.effects, strict=True):
        _draw_effect(axes, effect)
    for axes in grid[::2]:
        axes.set_ylabel(f"{effects.quantity}: mean\nless the mean of all levels")
    low = min(float(np.nanmin(_ends(effect))) for effect in effects.effects)
    high = max(float(np.nanmax(_ends(effect))) for effect in effects.effects)
    for axes in grid:
        axes.set_ylim(with_room(low, high, 0.06))
    heading(figure, "Effect of each hyperparameter: difference to the mean of its levels, with 95 % interval")
    return figure


def _draw_effect(axes: Panel, effect: Effect) -> None:
    places = np.arange(len(effect.levels))
    color = BLUE if effect.significant else GREY
    axes.axhline(0, color=BLACK, linewidth=0.8, linestyle=(0, (4, 3)))
    half_width_L = np.nan_to_num(effect.half_width_L)
    axes.errorbar(
        places, effect.difference_L, yerr=half_width_L, fmt="o", color=color, linewidth=1.2, capsize=4
    )
    if effect.ordered:
        axes.plot(places, effect.difference_L, color=color, linewidth=1.2)
    axes.set_xticks(places, [plain(level, 18) for level in effect.levels])
    if sum(len(label) for label in effect.levels) > 30:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.set_xlabel(plain(effect.key, 34))
    what = "difference " if np.isfinite(effect.p_value) else ""
    axes.set_title(what + _resolution(effect), fontsize=10, fontweight="normal")


def _resolution(effect: Effect) -> str:
    """Say what is known of the difference between the highest and the lowest level."""
    if not np.isfinite(effect.p_value):
        return "no test possible"
    span = f"between {one_number(effect.low, 2)} and {one_number(effect.high, 2)}"
    return f"{span} (p = {rounded(effect.p_value, 2)})" if effect.significant else f"not resolved: {span}"


def _ends(effect: Effect) -> NDArray[np.float64]:
    half_width_L = np.nan_to_num(effect.half_width_L)
    return np.concatenate((effect.difference_L - half_width_L, effect.difference_L + half_width_L))


def caption(fact: Effects) -> str:
    """What the bars and a grey effect are, and are not."""
    sentences = ["Above each effect stands the 95 % interval of the highest level’s mean less the lowest’s."]
    if any(effect.significant for effect in fact.effects):
        sentences.append(f"Blue ones are {SIGNIFICANT}.")
    if not all(effect.significant for effect in fact.effects):
        sentences.append(
            "Grey ones are not resolved with these rows, folds and repeats; each may be as large as its interval says."
        )
    return " ".join(sentences)


def words(fact: Effects) -> str:
    """Say it in a sentence, with its few telling numbers."""
    parts = (f"{effect.key} {one_number(effect.size)} ({_resolution(effect)})" for effect in fact.effects)
    return f"Difference between the highest and the lowest mean: {', '.join(parts)}."


def effects_sentences(fact: Effects) -> str:
    """Say which settings' effects are statistically significant, and how large the others may be."""
    significant = [effect.key for effect in fact.effects if effect.significant]
    others = [f"{effect.key} ({_resolution(effect)})" for effect in fact.effects if not effect.significant]
    sentences = (
        [f"Significant at 5 %: the effect of {listed(significant, most=NAMES)}."] if significant else []
    )
    if others:
        unresolved = f"The effect of {listed(others, most=NAMES)} is not significant"
        sentences.append(f"{unresolved}, which does not show that there is none.")
    return " ".join(sentences)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(extent.keys) if extent.several else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=20,
    name="21-search-effects",
    title="Effects of the settings",
    caption=caption,
    gather=single(effects_of),
    draw=draw_effects,
    words=words,
    seconds=seconds,
)
