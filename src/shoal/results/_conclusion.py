"""The last sentence of a run: what to use, and how good it is expected to be."""

from __future__ import annotations

from typing import Final

from shoal.results._nested import Nested, NestedScore, concluded_scores
from shoal.study import Candidate, Study, settings_text
from shoal.wording import counted, listed, rounded

NESTED: Final = "nested cross-validation"
_WORDS: Final = {"loss": "loss", "accuracy": "accuracy", "rmse": "RMSE"}


def conclusion(nested: Nested | None, winner: Candidate | None, study: Study) -> str:
    """Say which settings to use and how good they are expected to be; empty without a nested search or a winner.

    The expectation is that of the whole search made on these training rows, choice and refit included.
    """
    if nested is None or winner is None:
        return ""
    use = f"Use {settings_text(dict(winner.values))}"
    folds = counted(len(nested.folds), "outer fold")
    if nested.why:
        return f"{use}; how good it is expected to be is not known ({nested.why})."
    scores = [f"{_WORDS[name]} {_said(nested.scores[name])}" for name in concluded_scores(study)]
    new_rows = "rows of new groups" if study.data.groups else "new rows of the same kind"
    verb = "is" if len(scores) == 1 else "are"
    return f"{use}: expected on {new_rows} {verb} {listed(scores)} ({NESTED}, {folds})."


def _said(score: NestedScore) -> str:
    if not score.interval.known:
        return f"{rounded(score.value, 3)} (no interval: {score.interval.why})"
    low, high = rounded(score.interval.low, 3), rounded(score.interval.high, 3)
    return f"{rounded(score.value, 3)} (95 % interval {low} to {high})"
