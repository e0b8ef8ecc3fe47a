"""From the same state, an epoch of the core agrees with float64 to the rounding of float32."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from core_cases import LONG, OPTIONS, exact_epoch, make_data, make_job, needs_core, same_bytes, warm_state
from hypothesis import given, settings
from hypothesis import strategies as st

from shoal.activations import ACTIVATIONS
from shoal.engine._trainer import Job, initial_state
from shoal.engine.trainers.native import NativeTrainer
from shoal.engine.trainers.native_core import runnable_targets
from shoal.kinds import LOSSES

pytestmark = needs_core

ULP = 2.0**-23
OPTIMIZERS = {
    "sgd": {"optimizer": "sgd", "lr": 0.05},
    "sgd with momentum": {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9},
    "sgd with nesterov": {
        "optimizer": "sgd",
        "lr": 0.05,
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.01,
    },
    "adam": {"optimizer": "adam", "lr": 0.01},
    "adam with decay": {"optimizer": "adam", "lr": 0.01, "weight_decay": 0.01},
    "adamw": {"optimizer": "adamw", "lr": 0.01, "weight_decay": 0.1},
    "rmsprop": {"optimizer": "rmsprop", "lr": 0.001, "weight_decay": 0.01},
    "rmsprop with momentum": {"optimizer": "rmsprop", "lr": 0.001, "momentum": 0.9},
}


def errors(job: Job, epoch: int) -> dict[str, float]:
    """Largest error of parameters and moments after one epoch, in units in the last place of their largest element.

    The longest sum has 784 terms; each rounds once, by half a unit of the partial sum, and roundings are as often up as
    down. A float32 evaluation therefore strays by a few units; a wrong constant, index or order by thousands.
    """
    data, state = make_data(job), warm_state(job, epoch)
    expected = exact_epoch(job, data, state)
    NativeTrainer().advance(job, data, state, epoch + 1)
    found = (state.parameters_P, state.first_P, state.second_P, state.buffers)
    return {
        name: float(np.max(np.abs(mine - true)) / np.max(np.abs(true)) / ULP)
        for name, mine, true in zip(
            ("parameters", "first", "second", "buffers"), found, expected, strict=True
        )
        if len(true)
    }


@pytest.mark.parametrize("loss", ["mse", "cross-entropy"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_an_epoch_with_dropout_and_a_short_last_batch_agrees_with_float64(
    name: str, optimizer: str, loss: str
) -> None:
    network = {"hidden": (33, 20), "activation": name, "dropout": 0.25}
    training = {"batch_size": 10, "epochs": 100, **OPTIMIZERS[optimizer]}
    job = make_job(network, training, loss, (5, 3))
    assert max(errors(job, epoch=40).values()) < 16


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("by_default", [True, False])
def test_an_epoch_of_every_loss_agrees_with_float64(loss: str, by_default: bool) -> None:
    option = {} if by_default else OPTIONS[LOSSES[loss].option]
    training = {"batch_size": 10, "epochs": 100, "optimizer": "adam", **option}
    for outputs in (2, 9):
        job = make_job(
            {"hidden": (33, 20), "activation": "tanh", "dropout": 0.25}, training, loss, (5, outputs)
        )
        assert max(errors(job, epoch=40).values()) < 16


@pytest.mark.parametrize(
    ("sizes", "hidden", "batch"),
    [
        ((1, 1), (100, 80), 10),
        ((20, 1), (64, 64), 25),
        ((784, 10), (256, 128), 27),
        ((3, 7), (), 5),
        ((600, 2), (1, 2, 5), 1),
    ],
)
def test_networks_of_many_shapes_agree_with_float64(
    sizes: tuple[int, int], hidden: tuple[int, ...], batch: int
) -> None:
    training = {"batch_size": batch, "epochs": 100, "schedule": "one-cycle"}
    for loss in ("mse", "cross-entropy"):
        job = make_job({"hidden": hidden, "activation": "tanh", "dropout": 0.5}, training, loss, sizes)
        assert max(errors(job, epoch=7).values()) < 32


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize(
    ("inputs", "tables", "hidden"),
    [
        (5, ((7, 3), (40, 19)), (33, 20)),
        (2, ((300, 1), (2, 70)), ()),
        (50, ((9, 31),), (3, 5)),
        (130, ((9, 16), (16, 9)), (17,)),
    ],
)
def test_tables_of_vectors_agree_with_float64(
    inputs: int, tables: tuple[tuple[int, int], ...], hidden: tuple[int, ...], optimizer: str
) -> None:
    training = {"batch_size": 10, "epochs": 100, **OPTIMIZERS[optimizer]}
    network = {"hidden": hidden, "activation": "tanh", "dropout": 0.25}
    for loss in ("mse", "cross-entropy"):
        job = make_job(network, training, loss, (inputs, 3), tables)
        assert max(errors(job, epoch=40).values()) < 16


def test_a_thousand_steps_each_from_the_state_that_the_core_left() -> None:
    job = make_job(
        {"hidden": (16, 9), "activation": "sigmoid", "dropout": 0.1},
        {"batch_size": 9, "epochs": 400},
        "mse",
        (2, 1),
    )
    data, state, trainer = make_data(job), initial_state(job), NativeTrainer()
    state.second_P += np.float32(1e-4)  # so that no update is a quotient of two roundings
    worst = 0.0
    for epoch in range(334):  # of 3 steps
        expected, *_ = exact_epoch(job, data, state)
        trainer.advance(job, data, state, epoch + 1)
        worst = max(
            worst, float(np.max(np.abs(state.parameters_P - expected)) / np.max(np.abs(expected)) / ULP)
        )
    assert worst < 16


@settings(max_examples=2000 if LONG else 30)
@given(
    hidden=st.lists(st.integers(1, 70), max_size=3),
    name=st.sampled_from(tuple(ACTIVATIONS)),
    optimizer=st.sampled_from(sorted(OPTIMIZERS)),
    loss=st.sampled_from(tuple(LOSSES)),
    by_default=st.booleans(),
    sizes=st.tuples(st.integers(1, 300), st.integers(1, 20)),
    batch=st.integers(1, 30),
    dropout=st.sampled_from([0.0, 0.3]),
    tables=st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40)), max_size=3),
)
def test_every_width_gives_the_same_bytes(  # noqa: PLR0917
    hidden: list[int],
    name: str,
    optimizer: str,
    loss: str,
    by_default: bool,
    sizes: tuple[int, int],
    batch: int,
    dropout: float,
    tables: list[tuple[int, int]],
) -> None:
    option = {} if by_default else OPTIONS[LOSSES[loss].option]
    training = {"batch_size": batch, "epochs": 3, "keep": "best", **OPTIMIZERS[optimizer], **option}
    network = {"hidden": tuple(hidden), "activation": name, "dropout": dropout}
    job = make_job(network, training, loss, sizes, tuple(tables[: sizes[0]]))
    data = make_data(job, train=23, validation=5)
    states = []
    for target in runnable_targets():
        states.append(initial_state(job))
        NativeTrainer(target).advance(job, data, states[-1], 3)
    assert all(same_bytes(states[0], state) for state in states[1:])


@settings(max_examples=1000 if LONG else 30)
@given(
    loss=st.sampled_from(tuple(LOSSES)),
    by_default=st.booleans(),
    sizes=st.tuples(st.integers(1, 9), st.integers(1, 40)),
    batch=st.integers(1, 60),
    far=st.sampled_from([1.0, 30.0, 1000.0]),
    seed=st.integers(0, 99),
)
def test_every_width_gives_the_same_bytes_of_weighted_rows_and_outputs_far_out(
    loss: str, by_default: bool, sizes: tuple[int, int], batch: int, far: float, seed: int
) -> None:
    option = {} if by_default else OPTIONS[LOSSES[loss].option]
    job = make_job({"hidden": (4,)}, {"batch_size": batch, "epochs": 3, **option}, loss, sizes)
    data, rng = make_data(job, train=70, validation=5), np.random.default_rng(seed)
    y, weight = data.train.y, np.maximum(rng.uniform(-0.5, 2, 70), 0).astype(np.float32)
    share = rng.uniform(0, 2, y.shape).astype(np.float32) if LOSSES[loss].task == "multilabel" else None
    data = replace(data, train=replace(data.train, weight=weight, share=share))
    states = []
    for target in runnable_targets():
        states.append(initial_state(job))
        states[-1].parameters_P *= np.float32(far)
        NativeTrainer(target).advance(job, data, states[-1], 3)
    assert all(same_bytes(states[0], state) for state in states[1:])


def test_all_widths_that_this_processor_has_are_tried() -> None:
    """On x86 and Arm the comparison above must not be one of `portable` with itself."""
    assert len(runnable_targets()) >= 2
