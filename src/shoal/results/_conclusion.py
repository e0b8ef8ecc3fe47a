"""The last sentence of a run: what to use, and how good it is expected to be."""

from __future__ import annotations

from typing import Final

from shoal.results._nested import Nested, NestedScore, concluded_scores
from shoal.study import Candidate, Study
from shoal.wording import counted, listed

NESTED: Final = "nested cross-validation"
_WORDS: Final = {"loss": "loss", "accuracy": "accuracy", "rmse": "RMSE"}


def conclusion(nested: Nested | None, winner: Candidate | None, study: Study) -> str:
    """Say which settings to use and how good they are expected to be; empty without a nested search or a winner.

    The expectation is that of the whole search made on these training rows, choice and refit included.
    """
    if nested is None or winner is None:
        return ""
    use = f"Use {winner.describe() if winner.values else 'the study’s own network'}"
    folds = counted(len(nested.folds), "outer fold")
    if nested.why:
        return f"{use}; how good it is expected to be is not known ({nested.why})."
    scores = [f"{_WORDS[name]} {_said(nested.scores[name])}" for name in concluded_scores(study)]
    new_rows = "rows of new groups" if study.data.groups else "new rows of the same kind"
    verb = "is" if len(scores) == 1 else "are"
    return f"{use}: expected on {new_rows} {verb} {listed(scores)} ({NESTED}, {folds})."


def _said(score: NestedScore) -> str:
    if not score.interval.known:
        return f"{score.value:.3g} (no interval: {score.interval.why})"
    return f"{score.value:.3g} (95 % interval {score.interval.low:.3g} to {score.interval.high:.3g})"
