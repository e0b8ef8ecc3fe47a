"""Captions that depend on what a picture shows: one function a fact, so that no caption says what its fact does not."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from shoal.look._facts import Curves, Line, Scores, coinciding
from shoal.look._facts_candidates import CandidateCurves
from shoal.look._facts_channels import ClassActivation
from shoal.look._facts_ensemble import EnsembleScores, EnsembleSpread
from shoal.look._facts_references import Published
from shoal.look._facts_search import Effects, Ranking, VarianceSplit
from shoal.look._figures_candidates import LOGARITHMIC, limits
from shoal.look._notes import NOT_TOLD, ensemble_said, networks_of, shares_said
from shoal.look._reasons import counted, told_from_others
from shoal.look._tables import percent


def of_training(fact: Curves) -> str:
    """What a gap between training and validation means: it opens upwards for a loss, downwards for an accuracy."""
    if not fact.lines:
        return "There is no curve to see: every network of this comparison diverged or failed."
    if {line.name for line in fact.lines} != {"training", "validation"}:
        return "On the rows it learned from alone: whether the network overfits cannot be seen here."
    if fact.higher_is_better:
        return "Where validation falls, or stays below training while training still rises, the network overfits."
    return "Where validation rises, or stays above training while training still falls, the network overfits."


def of_compared(fact: Curves) -> str:
    """How the comparisons learn."""
    way = "higher" if fact.higher_is_better else "lower"
    return f"How fast each comparison learns, and where it ends, on rows held out from training: {way} is better."


def of_scores(fact: Scores) -> str:
    """What the dots say of the spread."""
    if max(map(len, fact.scores), default=0) < 2:
        return "Each dot is the one network of its row: how far another repeat would differ is not known."
    return (
        "Each dot is one repeat. Where the dots of two rows overlap widely, one number a row would mislead."
    )


def of_ranking(fact: Ranking) -> str:
    """What is marked, and what the best cannot be told from."""
    others, alike = fact.others
    marked = "The marked candidate was chosen. " if fact.chosen >= 0 else "Nothing is chosen yet. "
    told = f"{told_from_others(alike, others)}{' (5 %)' if others else ''}. "
    return f"{marked}{told}The score is the cross-validated one that the choice is made by, so the best is optimistic."


def of_effects(fact: Effects) -> str:
    """What a grey effect is, and is not."""
    told = ["Dashed: the mean of all candidates."]
    if not all(one.clear for one in fact.effects):
        told = [
            f"Grey: {NOT_TOLD} at 5 % with these folds and repeats; that does not show that there is no effect.",
            *told,
        ]
    if any(one.clear for one in fact.effects):
        told = ["Blue: told from noise at 5 %.", *told]
    return " ".join(told)


def of_shares(fact: VarianceSplit) -> str:
    """Which share of the variance comes from where."""
    return f"Of the variance of single scores: {shares_said(fact)}"


def of_candidate_curves(fact: CandidateCurves) -> str:
    """What to look for, and what the bands are."""
    told = f"Curves that still fall, part from training, or jump. The band is the range over {networks_of(fact)}."
    ends = limits(fact.curves)
    logarithmic = ends[0] > 0 and ends[1] / ends[0] > LOGARITHMIC
    hidden = 0
    for one in fact.curves:
        pair = (
            Line(name, one.epoch_T, middle_T, middle_T, middle_T, one.networks)
            for name, middle_T in (("training", one.train_T), ("validation", one.validation_T))
        )
        hidden += bool(coinciding(tuple(pair), ends, logarithmic=logarithmic))
    if hidden:
        told += (
            f" Training and validation coincide for {hidden:,} of {counted(len(fact.curves), 'candidate')}."
        )
    return told


def of_published(fact: Published) -> str:
    """What it means that a published value lies among the measured ones."""
    if not np.isfinite(fact.inside_G).any():
        return "A published value (diamond) beside a measured one: with one repeat their spread is not known."
    return (
        "A published value (diamond) within the range of the dots agrees with them; far from all of them,"
        " something differs."
    )


def of_ensemble_scores(fact: EnsembleScores) -> str:
    """What the mean answer is better than here."""
    return f"The networks of all folds are there already. Their mean answer is here {ensemble_said(fact)}."


def of_spreads(facts: Sequence[EnsembleSpread]) -> str:
    """How often the error is within the spread, target by target."""
    shares = [percent(fact.within, 0) for fact in facts[:4]]
    here = ", ".join(shares) + (" ..." if len(facts) > len(shares) else "")
    return (
        "Dots below the line: the error is no larger than the spread. Were the spread the size of the (normal)"
        f" error, 68 % would lie there; here {here}."
    )


def of_sample(fact: ClassActivation | None) -> str:
    """What share of the test images was looked at, to be said behind a caption; nothing where all were."""
    if fact is None or fact.images >= fact.of:
        return ""
    return f" Looked at: {fact.images:,} of {fact.of:,} test images, of each class its share."
