"""Skips for drawn convolutions: of those that fit maps, some."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from hypothesis import strategies as st

from shoal.errors import StudyError
from shoal.nets import build_architecture
from shoal.study import Network


def with_skips(
    draw: st.DrawFn, layers: Iterable[dict[str, Any]], shape: tuple[int, ...], series: int = 1
) -> list[dict[str, Any]]:
    """Entries of `conv` for images of `shape`, or that many series, each with a skip that fits it or none."""
    skipping: list[dict[str, Any]] = []
    for layer in layers:
        entries = [layer | {"skip": skip} for skip in range(1, len(skipping) + 2)]
        fitting = [entry for entry in entries if _fits([*skipping, entry], shape, series)]
        skipping.append(draw(st.sampled_from([layer, *fitting])))
    return skipping


def _fits(layers: list[dict[str, Any]], shape: tuple[int, ...], series: int) -> bool:
    network = Network.model_validate({"kind": "cnn", "conv": layers, "hidden": [], "series": series})
    try:
        build_architecture(network, shape, 1)
    except StudyError:
        return False
    return True
