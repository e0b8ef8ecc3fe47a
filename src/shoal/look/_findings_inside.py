"""From what a run kept of the inside of its delivered network to facts.

Each is None (or empty) where the run has nothing of its kind: no history was asked for, no convolution, results of old.
"""

from __future__ import annotations

import numpy as np

from shoal.look._facts_channels import (
    ClassActivation,
    Exciting,
    FeatureMaps,
    Kernels,
    exciting,
    feature_maps,
    kernels,
    layer_activation,
)
from shoal.look._facts_inside import UnitCounts, WeightHistory, weight_history
from shoal.look._findings import DELIVERED, Findings
from shoal.nets import ConvLayer


def _convolutions(findings: Findings) -> tuple[ConvLayer, ...]:
    if findings.network is None:
        return ()
    return tuple(layer for layer in findings.network[0].layers if isinstance(layer, ConvLayer))


def history(findings: Findings) -> WeightHistory | None:
    """How the weights of every layer moved over the epochs."""
    inside = findings.inside
    if not inside or not inside.history or findings.network is None:
        return None
    layers = [layer.name for layer in findings.network[0].layers]
    return weight_history(DELIVERED, layers, inside.history)


def convolution_kernels(findings: Findings) -> Kernels | None:
    """The kernels of every convolutional layer."""
    if findings.network is None or not findings.network[0].convolutional:
        return None
    return kernels(DELIVERED, [layer.name for layer in _convolutions(findings)], findings.network[1])


def maps_of_images(findings: Findings) -> list[FeatureMaps]:
    """Feature maps of the shown images, layer by layer."""
    inside, truth = findings.inside, findings.truth
    if not inside or not inside.maps:
        return []
    rows = inside.maps["rows"]
    labels = [f"{truth.classes[truth.y[row]]} ({row - truth.train_rows})" for row in rows.tolist()]
    found = []
    for layer in _convolutions(findings):
        described = (layer.name, layer.activation, layer.units)
        found.append(
            feature_maps(DELIVERED, described, labels, inside.maps["images"], inside.maps[layer.name])
        )
    return found


def class_activation(findings: Findings) -> ClassActivation | None:
    """Mean activation of every channel by class, layer by layer."""
    inside, truth = findings.inside, findings.truth
    if not inside or not inside.channels:
        return None
    layers = []
    for layer in _convolutions(findings):
        mean_KU, low_U, high_U, inner_U = (
            inside.channels[f"{layer.name}/{part}"] for part in ("mean", "low", "high", "inner")
        )
        layers.append(layer_activation((layer.name, layer.activation), mean_KU, (low_U, high_U), inner_U))
    of = len(truth.y) - truth.train_rows
    looked_at = len(inside.channels.get("looked_at", range(of)))
    return ClassActivation(DELIVERED, truth.classes, looked_at, of, tuple(layers))


def exciting_images(findings: Findings) -> list[Exciting]:
    """What excites each channel most, layer by layer."""
    inside = findings.inside
    if not inside or not inside.channels:
        return []
    found = []
    for layer in _convolutions(findings):
        parts = {
            name.removeprefix(f"{layer.name}/"): array
            for name, array in inside.channels.items()
            if name.startswith(f"{layer.name}/")
        }
        described = (layer.name, layer.activation, layer.units)
        found.append(exciting(DELIVERED, described, parts, findings.truth.train_rows))
    return found


def unit_counts(findings: Findings) -> UnitCounts | None:
    """How many channels and units of every layer are dead or saturated; None where no layer could be looked at."""
    rows: list[tuple[str, str, int, int, int, int]] = []
    found = class_activation(findings)
    if found is not None:
        rows += [
            (one.layer, one.activation, one.mean_KU.shape[1], one.dead, one.saturated, found.images)
            for one in found.layers
        ]
    profiles = findings.profiles()
    if profiles is not None:
        rows += [
            (one.layer, one.activation, one.output_MU.shape[1], one.dead, one.saturated, one.rows)
            for one in profiles.layers
        ]
    if not rows:
        return None
    layers, kinds, *counts = zip(*rows, strict=True)
    return UnitCounts(layers, kinds, *(np.array(count, np.int64) for count in counts))
