"""What the picture of published values shows, as plain arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Published:
    """G published values, each beside the scores of the healthy repeats (R,) measured for the same thing.

    `inside_G` says whether the published value lies between the lowest and the highest repeat: 1, 0, or NaN for
    fewer than two repeats.
    """

    names: tuple[str, ...]
    metrics: tuple[str, ...]
    published_G: NDArray[np.float64]
    scores: tuple[NDArray[np.float64], ...]
    inside_G: NDArray[np.float64]
    sources: tuple[str, ...]


def published(
    names: Iterable[str],
    metrics: Iterable[str],
    values: Iterable[float],
    scores: Sequence[NDArray[Any]],
    sources: Iterable[str],
) -> Published:
    """Put published values beside measured ones."""
    value_G = np.array([float(value) for value in values])
    inside = [
        float(found.min() <= value <= found.max()) if len(found) > 1 else np.nan
        for value, found in zip(value_G, scores, strict=True)
    ]
    return Published(
        names=tuple(names),
        metrics=tuple(metrics),
        published_G=value_G,
        scores=tuple(np.asarray(found, np.float64) for found in scores),
        inside_G=np.array(inside),
        sources=tuple(sources),
    )
