"""What figures of partial dependence share: which answers are drawn, what they and values of an input are called."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.look._paper import Panel, number_text, plain
from shoal.results import Dependence, DependenceCurve

_MOST: Final = 6
_LETTERS: Final = 26
"""Of the labels of a horizontal axis, at most."""


def drawn_answers(fact: Dependence) -> list[int]:
    """Give the places of the answers that are drawn: of several targets, in units of their own, the first alone."""
    count = len(fact.asked.answers) if fact.asked.shares else 1
    return list(range(min(count, _MOST)))


def answer_words(fact: Dependence, places: list[int]) -> str:
    """Name what is drawn: a target, or the probability of a class or label."""
    if not fact.asked.shares:
        return fact.asked.answers[places[0]]
    return f"probability of {fact.asked.answers[places[0]]}" if len(places) == 1 else "probability"


def value_labels(curve: DependenceCurve, x: NDArray[Any]) -> list[str]:
    """Write values of an input: categories by name, dates as days, numbers in few digits."""
    if curve.levels:
        return [plain(curve.levels[int(place)] or "(missing)", 14) for place in x]
    if curve.kind == "dates":
        return [str(np.datetime64(int(second), "s"))[:10] for second in x.tolist()]
    return [value_text(float(f"{value:.3g}")) for value in x.tolist()]


def value_text(value: float) -> str:
    """Write a value of a number for an axis, with a true minus."""
    return number_text(value).replace("-", "−")


def turn_long(axes: Panel, labels: list[str]) -> None:
    """Turn the labels of the horizontal axis where they are too long to stand side by side."""
    if sum(map(len, labels)) > _LETTERS:
        for label in axes.get_xticklabels():
            label.set(rotation=35, ha="right", rotation_mode="anchor")
