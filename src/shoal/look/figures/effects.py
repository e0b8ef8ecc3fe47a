"""What each hyperparameter does to the selection score.

Letters: C candidates, U units (folds times repeats), L levels (values or bins of one hyperparameter).
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
from shoal.look._findings import RunFindings
from shoal.look._notes import NAMES
from shoal.look._numbers import one_number
from shoal.look._paper import BLACK, BLUE, GREY, Panel, Sheet, empty, heading, panels, plain
from shoal.look._settings import short_keys, text_of
from shoal.results import corrected_t_test
from shoal.wording import listed

MAX_LEVELS: Final = 8
BINS: Final = 5
"""Bins of drawn numbers, where there are more."""
LEVEL: Final = 0.05
Rows = tuple[float, float]
"""Training rows and validation rows of a fold."""
SIGNIFICANT: Final = "significant at 5 %"
NOT_SIGNIFICANT: Final = "not significant at 5 %"


@dataclass(frozen=True, eq=False)
class Effect:
    """Mean selection score at each level of one hyperparameter, over all else, with 95 % intervals.

    `size` is the difference between the highest and the lowest mean, `p_value` tests it against 0, allowing for
    the choice among all pairs of levels (Bonferroni). NaN where there is nothing to test with. `ordered`: the
    levels are numbers.
    """

    key: str
    levels: tuple[str, ...]
    ordered: bool
    mean_L: NDArray[np.float64]
    half_width_L: NDArray[np.float64]
    count_L: NDArray[np.int64]
    size: float
    p_value: float

    @property
    def significant(self) -> bool:
        """Whether the effect is statistically significant (5 %)."""
        return self.p_value < LEVEL


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of all searched hyperparameters, the largest first; `grand_mean` is that of the candidates."""

    quantity: str
    effects: tuple[Effect, ...]
    grand_mean: float


def effects(
    quantity: str,
    settings: Sequence[Mapping[str, Any]],
    score_CU: NDArray[Any],
    rows: Rows | None,
) -> Effects:
    """Give the effect of every hyperparameter on the mean score; `score_CU` is each candidate's in each unit.

    In a full grid every level meets the same other settings, so only the folds are noise: with `rows` the
    intervals come from the units (folds and repeats), paired and corrected for the folds' overlap (Nadeau
    and Bengio 2003, "Inference for the generalization error"). In a random search the other settings are
    noise too: with None the intervals come from the candidates (Welch's test). Candidates with a NaN are
    left out.
    """
    healthy_C = np.isfinite(score_CU).all(axis=1)
    score_CU = np.asarray(score_CU, dtype=np.float64)[healthy_C]
    healthy_settings = [setting for setting, healthy in zip(settings, healthy_C, strict=True) if healthy]
    keys = tuple(dict.fromkeys(key for setting in healthy_settings for key in setting))
    all_effects = [
        _effect(name, [setting.get(key) for setting in healthy_settings], score_CU, rows)
        for key, name in zip(keys, short_keys(keys), strict=True)
    ]
    several = [effect for effect in all_effects if len(effect.levels) > 1]
    grand_mean = float(score_CU.mean()) if score_CU.size else math.nan
    return Effects(quantity, tuple(sorted(several, key=lambda effect: -effect.size)), grand_mean)


def effects_of(findings: RunFindings) -> Effects | None:
    """Effect of every hyperparameter; None where nothing varies or nothing is healthy."""
    scores = findings.search
    if not len(scores.candidate_ids) or findings.study.search is None:
        return None
    method = row_of("search.method", SEARCHES, findings.study.search.method)
    rows = (scores.train_rows, scores.validation_rows) if method.complete else None
    score_CU = scores.scores_CFR.reshape(len(scores.candidate_ids), -1)
    result = effects("selection score", findings.settings, score_CU, rows)
    return result if result.effects else None


