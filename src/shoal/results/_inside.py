"""What a run keeps of the inside of its delivered network: arrays by name, as the engine computed them.

Letters: S snapshots, Q quantiles, M rows or images shown, U channels or units of a layer, K classes, T images.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from shoal.results._store import Store

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class Inside:
    """Arrays of the delivered network `fit_id`; each part is empty where there is nothing of its kind.

    `history`: "epoch" (S,), "share" (Q,) and of every LAYER "LAYER/quantile" (S, Q) of its weights and "LAYER/moved"
    (S,), their root mean square distance from where they started. `units`: "rows" (M,) and by dense layer its
    outputs (M, U). `maps`: "rows" (M,), "images" uint8 (M, C, H, W) and by convolutional layer (M, U, H, W).
    `channels`, over the test images of the rows "looked_at" (all of them where that is missing, in results of old), by
    convolutional LAYER: "mean" (K, U) by class; "low", "high" (U,); "inner"
    (U,), how many values lie off the activation's bounds; "rows", "activation" (U, T) and "images" of those that
    excite each channel most; "made" (U, C, H, W) and "made_activation" (U,) of an image made to excite it.
    """

    fit_id: str
    history: Arrays
    units: Arrays
    maps: Arrays
    channels: Arrays


def read_inside(store: Store) -> Inside | None:
    """Read what is kept; None where nothing is."""
    fact = store.fact("inside")
    if not fact:
        return None
    fit_id = str(fact["fit"])
    parts = {name: store.arrays(fit_id, part) for name, part in fact["parts"].items()}
    return Inside(fit_id, **{name: parts.get(name, {}) for name in ("history", "units", "maps", "channels")})
