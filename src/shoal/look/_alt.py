"""Pictures in words, for who cannot see them: what a fact shows, with its few telling numbers."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import numpy as np

from shoal.look._facts import Agreement, Curves, FittedCurve, Scores
from shoal.look._facts_candidates import CandidateCurves, Parallel
from shoal.look._facts_channels import ClassActivation, Exciting, FeatureMaps, Kernels
from shoal.look._facts_classes import Calibration, Confusion
from shoal.look._facts_ensemble import Disagreement, Disputed, EnsembleCurve, EnsembleScores, EnsembleSpread
from shoal.look._facts_inside import WeightHistory
from shoal.look._facts_references import Published
from shoal.look._facts_search import Effects, Ranking, VarianceSplit
from shoal.look._notes import (
    NOT_TOLD,
    accuracy_said,
    agreement_scores,
    curve_notes,
    ensemble_said,
    shares_said,
)
from shoal.look._reasons import counted, told_from_others
from shoal.look._tables import one_number, percent


@singledispatch
def in_words(fact: Any) -> str:
    """Say what a picture shows in a sentence; empty for facts that only its numbers tell."""
    del fact
    return ""


@in_words.register
def _curves(fact: Curves) -> str:
    ends = [f"{line.name} ends at {one_number(line.middle_M[-1])}" for line in fact.lines]
    if not ends:
        return f"{fact.quantity}: no curve, {'every network diverged or failed' if fact.sick else 'no rows'}."
    return f"{fact.quantity} against epochs: {', '.join(ends)}{''.join(f'; {n}' for n in curve_notes(fact))}."


@in_words.register
def _scores(fact: Scores) -> str:
    parts = (
        f"{name} {one_number(value)}" + (f" ({sick} diverged or failed)" if sick else "")
        for name, value, sick in zip(fact.names, fact.median_G, fact.sick, strict=True)
    )
    middle = "Median " if max(map(len, fact.scores), default=0) > 1 else ""
    told = f"{middle}{fact.metric}: {', '.join(parts)}."
    return told[0].upper() + told[1:]


@in_words.register
def _ranking(fact: Ranking) -> str:
    healthy = fact.score_C[np.isfinite(fact.score_C)]
    if not len(healthy):
        return "No candidate is healthy."
    ends = f"from {one_number(healthy[0])} to {one_number(healthy[-1])}"
    others, alike = fact.others
    return f"{counted(len(fact.score_C), 'candidate')}, {fact.quantity} {ends}. {told_from_others(alike, others)}."


@in_words.register
def _effects(fact: Effects) -> str:
    parts = (
        f"{one.key} {one_number(one.size)}{'' if one.clear else f' ({NOT_TOLD})'}" for one in fact.effects
    )
    return f"Difference between the highest and the lowest mean: {', '.join(parts)}."


@in_words.register
def _variance_split(fact: VarianceSplit) -> str:
    return f"Shares of the variance: {shares_said(fact)}"


@in_words.register
def _confusion(fact: Confusion) -> str:
    wrong_KK = fact.count_KK * (1 - np.eye(len(fact.classes), dtype=np.int64))
    if not wrong_KK.any():
        return f"{fact.name}: every test row is taken for its own class."
    true, taken = (fact.classes[k] for k in np.unravel_index(wrong_KK.argmax(), wrong_KK.shape))
    return f"{accuracy_said(fact)}; the most frequent mistake takes {true} for {taken}."


@in_words.register
def _calibration(fact: Calibration) -> str:
    return f"Confidence against accuracy in {len(fact.bins.rows_M)} bins, over {counted(fact.repeats, 'network')}."


@in_words.register
def _weight_history(fact: WeightHistory) -> str:
    names = ", ".join(layer.layer for layer in fact.layers)
    return f"Weights of {names} at {len(fact.epoch_S)} epochs up to {fact.epoch_S[-1]}."


@in_words.register
def _kernels(fact: Kernels) -> str:
    parts = (f"{one.layer} {one.channels} × {one.inputs}" for one in fact.layers)
    return f"Kernels, channels × inputs: {', '.join(parts)}."


@in_words.register
def _feature_maps(fact: FeatureMaps) -> str:
    return f"Feature maps of {fact.layer} for {len(fact.labels)} images: {', '.join(fact.labels)}."


@in_words.register
def _class_activation(fact: ClassActivation) -> str:
    parts = (f"{one.layer} {one.dead} dead, {one.saturated} saturated" for one in fact.layers)
    return f"Mean activation of each channel by class, over {fact.images} of {fact.of} test images: {', '.join(parts)}."


@in_words.register
def _exciting(fact: Exciting) -> str:
    alive = ~fact.dead_U
    beaten = int((fact.made_activation_U > fact.activation_UT[:, 0])[alive].sum())
    return (
        f"{fact.layer}: the made image excites {beaten} of {int(alive.sum())} living channels"
        " more than any test image."
    )


@in_words.register
def _targets(facts: list) -> str:  # type: ignore[type-arg]
    """One sentence a target, the first few."""
    return " ".join(sentence for fact in facts[:6] if (sentence := in_words(fact)))


@in_words.register
def _agreement(fact: Agreement) -> str:
    return f"Predicted against true {fact.target}: {'; '.join(agreement_scores(fact))}."


@in_words.register
def _fitted_curve(fact: FittedCurve) -> str:
    line = fact.line
    ends = f"from {one_number(float(line.middle_M.min()))} to {one_number(float(line.middle_M.max()))}"
    return f"Predicted {fact.target} over {fact.input}: {ends}." if len(line.middle_M) else ""


@in_words.register
def _parallel(fact: Parallel) -> str:
    ends = (
        f"from {one_number(fact.score_C[0])} to {one_number(fact.score_C[-1])}" if len(fact.score_C) else ""
    )
    return f"{len(fact.score_C)} candidates by {', '.join(one.key for one in fact.settings)}; scores {ends}."


@in_words.register
def _candidate_curves(fact: CandidateCurves) -> str:
    first, last = fact.curves[0], fact.curves[-1]
    ends = f"{one_number(first.validation_T[-1])} (the best), {one_number(last.validation_T[-1])} (the worst)"
    return f"Validation {fact.quantity} of {len(fact.curves)} candidates at the end: {ends}."


@in_words.register
def _published(fact: Published) -> str:
    parts = (
        f"{name} published {one_number(value)}, measured {one_number(float(found.mean())) if len(found) else 'nothing'}"
        for name, value, found in zip(fact.names, fact.published_G, fact.scores, strict=True)
    )
    return f"{'; '.join(parts)}."


@in_words.register
def _ensemble_scores(fact: EnsembleScores) -> str:
    alone = f"{one_number(fact.member_M.mean())} on average alone"
    together = f"{one_number(fact.ensemble)} together: {ensemble_said(fact)}"
    return f"{fact.metric}: {len(fact.member_M)} networks {alone}, {together}."


@in_words.register
def _ensemble_curve(fact: EnsembleCurve) -> str:
    widest = fact.x_G[int(fact.deviation_G.argmax())]
    told = f"widest at {fact.input} {one_number(widest)}: {one_number(fact.deviation_G.max())}"
    return f"Standard deviation of {len(fact.member_MG)} networks over {fact.input}, {told}."


@in_words.register
def _ensemble_spread(fact: EnsembleSpread) -> str:
    known = (
        f"rank correlation {fact.correlation:.2f}" if np.isfinite(fact.correlation) else "no rank correlation"
    )
    within = f"{percent(fact.within, 0)} of the errors are no larger than the spread"
    return f"Spread of the networks against the error of {fact.target}: {known}, {within}."


@in_words.register
def _disagreement(fact: Disagreement) -> str:
    agreed = percent(float(fact.rows_L[0] / fact.rows_L.sum()))
    return f"All {fact.networks} networks agree on {agreed} of the test rows."


@in_words.register
def _disputed(fact: Disputed) -> str:
    return f"{len(fact.true_I)} test images that {fact.networks} networks disagree about most."
