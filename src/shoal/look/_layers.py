"""Layers of a network beside each other: how many one picture shows."""

from __future__ import annotations

from typing import Final

MOST_LAYERS: Final = 8


def layers_left_out(layers: int) -> str:
    return f" (the first {MOST_LAYERS} of {layers} layers)" if layers > MOST_LAYERS else ""
