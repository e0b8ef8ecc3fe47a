"""What is measured of a network over the epochs: norms of gradients, and shares of dead units, against torch."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.engine import _course, _extents
from shoal.engine._course import Course
from shoal.engine._trainer import FitData, Job, Rows, State, Trainer, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.torch import TorchTrainer
from shoal.nets import build_architecture, trained_module
from shoal.streams import StreamKey
from shoal.study import Network, Training

KEY = StreamKey(7, 1, 0)
DRAW = np.random.default_rng(2)
TRAINERS = pytest.mark.parametrize("trainer", [NativeTrainer(), TorchTrainer()], ids=["native", "torch"])
CONV: dict[str, Any] = {
    "kind": "cnn",
    "conv": [{"channels": 4, "pool": {}}, {"channels": 3, "kernel": 2}],
    "hidden": [5],
}


def job_of(network: dict[str, Any], outputs: int = 1, loss: Any = "mse", **training: Any) -> Job:
    shape = (1, 8, 8) if network.get("kind") == "cnn" else (3,)
    architecture = build_architecture(Network.model_validate(network), shape, outputs)
    return Job(architecture, Training.model_validate({"batch_size": 8, **training}), loss, KEY)


def table(rows: int = 40, weight: Any = None) -> FitData:
    draw = np.random.default_rng(rows)
    x, y = draw.normal(size=(rows, 3)).astype(np.float32), draw.normal(size=(rows, 1)).astype(np.float32)
    return FitData(Rows(x, y, None, weight), *[Rows(x[:0], y[:0])] * 2)


def images(rows: int = 30) -> FitData:
    draw = np.random.default_rng(rows)
    x, y = draw.integers(0, 256, (2 * rows, 1, 8, 8), dtype=np.uint8), draw.integers(0, 3, rows)
    one = np.ones(1, np.float32)
    index = np.arange(rows) * 2
    return FitData(Rows(x, y, index), *[Rows(x, y[:0], index[:0])] * 2, one / 255, 0 * one)


def norms_by_torch(job: Job, data: FitData, state: State) -> dict[str, float]:
    """The norm of every layer's gradient of the weighted mean of squared errors, or of the cross-entropy."""
    architecture, rows = job.architecture, data.train
    module = trained_module(architecture, architecture.named(state.parameters_P, state.buffers)).double()
    outputs = module(torch.tensor(data.inputs(rows, slice(None))).double())
    y, weight = torch.tensor(rows.y), np.ones(len(rows)) if rows.weight is None else rows.weight
    loss_N = (
        torch.nn.functional.cross_entropy(outputs, y, reduction="none")
        if job.loss == "cross-entropy"
        else ((outputs - y) ** 2).mean(1)
    )
    (torch.tensor(weight / weight.sum()) * loss_N).sum().backward()
    squares = {layer.name: 0.0 for layer in architecture.layers}
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None
        squares[name.partition(".")[0]] += float((parameter.grad**2).sum())
    return {name: square**0.5 for name, square in squares.items()}


@TRAINERS
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("least", [3, 1000], ids=["batches", "at once"])
def test_norms_are_those_of_torch(
    trainer: Trainer, weighted: bool, least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_extents, "LEAST_BATCH", {"table": least, "images": least})
    weight = np.random.default_rng(3).gamma(0.5, 3, 40) if weighted else None
    job = job_of(
        {"hidden": [6, 4], "activation": "tanh", "dropout": 0.5}, weight_decay=3.0, optimizer="adamw"
    )
    data, state = table(40, weight), initial_state(job)
    course = Course.of(job, data)
    assert course.batches == (5 if least == 3 else 1)
    measured, expected = course.at(trainer, state), norms_by_torch(job, data, state)
    dead = {f"{layer}/dead" for layer in ("hidden1", "hidden2")}
    assert measured.keys() == {f"{layer}/gradient" for layer in expected} | dead
    for layer, norm in expected.items():
        assert measured[f"{layer}/gradient"] == pytest.approx(norm, rel=2e-5)


@TRAINERS
def test_norms_of_a_convolutional_network_are_those_of_torch(trainer: Trainer) -> None:
    job = job_of(CONV, 3, "cross-entropy", augment={"shift": 2, "flip": True}, schedule="one-cycle")
    data, state = images(), initial_state(job)
    measured, expected = Course.of(job, data).at(trainer, state), norms_by_torch(job, data, state)
    assert expected.keys() == {"conv1", "conv2", "hidden1", "output"}
    for layer, norm in expected.items():
        assert measured[f"{layer}/gradient"] == pytest.approx(norm, rel=2e-5)


