"""Norms and groups in the core, against float64: forward, backward, running statistics; in training and after it.

Letters: N rows, C channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from core_cases import LONG, errors, make_data, make_job, needs_core, same_bytes
from exact_layers import Floats, activation
from hypothesis import given, settings
from hypothesis import strategies as st

from drawn_skips import with_skips
from shoal.engine._trainer import Job, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import runnable_targets

pytestmark = needs_core

NORMS = ("none", "batch", "layer")
OPTIMIZERS: dict[str, dict[str, Any]] = {
    "sgd": {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "adam": {"optimizer": "adam", "lr": 0.01},
    "adamw": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "lr": 0.001, "momentum": 0.9},
}
SAME: dict[str, Any] = {"channels": 5, "padding": 1}
MAX, AVERAGE = {"kind": "max", "size": 2}, {"kind": "average", "size": 2, "stride": 1}
CONVS: dict[str, tuple[dict[str, Any], ...]] = {
    "normed": ({"channels": 5, "padding": 1, "pool": MAX}, {"channels": 18, "kernel": 2, "pool": AVERAGE}),
    "groups": ({"channels": 6, "padding": 1, "groups": 2}, {"channels": 36, "groups": 3, "stride": 2}),
    "depthwise": ({"channels": 18, "padding": 1}, {"channels": 18, "padding": 1, "groups": 18, "pool": MAX}),
    "two units a channel": (
        {"channels": 2, "groups": 2},
        {"channels": 34, "kernel": 4, "groups": 2, "padding": 2},
    ),
    "a unit for two channels": ({"channels": 8}, {"channels": 4, "groups": 4, "kernel": 1}),
    "a block": ({"channels": 5, "padding": 1}, SAME, SAME | {"skip": 2, "pool": MAX}),
    "blocks that overlap, of groups": (
        {"channels": 6, "padding": 1, "groups": 2, "pool": AVERAGE},
        {"channels": 18, "padding": 1, "groups": 6, "skip": 1},
        {"channels": 18, "padding": 1, "skip": 2},
        {"channels": 34, "padding": 1, "groups": 2, "skip": 2},
        {"channels": 34, "padding": 1, "groups": 34, "skip": 4, "pool": AVERAGE},
    ),
    "strides and pools between": (
        {"channels": 3, "padding": 1, "pool": {"kind": "max", "size": 1, "stride": 2}},
        {"channels": 7, "padding": 1, "skip": 2},
        {"channels": 7, "padding": 2, "kernel": 5, "stride": 2, "skip": 1},
        {"channels": 4, "padding": 1, "skip": 4},
    ),
    "over images": (SAME | {"channels": 2, "skip": 1}, SAME | {"skip": 2}, SAME | {"channels": 2, "skip": 3}),
}
"""Convolutions on images of two channels."""


def images(name: str, norm: str, training: dict[str, Any]) -> Job:
    network = {"kind": "cnn", "conv": CONVS[name], "hidden": (9,), "activation": "tanh", "conv_dropout": 0.25}
    return make_job(network | {"norm": norm}, training, "cross-entropy", ((2, 9, 8), 3))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("sizes", "hidden", "batch"),
    [((5, 3), (33, 20), 13), ((1, 1), (4, 3), 9), ((70, 2), (130, 16), 26), ((3, 2), (15,), 7)],
)
@pytest.mark.parametrize("norm", ["batch", "layer"])
def test_an_epoch_with_a_norm_agrees_with_float64(
    norm: str, sizes: tuple[int, int], hidden: tuple[int, ...], batch: int, optimizer: str
) -> None:
    training = {"batch_size": batch, "epochs": 100, **OPTIMIZERS[optimizer]}
    network = {"hidden": hidden, "activation": "tanh", "dropout": 0.25, "norm": norm}
    for loss in ("mse", "cross-entropy"):
        job = make_job(network, training, loss, (sizes[0], max(2, sizes[1])))
        assert max(errors(job).values()) < 64


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", CONVS)
def test_an_epoch_of_convolutions_agrees_with_float64(name: str, norm: str, optimizer: str) -> None:
    training = {"batch_size": 9, "epochs": 100, **OPTIMIZERS[optimizer]}
    assert max(errors(images(name, norm, training)).values()) < 64


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["normed", "blocks that overlap, of groups", "strides and pools between"])
def test_an_epoch_of_more_images_than_go_side_by_side_agrees_with_float64(name: str, norm: str) -> None:
    """26 of a batch, of which 16 are a block."""
    training = {"batch_size": 26, "epochs": 100, **OPTIMIZERS["sgd"]}
    assert max(errors(images(name, norm, training)).values()) < 64


def test_a_large_mean_costs_no_digit_of_the_variance() -> None:
    """The mean square less the squared mean would have none left."""
    job = make_job({"hidden": (8,), "batch_norm": True}, {"batch_size": 200, "epochs": 1}, "mse", (3, 1))
    data, state = make_data(job, train=200), initial_state(job)
    named = job.architecture.named(state.parameters_P, state.buffers)
    named["hidden1.bias"][:] = 3000
    sums = data.train.x.astype(np.float64) @ named["hidden1.weight"].astype(np.float64).T
    NativeTrainer().advance(job, data, state, 1)
    running = job.architecture.named(state.parameters_P, state.buffers)["hidden1_norm.running_var"]
    # Sums themselves are rounded to 2^-13 beside a mean of 3000.
    np.testing.assert_allclose(running, 0.9 + 0.1 * sums.var(axis=0, ddof=1), rtol=1e-4)


@pytest.mark.parametrize("target", runnable_targets())
def test_outputs_are_normed_by_running_statistics(target: str) -> None:
    job = make_job({"hidden": (21,), "activation": "tanh", "batch_norm": True}, {}, "mse", (4, 2))
    state = initial_state(job)
    state.buffers[:] = np.random.default_rng(9).uniform(0.5, 2, len(state.buffers))
    x = np.random.default_rng(3).standard_normal((70, 4)).astype(np.float32)
    named = {
        name: array.astype(np.float64)
        for name, array in job.architecture.named(state.parameters_P, state.buffers).items()
    }
    sums = x @ named["hidden1.weight"].T + named["hidden1.bias"]
    deviation = np.sqrt(named["hidden1_norm.running_var"] + 1e-5)
    normed: Floats = (sums - named["hidden1_norm.running_mean"]) / deviation
    hidden, _ = activation("tanh", normed * named["hidden1_norm.weight"] + named["hidden1_norm.bias"])
    expected = hidden @ named["output.weight"].T + named["output.bias"]
    outputs = NativeTrainer(target).outputs(job.architecture, state.parameters_P, state.buffers, x)
    np.testing.assert_allclose(outputs, expected, rtol=1e-5, atol=1e-6)


def test_a_group_sees_its_own_channels_alone() -> None:
    """Channels of another group may be anything, and numbers beyond a float among them."""
    job = make_job(
        {"kind": "cnn", "conv": ({"channels": 6, "padding": 1, "groups": 2},), "hidden": ()},
        {}, "cross-entropy", ((2, 5, 5), 2),
    )  # fmt: skip
    state = initial_state(job)
    named = job.architecture.named(state.parameters_P)
    named["output.weight"].reshape(2, 6, 25)[:, 3:] = 0  # what becomes of the second group is not looked at
    x = np.random.default_rng(1).standard_normal((3, 2, 5, 5)).astype(np.float32)
    other = x.copy()
    other[:, 1] = np.random.default_rng(2).standard_normal((3, 5, 5))
    trainer = NativeTrainer()
    ours, others = (
        trainer.outputs(job.architecture, state.parameters_P, state.buffers, rows) for rows in (x, other)
    )
    np.testing.assert_array_equal(ours, others)
    other[:, 0] += 1
    assert not np.array_equal(
        ours, trainer.outputs(job.architecture, state.parameters_P, state.buffers, other)
    )


@st.composite
def drawn_convs(draw: st.DrawFn) -> tuple[dict[str, Any], ...]:
    """Convolutions with and without groups on images of four channels and 7 by 6 pixels."""
    layers, channels = [], 4
    for _ in range(draw(st.integers(1, 2))):
        groups = draw(st.sampled_from([g for g in (1, 2, 3, 4, 8, 16, 17, 33) if channels % g == 0]))
        layers.append(
            {
                "channels": groups * draw(st.integers(1, 5)),
                "kernel": draw(st.integers(1, 3)),
                "stride": draw(st.integers(1, 2)),
                "padding": draw(st.integers(0, 1)),
                "groups": groups,
                "pool": draw(st.sampled_from([None, None, AVERAGE | {"size": 1}])),
            }
        )
        channels = layers[-1]["channels"]
        if layers[-1]["stride"] == 2:
            break
    return tuple(with_skips(draw, layers, (4, 7, 6)))


@settings(max_examples=1000 if LONG else 25)
@given(
    convs=st.one_of(st.just(()), drawn_convs()),
    hidden=st.lists(st.integers(1, 40), max_size=2),
    norm=st.sampled_from(NORMS),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    batch=st.integers(2, 30),
    dropout=st.sampled_from([0.0, 0.3]),
)
def test_every_width_gives_the_same_bytes(
    convs: tuple[dict[str, Any], ...],
    hidden: list[int],
    norm: str,
    optimizer: str,
    batch: int,
    dropout: float,
) -> None:
    rows = 23 + (23 % batch == 1)
    training = {"batch_size": batch, "epochs": 3, "keep": "best", **OPTIMIZERS[optimizer]}
    network = {"hidden": tuple(hidden), "dropout": dropout, "norm": norm}
    if convs:
        network |= {"kind": "cnn", "conv": convs, "conv_dropout": dropout}
    job = make_job(network, training, "cross-entropy", ((4, 7, 6) if convs else 5, 3))
    data = make_data(job, train=rows, validation=5)
    states = []
    for target in runnable_targets():
        states.append(initial_state(job))
        NativeTrainer(target).advance(job, data, states[-1], 3)
    assert all(same_bytes(states[0], state) for state in states[1:])
    assert (norm == "batch") == (len(states[0].buffers) > 0) or not (hidden or convs)
