"""Layers in float64 and plain NumPy, by their formulas: what each makes of its inputs, and the way back.

Letters: B rows of a batch, C channels, D inputs, H units.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy import special

Floats = NDArray[np.float64]
Named = dict[str, Floats]
Back = Callable[[Floats, Named], Floats]
"""From the gradient of what a layer gives to that of what it takes; gradients of its own arrays are put by name, and
what its skip owes to what entered a layer by the name of that."""


def activation(name: str, z: Floats) -> tuple[Floats, Floats]:
    """Value and slope, straight from the formulas."""
    s = special.expit(z)
    phi = special.ndtr(z)
    return {
        "identity": (z, np.ones_like(z)),
        "sigmoid": (s, s * (1 - s)),
        "tanh": (np.tanh(z), 1 - np.tanh(z) ** 2),
        "relu": (np.maximum(z, 0), 1.0 * (z > 0)),
        "leaky-relu": (np.where(z > 0, z, 0.01 * z), np.where(z > 0, 1, 0.01)),
        "elu": (np.where(z > 0, z, np.expm1(np.minimum(z, 0))), np.where(z > 0, 1, np.exp(np.minimum(z, 0)))),
        "gelu": (z * phi, phi + z * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)),
        "silu": (z * s, s + z * s * (1 - s)),
        "softplus": (np.logaddexp(0, z), s),
    }[name]


def passed(
    layer: Any, named: Named, buffers: Named, entered: Named, kept: Floats | float
) -> tuple[Floats, Back]:
    """What a layer gives, in training, and its way back; `kept` is what dropout multiplies by. Moves the buffers.

    `entered` is what each layer takes, up to this one.
    """
    a = entered[layer.name]
    if layer.kind == "embedding":
        return _looked_up(layer, named, a)
    if layer.kind == "series":
        return a.reshape(len(a), layer.series, 1, -1), lambda delta, _: delta.reshape(a.shape)
    z, to_inputs = (_convolved if layer.kind == "conv" else _summed)(layer, named, a)
    to_sums: Back | None = None
    if layer.batch_norm:
        z, to_sums = _normed(layer, named, buffers, z)
    if layer.layer_norm:
        z, to_sums = _normed_by_row(layer, named, z)
    to_source: Back | None = None
    if layer.kind == "conv" and layer.skip:
        added, to_source = _added(layer, named, entered[layer.source])
        z = z + added
    value, slope = activation(layer.activation, z)
    to_values: Callable[[Floats], Floats] | None = None
    if layer.kind == "conv" and layer.pool != "none":
        value, to_values = _pooled(layer, value)

    def back(delta: Floats, into: Named) -> Floats:
        delta = delta.reshape(value.shape) * kept
        delta = slope * (to_values(delta) if to_values else delta)
        if to_source:
            owed = to_source(delta, into)
            into[layer.source] = into.get(layer.source, 0.0) + owed
        return to_inputs(to_sums(delta, into) if to_sums else delta, into)

    return value * kept, back


def _sides(sides: int | tuple[int, int]) -> tuple[int, int]:
    """Down and across."""
    return sides if isinstance(sides, tuple) else (sides, sides)


def _summed(layer: Any, named: Named, a: Floats) -> tuple[Floats, Back]:
    weight, rows = named[f"{layer.name}.weight"], a.reshape(len(a), -1)

    def back(delta: Floats, into: Named) -> Floats:
        into[f"{layer.name}.weight"][:] = delta.T @ rows
        into[f"{layer.name}.bias"][:] = delta.sum(0)
        return delta @ weight

    return rows @ weight.T + named[f"{layer.name}.bias"], back


def _normed(layer: Any, named: Named, buffers: Named, z: Floats) -> tuple[Floats, Back]:
    name, axes = f"{layer.name}_norm", (0, *range(2, z.ndim))
    count = z.size // z.shape[1]
    shape = (1, -1, *[1] * (z.ndim - 2))
    mean, squares = z.mean(axes), z.var(axes)
    buffers[f"{name}.running_mean"][:] = 0.9 * buffers[f"{name}.running_mean"] + 0.1 * mean
    unbiased = squares * count / (count - 1)
    buffers[f"{name}.running_var"][:] = 0.9 * buffers[f"{name}.running_var"] + 0.1 * unbiased
    deviation = np.sqrt(squares + 1e-5).reshape(shape)
    normed = (z - mean.reshape(shape)) / deviation
    scale, shift = (named[f"{name}.{part}"].reshape(shape) for part in ("weight", "bias"))

    def back(delta: Floats, into: Named) -> Floats:
        into[f"{name}.weight"][:] = (delta * normed).sum(axes)
        into[f"{name}.bias"][:] = delta.sum(axes)
        delta = delta * scale
        means = delta.mean(axes, keepdims=True), (delta * normed).mean(axes, keepdims=True)
        return (delta - means[0] - normed * means[1]) / deviation

    return normed * scale + shift, back


def _normed_by_row(layer: Any, named: Named, z: Floats) -> tuple[Floats, Back]:
    """Each row over all its numbers; a scale and a shift a unit, or channel."""
    name, axes = f"{layer.name}_norm", tuple(range(1, z.ndim))
    shape = (1, -1, *[1] * (z.ndim - 2))
    deviation = np.sqrt(z.var(axes, keepdims=True) + 1e-5)
    normed = (z - z.mean(axes, keepdims=True)) / deviation
    scale, shift = (named[f"{name}.{part}"].reshape(shape) for part in ("weight", "bias"))

    def back(delta: Floats, into: Named) -> Floats:
        over_rows = (0, *range(2, z.ndim))
        into[f"{name}.weight"][:] = (delta * normed).sum(over_rows)
        into[f"{name}.bias"][:] = delta.sum(over_rows)
        delta = delta * scale
        means = delta.mean(axes, keepdims=True), (delta * normed).mean(axes, keepdims=True)
        return (delta - means[0] - normed * means[1]) / deviation

    return normed * scale + shift, back


def _convolved(layer: Any, named: Named, a: Floats) -> tuple[Floats, Back]:
    """Each unit of a group sums over the channels of its own group under the kernel."""
    groups, kernel, dilation = layer.groups, _sides(layer.kernel), _sides(layer.dilation)
    (down, across), (above, left) = _sides(layer.stride), _sides(layer.padding)
    padded = np.pad(a, [(0, 0), (0, 0), (above, above), (left, left)])
    spans = tuple(apart * (side - 1) + 1 for side, apart in zip(kernel, dilation, strict=True))
    windows = sliding_window_view(padded, spans, axis=(2, 3))[:, :, ::down, ::across]
    windows = windows[..., :: dilation[0], :: dilation[1]]
    windows = windows.reshape(len(a), groups, -1, *windows.shape[2:])
    weight = named[f"{layer.name}.weight"]
    by_group = weight.reshape(groups, -1, *weight.shape[1:])
    z = np.einsum("bgcyxij,gucij->bguyx", windows, by_group)
    high, wide = z.shape[3:]
    bias = named[f"{layer.name}.bias"][:, None, None]

    def back(delta: Floats, into: Named) -> Floats:
        into[f"{layer.name}.bias"][:] = delta.sum((0, 2, 3))
        delta = delta.reshape(z.shape)
        gradient = np.einsum("bgcyxij,bguyx->gucij", windows, delta)
        into[f"{layer.name}.weight"][:] = gradient.reshape(weight.shape)
        to = np.zeros_like(padded)
        for i, j in np.ndindex(kernel):
            part = np.einsum("bguyx,guc->bgcyx", delta, by_group[..., i, j])
            y, x = i * dilation[0], j * dilation[1]
            to[:, :, y : y + down * high : down, x : x + across * wide : across] += part.reshape(
                len(a), -1, high, wide
            )
        return to[:, :, above : above + a.shape[2], left : left + a.shape[3]]

    return z.reshape(len(a), layer.units, high, wide) + bias, back


def _added(layer: Any, named: Named, a: Floats) -> tuple[Floats, Back]:
    """What a skip adds: maps as they are, or the channels of every so many pixels weighed."""
    if not layer.projection:
        return a, lambda delta, _into: delta
    name, (down, across) = f"{layer.name}_skip.weight", _sides(layer.skip_stride)
    weight, seen = named[name][:, :, 0, 0], a[:, :, ::down, ::across]

    def back(delta: Floats, into: Named) -> Floats:
        into[name][:, :, 0, 0] = np.einsum("buyx,bcyx->uc", delta, seen)
        to = np.zeros_like(a)
        to[:, :, ::down, ::across] = np.einsum("buyx,uc->bcyx", delta, weight)
        return to

    return np.einsum("uc,bcyx->buyx", weight, seen), back


def _pooled(layer: Any, a: Floats) -> tuple[Floats, Callable[[Floats], Floats]]:
    size, (down, across) = _sides(layer.pool_size), _sides(layer.pool_stride)
    windows = sliding_window_view(a, size, axis=(2, 3))[:, :, ::down, ::across]
    flat = windows.reshape(*windows.shape[:4], -1)
    by_max = layer.pool == "max"
    place = np.argmax(flat, axis=4)

    def back(delta: Floats) -> Floats:
        to = np.zeros_like(a)
        high, wide = delta.shape[2:]
        for i, (y, x) in enumerate(np.ndindex(size)):
            part = np.where(place == i, delta, 0) if by_max else delta / flat.shape[4]
            to[:, :, y : y + down * high : down, x : x + across * wide : across] += part
        return to

    return flat.max(4) if by_max else flat.mean(4), back


def _looked_up(layer: Any, named: Named, a: Floats) -> tuple[Floats, Back]:
    """Inputs whose last ones, which are codes, become vectors; that of code 0 has no gradient."""
    plain, names = layer.plain, [f"{layer.name}{part.suffix}" for part in layer.parts]
    codes = a[:, plain:].T.astype(int)
    vectors = [named[name][code_B] for name, code_B in zip(names, codes, strict=True)]

    def back(delta: Floats, into: Named) -> Floats:
        at = plain
        for name, code_B in zip(names, codes, strict=True):
            gradient, size = into[name], into[name].shape[1]
            gradient[:] = 0
            np.add.at(gradient, code_B, delta[:, at : at + size])
            gradient[0] = 0
            at += size
        return delta[:, :plain]

    return np.hstack([a[:, :plain], *vectors]), back
