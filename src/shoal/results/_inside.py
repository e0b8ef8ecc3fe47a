"""What a run keeps of the inside of its delivered network: arrays by name, as the engine computed them.

Letters: S snapshots, Q quantiles, M rows or images shown, U channels or units of a layer, K classes, T images.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from shoal.results._brief import Brief
from shoal.results._record import Truth
from shoal.results._schema import expect
from shoal.results._snapshots import check_frames, layers_of, split
from shoal.results._store import Store

Arrays = dict[str, NDArray[Any]]
LARGEST: Final = float(np.finfo(np.float32).max)
"""What no answer of a network goes beyond, nor what is computed of it."""
_PARTS: Final = ("history", "units", "maps", "channels", "activations", "integrated", "grad_cam", "series")
_OF_CHANNEL: Final = (
    "mean", "low", "high", "inner", "rows", "activation", "images", "made", "made_activation",
)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Inside(Brief):
    """Arrays of the delivered network `fit_id`; each part is empty where there is nothing of its kind.

    `history`: "epoch" (S,), "share" (Q,) and of every LAYER "LAYER/quantile" (S, Q) of its weights and "LAYER/moved"
    (S,), their root mean square distance from where they started. At the training rows "looked_at" (M,) also
    "LAYER/gradient" (S,), the norm of the gradient of their loss by all parameters of the layer (NaN where the loss is
    not finite), and of hidden layers "LAYER/dead" (S,), the share of units that are dead; all three are missing in
    results of old.

    `frames`: what moving pictures of the same snapshots are made of (nothing in results of old): of every LAYER
    "LAYER/counts" (S, B) of its weights in bins around 0, 2 to the "LAYER/power" wide; of its answers "curve" (S, G, K)
    at "x" (G,), or "answers" (S, N, K) to the training rows "rows" (N,), or "sure", the mean probability of the true
    class of those (S, K), or of each label in rows that have it and in others (S, K, 2); "kernels" uint8
    (S, U, C, H, W) of the first convolution, and by convolutional LAYER "LAYER/maps" uint8 (S, M, U, H, W) of the
    "images" of rows "image_rows" (M,), each `low + byte / 255 * (high - low)`, with low and high in "..._ends" (S, 2).

    `units`: "rows" (M,) and by dense layer its outputs (M, U). `maps`: "rows" (M,), "images" uint8 (M, C, H, W) and
    by convolutional layer (M, U, H, W). `channels`, over the test images of the rows "looked_at" (all of them where
    that is missing, in results of old), by convolutional LAYER: "mean" (K, U) by class; "low", "high" (U,); "inner"
    (U,), how many values lie off the activation's bounds; "rows", "activation" (U, T) and "images" of those that
    excite each channel most, with "peak" (U, T), the place in the flattened map where they do (missing in results
    of old); "made" (U, C, H, W) and "made_activation" (U,) of an image made to excite it.

    `activations`, on a map of two dimensions: "rows" (M,), "place" (M, 2) by principal components of what the output
    layer is given, "share" (2,) of its variance, and "same" (M,), the share of the nearest rows, in the space of all
    units, that are of each row's class; of images also "shown" (T,), places among M, and their "images" uint8
    (T, C, H, W). `integrated` and `grad_cam`, both: "rows" (Q,), "classes" (Q,), a number each,
    of which is asked: the class named, then the true one where it is another; "images" uint8 (Q, C, H, W).
    `integrated`: "added" (Q, H, W), what each pixel adds to the log-odds of the class, which are "answer" (Q,), and
    "baseline" (Q,) at the mean of the training images. `grad_cam`: of a convolutional LAYER "LAYER" (Q, h, w), of the
    size of its maps.

    `series`: "rows" (M,), the number of the output "asked" (M,) about, "series" (M, C, T) as the network takes them,
    and by convolutional LAYER "LAYER/maps" (M, U, T) of its first channels, "LAYER/made" (U, C, T) series made to
    excite them, and of one of them "LAYER/seen" (M, T), where what was asked is seen.
    """

    fit_id: str
    history: Arrays
    frames: Arrays
    units: Arrays
    maps: Arrays
    channels: Arrays
    activations: Arrays = field(default_factory=dict)
    integrated: Arrays = field(default_factory=dict)
    grad_cam: Arrays = field(default_factory=dict)
    series: Arrays = field(default_factory=dict)


def read_inside(store: Store, truth: Truth) -> Inside | None:
    """Read what is kept; None where nothing is. ValueError for arrays that do not belong together."""
    fact = store.fact("inside")
    if not fact:
        return None
    fit_id, named = fact["fit"], fact["parts"]
    expect(isinstance(fit_id, str) and isinstance(named, dict) and set(named) <= set(_PARTS))
    parts: dict[str, Arrays] = {name: store.arrays(fit_id, str(part)) for name, part in named.items()}
    history, frames = split(parts.pop("history", {}))
    inside = Inside(fit_id, history, frames, **{name: parts.get(name, {}) for name in _PARTS[1:]})
    _check_history(inside.history, truth)
    check_frames(inside.frames, len(inside.history.get("epoch", ())), truth)
    for rows_and_more in (inside.units, inside.maps, inside.integrated, inside.grad_cam):
        _check_rows(rows_and_more, truth)
    _check_map(inside.activations, truth)
    _check_attributions(inside, truth)
    _check_channels(inside.channels, truth)
    _check_series(inside.series, truth)
    return inside


def _check_history(history: Arrays, truth: Truth) -> None:
    for name, array in history.items():
        snapshots, quantiles = len(history["epoch"]), len(history["share"])
        if name == "looked_at":
            expect(array.dtype == np.int64 and array.ndim == 1 and len(array) > 0)
            expect(((array >= 0) & (array < truth.train_rows)).all())
            continue
        shapes = {"epoch": (snapshots,), "share": (quantiles,)}
        if name.endswith("/gradient"):
            expect(not (array < 0).any())
        if name.endswith("/dead"):
            expect(((array >= 0) & (array <= 1)).all())
        quantile = name.endswith("/quantile")
        expect(array.shape == shapes.get(name, (snapshots, quantiles) if quantile else (snapshots,)))
        expect(snapshots > 0 and quantiles > 1 and np.isfinite(history["epoch"]).all())


def _check_rows(arrays: Arrays, truth: Truth) -> None:
    for name, array in arrays.items():
        rows = arrays["rows"]
        expect(array.ndim > 0 and len(array) == len(rows) > 0)
        if name == "rows":
            _expect_test_rows(rows, truth)
            expect(rows.ndim == 1)
        elif name == "images":
            expect(array.dtype == np.uint8 and array.ndim == 4)


def _check_map(activations: Arrays, truth: Truth) -> None:
    if activations:
        rows, place, share, same = (activations[name] for name in ("rows", "place", "share", "same"))
        expect(rows.ndim == 1 and len(rows) > 0)
        _expect_test_rows(rows, truth)
        expect(place.shape == (len(rows), 2) and share.shape == (2,) and same.shape == rows.shape)
        expect(all(np.isfinite(array).all() for array in (place, share, same)))
        if "shown" in activations:
            shown, images = activations["shown"], activations["images"]
            expect(shown.dtype == np.int64 and ((shown >= 0) & (shown < len(rows))).all())
            expect(images.dtype == np.uint8 and images.ndim == 4 and len(images) == len(shown))


def _check_attributions(inside: Inside, truth: Truth) -> None:
    for arrays in (inside.integrated, inside.grad_cam):
        if arrays:
            classes, shape = arrays["classes"], arrays["images"].shape
            expect(classes.dtype == np.int64 and classes.shape == (len(arrays["rows"]),))
            expect(((classes >= 0) & (classes < len(truth.classes))).all())
            maps = [name for name in arrays if name not in ("rows", "classes", "images")]
            expect(all(array.size > 0 for array in arrays.values()))
            expect(all((np.abs(arrays[name]) <= LARGEST).all() for name in maps))
            if arrays is inside.integrated:
                expect(arrays["added"].dtype == np.float32)
                expect(set(maps) == {"answer", "baseline", "added"})
                expect(arrays["added"].shape == (shape[0], *shape[2:]))
                expect(arrays["answer"].ndim == arrays["baseline"].ndim == 1)
            else:
                expect(len(maps) == 1 and arrays[maps[0]].ndim == 3)


def _check_channels(channels: Arrays, truth: Truth) -> None:
    """Of every layer all arrays are there, of one number of channels; those shown are the first of them."""
    if "looked_at" in channels:
        _expect_test_rows(channels["looked_at"], truth)
        expect(channels["looked_at"].ndim == 1)
    for layer in layers_of(channels):
        of = {name: channels[f"{layer}/{name}"] for name in _OF_CHANNEL}
        units, shown = of["low"].size, len(of["made_activation"])
        expect(of["mean"].shape == (len(truth.classes), units))
        expect(all(of[name].shape == (units,) for name in ("low", "high", "inner")))
        expect(of["rows"].ndim == 2 and len(of["rows"]) == shown <= units)
        expect(of["activation"].shape == of["rows"].shape and of["made_activation"].shape == (shown,))
        expect(of["images"].ndim == 5 and of["images"].shape[:2] == of["rows"].shape)
        expect(of["made"].ndim == 4 and of["made"].shape == (shown, *of["images"].shape[2:]))
        expect(of["images"].dtype == np.uint8)
        peak = channels.get(f"{layer}/peak", of["rows"])
        expect(peak.shape == of["rows"].shape and peak.dtype == np.int64 and (peak >= 0).all())
        _expect_test_rows(of["rows"], truth)


def _check_series(series: Arrays, truth: Truth) -> None:
    """Of every layer maps of the rows, and a series made for each of their channels."""
    if not series:
        return
    rows, asked, values = series["rows"], series["asked"], series["series"]
    _expect_test_rows(rows, truth)
    expect(rows.ndim == 1 and len(rows) > 0 and values.ndim == 3 and len(values) == len(rows))
    expect(asked.dtype == np.int64 and asked.shape == rows.shape and (asked >= 0).all())
    expect((asked < len(truth.classes or truth.target_names)).all())
    parts = [name.rpartition("/") for name in series if "/" in name]
    expect(sum(kind == "seen" for _, _, kind in parts) <= 1)
    for layer in {layer for layer, _, _ in parts}:
        maps, made = series[f"{layer}/maps"], series[f"{layer}/made"]
        expect(maps.ndim == 3 and len(maps) == len(rows) and made.shape == (maps.shape[1], *values.shape[1:]))
        seen = series.get(f"{layer}/seen")
        expect(seen is None or seen.shape == (len(rows), maps.shape[2]))
    expect(all(np.isfinite(array).all() and array.size > 0 for array in series.values()))


def _expect_test_rows(rows: NDArray[Any], truth: Truth) -> None:
    expect(rows.dtype == np.int64 and ((rows >= truth.train_rows) & (rows < len(truth.y))).all())