def _effect(name: str, values: Sequence[Any], score_CU: NDArray[np.float64], rows: Rows | None) -> Effect:
    """Describe one hyperparameter; `rows` None takes the intervals from the candidates instead of the folds."""
    level_C, levels = _levels(values)
    by_level = [score_CU[level_C == level] for level in range(len(levels))]
    mean_LU = np.stack([scores.mean(axis=0) for scores in by_level])
    mean_L = mean_LU.mean(axis=1)
    best, worst = int(mean_L.argmin()), int(mean_L.argmax())
    if rows is not None:
        test = corrected_t_test(mean_LU - mean_LU.mean(axis=0), *rows)
        half_width_L = (test.ci_high - test.ci_low) / 2
        p_value = float(corrected_t_test(mean_LU[worst] - mean_LU[best], *rows).p)
    else:
        half_width_L = np.array([_half_width(scores.mean(axis=1)) for scores in by_level])
        p_value = _welch(by_level[worst].mean(axis=1), by_level[best].mean(axis=1))
    return Effect(
        key=name,
        levels=levels,
        ordered=all(isinstance(value, int | float) for value in values),
        mean_L=mean_L,
        half_width_L=half_width_L,
        count_L=np.bincount(level_C, minlength=len(levels)),
        size=float(mean_L[worst] - mean_L[best]),
        p_value=float(np.minimum(1, p_value * max(1, len(levels) * (len(levels) - 1) // 2))),
    )


def _levels(values: Sequence[Any]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number each candidate's level and name the levels: values in order, or bins of equal counts."""
    numeric = all(isinstance(value, int | float) for value in values)
    distinct = sorted(set(values)) if numeric else list({text_of(value): value for value in values}.values())
    if numeric and len(distinct) > MAX_LEVELS:
        number_C = np.array(values, dtype=np.float64)
        firsts = np.sort(number_C)[np.arange(1, BINS) * len(number_C) // BINS]
        level_C = np.searchsorted(np.unique(firsts[firsts > number_C.min()]), number_C, side="right")
        groups = [number_C[level_C == level] for level in range(level_C.max() + 1)]
        return level_C, tuple(f"{group.min():.2g} to {group.max():.2g}" for group in groups)
    names = tuple(text_of(value) for value in distinct)
    return np.array([names.index(text_of(value)) for value in values], dtype=np.int64), names


def _half_width(values: NDArray[np.float64]) -> float:
    """Half the 95 % interval of the mean of independent values; NaN for a single one."""
    from scipy.special import stdtrit  # scipy.stats would take 50 MB and half a second

    n = len(values)
    return float(stdtrit(n - 1, 0.975) * values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan


def _welch(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Test two sets of independent values for equal means, their spreads being free (Welch 1947).

    NaN if one has one value, or neither spread and both the same mean.
    """
    from scipy.special import stdtr

    if min(len(first), len(second)) < 2:
        return math.nan
    shares = [float(values.var(ddof=1)) / len(values) for values in (first, second)]
    apart, variance = abs(float(first.mean() - second.mean())), sum(shares)
    if not variance:
        return 0.0 if apart else math.nan
    freedom = variance**2 / sum(
        share**2 / (len(values) - 1) for share, values in zip(shares, (first, second), strict=True)
    )
    return float(2 * stdtr(freedom, -apart / math.sqrt(variance)))


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


def _draw_effect(axes: Panel, effect: Effect, grand_mean: float) -> None:
    places = np.arange(len(effect.levels))
    color = BLUE if effect.significant else GREY
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
    title = f"p = {effect.p_value:.2g}" if np.isfinite(effect.p_value) else "no test possible"
    title = f"{SIGNIFICANT if effect.significant else NOT_SIGNIFICANT} ({title})"
    axes.set_title(title, fontsize=10, fontweight="normal")


def _ends(effect: Effect) -> NDArray[np.float64]:
    half_width_L = np.nan_to_num(effect.half_width_L)
    return np.concatenate((effect.mean_L - half_width_L, effect.mean_L + half_width_L))


def caption(fact: Effects) -> str:
    """What a grey effect is, and is not."""
    sentences = ["Dashed: the mean of all candidates."]
    if not all(effect.significant for effect in fact.effects):
        sentences = [
            f"Grey: {NOT_SIGNIFICANT} with these folds and repeats; that does not show that there is no effect.",
            *sentences,
        ]
    if any(effect.significant for effect in fact.effects):
        sentences = [f"Blue: {SIGNIFICANT}.", *sentences]
    return " ".join(sentences)


def words(fact: Effects) -> str:
    """Say it in a sentence, with its few telling numbers."""
    parts = (
        f"{effect.key} {one_number(effect.size)}{'' if effect.significant else f' ({NOT_SIGNIFICANT})'}"
        for effect in fact.effects
    )
    return f"Difference between the highest and the lowest mean: {', '.join(parts)}."


def effects_sentences(fact: Effects) -> str:
    """Say which settings' effects are statistically significant, and what follows for the others."""
    significant = [effect.key for effect in fact.effects if effect.significant]
    others = [effect.key for effect in fact.effects if not effect.significant]
    sentences = (
        [f"Significant at 5 %: the effect of {listed(significant, most=NAMES)}."] if significant else []
    )
    if others:
        sentences.append(
            f"Not significant with these folds and repeats: the effect of {listed(others, most=NAMES)};"
            " that does not show that there is none."
        )
    return " ".join(sentences)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(extent.keys) if extent.several else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=20,
    name="21-search-effects",
    title="Effects",
    caption=caption,
    gather=single(effects_of),
    draw=draw_effects,
    words=words,
    seconds=seconds,
)
