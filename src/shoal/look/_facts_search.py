"""What the pictures of a search show, as plain arrays: ranks, effects of hyperparameters, sources of noise.

Letters: C candidates, F folds, R repeats, U units (folds times repeats), L levels (values or bins of one
hyperparameter).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results import corrected_t_test

MAX_LEVELS: Final = 8
LEVEL: Final = 0.05
Rows = tuple[float, float]
"""Training rows and validation rows of a fold."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidates from best to worst; `values` holds the settings of each as text, in the order of `keys`.

    `tied_C` marks those that cannot be told from the best, `chosen` the place of the chosen one (-1: none).
    Sick candidates come last, with NaN.
    """

    quantity: str
    keys: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    score_C: NDArray[np.float64]
    error_C: NDArray[np.float64]
    tied_C: NDArray[np.bool_]
    chosen: int
    higher_is_better: bool = False

    @property
    def others(self) -> tuple[int, int]:
        """How many healthy candidates there are beside the best, and how many of them cannot be told from it."""
        healthy_C = np.isfinite(self.score_C[1:])
        return int(healthy_C.sum()), int((self.tied_C[1:] & healthy_C).sum())


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
    def clear(self) -> bool:
        """Whether the effect can be told from noise (5 %)."""
        return self.p_value < LEVEL


@dataclass(frozen=True, eq=False)
class Effects:
    """Effects of all searched hyperparameters, the largest first; `grand_mean` is that of the candidates."""

    quantity: str
    effects: tuple[Effect, ...]
    grand_mean: float


@dataclass(frozen=True, eq=False)
class VarianceSplit:
    """Variance components of a search's scores; `share` sums to 1. Shapes (len(sources),)."""

    quantity: str
    sources: tuple[str, ...]
    variance: NDArray[np.float64]
    share: NDArray[np.float64]
    candidates: int
    folds: int
    repeats: int


def ranking(
    quantity: str,
    settings: Sequence[Mapping[str, Any]],
    scores_C: tuple[NDArray[Any], NDArray[Any]],
    tied_C: NDArray[Any],
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
        tied_C=np.asarray(tied_C, dtype=np.bool_)[order],
        chosen=int(np.argmax(np.asarray(chosen_C)[order])) if np.any(chosen_C) else -1,
        higher_is_better=higher_is_better,
    )


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
    kept = [setting for setting, healthy in zip(settings, healthy_C, strict=True) if healthy]
    keys = tuple(dict.fromkeys(key for setting in kept for key in setting))
    found = [
        _effect(name, [setting.get(key) for setting in kept], score_CU, rows)
        for key, name in zip(keys, short_keys(keys), strict=True)
    ]
    several = [effect for effect in found if len(effect.levels) > 1]
    grand_mean = float(score_CU.mean()) if score_CU.size else math.nan
    return Effects(quantity, tuple(sorted(several, key=lambda effect: -effect.size)), grand_mean)


def variance_split(quantity: str, score_CFR: NDArray[Any]) -> VarianceSplit:
    """Split the variance of scores into candidate, fold and initialisation (random effects).

    Repeats of one fold start from the same draws in every candidate, so repeats are nested in folds and
    crossed with candidates; components are the usual moment estimates (Searle, Casella, McCulloch 1992,
    "Variance components", chapter 4), negative ones set to 0. With one repeat the last two sources cannot
    be told apart and are one. Candidates with a NaN are left out.
    """
    score_CFR = np.asarray(score_CFR, dtype=np.float64)
    score_CFR = score_CFR[np.isfinite(score_CFR).all(axis=(1, 2))]
    C, F, R = score_CFR.shape
    mean_CF, mean_FR, mean_C, mean_F = (score_CFR.mean(axis=axis) for axis in (2, 0, (1, 2), (0, 2)))
    grand = score_CFR.mean()
    ms_c = F * R * ((mean_C - grand) ** 2).sum() / (C - 1)
    ms_f = C * R * ((mean_F - grand) ** 2).sum() / (F - 1)
    ms_cf = R * ((mean_CF - mean_C[:, None] - mean_F + grand) ** 2).sum() / ((C - 1) * (F - 1))
    if R == 1:
        sources: tuple[str, ...] = ("candidate", "fold", "candidate × fold and initialisation")
        parts = [(ms_c - ms_cf) / F, (ms_f - ms_cf) / C, ms_cf]
    else:
        ms_r = C * ((mean_FR - mean_F[:, None]) ** 2).sum() / (F * (R - 1))
        rest = score_CFR - mean_CF[:, :, None] - mean_FR + mean_F[:, None]
        ms_e = (rest**2).sum() / ((C - 1) * F * (R - 1))
        sources = ("candidate", "fold", "candidate × fold", "initialisation")
        parts = [
            (ms_c - ms_cf) / (F * R),
            (ms_f - ms_r - ms_cf + ms_e) / (C * R),
            (ms_cf - ms_e) / R,
            max(ms_r - ms_e, 0) / C + ms_e,
        ]
    variance = np.maximum(parts, 0)
    total = variance.sum()
    return VarianceSplit(quantity, sources, variance, variance / total if total > 0 else variance, C, F, R)


def short_keys(keys: Sequence[str]) -> tuple[str, ...]:
    """Key paths without their table (`hidden[0]` for `network.hidden[0]`) where that stays unique."""
    ends = [key.rpartition(".")[2] for key in keys]
    return tuple(end if ends.count(end) == 1 else key for key, end in zip(keys, ends, strict=True))


def text_of(value: Any) -> str:
    """Write a setting as a person would."""
    if isinstance(value, list | tuple):
        return "-".join(text_of(part) for part in value) or "none"
    if isinstance(value, float):
        return f"{value:.4g}"
    return "none" if value is None else str(value)


def settings_text(values: Mapping[str, Any]) -> str:
    """Name a candidate by its settings, for a sentence; one without any is the study's own network."""
    named = zip(short_keys(list(values)), values.values(), strict=True)
    return ", ".join(f"{name} {text_of(value)}" for name, value in named) or "the study’s own network"


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
        inner = np.quantile(number_C, np.linspace(0, 1, 6)[1:-1])
        level_C = np.searchsorted(np.unique(inner), number_C, side="right")
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
