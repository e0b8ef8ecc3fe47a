"""Whether half of a layer's units, or more, are dead."""

from __future__ import annotations

from typing import Final

from shoal.look._check import MethodCheck
from shoal.look._evidence import phrases
from shoal.look._run_findings import RunFindings
from shoal.look._unit_counts import unit_counts
from shoal.results import Results

SHARE: Final = 0.5
"""Dead units of a layer from which it is said."""


def dead_layers(results: Results) -> str:
    """Name the hidden layers of the delivered network of which half the units are dead, or more."""
    findings = RunFindings(results)
    counts = unit_counts(findings) if findings.delivered.healthy else None
    if counts is None:
        return ""
    layers = zip(counts.layer, counts.units.tolist(), counts.dead.tolist(), strict=True)
    dead = [
        f"{count:,} of {units:,} in {layer}"
        for layer, units, count in layers
        if layer != "output" and count >= SHARE * units
    ]
    return f"Dead units of the delivered network: {phrases(dead)}." if dead else ""


CHECK: Final = MethodCheck(
    code="SH020",
    severity="note",
    title="Half of a layer’s units, or more, are dead",
    find=dead_layers,
    why="A dead unit answers the same to every row that was looked at: it adds a constant and learns nothing more, so"
    " the network is smaller than its parameters say.",
    remedy="Lower the learning rate, standardise the inputs (data.standardize), take an activation without a flat side,"
    " or fewer units.",
    reference="Lu, L., Shin, Y., Su, Y., Karniadakis, G. E. (2020). Dying ReLU and initialization: theory and numerical"
    " examples. Communications in Computational Physics 28(5), 1671–1706.",
)