@settings(max_examples=25, derandomize=True, deadline=None)
@given(order=st.permutations(range(24)), weighted=st.booleans())
def test_the_order_of_rows_makes_no_difference(order: list[int], weighted: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_extents, "LEAST_BATCH", {"table": 1, "images": 1})
        weight = np.random.default_rng(3).gamma(0.5, 3, 24) if weighted else None
        job, trainer = job_of({"hidden": [6, 4], "activation": "relu"}), NativeTrainer()
        data, state = table(24, weight), initial_state(job)
        moved = dataclasses.replace(data, train=_course.picked(data.train, np.array(order)))
        ours, theirs = (Course.of(job, rows).at(trainer, state) for rows in (data, moved))
    for name, value in ours.items():
        assert theirs[name] == pytest.approx(value, rel=1e-5, abs=1e-7)


def test_rows_are_evenly_spaced_among_those_that_weigh_something(monkeypatch: pytest.MonkeyPatch) -> None:
    job = job_of({"hidden": [2]})
    weight = (np.arange(40) % 2).astype(float)
    assert Course.of(job, table(40, weight)).place_M.tolist() == list(range(1, 40, 2))
    monkeypatch.setattr(_extents, "COURSE_ROWS", 10)
    assert Course.of(job, table(40, weight)).place_M.tolist() == list(range(1, 40, 4))
    assert Course.of(job, table(7)).place_M.tolist() == list(range(7))
    monkeypatch.setattr(_extents, "COURSE_ROWS", 1000)
    monkeypatch.setattr(_extents, "LEAST_BATCH", {"table": 1, "images": 1})
    course = Course.of(job, table(500))
    assert (len(course.place_M), course.batches) == (16 * 8, 16)


def test_batch_norm_takes_batches_as_in_training_and_none_of_a_single_row() -> None:
    job = job_of({"hidden": [6], "batch_norm": True}, batch_size=8)
    data, state = table(33), initial_state(job)
    before = state.buffers.copy()
    course = Course.of(job, data)
    assert (len(course.place_M), course.batches) == (33, 5)
    measured = course.at(TorchTrainer(), state)
    assert all(np.isfinite(value) and value >= 0 for value in measured.values())
    np.testing.assert_array_equal(state.buffers, before)


def killed(job: Job, layer: str, units: int) -> State:
    """The state before training, the first units of a layer far on their flat side."""
    state = initial_state(job)
    job.architecture.named(state.parameters_P)[f"{layer}.bias"][:units] = -1e4
    return state


def test_a_layer_that_is_dead_by_hand_has_a_share_of_1_and_passes_no_gradient_on() -> None:
    job, data = job_of({"hidden": [8, 6], "activation": "relu"}), table()
    course, trainer = Course.of(job, data), NativeTrainer()
    alive = course.at(trainer, initial_state(job))
    assert alive["hidden2/dead"] < 1
    dead = course.at(trainer, killed(job, "hidden2", 6))
    assert dead["hidden2/dead"] == 1
    assert dead["hidden1/dead"] == alive["hidden1/dead"]
    assert dead["hidden1/gradient"] == dead["hidden2/gradient"] == 0 < dead["output/gradient"]
    half = course.at(trainer, killed(job, "hidden1", 4))
    assert half["hidden1/dead"] >= 0.5
    assert "output/dead" not in half


@TRAINERS
def test_channels_are_dead_where_no_pixel_of_any_image_reaches_them(trainer: Trainer) -> None:
    job, data = job_of(CONV, 3, "cross-entropy"), images()
    course = Course.of(job, data)
    assert course.at(trainer, initial_state(job))["conv1/dead"] < 1
    assert course.at(trainer, killed(job, "conv1", 2))["conv1/dead"] >= 0.5
    dead = course.at(trainer, killed(job, "conv2", 3))
    assert dead["conv2/dead"] == 1
    assert dead["conv1/gradient"] == dead["conv2/gradient"] == 0


def test_units_without_a_flat_side_are_dead_where_they_answer_the_same() -> None:
    job, data = job_of({"hidden": [4], "activation": "sigmoid"}), table()
    state = initial_state(job)
    job.architecture.named(state.parameters_P)["hidden1.weight"][:3] = 0
    assert Course.of(job, data).at(NativeTrainer(), state)["hidden1/dead"] == 0.75


def test_a_network_without_hidden_layers_has_a_gradient_and_no_dead_units() -> None:
    job, data = job_of({"hidden": []}), table()
    assert Course.of(job, data).at(NativeTrainer(), initial_state(job)).keys() == {"output/gradient"}


def test_a_loss_beyond_a_float_has_no_gradient() -> None:
    job, data = job_of({"hidden": [4]}), table()
    state = initial_state(job)
    state.parameters_P[:] = 1e30
    with np.errstate(over="ignore", invalid="ignore"):
        measured = Course.of(job, data).at(NativeTrainer(), state)
    assert np.isnan(measured["hidden1/gradient"])
    assert np.isnan(measured["output/gradient"])
