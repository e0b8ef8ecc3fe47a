"""Layers of a network, or targets, beside each other: how many one picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

MOST_LAYERS: Final = 8
MOST_PANELS: Final = 6
"""Targets that one picture shows, at most: the first."""


def layers_left_out(layers: int) -> str:
    """Say in a title that layers beyond the first are not shown."""
    return f" (the first {MOST_LAYERS} of {layers} layers)" if layers > MOST_LAYERS else ""


def targets_left_out(facts: Sequence[object]) -> str:
    """Say in a title that targets beyond the first are not shown."""
    return f" (the first {MOST_PANELS} of {len(facts)} targets)" if len(facts) > MOST_PANELS else ""
