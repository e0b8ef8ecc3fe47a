"""What is said beside a picture, derived from its fact: the same words where it is drawn, live, and in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from shoal.look._facts import Agreement, Curves, Line
from shoal.look._facts_candidates import CandidateCurves
from shoal.look._facts_classes import Confusion
from shoal.look._facts_ensemble import EnsembleScores
from shoal.look._facts_search import Effects, VarianceSplit
from shoal.look._reasons import counted
from shoal.look._tables import percent

TOLD: Final = "told from noise"
NOT_TOLD: Final = "not told from noise"
_NAMES: Final = 4
"""Names in one sentence, at most."""


def listed(names: Sequence[str], most: int = _NAMES) -> str:
    """Write names as a list: `a, b and c`; of more than `most` the first, and how many more."""
    shown = list(names) if len(names) <= most else [*names[: most - 1], f"{len(names) - most + 1:,} more"]
    return " and ".join([", ".join(shown[:-1]), shown[-1]]) if len(shown) > 1 else "".join(shown)


def curve_notes(curves: Curves, noun: str = "repeat") -> tuple[str, ...]:
    """Say what lines and bands are, what is not drawn, and which lines lie on each other."""
    if not curves.lines:
        return ()
    repeats = [line.repeats for line in curves.lines]
    widest = curves.lines[int(np.argmax(repeats))]
    some = str(max(repeats)) if min(repeats) == max(repeats) else f"{min(repeats)} to {max(repeats)}"
    told = list(line_notes(widest, count=some, noun=noun))
    if curves.long:
        told += (
            ["neighbouring epochs drawn as one"]
            if told
            else ["line: median of neighbouring epochs", "band: their range"]
        )
    if curves.sick:
        told.append(f"{counted(curves.sick, 'network')} diverged or failed (not drawn)")
    return (*told, *(f"{listed(names)} coincide" for names in curves.coinciding))


def line_notes(
    line: Line, middle: str = "line", spread: str = "band", count: str = "", noun: str = "repeat"
) -> tuple[str, ...]:
    """Say what a line and its band are; nothing for a single repeat, which has no band."""
    if line.repeats == 1:
        return ()
    band = "lowest to highest" if line.spread == "range" else "the middle half"
    return f"{middle}: median of {count or line.repeats} {noun}s", f"{spread}: {band}"


def networks_of(fact: CandidateCurves) -> str:
    """Say over how many networks of a candidate the bands range: one for each fold and repeat."""
    counts = sorted({one.networks for one in fact.curves})
    return f"{listed([f'{count}' for count in counts])} networks" if counts else "no network"


def agreement_scores(fact: Agreement) -> tuple[str, ...]:
    """Say how well values are predicted: over all networks, and by the delivered one where it is among them."""
    middle = "median " if fact.line.repeats > 1 else ""
    told = [f"{middle}R² {_number(np.median(fact.r2_R))}, {middle}RMSE {np.median(fact.rmse_R):.4g}"]
    if fact.delivered and fact.line.repeats > 1:
        told.append(f"the delivered network: R² {_number(fact.r2_R[0])}, RMSE {fact.rmse_R[0]:.4g}")
    return tuple(told)


def accuracy_said(fact: Confusion) -> str:
    """Say the test accuracy, and of how many networks it is the mean."""
    told = f"test accuracy {percent(fact.test_accuracy)}"
    if fact.repeats == 1:
        return told
    told += f", the mean of {fact.repeats} networks"
    return (
        f"{told}; the delivered one’s is {percent(float(fact.test_accuracy_R[0]))}"
        if fact.delivered
        else told
    )


def ensemble_said(fact: EnsembleScores) -> str:
    """Say what the mean answer is better than: every one of its networks, their average, or neither."""
    best = fact.member_M.max() if fact.higher_is_better else fact.member_M.min()
    over_best = (fact.ensemble - float(best)) * (1 if fact.higher_is_better else -1)
    none = 1e-12 * max(abs(fact.ensemble), abs(float(best)))
    if over_best > none:
        return "better than every one of them"
    if abs(fact.gain) <= none:
        return "as good as they are on average"
    if abs(over_best) <= none:
        return "as good as the best of them, better than they are on average"
    return (
        "better than they are on average, not than the best of them"
        if fact.gain > 0
        else "worse than they are on average"
    )


def effects_said(fact: Effects) -> str:
    """Say which settings' effects can be told from noise, and what follows for the others."""
    clear = [one.key for one in fact.effects if one.clear]
    others = [one.key for one in fact.effects if not one.clear]
    told = [f"Told from noise at 5 %: the effect of {listed(clear)}."] if clear else []
    if others:
        told.append(
            f"Not told from noise with these folds and repeats: the effect of {listed(others)}; that does not show"
            " that there is none."
        )
    return " ".join(told)


def shares_said(fact: VarianceSplit) -> str:
    """Say which share of the variance of single scores each source holds, and what of it touches a comparison."""
    if not fact.share.any():
        return "All scores are equal."
    shares = zip(fact.sources, fact.share.tolist(), strict=True)
    told = ", ".join(f"{source} {percent(share, 0)}" for source, share in shares)
    fold = float(fact.share[1])
    if fold >= 1:
        return f"{told}. The folds’ share is common to all candidates, which do not differ beyond it."
    apart = percent(float(fact.share[0]) / (1 - fold), 0)
    return (
        f"{told}. The folds’ share is common to all candidates and cancels where they are compared on the same"
        f" folds; of the rest the candidates hold {apart}."
    )


def _number(value: float) -> str:
    return f"{value:.3f}" if np.isfinite(value) else "–"
