"""The predicted cost of a convolutional step, in units of the pace of the machine."""

from __future__ import annotations

from typing import Any

import pytest

from shoal.engine._trainer import Job
from shoal.engine.forecast.steps import torch_step_seconds
from shoal.nets import build_architecture
from shoal.streams import StreamKey
from shoal.study import Network, Training

PUBLISHED = [
    {"channels": 8, "stride": 2, "padding": 1},
    {"channels": 16, "stride": 2, "padding": 1},
    {"channels": 32, "stride": 2},
]


@pytest.fixture(autouse=True)
def _unit_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shoal.engine.forecast.steps.machine_pace", lambda: 1.0)


def cost(conv: list[dict[str, Any]], training: dict[str, Any], side: int = 28, **network: Any) -> float:
    asked = Network.model_validate({"kind": "cnn", "conv": conv, **network})
    architecture = build_architecture(asked, (1, side, side), 10)
    job = Job(architecture, Training.model_validate(training), "cross-entropy", StreamKey(0, 0, 0))
    return torch_step_seconds(job, 40_000)


POOLED = [{"channels": n, "padding": 1, "pool": {"size": 2}} for n in (16, 32)]


# Measured steps over the pace measured beside them (2026-11, two cores of an AMD EPYC of the Zen 3 family, torch 2.13).
@pytest.mark.parametrize(
    ("measured", "conv", "training", "network"),
    [
        (16.54e-3 / 8.49e-6, PUBLISHED, {"batch_size": 600}, {}),
        (9.33e-3 / 8.48e-6, PUBLISHED, {"batch_size": 300}, {}),
        (3.23e-3 / 8.40e-6, PUBLISHED, {"batch_size": 64}, {}),
        (11.97e-3 / 8.46e-6, PUBLISHED, {"batch_size": 300}, {"batch_norm": True}),
        (11.20e-3 / 8.45e-6, PUBLISHED, {"batch_size": 300, "augment": {"shift": 1, "flip": True}}, {}),
        (19.90e-3 / 8.46e-6, POOLED, {"batch_size": 128}, {}),
        (
            3.32e-3 / 8.36e-6,
            [{"channels": 16, "padding": 1}, POOLED[1]],
            {"batch_size": 64},
            {"side": 8, "hidden": [32]},
        ),
    ],
)
def test_predictions_are_near_what_was_measured(
    measured: float, conv: list[dict[str, Any]], training: dict[str, Any], network: dict[str, Any]
) -> None:
    assert measured / 1.3 < cost(conv, training, **network) < measured * 1.3


def test_more_work_costs_more() -> None:
    base = cost(PUBLISHED, {"batch_size": 300})
    assert cost(PUBLISHED, {"batch_size": 600}) > base
    assert cost(PUBLISHED, {"batch_size": 300}, side=32) > base
    assert cost(PUBLISHED, {"batch_size": 300}, batch_norm=True) > base
    assert cost(PUBLISHED, {"batch_size": 300}, conv_dropout=0.1) > base
    assert cost(PUBLISHED, {"batch_size": 300}, activation="tanh") > base
    assert cost(PUBLISHED, {"batch_size": 300, "augment": {"flip": True}}) > base
    assert cost([*PUBLISHED, {"channels": 8}], {"batch_size": 300}) > base
