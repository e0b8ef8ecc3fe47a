"""How much of the differences between single scores comes from where.

Letters: C candidates, F folds, R repeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._extent import Extent, panels_seconds
from shoal.look._figure import Chapter, Figure, single
from shoal.look._paper import BLUE, GREY, SKY, VERMILLION, Sheet, heading, panels
from shoal.look._run_findings import RunFindings
from shoal.look._work import Work
from shoal.wording import percent


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


def variance_split_of(findings: RunFindings) -> VarianceSplit | None:
    """Variance of the scores by source; None for fewer than two healthy candidates or folds."""
    score_CFR = findings.search.scores_CFR
    healthy = np.isfinite(score_CFR).all(axis=(1, 2)).sum() if score_CFR.size else 0
    if healthy < 2 or score_CFR.shape[1] < 2:
        return None
    return variance_split("selection score", score_CFR)


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


def caption(fact: VarianceSplit) -> str:
    """Which share of the variance comes from where."""
    shares = shares_phrase(fact)
    return f"The variance of single scores comes from: {shares}" if fact.share.any() else shares


def words(fact: VarianceSplit) -> str:
    """Say it in a sentence, with its few telling numbers."""
    return f"Shares of the variance: {shares_phrase(fact)}"


def shares_phrase(fact: VarianceSplit) -> str:
    """Say which share of the variance of single scores each source holds, and what of it touches a comparison."""
    if not fact.share.any():
        return "All scores are equal."
    shares = zip(fact.sources, fact.share.tolist(), strict=True)
    all_shares = ", ".join(f"{source} {percent(share, 0)}" for source, share in shares)
    fold = float(fact.share[1])
    if fold >= 1:
        return f"{all_shares}. The folds’ share is common to all candidates, which do not differ beyond it."
    apart = percent(float(fact.share[0]) / (1 - fold), 0)
    return (
        f"{all_shares}. The folds’ share is common to all candidates and cancels where they are compared on the same"
        f" folds; of the rest the candidates hold {apart}."
    )


SEARLE: Final = Work(
    "variance split of the search",
    "Searle, Casella, McCulloch (1992): Variance components, chapter 4. Wiley.",
)


def seconds(extent: Extent) -> float:
    """Give the seconds of its picture."""
    return panels_seconds(1) if extent.several else 0.0


FIGURE: Final = Figure(
    chapters=(Chapter.SEARCH,),
    order=30,
    name="22-search-variance",
    title="Variance of the scores",
    caption=caption,
    gather=single(variance_split_of),
    draw=draw_variance_split,
    words=words,
    works=(SEARLE,),
    seconds=seconds,
)
