"""Layers of a network, or targets, beside each other: how many one picture shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from shoal.wording import counted

MOST_LAYERS: Final = 8
MOST_PANELS: Final = 6
"""Targets that one picture shows, at most: the first."""


def layers_left_out(layers: int) -> str:
    """Say in a title that layers beyond the first are not shown."""
    return f" (the first {MOST_LAYERS} of {counted(layers, 'layer')})" if layers > MOST_LAYERS else ""


def targets_left_out(facts: Sequence[object]) -> str:
    """Say in a title that targets beyond the first are not shown."""
    return (
        f" (the first {MOST_PANELS} of {counted(len(facts), 'target')})" if len(facts) > MOST_PANELS else ""
    )
